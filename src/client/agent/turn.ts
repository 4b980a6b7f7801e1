/**
 * Requests to the user take turns: both agents share one person. Cancelling ends the one being
 * asked; the next then has its turn.
 */

/** A queue of requests. */
export class Turn {
  #last: Promise<unknown> = Promise.resolve();
  #current: AbortController | undefined;

  /** Runs `serve` after those before it; its signal aborts with `signal` and with `cancel`. */
  async take<T>(signal: AbortSignal, serve: (signal: AbortSignal) => Promise<T>): Promise<T> {
    const before = this.#last;
    const turn = (async (): Promise<T> => {
      await before;
      const controller = new AbortController();
      this.#current = controller;
      const onAbort = (): void => controller.abort(signal.reason);
      if (signal.aborted) onAbort();
      signal.addEventListener('abort', onAbort);
      try {
        controller.signal.throwIfAborted();
        return await serve(controller.signal);
      } finally {
        signal.removeEventListener('abort', onAbort);
        this.#current = undefined;
      }
    })();
    this.#last = turn.catch(() => undefined);
    return turn;
  }

  /** Ends the request being asked. */
  cancel(): void {
    this.#current?.abort(new Error('cancelled'));
  }
}

/** For `Context.part`: the one queue of the program. */
export const shared = (): Turn => new Turn();
