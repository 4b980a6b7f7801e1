/**
 * Names under in-addr.arpa (RFC 1035, 3.5) and ip6.arpa (RFC 3596, 2.5) for addresses and networks.
 */

import type { IpAddress, IpPrefix } from '../shared/ipaddress.ts';

/** The name at which a host name for `address` would stand. */
export function reverseName(address: IpAddress): string {
  return reverseZone({ address, prefixLength: 8 * address.bytes.length });
}

/** The smallest zone of whole labels that holds the reverse names of all of `network`. */
export function reverseZone({ address, prefixLength }: IpPrefix): string {
  if (address.family === 4) {
    return [...address.bytes.subarray(0, prefixLength >> 3)].reverse().join('.').concat('.in-addr.arpa');
  }
  const digits = Array.from(address.bytes, (byte) => byte.toString(16).padStart(2, '0')).join('');
  return digits.slice(0, prefixLength >> 2).split('').reverse().join('.').concat('.ip6.arpa');
}
