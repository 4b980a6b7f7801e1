/**
 * A scope owns resources and releases them newest first: one per daemon, plugin, device or
 * connection. Every registration in the project takes one, so nothing needs an `unregister`.
 * Invariant: after `close` has begun, `signal` is aborted and new resources are released at once.
 */

import { stackOf } from './errors.ts';
import { logger } from './log.ts';

const log = logger('src/shared/scope.ts');

/** Owns resources; closing it is the only way to release them. */
export interface Scope extends AsyncDisposable {
  /** Aborted first when the scope closes. Made when first asked for: to look, `isClosed` costs less. */
  readonly signal: AbortSignal;
  /** Whether closing has begun. */
  readonly isClosed: boolean;
  /** Runs `undo` when the scope closes, newest first; at once if it is closed already. */
  defer(undo: () => void | Promise<void>): void;
  /** A scope closed with this one; it leaves this one when closed earlier. */
  child(): Scope;
  /** Releases everything. Undo steps run in one go as long as they are synchronous. Idempotent. */
  close(): Promise<void>;
}

/** Makes a scope that nothing else closes. */
export function createScope(): Scope {
  return new OwningScope();
}

// One for all: an error with its stack for each scope would cost more than the rest of the closing.
const CLOSED = new DOMException('the scope was closed', 'AbortError');

class OwningScope implements Scope {
  /** Made when somebody asks for the signal: most scopes close unasked. */
  #controller: AbortController | undefined;
  readonly #undos = new Set<{ run(): void | Promise<void> | undefined }>();
  readonly #onClosed: (() => void) | undefined;
  #isClosed = false;
  /** While something asynchronous is being released, or while `close` runs. */
  #closing: Promise<void> | undefined;

  constructor(onClosed?: () => void) {
    this.#onClosed = onClosed;
  }

  get isClosed(): boolean {
    return this.#isClosed;
  }

  get signal(): AbortSignal {
    this.#controller ??= new AbortController();
    if (this.#isClosed) this.#controller.abort(CLOSED);
    return this.#controller.signal;
  }

  defer(undo: () => void | Promise<void>): void {
    if (this.#isClosed) void runUndo(undo);
    else this.#undos.add({ run: undo });
  }

  child(): Scope {
    const entry = { run: () => child.#end() };
    const child = new OwningScope(() => this.#undos.delete(entry));
    if (this.#isClosed) void child.#end();
    else this.#undos.add(entry);
    return child;
  }

  close(): Promise<void> {
    return this.#end() ?? Promise.resolve();
  }

  [Symbol.asyncDispose](): Promise<void> {
    return this.close();
  }

  // Undefined when everything is released on return. Undo steps and abort listeners may come back here.
  #end(): Promise<void> | undefined {
    if (this.#isClosed) return this.#closing;
    this.#isClosed = true;
    let finish = (): void => undefined;
    this.#closing = new Promise((resolve) => {
      finish = () => {
        this.#closing = undefined;
        resolve();
      };
    });
    this.#onClosed?.();
    this.#controller?.abort(CLOSED);
    const pending = this.#release();
    if (pending === undefined) finish();
    else void pending.then(finish);
    return this.#closing;
  }

  // Waits only for what is a promise, so that a scope of synchronous resources is empty on return.
  #release(): Promise<void> | undefined {
    for (const undo of [...this.#undos].reverse()) {
      this.#undos.delete(undo);
      const pending = runUndo(() => undo.run());
      if (pending !== undefined) return pending.then(() => this.#release());
    }
    return undefined;
  }
}

function runUndo(undo: () => void | Promise<void> | undefined): Promise<void> | undefined {
  try {
    return undo()?.catch(reportFailure);
  } catch (error) {
    reportFailure(error);
    return undefined;
  }
}

function reportFailure(error: unknown): void {
  log.error('releasing a resource failed: %s', stackOf(error));
}
