/**
 * What an agent is asked for before a Wi-Fi network is joined, and what is made of its answer
 * (net.connman.Agent, RequestInput): fields in ConnMan's order, answers of the wrong type refused.
 */

import { variant, type Variant } from '../../../src/dbus/signature.ts';
import { ConnmanError } from '../../../src/shared/errors.ts';
import type { Security } from './security.ts';
import { MAX_SSID_BYTES } from './ssid.ts';

/** `a{sv}` of RequestInput, and of its answer. */
export type Fields = ReadonlyMap<string, Variant>;

/** What has to be known before joining. */
export interface Wanted {
  readonly security: Security;
  /** The network keeps its name to itself: it must be told. */
  readonly isHidden: boolean;
  readonly hasWps: boolean;
  /** Of 802.1X: the identity is not known. */
  readonly needsIdentity: boolean;
  /** The inner method of 802.1X, such as `MSCHAPV2` or `GTC`. */
  readonly phase2: string | undefined;
  /** What was tried before, so that people see their mistake. */
  readonly previousPassphrase: string | undefined;
}

/** What an agent answered. */
export interface Answer {
  readonly ssid: Uint8Array | undefined;
  readonly identity: string | undefined;
  readonly passphrase: string | undefined;
  /** Join by WPS: with a PIN of eight digits, or by push button where it is empty. */
  readonly wpsPin: string | undefined;
}

/** The fields to ask for; empty where nothing is. */
export function wantedFields(wanted: Wanted): Fields {
  const { security, isHidden, hasWps, needsIdentity, previousPassphrase } = wanted;
  const fields = new Map<string, Variant>();
  const passphraseType = typeOfPassphrase(wanted);
  if (isHidden) {
    fields.set('Name', field('string', 'mandatory', { Alternates: variant('as', ['SSID']) }));
    fields.set('SSID', field('ssid', 'alternate'));
  }
  if (security === 'ieee8021x' && needsIdentity) fields.set('Identity', field('string', 'mandatory'));
  if (security !== 'none') {
    const alternates = hasWps ? { Alternates: variant('as', ['WPS']) } : {};
    fields.set('Passphrase', field(passphraseType, 'mandatory', alternates));
  }
  if (previousPassphrase !== undefined && (security === 'psk' || security === 'wep')) {
    const value = { Value: variant('s', previousPassphrase) };
    fields.set('PreviousPassphrase', field(security, 'informational', value));
  }
  if (hasWps) fields.set('WPS', field('wpspin', 'alternate'));
  return fields;
}

/** Reads an answer. Throws InvalidArguments for a value of the wrong type or a name that cannot be one. */
export function readAnswer(answer: Fields): Answer {
  const text = (key: string): string | undefined => {
    const value = answer.get(key);
    if (value === undefined) return undefined;
    const read = value.as('s');
    if (read === undefined) throw new ConnmanError('InvalidArguments');
    return read;
  };
  const name = text('Name');
  const ssid = answer.get('SSID')?.as('ay') ?? (name === undefined ? undefined : Buffer.from(name));
  if (ssid !== undefined && (ssid.length === 0 || ssid.length > MAX_SSID_BYTES)) {
    throw new ConnmanError('InvalidArguments');
  }
  return { ssid, identity: text('Identity'), passphrase: text('Passphrase'), wpsPin: text('WPS') };
}

/** Whether an answer has what was asked for. */
export function isAnswered(wanted: Wanted, answer: Answer): boolean {
  if (wanted.isHidden && answer.ssid === undefined) return false;
  if (wanted.hasWps && answer.wpsPin !== undefined) return true;
  if (wanted.security === 'none') return true;
  const hasIdentity = !wanted.needsIdentity || wanted.security !== 'ieee8021x' || answer.identity !== undefined;
  return hasIdentity && answer.passphrase !== undefined;
}

function typeOfPassphrase({ security, phase2 }: Wanted): string {
  if (security === 'psk' || security === 'wep') return security;
  if (security === 'ieee8021x') return /(GTC|OTP)$/.test(phase2 ?? '') ? 'response' : 'passphrase';
  return 'string';
}

function field(type: string, requirement: string, more: Readonly<Record<string, Variant>> = {}): Variant {
  return variant('a{sv}', new Map<string, Variant>([
    ['Type', variant('s', type)],
    ['Requirement', variant('s', requirement)],
    ...Object.entries(more),
  ]));
}
