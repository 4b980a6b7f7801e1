/**
 * The last changes, kept in memory for who asks what has happened.
 * Invariant: never more than `MOST`, the oldest goes first.
 */

import { Emitter, type Observable } from '../shared/emitter.ts';
import type { Scope } from '../shared/scope.ts';
import type { Change, Changes } from './changes.ts';

/** About 200 KiB at the very most. */
const MOST = 500;

/** A bounded record. */
export class EventLog {
  readonly #kept: Change[] = [];
  readonly #logged = new Emitter<Change>();

  /** Keeps what happens until `scope` closes. */
  constructor(changes: Pick<Changes, 'happened'>, scope: Scope) {
    changes.happened.observe(scope, (change) => {
      this.#kept.push(change);
      if (this.#kept.length > MOST) this.#kept.shift();
      this.#logged.emit(change);
    });
  }

  /** The last `count`, oldest first; 0 stands for all that are kept. */
  last(count: number): readonly Change[] {
    return count === 0 ? [...this.#kept] : this.#kept.slice(-count);
  }

  /** Emits what is added. */
  get logged(): Observable<Change> {
    return this.#logged;
  }
}
