/**
 * The options field of DHCPv4 (RFC 2132): codes, splitting and joining (RFC 3396, option 52), and
 * the meaning of the values we use. Invariant: a value's reader is total and gives `undefined` for
 * what is malformed or could not be what it claims to be, so that one bad option spoils no lease.
 */

import { Reader } from '../shared/bytes.ts';
import { IpAddress, type IpPrefix } from '../shared/ipaddress.ts';

/** Option codes (IANA, BOOTP and DHCP parameters). */
export const OPTION = {
  subnetMask: 1,
  router: 3,
  nameserver: 6,
  hostname: 12,
  domainName: 15,
  mtu: 26,
  timeserver: 42,
  vendorInformation: 43,
  requestedAddress: 50,
  leaseTime: 51,
  overload: 52,
  messageType: 53,
  serverIdentifier: 54,
  parameterList: 55,
  message: 56,
  maximumMessageSize: 57,
  renewalTime: 58,
  rebindingTime: 59,
  vendorClass: 60,
  clientIdentifier: 61,
  rapidCommit: 80,
  qualifiedName: 81,
  ipv6OnlyPreferred: 108,
  captivePortal: 114,
  searchDomains: 119,
  classlessRoutes: 121,
  proxyAutoconfiguration: 252,
} as const;

const PAD = 0;
const END = 255;

/**
 * All options of a message: those of the options field, then of `bootFile` and `serverName` as far
 * as option 52 says so. Values that came in parts are joined. Throws DecodeError.
 */
export function joinOptions(
  options: Uint8Array,
  bootFile: Uint8Array,
  serverName: Uint8Array,
): Map<number, Uint8Array> {
  const parts = new Map<number, Uint8Array[]>();
  collectParts(options, parts);
  const overload = parts.get(OPTION.overload)?.[0]?.[0] ?? 0;
  // RFC 3396, 5: the order in which the three fields are joined.
  if ((overload & 1) !== 0) collectParts(bootFile, parts);
  if ((overload & 2) !== 0) collectParts(serverName, parts);
  parts.delete(OPTION.overload);
  return new Map(Array.from(parts, ([code, values]) => [code, concatenate(values)]));
}

/** The options field with its end mark; values past 255 bytes are split (RFC 3396). */
export function encodeOptions(options: ReadonlyMap<number, Uint8Array>): Uint8Array {
  const parts: Uint8Array[] = [];
  for (const [code, value] of options) {
    for (let at = 0; at === 0 || at < value.length; at += 255) {
      const part = value.subarray(at, at + 255);
      parts.push(Uint8Array.of(code, part.length), part);
    }
  }
  return concatenate([...parts, Uint8Array.of(END)]);
}

function collectParts(field: Uint8Array, parts: Map<number, Uint8Array[]>): void {
  const reader = new Reader(field, 'DHCPv4 options');
  // A field that ends without its end mark is common enough to be taken.
  while (reader.remaining > 0) {
    const code = reader.u8();
    if (code === PAD) continue;
    if (code === END) return;
    const value = reader.take(reader.u8());
    const known = parts.get(code);
    if (known === undefined) parts.set(code, [value]);
    else known.push(value);
  }
}

function concatenate(parts: readonly Uint8Array[]): Uint8Array {
  const [first] = parts;
  if (first !== undefined && parts.length === 1) return first;
  const whole = new Uint8Array(parts.reduce((length, part) => length + part.length, 0));
  let at = 0;
  for (const part of parts) {
    whole.set(part, at);
    at += part.length;
  }
  return whole;
}

/** A 32-bit number, such as a time in seconds. */
export function u32Of(value: Uint8Array | undefined): number | undefined {
  return value?.length === 4 ? new DataView(value.buffer, value.byteOffset).getUint32(0) : undefined;
}

/** A 16-bit number. */
export function u16Of(value: Uint8Array | undefined): number | undefined {
  return value?.length === 2 ? new DataView(value.buffer, value.byteOffset).getUint16(0) : undefined;
}

/** Four bytes of network order. */
export function u32Bytes(value: number): Uint8Array {
  const bytes = new Uint8Array(4);
  new DataView(bytes.buffer).setUint32(0, value);
  return bytes;
}

/** One address of a host. */
export function hostAddressOf(value: Uint8Array | undefined): IpAddress | undefined {
  return value?.length === 4 ? hostAddressesOf(value)[0] : undefined;
}

/** A list of addresses of hosts; those that are none are left out, as is an incomplete last one. */
export function hostAddressesOf(value: Uint8Array | undefined): IpAddress[] {
  const addresses: IpAddress[] = [];
  for (let at = 0; value !== undefined && at + 4 <= value.length; at += 4) {
    const address = new IpAddress(value.subarray(at, at + 4));
    if (isHostAddress(address)) addresses.push(address);
  }
  return addresses;
}

/** Whether an address can be another host's or ours: not 0/8, not loopback, not past class C. */
export function isHostAddress(address: IpAddress): boolean {
  const [first = 0] = address.bytes;
  return first !== 0 && first < 224 && !address.isLoopback;
}

/** A domain name in letters, digits, hyphens and underscores, without its last dot. */
export function domainNameOf(value: Uint8Array | undefined): string | undefined {
  const name = textOf(value)?.replace(/\.$/, '');
  return name !== undefined && isDomainName(name) ? name : undefined;
}

/** A host name: a domain name without underscores. */
export function hostnameOf(value: Uint8Array | undefined): string | undefined {
  const name = domainNameOf(value);
  return name?.includes('_') === true ? undefined : name;
}

/** A URL, as far as its characters go: printable ASCII without blanks (RFC 3986, 2). */
export function urlOf(value: Uint8Array | undefined): string | undefined {
  const text = textOf(value);
  return text !== undefined && /^[a-z][a-z0-9+.-]*:[\x21-\x7e]+$/i.test(text) ? text : undefined;
}

/** Labels of 1 to 63 letters, digits, `_` and, inside, `-`; at most 253 characters. */
export function isDomainName(name: string): boolean {
  return name.length <= 253
    && name.split('.').every((label) => /^[a-z0-9_](?:[a-z0-9_-]{0,61}[a-z0-9_])?$/i.test(label));
}

/** Destinations and gateways (RFC 3442); a gateway of 0.0.0.0 means on the link. */
export function classlessRoutesOf(
  value: Uint8Array | undefined,
): { destination: IpPrefix; gateway: IpAddress | undefined }[] | undefined {
  if (value === undefined || value.length === 0) return undefined;
  const routes: { destination: IpPrefix; gateway: IpAddress | undefined }[] = [];
  let at = 0;
  while (at < value.length) {
    const prefixLength = value[at] ?? 0;
    const significant = (prefixLength + 7) >> 3;
    if (prefixLength > 32 || at + 1 + significant + 4 > value.length) return undefined;
    const destination = new Uint8Array(4);
    destination.set(value.subarray(at + 1, at + 1 + significant));
    at += 1 + significant + 4;
    const gateway = new IpAddress(value.subarray(at - 4, at));
    if (!gateway.isUnspecified && !isHostAddress(gateway)) return undefined;
    routes.push({
      destination: { address: new IpAddress(destination).network(prefixLength), prefixLength },
      gateway: gateway.isUnspecified ? undefined : gateway,
    });
  }
  return routes;
}

/** Text without the NULs and line ends that some servers count in. */
function textOf(value: Uint8Array | undefined): string | undefined {
  if (value === undefined) return undefined;
  let length = value.length;
  while (length > 0 && [0, 10, 13, 32].includes(value[length - 1] ?? 1)) length--;
  return Array.from(value.subarray(0, length), (byte) => String.fromCharCode(byte)).join('');
}
