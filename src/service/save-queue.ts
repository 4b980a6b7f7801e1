/**
 * Writes that can wait: what the network changed of a service. A synced write takes milliseconds,
 * on slow flash tens of them, which belong to the online check just then, or to hundreds of other
 * links coming up. So each waits half a second, and they share a tenth of the time at most.
 */

import type { Alarm, Clock } from '../shared/clock.ts';
import type { Scope } from '../shared/scope.ts';

const DELAY_MS = 500;

/** How much longer than a write the pause after it is. */
const PAUSE_FACTOR = 9;

/** Takes writes and runs them one by one; those still waiting when `scope` closes are not run. */
export class SaveQueue {
  readonly #clock: Clock;
  readonly #alarm: Alarm;
  /** In the order of their times. */
  readonly #waiting = new Map<string, { readonly dueAtMs: number; write(): void }>();
  #pausedUntilMs = 0;

  constructor(clock: Clock, scope: Scope) {
    this.#clock = clock;
    this.#alarm = clock.alarm('save what the network changed', scope, () => this.#writeNext());
  }

  /** Has `write` run in a while, once however often it is asked for under this name. */
  add(name: string, write: () => void): void {
    if (this.#waiting.has(name)) return;
    this.#waiting.set(name, { dueAtMs: this.#clock.now() + DELAY_MS, write });
    this.#arm();
  }

  /** It has been written, or need not be. */
  remove(name: string): void {
    if (this.#waiting.delete(name)) this.#arm();
  }

  /** Runs all that waits, now. */
  flush(): void {
    for (const [name, { write }] of this.#waiting) {
      this.#waiting.delete(name);
      write();
    }
    this.#arm();
  }

  #arm(): void {
    const [first] = this.#waiting.values();
    this.#alarm.set(first === undefined ? undefined : Math.max(first.dueAtMs, this.#pausedUntilMs));
  }

  #writeNext(): void {
    const [first] = this.#waiting;
    if (first === undefined) return;
    const [name, { write }] = first;
    this.#waiting.delete(name);
    const startedMs = this.#clock.now();
    write();
    const now = this.#clock.now();
    this.#pausedUntilMs = now + PAUSE_FACTOR * (now - startedMs);
    this.#arm();
  }
}
