/**
 * Network names: 0 to 32 bytes of anything (IEEE 802.11-2020, 9.4.2.2). In identifiers they are hex
 * digits, for people UTF-8 where they can be read as such.
 */

import { formatHex } from '../../../src/shared/bytes.ts';

/** The most bytes a name has. */
export const MAX_SSID_BYTES = 32;

/** The name for people: every byte that is not UTF-8 is U+FFFD. */
export function ssidText(ssid: Uint8Array): string {
  return decoder.decode(ssid);
}

/** Whether the access point keeps its name to itself: no bytes, or zeros in place of them. */
export function isHiddenSsid(ssid: Uint8Array): boolean {
  return ssid.length === 0 || ssid[0] === 0;
}

/** The first part of a network's group in identifiers: hex digits, or `hidden`. */
export function ssidGroup(ssid: Uint8Array): string {
  return isHiddenSsid(ssid) ? 'hidden' : formatHex(ssid);
}

const decoder = new TextDecoder('utf-8', { ignoreBOM: true });
