/**
 * IPv4 and IPv6 addresses as values: parsed once at the edge, compared and formatted everywhere
 * else. Text forms: dotted quads without leading zeros (RFC 6943, 3.1.1) and RFC 5952 for IPv6.
 */

import { DecodeError } from './errors.ts';

/** An immutable IPv4 (4 bytes) or IPv6 (16 bytes) address in network order. */
export class IpAddress {
  readonly family: 4 | 6;
  readonly bytes: Uint8Array;
  #text: string | undefined;

  /** Copies `bytes`; throws DecodeError unless there are 4 or 16. */
  constructor(bytes: Uint8Array) {
    if (bytes.length !== 4 && bytes.length !== 16) {
      throw new DecodeError(`an address of ${bytes.length} bytes`, 0);
    }
    this.family = bytes.length === 4 ? 4 : 6;
    this.bytes = new Uint8Array(bytes);
  }

  equals(other: IpAddress | undefined): boolean {
    return other !== undefined && other.toString() === this.toString();
  }

  /** 0.0.0.0 or ::. */
  get isUnspecified(): boolean {
    return this.bytes.every((byte) => byte === 0);
  }

  /** 127.0.0.0/8 or ::1. */
  get isLoopback(): boolean {
    return this.family === 4 ? this.bytes[0] === 127 : this.toString() === '::1';
  }

  /** 169.254.0.0/16 (RFC 3927) or fe80::/10 (RFC 4291, 2.5.6). */
  get isLinkLocal(): boolean {
    const [first = 0, second = 0] = this.bytes;
    return this.family === 4 ? first === 169 && second === 254 : first === 0xfe && (second & 0xc0) === 0x80;
  }

  /** 224.0.0.0/4 or ff00::/8. */
  get isMulticast(): boolean {
    const [first = 0] = this.bytes;
    return this.family === 4 ? first >> 4 === 0xe : first === 0xff;
  }

  /** 255.255.255.255. */
  get isBroadcast(): boolean {
    return this.family === 4 && this.bytes.every((byte) => byte === 255);
  }

  /** Whether the first `prefixLength` bits are those of `other`; false across families. */
  sharesPrefix(other: IpAddress, prefixLength: number): boolean {
    if (other.family !== this.family) return false;
    const whole = prefixLength >> 3;
    for (let index = 0; index < whole; index++) {
      if (this.bytes[index] !== other.bytes[index]) return false;
    }
    const mask = (0xff00 >> (prefixLength & 7)) & 0xff;
    return ((this.bytes[whole] ?? 0) & mask) === ((other.bytes[whole] ?? 0) & mask);
  }

  /** The network this address is in: its first `prefixLength` bits, the rest zero. */
  network(prefixLength: number): IpAddress {
    return new IpAddress(this.bytes.map((byte, index) => byte & prefixMask(prefixLength, index)));
  }

  /** The address with all host bits set. */
  broadcast(prefixLength: number): IpAddress {
    return new IpAddress(this.bytes.map((byte, index) => byte | (~prefixMask(prefixLength, index) & 0xff)));
  }

  toString(): string {
    this.#text ??= this.family === 4 ? this.bytes.join('.') : formatIpv6(this.bytes);
    return this.#text;
  }
}

/** An address with the length of its network's prefix in bits. */
export interface IpPrefix {
  readonly address: IpAddress;
  readonly prefixLength: number;
}

/** 0.0.0.0 */
export const ANY_IPV4 = new IpAddress(new Uint8Array(4));
/** :: */
export const ANY_IPV6 = new IpAddress(new Uint8Array(16));

/** An address of either family, or undefined if `text` is none. Zones (`%eth0`) are refused. */
export function parseIpAddress(text: string): IpAddress | undefined {
  return text.includes(':') ? parseIpv6(text) : parseIpv4(text);
}

/** A dotted quad, or undefined. Leading zeros are refused: some would read them as octal. */
export function parseIpv4(text: string): IpAddress | undefined {
  const parts = text.split('.', 5);
  if (parts.length !== 4 || text.length > 15) return undefined;
  const bytes = new Uint8Array(4);
  for (const [index, part] of parts.entries()) {
    if (!/^(0|[1-9][0-9]{0,2})$/.test(part) || Number(part) > 255) return undefined;
    bytes[index] = Number(part);
  }
  return new IpAddress(bytes);
}

/** An IPv6 address in any form of RFC 4291, 2.2, or undefined. */
export function parseIpv6(text: string): IpAddress | undefined {
  if (text.length > 45) return undefined;
  const halves = text.split('::', 3);
  if (halves.length > 2) return undefined;
  const [head = '', tail] = halves;
  const headGroups = parseGroups(head, tail === undefined);
  const tailGroups = tail === undefined ? [] : parseGroups(tail, true);
  if (headGroups === undefined || tailGroups === undefined) return undefined;
  const missing = 8 - headGroups.length - tailGroups.length;
  if (tail === undefined ? missing !== 0 : missing < 1) return undefined;
  const groups = [...headGroups, ...Array<number>(missing).fill(0), ...tailGroups];
  return new IpAddress(Uint8Array.from(groups.flatMap((group) => [group >> 8, group & 0xff])));
}

/** The prefix length a netmask stands for, or undefined if its ones are not all in front. */
export function prefixLengthOfNetmask(netmask: IpAddress): number | undefined {
  const bits = Array.from(netmask.bytes, (byte) => byte.toString(2).padStart(8, '0')).join('');
  return /^1*0*$/.test(bits) ? bits.lastIndexOf('1') + 1 : undefined;
}

/** The IPv4 netmask with `prefixLength` (0 to 32) ones. */
export function netmaskOfPrefixLength(prefixLength: number): IpAddress {
  return new IpAddress(Uint8Array.from([0, 1, 2, 3], (index) => prefixMask(prefixLength, index)));
}

function prefixMask(prefixLength: number, byteIndex: number): number {
  const bits = Math.min(8, Math.max(0, prefixLength - 8 * byteIndex));
  return (0xff00 >> bits) & 0xff;
}

function parseGroups(text: string, mayEndInQuad: boolean): number[] | undefined {
  if (text === '') return [];
  const groups: number[] = [];
  const parts = text.split(':', 9);
  for (const [index, part] of parts.entries()) {
    if (mayEndInQuad && index === parts.length - 1 && part.includes('.')) {
      const quad = parseIpv4(part)?.bytes;
      if (quad === undefined) return undefined;
      const [a = 0, b = 0, c = 0, d = 0] = quad;
      groups.push((a << 8) | b, (c << 8) | d);
    } else if (/^[0-9a-fA-F]{1,4}$/.test(part)) {
      groups.push(Number.parseInt(part, 16));
    } else {
      return undefined;
    }
  }
  return groups.length <= 8 ? groups : undefined;
}

function formatIpv6(bytes: Uint8Array): string {
  const groups = Array.from({ length: 8 }, (_, index) => ((bytes[2 * index] ?? 0) << 8) | (bytes[2 * index + 1] ?? 0));
  // RFC 5952, 5: the mixed notation for IPv4-mapped addresses.
  if (groups.slice(0, 5).every((group) => group === 0) && groups[5] === 0xffff) {
    return `::ffff:${bytes.slice(12).join('.')}`;
  }
  // RFC 5952, 4.2: the longest run of two zeros or more, the first of equals, becomes `::`.
  let bestAt = -1;
  let bestLength = 1;
  for (let at = 0; at < 8; at++) {
    let length = 0;
    while (at + length < 8 && groups[at + length] === 0) length++;
    if (length > bestLength) [bestAt, bestLength] = [at, length];
    at += length;
  }
  const text = (part: readonly number[]): string => part.map((group) => group.toString(16)).join(':');
  return bestAt < 0 ? text(groups) : `${text(groups.slice(0, bestAt))}::${text(groups.slice(bestAt + bestLength))}`;
}
