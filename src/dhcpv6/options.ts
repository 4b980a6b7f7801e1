/**
 * Options of DHCPv6 (RFC 8415, section 21, and IANA's list): framing, the containers of identity
 * associations with their status codes, and the values we use. Invariant: framing that lies throws
 * DecodeError; a value's reader gives `undefined` or leaves out what is malformed, so that one bad
 * option spoils no lease. Nesting is as deep as the standard's three levels, never recursive.
 */

import { isDomainName } from '../dhcp/options.ts';
import { searchDomainsOf } from '../dhcp/search-domains.ts';
import { Reader } from '../shared/bytes.ts';
import { DecodeError } from '../shared/errors.ts';
import { IpAddress, type IpPrefix } from '../shared/ipaddress.ts';

/** Option codes. */
export const OPTION = {
  clientId: 1,
  serverId: 2,
  nonTemporary: 3,
  temporary: 4,
  address: 5,
  requested: 6,
  preference: 7,
  elapsedTime: 8,
  statusCode: 13,
  rapidCommit: 14,
  nameservers: 23,
  searchDomains: 24,
  delegation: 25,
  prefix: 26,
  sntpServers: 31,
  refreshTime: 32,
  clientFqdn: 39,
  ntpServer: 56,
  solicitMaxTime: 82,
  informationMaxTime: 83,
  captivePortal: 103,
} as const;

/** Status codes (RFC 8415, 21.13). */
export const STATUS = {
  success: 0,
  unspecified: 1,
  noAddresses: 2,
  noBinding: 3,
  notOnLink: 4,
  useMulticast: 5,
  noPrefixes: 6,
} as const;

/** One option as it stands in a message. */
export interface Option {
  readonly code: number;
  readonly value: Uint8Array;
}

/** An identity association as a server or the client writes it (RFC 8415, 21.4, 21.5, 21.21). */
export interface Association {
  readonly kind: 'nonTemporary' | 'temporary' | 'delegation';
  readonly iaid: number;
  /** Seconds, `Infinity` for never, 0 for "as you like"; always 0 in a temporary one. */
  readonly renewalSec: number;
  readonly rebindingSec: number;
  readonly addresses: readonly LeasedAddress[];
  readonly prefixes: readonly LeasedPrefix[];
  /** STATUS; success where the server says nothing. */
  readonly status: number;
}

/** IA Address, 21.6. Lifetimes in seconds, `Infinity` without end. */
export interface LeasedAddress {
  readonly address: IpAddress;
  readonly preferredSec: number;
  readonly validSec: number;
}

/** IA Prefix, 21.22. */
export interface LeasedPrefix {
  readonly prefix: IpPrefix;
  readonly preferredSec: number;
  readonly validSec: number;
}

/** The options in `bytes`, as views of the same memory. Throws DecodeError where a length lies. */
export function decodeOptions(bytes: Uint8Array): Option[] {
  const reader = new Reader(bytes, 'DHCPv6 options');
  const options: Option[] = [];
  while (reader.remaining > 0) {
    const code = reader.u16();
    options.push({ code, value: reader.take(reader.u16()) });
  }
  return options;
}

/** Bytes of options; each value at most 65535 bytes. */
export function encodeOptions(options: readonly Option[]): Uint8Array {
  const bytes = new Uint8Array(options.reduce((length, { value }) => length + 4 + value.length, 0));
  const view = new DataView(bytes.buffer);
  let at = 0;
  for (const { code, value } of options) {
    view.setUint16(at, code);
    view.setUint16(at + 2, value.length);
    bytes.set(value, at + 4);
    at += 4 + value.length;
  }
  return bytes;
}

/** The first value with this code; RFC 8415, 21: options that may come once count once. */
export function valueOf(options: readonly Option[], code: number): Uint8Array | undefined {
  return options.find((option) => option.code === code)?.value;
}

/** The status of a message or container; success where there is none, unspecified where it is malformed. */
export function statusOf(options: readonly Option[]): number {
  const value = valueOf(options, OPTION.statusCode);
  if (value === undefined) return STATUS.success;
  return value.length < 2 ? STATUS.unspecified : new DataView(value.buffer, value.byteOffset).getUint16(0);
}

/** The identity associations among `options`; malformed ones, and those that contradict themselves, are left out. */
export function associationsOf(options: readonly Option[]): Association[] {
  return options.flatMap(({ code, value }) => {
    const kind = KIND_OF[code];
    if (kind === undefined) return [];
    try {
      return readAssociation(kind, value) ?? [];
    } catch (error) {
      if (error instanceof DecodeError) return [];
      throw error;
    }
  });
}

/** An association as an option. */
export function encodeAssociation(association: Association): Option {
  const { kind, iaid, renewalSec, rebindingSec, addresses, prefixes } = association;
  const inner = encodeOptions([...addresses.map(encodeAddress), ...prefixes.map(encodePrefix)]);
  const headerBytes = kind === 'temporary' ? 4 : 12;
  const value = new Uint8Array(headerBytes + inner.length);
  const view = new DataView(value.buffer);
  view.setUint32(0, iaid);
  if (kind !== 'temporary') {
    view.setUint32(4, encodeSeconds(renewalSec));
    view.setUint32(8, encodeSeconds(rebindingSec));
  }
  value.set(inner, headerBytes);
  return { code: OPTION[kind], value };
}

const KIND_OF: Readonly<Record<number, Association['kind']>> = {
  [OPTION.nonTemporary]: 'nonTemporary',
  [OPTION.temporary]: 'temporary',
  [OPTION.delegation]: 'delegation',
};
const WITHOUT_END = 0xffff_ffff;

function readAssociation(kind: Association['kind'], value: Uint8Array): Association | undefined {
  const reader = new Reader(value, 'identity association');
  const iaid = reader.u32();
  const renewalSec = kind === 'temporary' ? 0 : readSeconds(reader);
  const rebindingSec = kind === 'temporary' ? 0 : readSeconds(reader);
  // RFC 8415, 21.4 and 21.21: such a one counts as if it had not come.
  if (renewalSec > rebindingSec && rebindingSec > 0) return undefined;
  const options = decodeOptions(reader.take(reader.remaining));
  const isDelegation = kind === 'delegation';
  return {
    kind, iaid, renewalSec, rebindingSec,
    addresses: isDelegation ? [] : options.flatMap((option) => readAddress(option) ?? []),
    prefixes: isDelegation ? options.flatMap((option) => readPrefix(option) ?? []) : [],
    status: statusOf(options),
  };
}

function readAddress({ code, value }: Option): LeasedAddress | undefined {
  if (code !== OPTION.address || value.length < 24) return undefined;
  const reader = new Reader(value, 'IA address');
  const address = new IpAddress(reader.take(16));
  const preferredSec = readSeconds(reader);
  const validSec = readSeconds(reader);
  // RFC 8415, 21.6.
  return preferredSec > validSec || !isHostAddress(address) || !isGranted(reader)
    ? undefined : { address, preferredSec, validSec };
}

function readPrefix({ code, value }: Option): LeasedPrefix | undefined {
  if (code !== OPTION.prefix || value.length < 25) return undefined;
  const reader = new Reader(value, 'IA prefix');
  const preferredSec = readSeconds(reader);
  const validSec = readSeconds(reader);
  const prefixLength = reader.u8();
  const address = new IpAddress(reader.take(16));
  // RFC 8415, 21.22; a /0 or a multicast network is no one's to delegate.
  if (preferredSec > validSec || prefixLength < 1 || prefixLength > 128) return undefined;
  if (!isHostAddress(address) || !isGranted(reader)) return undefined;
  return { prefix: { address: address.network(prefixLength), prefixLength }, preferredSec, validSec };
}

/** The options inside, if any, say nothing against it. */
function isGranted(reader: Reader): boolean {
  return statusOf(decodeOptions(reader.take(reader.remaining))) === STATUS.success;
}

function encodeAddress({ address, preferredSec, validSec }: LeasedAddress): Option {
  const value = new Uint8Array(24);
  const view = new DataView(value.buffer);
  value.set(address.bytes);
  view.setUint32(16, encodeSeconds(preferredSec));
  view.setUint32(20, encodeSeconds(validSec));
  return { code: OPTION.address, value };
}

function encodePrefix({ prefix, preferredSec, validSec }: LeasedPrefix): Option {
  const value = new Uint8Array(25);
  const view = new DataView(value.buffer);
  view.setUint32(0, encodeSeconds(preferredSec));
  view.setUint32(4, encodeSeconds(validSec));
  value[8] = prefix.prefixLength;
  value.set(prefix.address.bytes, 9);
  return { code: OPTION.prefix, value };
}

function readSeconds(reader: Reader): number {
  const seconds = reader.u32();
  return seconds === WITHOUT_END ? Infinity : seconds;
}

function encodeSeconds(seconds: number): number {
  return Math.min(WITHOUT_END, Math.floor(seconds));
}

/** Whether an address can be a host's beyond one link: not ::, ::1, link-local, multicast or IPv4-mapped. */
function isHostAddress(address: IpAddress): boolean {
  return !address.isUnspecified && !address.isLoopback && !address.isLinkLocal && !address.isMulticast
    && !address.toString().startsWith('::ffff:');
}

/** A list of addresses (options 23 and 31); those of nobody are left out, as is an incomplete last one. */
export function addressesOf(value: Uint8Array | undefined): IpAddress[] {
  const addresses: IpAddress[] = [];
  for (let at = 0; value !== undefined && at + 16 <= value.length; at += 16) {
    const address = new IpAddress(value.subarray(at, at + 16));
    if (!address.isUnspecified && !address.isLoopback && !address.isMulticast) addresses.push(address);
  }
  return addresses;
}

/** Domain names (option 24; RFC 8415, 10), none if any is malformed. */
export function domainsOf(value: Uint8Array | undefined): string[] {
  return searchDomainsOf(value) ?? [];
}

/** Addresses and names of time servers (option 56, RFC 5908); multicast ones are left out. */
export function ntpServersOf(value: Uint8Array | undefined): string[] {
  if (value === undefined) return [];
  try {
    return decodeOptions(value).flatMap(({ code, value: inner }) => {
      // NTP_SUBOPTION_SRV_ADDR and NTP_SUBOPTION_SRV_FQDN.
      if (code === 1 && inner.length === 16) return addressesOf(inner).map(String);
      return code === 3 ? domainsOf(inner) : [];
    });
  } catch (error) {
    if (error instanceof DecodeError) return [];
    throw error;
  }
}

/** A 32-bit number, such as a time in seconds. */
export function u32Of(value: Uint8Array | undefined): number | undefined {
  return value?.length === 4 ? new DataView(value.buffer, value.byteOffset).getUint32(0) : undefined;
}

/** Numbers of 16 bits in network order. */
export function u16Bytes(...values: readonly number[]): Uint8Array {
  const bytes = new Uint8Array(2 * values.length);
  const view = new DataView(bytes.buffer);
  for (const [index, value] of values.entries()) view.setUint16(2 * index, value);
  return bytes;
}

/** A name without compression (RFC 8415, 10), open at its end when it is a host's alone; undefined if it is none. */
export function encodeHostname(name: string): Uint8Array | undefined {
  if (!isDomainName(name)) return undefined;
  const labels = name.split('.').flatMap((label) => [label.length, ...Buffer.from(label, 'latin1')]);
  return Uint8Array.from(name.includes('.') ? [...labels, 0] : labels);
}
