/**
 * Work that can wait while something is in a hurry: a link that comes up has somebody waiting for
 * it, its log, its files and its other address family have not. Work is done at once when nobody
 * hurries; else in order after the last hurry, one piece a turn of the event loop.
 * Invariant: nothing waits for longer than LONGEST_HURRY_MS after the newest hurry has begun.
 */

import type { Alarm, Clock } from './clock.ts';
import type { Scope } from './scope.ts';

/** Whoever waits for longer than this does not see what the rest costs. */
export const LONGEST_HURRY_MS = 250;

/** One for all who share a clock. */
export class Leisure {
  readonly #clock: Clock;
  readonly #hurries = new Set<Scope>();
  readonly #end: Alarm;
  readonly #turn: Alarm;
  readonly #waiting: { readonly scope: Scope; readonly work: () => void }[] = [];

  /** What still waits when `scope` closes is not done. */
  constructor(clock: Clock, scope: Scope) {
    this.#clock = clock;
    this.#end = clock.alarm('end of a hurry', scope, () => {
      this.#hurries.clear();
      this.#next();
    });
    this.#turn = clock.alarm('what could wait', scope, () => this.#next());
  }

  /** Lets others wait, until the returned scope or `scope` closes, or for LONGEST_HURRY_MS. */
  hurry(scope: Scope): Scope {
    const own = scope.child();
    this.#hurries.add(own);
    this.#end.set(this.#clock.now() + LONGEST_HURRY_MS);
    own.defer(() => {
      if (this.#hurries.delete(own) && this.#hurries.size === 0) this.#goOn();
    });
    return own;
  }

  /** Does `work` as soon as there is leisure, unless `scope` closes before. */
  do(scope: Scope, work: () => void): void {
    if (this.#hurries.size === 0 && this.#waiting.length === 0) return work();
    this.#waiting.push({ scope, work });
  }

  /** Does what still waits, at once. */
  finish(): void {
    this.#hurries.clear();
    for (const { scope, work } of this.#waiting.splice(0)) if (!scope.isClosed) work();
  }

  #goOn(): void {
    this.#end.set(undefined);
    if (this.#waiting.length > 0) this.#turn.set(this.#clock.now());
  }

  #next(): void {
    if (this.#hurries.size > 0) return;
    const first = this.#waiting.shift();
    this.#goOn();
    if (first?.scope.isClosed === false) first.work();
  }
}
