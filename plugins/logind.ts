/**
 * Learns of the machine's sleep from systemd-logind (org.freedesktop.login1): holds a delay inhibitor,
 * so that what must be on disk is there before, and has leases, links and clock looked at after.
 * Nothing happens where there is no logind. Invariant: one inhibitor at most, none while asleep.
 */

import type { Core, Plugin } from '../src/api.ts';
import { login1ManagerInterface } from '../src/dbus/interfaces/login1.ts';
import { messageOf } from '../src/shared/errors.ts';
import { logger } from '../src/shared/log.ts';

const log = logger('plugins/logind.ts');

const BUS_NAME = 'org.freedesktop.login1';
const PATH = '/org/freedesktop/login1';

/** The plugin. */
export const logind: Plugin<Core> = {
  name: 'logind',
  description: 'Sleep and resume by systemd-logind',
  priority: 'low',
  start({ bus, sleep, closeFd }, scope) {
    const manager = bus.proxy(login1ManagerInterface, BUS_NAME, PATH);
    let inhibitor: number | undefined;
    let isWanted = false;
    const release = (): void => {
      isWanted = false;
      if (inhibitor !== undefined) closeFd(inhibitor);
      inhibitor = undefined;
    };
    const inhibit = async (): Promise<void> => {
      if (isWanted) return;
      isWanted = true;
      const why = 'Saves leases and settings before the machine sleeps';
      const fd = await manager.Inhibit({ what: 'sleep', who: 'Connection manager', why, mode: 'delay' });
      if (isWanted && inhibitor === undefined) inhibitor = fd;
      else closeFd(fd);
    };
    const tryInhibit = (): void => void inhibit().catch((error: unknown) => {
      log.warn('sleep will not wait for us: %s', messageOf(error));
    });
    scope.defer(release);
    bus.watchName(BUS_NAME, scope, (owner) => {
      release();
      if (owner !== undefined) tryInhibit();
    });
    const from = { sender: BUS_NAME, path: PATH };
    void bus.subscribe(login1ManagerInterface, 'PrepareForSleep', from, scope, ({ start }) => {
      if (start) {
        sleep.begin();
        release();
      } else {
        tryInhibit();
        sleep.end();
      }
    });
  },
};
