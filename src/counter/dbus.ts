/**
 * Manager.RegisterCounter and what follows from it: clients' objects with net.connman.Counter that
 * are told of traffic. A counter goes with its client; a path is taken by one client at a time.
 */

import type { Bus } from '../dbus/bus.ts';
import { counterInterface } from '../dbus/interfaces/counter.ts';
import { variant, type Variant } from '../dbus/signature.ts';
import { servicePath } from '../service/dbus.ts';
import { USAGE_KEYS, type Usage } from '../service/statistics.ts';
import type { Caller } from '../shared/caller.ts';
import { ConnmanError } from '../shared/errors.ts';
import { logger } from '../shared/log.ts';
import type { Scope } from '../shared/scope.ts';
import type { Counters } from './counters.ts';

const log = logger('src/counter/dbus.ts');

/** The counters of clients. */
export interface CounterRegistry {
  /** Until the caller leaves the bus. `periodSec` 0: reports only when services go. Throws AlreadyExists. */
  register(caller: Caller, path: string, periodSec: number): void;
  /** Throws NotRegistered, or PermissionDenied for another client's. */
  unregister(caller: Caller, path: string): void;
  /** Tells every counter that the daemon goes, and forgets them. */
  releaseAll(): void;
}

/** Closed with `scope`. */
export function createCounterRegistry(
  { bus, counters }: { readonly bus: Bus; readonly counters: Counters },
  scope: Scope,
): CounterRegistry {
  const registered = new Map<string, { readonly caller: Caller; readonly scope: Scope }>();
  const proxyOf = (caller: Caller, path: string) => bus.proxy(counterInterface, caller.id, path);
  return {
    register(caller, path, periodSec) {
      if (registered.has(path)) throw new ConnmanError('AlreadyExists');
      const own = scope.child();
      registered.set(path, { caller, scope: own });
      own.defer(() => void registered.delete(path));
      caller.signal.addEventListener('abort', () => void own.close(), { once: true, signal: own.signal });
      const proxy = proxyOf(caller, path);
      counters.add(periodSec, (service, { home, roaming }) => {
        const args = { service: servicePath(service), home: dictionary(home), roaming: dictionary(roaming) };
        proxy.Usage(args).catch((error: unknown) => log.debug('Usage for %s failed: %s', caller.id, error));
      }, own);
      log.debug('counter %s %s registered', caller.id, path);
    },
    unregister(caller, path) {
      const entry = registered.get(path);
      if (entry === undefined) throw new ConnmanError('NotRegistered');
      if (entry.caller.id !== caller.id) throw new ConnmanError('PermissionDenied');
      void entry.scope.close();
    },
    releaseAll() {
      for (const [path, { caller, scope: own }] of registered) {
        proxyOf(caller, path).Release().catch((error: unknown) => log.debug('Release failed: %s', error));
        void own.close();
      }
    },
  };
}

const NAMES = {
  rxPackets: 'RX.Packets',
  txPackets: 'TX.Packets',
  rxBytes: 'RX.Bytes',
  txBytes: 'TX.Bytes',
  rxErrors: 'RX.Errors',
  txErrors: 'TX.Errors',
  rxDropped: 'RX.Dropped',
  txDropped: 'TX.Dropped',
  timeSec: 'Time',
} as const satisfies Record<keyof Usage, string>;

function dictionary(usage: Partial<Usage>): Map<string, Variant> {
  return new Map(USAGE_KEYS.flatMap((key) => {
    const value = usage[key];
    return value === undefined ? [] : [[NAMES[key], variant('u', value)]];
  }));
}
