/**
 * Typed events: one `Emitter<T>` a event, a field named for it, shown to others as `Observable<T>`.
 * Delivery is synchronous, in subscription order, on a snapshot; an observer that throws is logged
 * and the rest still run. Emit after state is consistent.
 */

import { logger } from './log.ts';
import type { Scope } from './scope.ts';

const log = logger('src/shared/emitter.ts');

/** Something that happens more than once and can be watched. */
export interface Observable<T> {
  /** Calls `observer` for every event until `scope` closes. */
  observe(scope: Scope, observer: (value: T) => void): void;
}

/** The owner's side of an event. */
export class Emitter<T> implements Observable<T> {
  #observers: readonly ((value: T) => void)[] = [];

  /** How many are watching. */
  get observerCount(): number {
    return this.#observers.length;
  }

  observe(scope: Scope, observer: (value: T) => void): void {
    if (scope.signal.aborted) return;
    // The scope may close during a delivery that has a snapshot with this entry.
    const entry = (value: T): void => {
      if (!scope.signal.aborted) observer(value);
    };
    this.#observers = [...this.#observers, entry];
    scope.defer(() => {
      this.#observers = this.#observers.filter((other) => other !== entry);
    });
  }

  emit(value: T): void {
    for (const observer of this.#observers) {
      try {
        observer(value);
      } catch (error) {
        log.error('an observer failed: %s', error instanceof Error ? error.stack : error);
      }
    }
  }
}
