/**
 * Typed events: one `Emitter<T>` a event, a field named for it, shown to others as `Observable<T>`.
 * Delivery is synchronous, in subscription order, on a snapshot; an observer that throws is logged
 * and the rest still run. Emit after state is consistent.
 */

import { stackOf } from './errors.ts';
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
    if (scope.isClosed) return;
    // The scope may close during a delivery that has a snapshot with this entry.
    const entry = (value: T): void => {
      if (!scope.isClosed) observer(value);
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
        log.error('an observer failed: %s', stackOf(error));
      }
    }
  }
}

/** Events about one of many things each: only who watches that thing is called. */
export class KeyedEmitter<K, T> {
  readonly #emitters = new Map<K, Emitter<T>>();

  /** What happens to `key`. */
  of(key: K): Observable<T> {
    return { observe: (scope, observer) => this.#observe(key, scope, observer) };
  }

  emit(key: K, value: T): void {
    this.#emitters.get(key)?.emit(value);
  }

  #observe(key: K, scope: Scope, observer: (value: T) => void): void {
    if (scope.isClosed) return;
    const emitter = this.#emitters.get(key) ?? new Emitter<T>();
    this.#emitters.set(key, emitter);
    // Deferred before the observer is, so that it comes after.
    scope.defer(() => {
      if (emitter.observerCount === 0 && this.#emitters.get(key) === emitter) this.#emitters.delete(key);
    });
    emitter.observe(scope, observer);
  }
}
