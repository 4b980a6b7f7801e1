/**
 * Tells a service manager how the daemon is doing (sd_notify(3)), over the datagram socket that
 * NOTIFY_SOCKET names. Without that variable nothing is done; a manager that cannot be reached is
 * no reason to fail.
 */

import { logger } from '../shared/log.ts';
import { createScope } from '../shared/scope.ts';
import type { System } from '../system/system.ts';

const log = logger('src/daemon/notify.ts');

/** The states of sd_notify(3) that we have. */
export type ServiceState = 'READY=1' | 'RELOADING=1' | 'STOPPING=1';

/** Sends one state; `socketPath` is the value of NOTIFY_SOCKET, `@` beginning an abstract name. */
export function notifyServiceManager(
  state: ServiceState,
  socketPath: string | undefined,
  system: Pick<System, 'unixDatagram'>,
): void {
  if (socketPath === undefined || !/^[/@]./.test(socketPath)) return;
  const scope = createScope();
  try {
    system.unixDatagram(socketPath, scope).send(new TextEncoder().encode(state));
  } catch (error) {
    log.debug('%s could not be told %s: %s', socketPath, state, error);
  } finally {
    void scope.close();
  }
}
