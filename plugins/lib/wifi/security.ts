/**
 * What protects a network: ConnMan's four words, which stand in identifiers on disk and never
 * change with what an access point adds (SAE beside a passphrase, OWE beside nothing), and the key
 * managements behind them in wpa_supplicant's spelling (its D-Bus API, `BSS` properties RSN and WPA).
 */

/** `Security` of a service, without WPS. */
export type Security = 'none' | 'wep' | 'psk' | 'ieee8021x';

/** What a beacon says of its protection. */
export interface Protection {
  /** Of the RSN and WPA elements, such as `wpa-psk` or `sae`. */
  readonly keyManagements: readonly string[];
  /** Whether the privacy bit is set. */
  readonly isPrivate: boolean;
}

/** The word for a protection. OWE encrypts without a secret: it is `none` to people. */
export function securityOf({ keyManagements, isPrivate }: Protection): Security {
  if (keyManagements.some(isEap)) return 'ieee8021x';
  if (keyManagements.some((each) => isPsk(each) || isSae(each))) return 'psk';
  if (keyManagements.includes('owe')) return 'none';
  return isPrivate ? 'wep' : 'none';
}

/** Simultaneous Authentication of Equals: WPA3 with a passphrase. */
export function isSae(keyManagement: string): boolean {
  return /^(ft-)?sae\b/.test(keyManagement);
}

/** WPA and WPA2 with a passphrase. */
export function isPsk(keyManagement: string): boolean {
  return /^wpa-(ft-)?psk\b/.test(keyManagement);
}

/** IEEE 802.1X, FILS included: it authenticates by EAP. */
export function isEap(keyManagement: string): boolean {
  return /^wpa-(ft-)?(eap|fils)\b/.test(keyManagement);
}
