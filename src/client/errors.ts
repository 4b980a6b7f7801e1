/**
 * How a command fails: an exit status that scripts can trust, ConnMan's text on the first line of
 * standard error, and on the next what the user can do. Statuses: errno of local mistakes, 1 an
 * error from the daemon, 2 no bus or daemon, 3 a question nobody can be asked, 110 a timeout.
 */

import { DBusError } from '../dbus/errors.ts';
import { ConnmanError, SystemError } from '../shared/errors.ts';

/** Exit statuses; those of local mistakes are ConnMan's errno numbers. */
export const STATUS = {
  daemonError: 1,
  unreachable: 2,
  cannotAsk: 3,
  tooLong: 7,
  invalid: 22,
  timeout: 110,
  already: 114,
} as const;

/** A command that failed; `lines` go to standard error. */
export class CommandError extends Error {
  readonly status: number;
  readonly lines: readonly string[];
  /** For `--json`. */
  readonly errorName: string;

  constructor(status: number, lines: readonly string[], errorName = 'net.causeway.Console.Error') {
    super(lines[0] ?? '');
    this.status = status;
    this.lines = lines;
    this.errorName = errorName;
  }
}

/** `Error 'command': Invalid argument`, and how it would be right. */
export function invalid(command: string, ...advice: string[]): CommandError {
  return new CommandError(STATUS.invalid, [`Error '${command}': Invalid argument`, ...advice], 'InvalidArgument');
}

/** More words than the command takes. */
export function tooMany(command: string, ...advice: string[]): CommandError {
  return new CommandError(STATUS.tooLong, [`Error '${command}': Argument list too long`, ...advice], 'TooLong');
}

/** What was thrown by a call, its first line begun by `prefix`; `advice` may know better than we do. */
export function failed(
  prefix: string,
  error: unknown,
  advise: (error: DBusError) => string | undefined = advice,
): CommandError {
  if (error instanceof CommandError) return error;
  if (error instanceof ConnmanError && error.code === 'OperationTimeout') {
    const lines = [`${prefix}: ${NO_REPLY}`, 'The daemon is there and does not answer: look at its log.'];
    return new CommandError(STATUS.timeout, lines, 'org.freedesktop.DBus.Error.NoReply');
  }
  if (error instanceof DBusError) {
    const hint = advise(error) ?? advice(error);
    const lines = [`${prefix}: ${error.message.trimEnd()}`, ...(hint === undefined ? [] : [hint])];
    return new CommandError(statusOf(error), lines, error.name);
  }
  throw error;
}

/** The bus that cannot be joined. */
export function busError(error: unknown, socket: string): CommandError {
  const cause = error instanceof SystemError ? error : error instanceof Error ? error.cause : undefined;
  const text =
    cause instanceof SystemError
      ? `Failed to connect to socket ${socket}: ${ERRNO_TEXTS[cause.code] ?? cause.message}`
      : error instanceof Error
        ? error.message
        : String(error);
  const hint = 'The D-Bus system bus cannot be reached: is dbus-daemon running, and DBUS_SYSTEM_BUS_ADDRESS right?';
  return new CommandError(STATUS.unreachable, [`Error: ${text}`, hint], 'org.freedesktop.DBus.Error.NoServer');
}

/** Whether an answer means that there is no such object; gdbus says it by the method. */
export function isUnknownObject(error: unknown): boolean {
  return (
    error instanceof DBusError &&
    /^org\.freedesktop\.DBus\.Error\.Unknown(Object|Method|Interface)$/.test(error.name)
  );
}

/** Whether an answer is `net.connman.Error.<code>`. */
export function isConnmanError(error: unknown, ...codes: readonly string[]): boolean {
  return error instanceof DBusError && codes.some((code) => error.name === `net.connman.Error.${code}`);
}

const NO_REPLY =
  'Did not receive a reply. Possible causes include: the remote application did not send a reply, the message bus ' +
  'security policy blocked the reply, the reply timeout expired, or the network connection was broken.';

const ERRNO_TEXTS: Readonly<Record<string, string>> = {
  ENOENT: 'No such file or directory',
  ECONNREFUSED: 'Connection refused',
  EACCES: 'Permission denied',
  EPERM: 'Operation not permitted',
  EINVAL: 'Invalid argument',
};

function statusOf({ name, message }: DBusError): number {
  if (/^org\.freedesktop\.DBus\.Error\.(ServiceUnknown|NameHasNoOwner|Disconnected|Spawn\..*)$/.test(name)) {
    return STATUS.unreachable;
  }
  if (name !== 'org.freedesktop.DBus.Error.NoReply') return STATUS.daemonError;
  return message.includes('disconnected') ? STATUS.unreachable : STATUS.timeout;
}

/** What can be said about an error without knowing the command. */
function advice({ name, message }: DBusError): string | undefined {
  if (/\.(ServiceUnknown|NameHasNoOwner)$/.test(name)) {
    return message.includes('net.connman.vpn')
      ? 'The VPN daemon is not running: start connman-vpnd.'
      : 'The daemon is not running: start connmand, for instance with `systemctl start connman`.';
  }
  return ADVICE[name.slice(name.lastIndexOf('.') + 1)];
}

const ADVICE: Readonly<Record<string, string>> = {
  AccessDenied: 'You may not do this: try as root, or see the D-Bus policy of the daemon.',
  NoReply: 'The daemon went away or is stuck: look at its log.',
  Disconnected: 'The bus went away.',
  AlreadyConnected: 'There is nothing to do: it is connected.',
  NotConnected: 'There is nothing to do: it is not connected.',
  InProgress: 'It is being done already: `connmanctl services` shows how far it is.',
  NoCarrier: 'The link is off or unplugged: check the cable, the signal, and `connmanctl technologies`.',
  NotSupported: 'This cannot be done with this kind of network.',
  NotFound: 'It is gone: list again.',
  InvalidArguments: 'The daemon does not accept one of the values.',
  InvalidProperty: 'The daemon does not let this be set.',
  InvalidService: 'Both must be services that have been connected before, and not the same.',
  PermissionDenied: 'The daemon does not allow this now: it may be configured by a file, or off.',
  PassphraseRequired: 'The passphrase is missing or malformed.',
  OperationTimeout: 'It took too long: try again, nearer to the access point.',
  OperationAborted: 'It was called off.',
};
