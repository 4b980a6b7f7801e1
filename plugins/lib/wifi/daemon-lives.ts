/**
 * A daemon on the bus that may start late, be started by the bus, or die: each of its lives has a
 * scope. One that is not there is started where the bus can, one that keeps dying ever later.
 */

import type { Core } from '../../../src/api.ts';
import type { Bus } from '../../../src/dbus/bus.ts';
import { DBusError } from '../../../src/dbus/errors.ts';
import { logger } from '../../../src/shared/log.ts';
import type { Scope } from '../../../src/shared/scope.ts';

const log = logger('plugins/lib/wifi/daemon-lives.ts');

/** Who lived so long and dies is started at once; the longest delay as well. */
const LONG_LIFE_MS = 60_000;
const SHORTEST_DELAY_MS = 1_000;

/** Whom to follow. */
export interface Followed {
  /** Its name on the bus. */
  readonly name: string;
  /** Whether to have it started that was not seen yet, asked a second after it could be there; always unless said. */
  isWanted?(): boolean;
}

// oxlint-disable max-params -- whom, with what, how long, what for

/** Calls `onStart` for each life of the daemon with a scope that closes when it ends, until `scope` closes. */
export function followDaemon(
  { name, isWanted }: Followed, { bus, clock }: Pick<Core, 'bus' | 'clock'>, scope: Scope,
  onStart: (life: Scope) => void,
): void {
  let life: Scope | undefined;
  let hasLived = false;
  let startedAt = 0;
  let delayMs = isWanted === undefined ? 0 : SHORTEST_DELAY_MS;
  bus.watchName(name, scope, (owner) => {
    void life?.close();
    life = undefined;
    log.debug('%s is %s', name, owner ?? 'not there');
    if (owner !== undefined) {
      life = scope.child();
      hasLived = true;
      startedAt = clock.now();
      onStart(life);
      return;
    }
    if (hasLived && clock.now() - startedAt > LONG_LIFE_MS) delayMs = 0;
    clock.after(`start ${name}`, delayMs, scope, () => {
      if (life === undefined && (hasLived || (isWanted?.() ?? true))) activate(bus, name);
    });
    delayMs = Math.min(Math.max(delayMs * 2, SHORTEST_DELAY_MS), LONG_LIFE_MS);
  });
}

/** Has the bus start it; who cannot be started is waited for. */
function activate(bus: Bus, name: string): void {
  bus.call({
    destination: 'org.freedesktop.DBus',
    path: '/org/freedesktop/DBus',
    interface: 'org.freedesktop.DBus',
    member: 'StartServiceByName',
    signature: 'su',
    body: [name, 0],
  }).catch((error: unknown) => {
    log.debug('%s is not started: %s', name, error instanceof DBusError ? error.message : error);
  });
}
