/** Router advertisements for tests: bytes written out by what they say. */

import { hex } from '../dhcp/battery.ts';

/** What differs from an advertisement of a default router for half an hour. */
export interface Said {
  readonly hopLimit?: number;
  /** 0x80 M, 0x40 O, 0x18 preference. */
  readonly flags?: number;
  readonly lifetimeSec?: number;
  /** Whole options in hexadecimal digits. */
  readonly options?: string;
}

/** The ICMPv6 message. */
export function advertisement({ hopLimit = 64, flags = 0, lifetimeSec = 1800, options = '' }: Said = {}): Uint8Array {
  return hex(`8600 0000 ${byte(hopLimit)}${byte(flags)} ${word(lifetimeSec)} 00000000 00000000 ${options}`);
}

/** A prefix of 64 bits, given with its first eight bytes. */
export function prefixOption(network: string, validSec: number, preferredSec = validSec, flags = 0xc0): string {
  return `0304 40${byte(flags)} ${long(validSec)} ${long(preferredSec)} 00000000 ${network} 0000000000000000`;
}

/** RDNSS with one server, given by its last byte: 2001:db8::XX. */
export function nameserverOption(last: number, lifetimeSec: number): string {
  return `1903 0000 ${long(lifetimeSec)} 20010db8 00000000 00000000 000000${byte(last)}`;
}

/** DNSSL with one name of two labels of three letters at most, `a.xy`-like. */
export function searchDomainOption(name: string, lifetimeSec: number): string {
  const labels = name.split('.').map((label) => byte(label.length) + Buffer.from(label).toString('hex'));
  const text = `${labels.join('')}00`;
  const units = Math.ceil((16 + text.length) / 16);
  return `1f${byte(units)} 0000 ${long(lifetimeSec)} ${text.padEnd(16 * units - 16, '0')}`;
}

/** RFC 8910, 2.3: where the network's portal tells of itself. */
export function captivePortalOption(url: string): string {
  const text = Buffer.from(url).toString('hex');
  const units = Math.ceil((4 + text.length) / 16);
  return `25${byte(units)} ${text.padEnd(16 * units - 4, '0')}`;
}

/** A route of up to 64 bits. */
export function routeOption(network: string, prefixLength: number, lifetimeSec: number, flags = 0): string {
  return `1802 ${byte(prefixLength)}${byte(flags)} ${long(lifetimeSec)} ${network.padEnd(16, '0')}`;
}

/** One byte in hexadecimal digits. */
export function byte(value: number): string {
  return value.toString(16).padStart(2, '0');
}

/** Two bytes. */
export function word(value: number): string {
  return value.toString(16).padStart(4, '0');
}

/** Four bytes; Infinity is all ones. */
export function long(value: number): string {
  return (value === Infinity ? 0xffff_ffff : value).toString(16).padStart(8, '0');
}
