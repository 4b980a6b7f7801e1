/**
 * The hardware address by which a network knows us: our own, or one for this network alone, the same
 * each time (as stable as RFC 7217's identifiers are): a keyed hash, so that whoever knows one of them
 * knows neither the others nor our own. Locally administered (IEEE 802-2014, 8.4).
 */

import { systemRandom } from '../../../src/shared/random.ts';

/** What an address is made from. */
export interface AddressParts {
  /** 32 bytes that nobody else knows. */
  readonly key: Uint8Array;
  readonly ssid: Uint8Array;
  readonly permanent: Uint8Array;
}

const LOCAL = 0x02;
const GROUP = 0x01;

/** The address for one network. */
export function addressFor({ key, ssid, permanent }: AddressParts): Uint8Array {
  // Loaded at first use: 5 ms that a start can do without.
  const { createHmac } = process.getBuiltinModule('node:crypto');
  const hash = createHmac('sha256', key).update(permanent).update(ssid).digest();
  const address = Uint8Array.from(hash.subarray(0, 6));
  address[0] = ((address[0] ?? 0) | LOCAL) & ~GROUP;
  return address;
}

/** A new key, in hexadecimal digits. */
export function newAddressKey(): string {
  return Array.from({ length: 8 }, () => systemRandom.u32().toString(16).padStart(8, '0')).join('');
}
