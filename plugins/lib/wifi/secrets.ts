/**
 * Secrets of Wi-Fi networks and whether they can be right: WEP keys, passphrases of WPA (IEEE
 * 802.11-2020, J.4: 8 to 63 characters, or 64 hex digits of the key itself), SAE passwords, and
 * what 802.1X needs. Checked before they reach a supplicant or a file.
 */

import type { Security } from './security.ts';

/** What 802.1X needs, in the words of provisioning files; paths of files, or the files' contents. */
export interface EapCredentials {
  /** Lower case: tls, ttls, peap, pwd. */
  readonly method: string;
  readonly identity?: string;
  readonly anonymousIdentity?: string;
  readonly caCertFile?: string;
  readonly clientCertFile?: string;
  readonly privateKeyFile?: string;
  readonly privateKeyPassphrase?: string;
  readonly phase2?: string;
  readonly subjectMatch?: string;
  readonly altSubjectMatch?: string;
  readonly domainSuffixMatch?: string;
  readonly domainMatch?: string;
}

/** Everything known that proves who we are. */
export interface Secrets {
  readonly passphrase?: string;
  readonly eap?: EapCredentials;
}

/** What is wrong with a passphrase, as a sentence for people; undefined where it can be right. */
export function passphraseComplaint(security: Security, passphrase: string): string | undefined {
  const bytes = Buffer.byteLength(passphrase);
  switch (security) {
    case 'none':
      return passphrase === '' ? undefined : 'an open network takes no passphrase';
    case 'wep':
      return isWepKey(passphrase) ? undefined : 'a WEP key has 5 or 13 characters, or 10 or 26 hex digits';
    case 'psk':
      if (/^[0-9a-f]{64}$/i.test(passphrase) || (bytes >= 8 && bytes <= 63)) return undefined;
      return `a passphrase has 8 to 63 characters, or 64 hex digits; this one has ${bytes}`;
    case 'ieee8021x':
      return undefined;
  }
}

/** A WEP key as bytes: hex digits stand for bytes, characters for themselves. */
export function wepKey(passphrase: string): Uint8Array {
  return Buffer.from(passphrase, /^([0-9a-f]{10}|[0-9a-f]{26})$/i.test(passphrase) ? 'hex' : 'utf8');
}

/** Whether it is the key itself rather than what it is derived from. */
export function isRawKey(passphrase: string): boolean {
  return /^[0-9a-f]{64}$/i.test(passphrase);
}

function isWepKey(passphrase: string): boolean {
  return [5, 13].includes(wepKey(passphrase).length);
}
