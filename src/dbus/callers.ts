/**
 * The clients whose calls are being answered: their `Caller`, the abort of a call when its sender
 * leaves the bus, and how many calls each may leave open. A sender is watched only once somebody
 * took a signal of it, and for a call's own signal only if the call outlives its first turn:
 * ordinary calls cost no match rule.
 */

import type { Caller } from '../shared/caller.ts';
import type { Scope } from '../shared/scope.ts';
import type { Call } from './interface.ts';
import type { NameWatch } from './name-watch.ts';

/** So many unanswered calls may one client have. */
const MOST_OPEN_CALLS = 1024;

/** All clients of one connection. */
export class Callers {
  readonly #names: NameWatch;
  readonly #scope: Scope;
  readonly #known = new Map<string, AbortSignal>();
  readonly #openCalls = new Map<string, number>();

  constructor(names: NameWatch, scope: Scope) {
    this.#names = names;
    this.#scope = scope;
  }

  /** What a handler is told of a call from `sender`. */
  call(sender: string): ServedCall {
    return new ServedCall(this, sender);
  }

  /** Whether `sender` has as many unanswered calls as it may have. */
  hasTooMany(sender: string): boolean {
    return (this.#openCalls.get(sender) ?? 0) >= MOST_OPEN_CALLS;
  }

  /** Notes a call that is not answered at once. */
  open(sender: string): void {
    this.#openCalls.set(sender, (this.#openCalls.get(sender) ?? 0) + 1);
  }

  /** Ends what `open` began. */
  close(sender: string): void {
    const count = this.#openCalls.get(sender) ?? 0;
    if (count > 1) this.#openCalls.set(sender, count - 1);
    else this.#openCalls.delete(sender);
  }

  /** Aborts when `id` leaves the bus; watched until then. */
  signalOf(id: string): AbortSignal {
    const known = this.#known.get(id);
    if (known !== undefined) return known;
    const controller = new AbortController();
    this.#known.set(id, controller.signal);
    const scope = this.#scope.child();
    this.onGone(id, scope, () => {
      this.#known.delete(id);
      controller.abort(departure(id));
      void scope.close();
    });
    return controller.signal;
  }

  /** Calls `gone` when `id` is not on the bus (any more), unless `scope` closes before. */
  onGone(id: string, scope: Scope, gone: () => void): void {
    this.#names.watch(id, scope, (owner) => void (owner === undefined && gone()));
  }

  /** Closed with the connection. */
  child(): Scope {
    return this.#scope.child();
  }
}

/** One call being answered. */
export class ServedCall implements Call {
  readonly #callers: Callers;
  readonly #sender: string;
  #controller: AbortController | undefined;
  #watch: Scope | undefined;
  #isAnswered = false;

  constructor(callers: Callers, sender: string) {
    this.#callers = callers;
    this.#sender = sender;
  }

  get caller(): Caller {
    const callers = this.#callers;
    const id = this.#sender;
    return {
      id,
      get signal() {
        return callers.signalOf(id);
      },
    };
  }

  get signal(): AbortSignal {
    if (this.#controller === undefined) {
      this.#controller = new AbortController();
      setImmediate(() => this.#watchSender());
    }
    return this.#controller.signal;
  }

  /** Whether the sender has gone; it gets no answer. */
  get isAborted(): boolean {
    return this.#controller?.signal.aborted ?? false;
  }

  /** The call has its answer; nothing aborts it any more. */
  answered(): void {
    this.#isAnswered = true;
    void this.#watch?.close();
  }

  #watchSender(): void {
    if (this.#isAnswered) return;
    const scope = this.#callers.child();
    this.#watch = scope;
    this.#callers.onGone(this.#sender, scope, () => {
      void scope.close();
      this.#controller?.abort(departure(this.#sender));
    });
  }
}

function departure(id: string): DOMException {
  return new DOMException(`${id} left the bus`, 'AbortError');
}
