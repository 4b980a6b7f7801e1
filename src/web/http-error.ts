/**
 * Why an HTTP request had no reply: a closed set, so that the one who asked can say what is wrong
 * with a link.
 */

/**
 * `url` cannot be asked for, `dns` its host has no address, `refused`, `unreachable` and `reset` as
 * the kernel said, `connectTimeout` no connection in time, `timeout` no reply in time, `malformed`
 * not HTTP, `tooLarge` past the limits, `tls` no trusted connection, `route` the link is not ready.
 */
export type HttpFailure =
  | 'url' | 'dns' | 'refused' | 'unreachable' | 'connectTimeout' | 'timeout' | 'reset' | 'malformed' | 'tooLarge'
  | 'tls' | 'route';

/** A request without a reply; the message names the cause. */
export class HttpError extends Error {
  readonly failure: HttpFailure;

  constructor(failure: HttpFailure, detail: string, options?: ErrorOptions) {
    super(detail, options);
    this.name = 'HttpError';
    this.failure = failure;
  }
}

/** errno names and Node's error codes → failure. */
const FAILURES: Readonly<Record<string, HttpFailure>> = {
  ECONNREFUSED: 'refused',
  ENETUNREACH: 'unreachable',
  EHOSTUNREACH: 'unreachable',
  ENETDOWN: 'unreachable',
  EHOSTDOWN: 'unreachable',
  ENODEV: 'unreachable',
  EADDRNOTAVAIL: 'unreachable',
  EACCES: 'unreachable',
  EPERM: 'unreachable',
  ETIMEDOUT: 'timeout',
  ECONNRESET: 'reset',
  EPIPE: 'reset',
  ECONNABORTED: 'reset',
};

/** The failure an error stands for; `otherwise` where its code says nothing. */
export function httpErrorOf(error: unknown, otherwise: HttpFailure): HttpError {
  if (error instanceof HttpError) return error;
  if (!(error instanceof Error)) return new HttpError(otherwise, String(error));
  const code = 'code' in error && typeof error.code === 'string' ? error.code : '';
  return new HttpError(FAILURES[code] ?? otherwise, error.message, { cause: error });
}
