/**
 * Errors on the bus: `DBusError` is what the far side answered or is to be told by that very name;
 * what else a handler throws becomes one of ConnMan's errors. Stacks go to the log, never out.
 */

import { ConnmanError, stackOf } from '../shared/errors.ts';
import { logger } from '../shared/log.ts';
import type { Message } from './message.ts';
import { isInterfaceName } from './names.ts';

const log = logger('src/dbus/errors.ts');

/** An error with a D-Bus error name: `error.name` is it, e.g. `net.connman.Agent.Error.Retry`. */
export class DBusError extends Error {
  constructor(name: string, message: string, options?: ErrorOptions) {
    super(message, options);
    this.name = name;
  }
}

/** Names of the D-Bus specification and the reference implementation that we know. */
export type StandardError =
  | 'Disconnected'
  | 'Failed'
  | 'InvalidArgs'
  | 'InvalidSignature'
  | 'LimitsExceeded'
  | 'NameHasNoOwner'
  | 'NotSupported'
  | 'PropertyReadOnly'
  | 'UnknownInterface'
  | 'UnknownMethod'
  | 'UnknownObject'
  | 'UnknownProperty';

/** An `org.freedesktop.DBus.Error.<code>`. */
export function standardError(code: StandardError, message: string): DBusError {
  return new DBusError(`org.freedesktop.DBus.Error.${code}`, message);
}

/** Whether something thrown is `org.freedesktop.DBus.Error.<code>`. */
export function isStandardError(error: unknown, code: StandardError): boolean {
  return error instanceof DBusError && error.name === `org.freedesktop.DBus.Error.${code}`;
}

/** What a caller is told of whatever a handler threw; `what` names the call in the log. */
export function errorForCaller(error: unknown, what: string): DBusError {
  if (error instanceof DBusError && isInterfaceName(error.name)) return error;
  if (error instanceof ConnmanError) return new DBusError(`net.connman.Error.${error.code}`, error.message);
  log.error('%s failed: %s', what, stackOf(error));
  return new DBusError('net.connman.Error.Failed', 'Input/output error');
}

/** The error that an error message carries. */
export function errorFromMessage(message: Message): DBusError {
  const [text] = message.body;
  return new DBusError(message.errorName ?? '', typeof text === 'string' ? text : '');
}
