/**
 * When ServicesChanged goes out, and PeersChanged. After 100 ms of quiet the first change is told at the end of its
 * turn, so that clients hear of a new service at once; what follows within 100 ms is gathered. The
 * signal lists every service in order, new ones with their dictionary, and the paths that are gone.
 */

import type { Alarm, Clock } from '../shared/clock.ts';
import type { Scope } from '../shared/scope.ts';

/** ConnMan's interval for gathering. */
const GATHER_MS = 100;

/** Gathers what happened to the list of services. `Id` names a service, also after it is gone. */
export class ServiceChanges<Id> {
  readonly #clock: Clock;
  readonly #send: (added: ReadonlySet<Id>, removed: ReadonlySet<Id>) => void;
  readonly #alarm: Alarm;
  #added = new Set<Id>();
  #removed = new Set<Id>();
  #isDue = false;
  #quietUntil = 0;

  constructor(
    signal: string, clock: Clock, scope: Scope, send: (added: ReadonlySet<Id>, removed: ReadonlySet<Id>) => void,
  ) {
    this.#clock = clock;
    this.#send = send;
    this.#alarm = clock.alarm(signal, scope, () => this.flush());
  }

  /** A service came; coming back within the interval counts as new. */
  add(id: Id): void {
    this.#removed.delete(id);
    this.#added.add(id);
    this.trigger();
  }

  /** A service went. */
  remove(id: Id): void {
    this.#added.delete(id);
    this.#removed.add(id);
    this.trigger();
  }

  /** The order may have changed. */
  trigger(): void {
    if (this.#isDue) return;
    this.#isDue = true;
    if (this.#clock.now() < this.#quietUntil) this.#alarm.set(this.#quietUntil);
    else queueMicrotask(() => queueMicrotask(() => this.flush())); // ObjectManager's signals come first
  }

  /** Tells now what is due, if anything is. */
  flush(): void {
    if (!this.#isDue) return;
    this.#isDue = false;
    this.#alarm.set(undefined);
    this.#quietUntil = this.#clock.now() + GATHER_MS;
    const [added, removed] = [this.#added, this.#removed];
    this.#added = new Set();
    this.#removed = new Set();
    this.#send(added, removed);
  }
}
