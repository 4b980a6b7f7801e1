/** Waiting for something only as long as a signal lets it. */

/**
 * What `promise` brings, or rejects with the reason of `signal`, whichever comes first. `promise` goes on all the
 * same, and nobody hears of it then.
 */
export function unlessAborted<T>(promise: Promise<T>, signal: AbortSignal): Promise<T> {
  return new Promise((resolve, reject) => {
    const abort = (): void => reject(signal.reason);
    if (signal.aborted) abort();
    else signal.addEventListener('abort', abort, { once: true });
    void promise.then(resolve, reject).finally(() => signal.removeEventListener('abort', abort));
  });
}
