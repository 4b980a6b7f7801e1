/**
 * The errors every layer may throw: `ConnmanError` for callers on D-Bus, `DecodeError` from
 * parsers, `SystemError` from the kernel. The texts are ConnMan's and part of the wire contract.
 */

const TEXTS = {
  Failed: 'Input/output error',
  InvalidArguments: 'Invalid arguments',
  PermissionDenied: 'Permission denied',
  PassphraseRequired: 'Passphrase required',
  NotRegistered: 'Not registered',
  NotUnique: 'Not unique',
  NotSupported: 'Not supported',
  NotImplemented: 'Not implemented',
  NotFound: 'Not found',
  NoCarrier: 'No carrier',
  InProgress: 'In progress',
  AlreadyExists: 'Already exists',
  AlreadyEnabled: 'Already enabled',
  AlreadyDisabled: 'Already disabled',
  AlreadyConnected: 'Already connected',
  NotConnected: 'Not connected',
  OperationAborted: 'Operation aborted',
  OperationTimeout: 'Operation timeout',
  OperationCanceled: 'Operation canceled',
  InvalidService: 'Invalid service',
  InvalidProperty: 'Invalid property',
} as const;

/** The last part of a `net.connman.Error.<code>` name. */
export type ConnmanErrorCode = keyof typeof TEXTS;

/** An error a D-Bus caller is told about, as `net.connman.Error.<code>` with `message`. */
export class ConnmanError extends Error {
  readonly code: ConnmanErrorCode;

  /** `message` defaults to ConnMan's fixed text for the code; give one only with `Failed`. */
  constructor(code: ConnmanErrorCode, message: string = TEXTS[code], options?: ErrorOptions) {
    super(message, options);
    this.name = 'ConnmanError';
    this.code = code;
  }
}

/** Bytes or text from outside that are not what their format says. Caught by the socket loop. */
export class DecodeError extends Error {
  /** Where in the input, in bytes (or characters of a text). */
  readonly offset: number;

  constructor(what: string, offset: number) {
    super(`${what} at offset ${offset}`);
    this.name = 'DecodeError';
    this.offset = offset;
  }
}

/** A system call that failed; `code` is the errno name (`ENETDOWN`), `errno` the positive number. */
export class SystemError extends Error {
  readonly code: string;
  readonly errno: number;
  readonly syscall: string;

  constructor(code: string, errno: number, syscall: string, text: string) {
    super(`${syscall}: ${text}`);
    this.name = 'SystemError';
    this.code = code;
    this.errno = errno;
    this.syscall = syscall;
  }
}

/** errno name → the code ConnMan answers with (facts: errno table of its D-Bus error mapping). */
const CODES_BY_ERRNO: Readonly<Record<string, ConnmanErrorCode>> = {
  ESRCH: 'NotRegistered',
  ENXIO: 'NotFound',
  EPERM: 'PermissionDenied',
  EACCES: 'PermissionDenied',
  EEXIST: 'AlreadyExists',
  EINVAL: 'InvalidArguments',
  ENOSYS: 'NotImplemented',
  ENOLINK: 'NoCarrier',
  ENOTUNIQ: 'NotUnique',
  EOPNOTSUPP: 'NotSupported',
  ENOTSUP: 'NotSupported',
  ECONNABORTED: 'OperationAborted',
  EISCONN: 'AlreadyConnected',
  ENOTCONN: 'NotConnected',
  ECONNREFUSED: 'NotConnected',
  ETIMEDOUT: 'OperationTimeout',
  EALREADY: 'InProgress',
  EINPROGRESS: 'InProgress',
  ENOKEY: 'PassphraseRequired',
  ECANCELED: 'OperationCanceled',
};

/** Turns the errno name of a failed operation into what a D-Bus caller is told. */
export function errorFromErrno(errnoName: string, text: string, cause?: unknown): ConnmanError {
  const code = CODES_BY_ERRNO[errnoName];
  return code === undefined
    ? new ConnmanError('Failed', text, { cause })
    : new ConnmanError(code, undefined, { cause });
}

/** What `error` says, whatever was thrown. */
export function messageOf(error: unknown): string {
  return error instanceof Error ? error.message : String(error);
}

/** `error` with the way it came, for what is a fault of ours. */
export function stackOf(error: unknown): string {
  return error instanceof Error && error.stack !== undefined ? error.stack : messageOf(error);
}
