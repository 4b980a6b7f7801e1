/**
 * What an agent is asked for before a Wi-Fi network is joined, and what is made of its answer
 * (net.connman.Agent, RequestInput): fields in ConnMan's order, answers of the wrong type refused.
 */

import type { InputAnswer, InputField } from '../../../src/api.ts';
import { ConnmanError } from '../../../src/shared/errors.ts';
import type { Security } from './security.ts';
import { MAX_SSID_BYTES } from './ssid.ts';

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
export function wantedFields(wanted: Wanted): readonly InputField[] {
  const { security, isHidden, hasWps, needsIdentity, previousPassphrase } = wanted;
  const fields: InputField[] = [];
  if (isHidden) {
    fields.push({ name: 'Name', type: 'string', requirement: 'mandatory', alternates: ['SSID'] });
    fields.push({ name: 'SSID', type: 'ssid', requirement: 'alternate' });
  }
  if (security === 'ieee8021x' && needsIdentity) {
    fields.push({ name: 'Identity', type: 'string', requirement: 'mandatory' });
  }
  if (security !== 'none') {
    const passphrase = { name: 'Passphrase', type: typeOfPassphrase(wanted), requirement: 'mandatory' } as const;
    fields.push(hasWps ? { ...passphrase, alternates: ['WPS'] } : passphrase);
  }
  if (previousPassphrase !== undefined && (security === 'psk' || security === 'wep')) {
    const previous = { name: 'PreviousPassphrase', type: security, requirement: 'informational' } as const;
    fields.push({ ...previous, value: previousPassphrase });
  }
  if (hasWps) fields.push({ name: 'WPS', type: 'wpspin', requirement: 'alternate' });
  return fields;
}

/** Reads an answer. Throws InvalidArguments for a name that cannot be one. */
export function readAnswer(answer: InputAnswer): Answer {
  const text = (key: string): string | undefined => {
    const value = answer.get(key);
    return typeof value === 'string' ? value : undefined;
  };
  const [name, bytes] = [text('Name'), answer.get('SSID')];
  const ssid = bytes instanceof Uint8Array ? bytes : name === undefined ? undefined : Buffer.from(name);
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

function typeOfPassphrase({ security, phase2 }: Wanted): InputField['type'] {
  if (security === 'psk' || security === 'wep') return security;
  if (security === 'ieee8021x') return /(GTC|OTP)$/.test(phase2 ?? '') ? 'response' : 'passphrase';
  return 'string';
}
