/**
 * A daemon's connection to the system bus: without it the daemon cannot start, and when it is lost
 * the daemon ends as failed, so that a service manager starts it again; traffic goes on meanwhile.
 */

import { connectBus, type Bus } from '../dbus/bus.ts';
import { parseBusAddress, systemBusAddress } from '../dbus/address.ts';
import { messageOf } from '../shared/errors.ts';
import { logger } from '../shared/log.ts';
import type { Scope } from '../shared/scope.ts';
import type { DaemonOptions } from './command-line.ts';
import { StartError, type Daemon } from './run.ts';

const log = logger('src/daemon/system-bus.ts');

/** Joins the system bus until `scope` closes. Rejects with StartError. */
export async function openSystemBus(
  { system, clock, quit }: Pick<Daemon<DaemonOptions>, 'system' | 'clock' | 'quit'>, scope: Scope,
): Promise<Bus> {
  const address = systemBusAddress(process.env);
  try {
    const [path] = parseBusAddress(address);
    if (path === undefined) throw new Error('not the address of a unix socket');
    const env = { clock, closeFd: (fd: number): void => system.closeFd(fd) };
    const bus = await connectBus(system.unixStream(path, scope), env, scope);
    bus.lost.observe(scope, () => {
      log.error('the connection to the bus is lost');
      quit(1);
    });
    return bus;
  } catch (error) {
    throw new StartError(
      `Can't register with system bus at ${address}: ${messageOf(error)}`,
    );
  }
}
