/**
 * What drivers' questions to the user's agent have in common (net.connman.vpn.Agent RequestInput).
 */

import { ConnmanError } from '../../../src/shared/errors.ts';
import { VpnFailure, type Field, type Session, type Settings } from '../../api.ts';

/** Told with a question after refused logins. */
export function afterRefusal({ authFailure }: Pick<Session, 'authFailure'>): Field[] {
  return authFailure === undefined ? [] : [told('VpnAgent.AuthFailure', authFailure)];
}

/** A text to be shown. */
export function told(key: string, value: string): Field {
  return { key, type: 'string', requirement: 'informational', value };
}

/** Whether agents may keep a passphrase: only for as long as the connection wants it. */
export const KEEPING: readonly Field[] = [
  { key: 'AllowStoreCredentials', type: 'boolean', requirement: 'control', value: false },
  { key: 'AllowRetrieveCredentials', type: 'boolean', requirement: 'control', value: false },
  { key: 'KeepCredentials', type: 'boolean', requirement: 'control', value: true },
];

/** A secret that is wanted, as it is known so far; one that a file fixes is shown and cannot be changed. */
export function secretField(settings: Settings, key: string, type: 'string' | 'password'): Field {
  const known = settings.secret(key);
  const isFixed = settings.isImmutable(key);
  const requirement = isFixed ? 'informational' : 'mandatory';
  if (known === undefined) return { key, type, requirement };
  return { key, type, requirement, value: isFixed && type === 'password' ? '********' : known };
}

/** An answer that is not enough, or that the server does not take. */
export function refused(): VpnFailure {
  return new VpnFailure('auth', new ConnmanError('PermissionDenied'));
}
