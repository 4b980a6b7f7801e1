/**
 * Router solicitations and advertisements as bytes (RFC 4861, 4.1 and 4.2), with the options of
 * RFC 4191, 8106 and 8910. Invariant: decoding is total; what breaks RFC 4861's framing spoils the
 * message, a malformed option spoils itself alone, and texts are safe to log and to store.
 */

import { captivePortalOf } from '../dhcp/lease.ts';
import { searchDomainsOf } from '../dhcp/search-domains.ts';
import { Reader } from '../shared/bytes.ts';
import { IpAddress, type IpPrefix } from '../shared/ipaddress.ts';

/** How much a router wants to be used, beside others (RFC 4191, 2.1). */
export type Preference = 'low' | 'medium' | 'high';

/** What a router told. Lifetimes are in seconds, `Infinity` for those without end. */
export interface RouterAdvertisement {
  /** Absent when the router says nothing of it. */
  readonly hopLimit: number | undefined;
  /** Addresses come by DHCPv6 (flag M). */
  readonly isManaged: boolean;
  /** Other configuration comes by DHCPv6 (flag O). */
  readonly isOtherConfig: boolean;
  /** As a default router; with the lifetime that an option of RFC 4191 for ::/0 gives, if one came. */
  readonly preference: Preference;
  /** As a default router; 0: it is none. */
  readonly lifetimeSec: number;
  readonly prefixes: readonly PrefixOption[];
  readonly routes: readonly RouteOption[];
  readonly nameservers: readonly { readonly address: IpAddress; readonly lifetimeSec: number }[];
  readonly searchDomains: readonly { readonly name: string; readonly lifetimeSec: number }[];
  /** At least 1280. */
  readonly mtu: number | undefined;
  /** RFC 8910, 2.3; absent also when the network says that it has no portal. */
  readonly captivePortal: string | undefined;
}

/** RFC 4861, 4.6.2. */
export interface PrefixOption {
  readonly prefix: IpPrefix;
  readonly isOnLink: boolean;
  readonly isAutonomous: boolean;
  readonly validSec: number;
  /** Never more than `validSec`. */
  readonly preferredSec: number;
}

/** RFC 4191, 2.3. */
export interface RouteOption {
  readonly destination: IpPrefix;
  readonly preference: Preference;
  readonly lifetimeSec: number;
}

/** ICMPv6 types. */
export const ROUTER_SOLICITATION = 133;
export const ROUTER_ADVERTISEMENT = 134;

/** What a message of type 134 says; throws DecodeError for what RFC 4861, 6.1.2 says is to be dropped. */
export function decodeRouterAdvertisement(bytes: Uint8Array): RouterAdvertisement {
  const reader = new Reader(bytes, 'router advertisement');
  const type = reader.u8();
  const code = reader.u8();
  if (type !== ROUTER_ADVERTISEMENT || code !== 0) reader.fail(`type ${type}, code ${code}`);
  reader.skip(2); // the kernel has verified the checksum
  const hopLimit = reader.u8();
  const flags = reader.u8();
  const lifetimeSec = reader.u16();
  reader.skip(8); // reachable time and retransmission timer, which the kernel takes over itself
  const found = readOptions(reader);
  const { defaultRoute } = found;
  return {
    hopLimit: hopLimit === 0 ? undefined : hopLimit,
    isManaged: (flags & 0x80) !== 0,
    isOtherConfig: (flags & 0x40) !== 0,
    // RFC 4191, 2.2: the reserved value counts as medium.
    preference: defaultRoute?.preference ?? preferenceOf(flags) ?? 'medium',
    lifetimeSec: defaultRoute?.lifetimeSec ?? lifetimeSec,
    prefixes: found.prefixes,
    routes: found.routes,
    nameservers: found.nameservers,
    searchDomains: found.searchDomains,
    mtu: found.mtu,
    captivePortal: found.captivePortal,
  };
}

/** A solicitation with the sender's hardware address; the kernel fills in the checksum. */
export function encodeRouterSolicitation(hardwareAddress: Uint8Array): Uint8Array {
  const units = Math.ceil((2 + hardwareAddress.length) / 8);
  const bytes = new Uint8Array(8 + 8 * units);
  bytes[0] = ROUTER_SOLICITATION;
  bytes[8] = OPTION.sourceLinkLayerAddress;
  bytes[9] = units;
  bytes.set(hardwareAddress, 10);
  return bytes;
}

const OPTION = {
  sourceLinkLayerAddress: 1,
  prefix: 3,
  mtu: 5,
  route: 24,
  nameservers: 25,
  searchDomains: 31,
  captivePortal: 37,
} as const;

const LEAST_MTU = 1280; // RFC 8200, 5
const WITHOUT_END = 0xffff_ffff;

/** RFC 4191, 2.1, at bits 3 and 4 of a byte; undefined for the reserved value. */
function preferenceOf(byte: number): Preference | undefined {
  return ([ 'medium', 'high', undefined, 'low'] as const)[(byte >> 3) & 3];
}

interface Found {
  readonly prefixes: PrefixOption[];
  readonly routes: RouteOption[];
  readonly nameservers: { address: IpAddress; lifetimeSec: number }[];
  readonly searchDomains: { name: string; lifetimeSec: number }[];
  mtu: number | undefined;
  captivePortal: string | undefined;
  /** RFC 4191, 3.1: an option for ::/0 overrides what the header says. */
  defaultRoute: RouteOption | undefined;
}

function readOptions(reader: Reader): Found {
  const found: Found = {
    prefixes: [], routes: [], nameservers: [], searchDomains: [],
    mtu: undefined, captivePortal: undefined, defaultRoute: undefined,
  };
  while (reader.remaining > 0) {
    const type = reader.u8();
    const units = reader.u8();
    if (units === 0) reader.fail('an option of no length'); // RFC 4861, 4.6
    const body = reader.take(8 * units - 2);
    readOption(type, body, found);
  }
  return found;
}

function readOption(type: number, body: Uint8Array, found: Found): void {
  const view = new DataView(body.buffer, body.byteOffset, body.byteLength);
  switch (type) {
    case OPTION.prefix: {
      const prefix = readPrefix(view, body);
      if (prefix !== undefined) found.prefixes.push(prefix);
      return;
    }
    case OPTION.route: {
      const route = readRoute(view, body);
      if (route?.destination.prefixLength === 0) found.defaultRoute = route;
      else if (route !== undefined) found.routes.push(route);
      return;
    }
    case OPTION.mtu:
      if (body.length === 6 && view.getUint32(2) >= LEAST_MTU) found.mtu = view.getUint32(2);
      return;
    case OPTION.nameservers:
      found.nameservers.push(...readNameservers(view, body));
      return;
    case OPTION.searchDomains:
      found.searchDomains.push(...readSearchDomains(view, body));
      return;
    case OPTION.captivePortal:
      found.captivePortal = captivePortalOf(body) ?? found.captivePortal;
  }
}

function readPrefix(view: DataView, body: Uint8Array): PrefixOption | undefined {
  if (body.length !== 30) return undefined;
  const prefixLength = view.getUint8(0);
  const flags = view.getUint8(1);
  const validSec = lifetimeOf(view.getUint32(2));
  const preferredSec = lifetimeOf(view.getUint32(6));
  const address = new IpAddress(body.subarray(14, 30));
  // RFC 4862, 5.5.3, c) and RFC 4861, 6.3.4.
  if (prefixLength > 128 || preferredSec > validSec || address.isLinkLocal || address.isMulticast) return undefined;
  return {
    prefix: { address: address.network(prefixLength), prefixLength },
    isOnLink: (flags & 0x80) !== 0,
    isAutonomous: (flags & 0x40) !== 0,
    validSec,
    preferredSec,
  };
}

function readRoute(view: DataView, body: Uint8Array): RouteOption | undefined {
  if (body.length < 6 || body.length > 22) return undefined;
  const prefixLength = view.getUint8(0);
  const preference = preferenceOf(view.getUint8(1));
  // RFC 4191, 2.3: 8 bytes of prefix for up to 64 bits, 16 for more; the reserved preference is ignored.
  if (prefixLength > 8 * (body.length - 6) || prefixLength > 128 || preference === undefined) return undefined;
  const bytes = new Uint8Array(16);
  bytes.set(body.subarray(6));
  const address = new IpAddress(bytes).network(prefixLength);
  return { destination: { address, prefixLength }, preference, lifetimeSec: lifetimeOf(view.getUint32(2)) };
}

// RFC 8106, 5.1: two reserved bytes, the lifetime, addresses.
function readNameservers(view: DataView, body: Uint8Array): { address: IpAddress; lifetimeSec: number }[] {
  if ((body.length - 6) % 16 !== 0) return [];
  const lifetimeSec = lifetimeOf(view.getUint32(2));
  const servers: { address: IpAddress; lifetimeSec: number }[] = [];
  for (let at = 6; at < body.length; at += 16) {
    const address = new IpAddress(body.subarray(at, at + 16));
    if (!address.isUnspecified && !address.isLoopback && !address.isMulticast) servers.push({ address, lifetimeSec });
  }
  return servers;
}

// RFC 8106, 5.2: as above with names, and zeros behind the last.
function readSearchDomains(view: DataView, body: Uint8Array): { name: string; lifetimeSec: number }[] {
  let end = body.length;
  while (end > 6 && body[end - 1] === 0) end--;
  const lifetimeSec = lifetimeOf(view.getUint32(2));
  const names = end === body.length ? undefined : searchDomainsOf(body.subarray(6, end + 1));
  return (names ?? []).map((name) => ({ name, lifetimeSec }));
}

function lifetimeOf(seconds: number): number {
  return seconds === WITHOUT_END ? Infinity : seconds;
}
