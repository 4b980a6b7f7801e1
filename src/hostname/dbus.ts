/**
 * The host name through systemd-hostnamed, which tells it to those who follow it there. Where it does
 * not serve, or keeps to the name that an administrator wrote down, the kernel is told as ConnMan
 * does. Invariant: in the end the kernel has the name, or it threw.
 */

import type { Bus } from '../dbus/bus.ts';
import { hostname1Interface } from '../dbus/interfaces/hostname1.ts';
import { messageOf } from '../shared/errors.ts';
import { logger } from '../shared/log.ts';
import type { System } from '../system/system.ts';

const log = logger('src/hostname/dbus.ts');

/** What sets a host name; rejects with SystemError. */
export function hostnameSetter(
  bus: Bus, system: Pick<System, 'setHostname'>, current: () => string | undefined,
): (name: string) => Promise<void> {
  const hostnamed = bus.proxy(hostname1Interface, hostname1Interface.name, '/org/freedesktop/hostname1');
  return async (name) => {
    if (current() === name) return;
    try {
      await hostnamed.SetHostname({ hostname: name, interactive: false });
    } catch (error) {
      log.debug('systemd-hostnamed does not set it: %s', messageOf(error));
    }
    if (current() !== name) system.setHostname(name);
  };
}
