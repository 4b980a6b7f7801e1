/**
 * RTM_NEWROUTE, RTM_DELROUTE, RTM_GETROUTE (rtnetlink(7), linux/rtnetlink.h): struct rtmsg, RTA_*
 * attributes and, for several next hops, struct rtnexthop. Each hop becomes a `Route` of its own.
 */

import { HOST_IS_LITTLE_ENDIAN as LE } from '../../shared/bytes.ts';
import { DecodeError } from '../../shared/errors.ts';
import { ANY_IPV4, ANY_IPV6 } from '../../shared/ipaddress.ts';
import type { IpAddress } from '../../shared/ipaddress.ts';
import { decodeAttributes, encodeAttributes } from '../attributes.ts';
import type { Decoded, Kind, Shape } from '../attributes.ts';
import { atLeast, ipAddress, nested, u32 } from '../kinds.ts';
import { requirePayload } from '../message.ts';
import type { NetlinkMessage } from '../message.ts';
import { familyNumber, ipFamily, scopeName, scopeNumber } from '../numbers.ts';
import { Writer } from '../writer.ts';
import { MAIN_TABLE, ROUTE_PROTOCOL, ROUTE_TYPES } from './route.ts';
import type { Route } from './route.ts';

/** RTM_*. */
export const RTM_NEWROUTE = 24;
export const RTM_DELROUTE = 25;
export const RTM_GETROUTE = 26;

const RTMSG_BYTES = 12;
const RTNEXTHOP_BYTES = 8;
const RTM_F_CLONED = 0x200;
const RTNH_F_ONLINK = 0x4;

/** struct rtvia: an address of another family than the route's. */
const via: Kind<IpAddress> = {
  read: (view, at, length) => ipAddress.read(view, atLeast(2, at, length) + 2, length - 2),
  write(writer, address) {
    writer.u16(familyNumber(address.family));
    writer.bytes(address.bytes);
  },
};

/** RTAX_*. */
const METRICS = { mtu: [2, u32] } as const satisfies Shape;

/** RTA_* that say where packets go next: of the route, or of each of several hops. */
const HOP_ATTRIBUTES = { gateway: [5, ipAddress], via: [18, via] } as const satisfies Shape;

interface Hop {
  readonly ifindex: number;
  readonly flags: number;
  readonly attributes: Decoded<typeof HOP_ATTRIBUTES>;
}

/** RTA_MULTIPATH: struct rtnexthop, each followed by attributes. */
const hops: Kind<readonly Hop[]> = {
  read(view, at, length) {
    const found: Hop[] = [];
    const end = at + length;
    for (let next = at; end - next >= RTNEXTHOP_BYTES; ) {
      const hopBytes = view.getUint16(next, LE);
      const isWhole = hopBytes >= RTNEXTHOP_BYTES && hopBytes <= end - next;
      if (!isWhole) throw new DecodeError(`a hop of ${hopBytes} bytes`, next);
      const attributes = decodeAttributes(HOP_ATTRIBUTES, view, next + RTNEXTHOP_BYTES, next + hopBytes);
      found.push({ ifindex: view.getUint32(next + 4, LE), flags: view.getUint8(next + 2), attributes });
      next += (hopBytes + 3) & ~3;
    }
    return found;
  },
  write(writer, values) {
    for (const { ifindex, flags, attributes } of values) {
      const inner = new Writer();
      encodeAttributes(HOP_ATTRIBUTES, attributes, inner);
      writer.u16(RTNEXTHOP_BYTES + inner.length);
      writer.u8(flags);
      writer.u8(0); // weight 1
      writer.u32(ifindex);
      writer.bytes(inner.finish());
    }
  },
};

/** RTA_*. */
const ROUTE_ATTRIBUTES = {
  destination: [1, ipAddress],
  ifindex: [4, u32],
  gateway: [5, ipAddress],
  metric: [6, u32],
  source: [7, ipAddress],
  metrics: [8, nested(METRICS)],
  hops: [9, hops],
  table: [15, u32],
  via: [18, via],
} as const satisfies Shape;

/** What decoding RTA_* gives. */
export type RouteAttributes = Decoded<typeof ROUTE_ATTRIBUTES>;

/** As `decodeRoutes`, without entries of a cache and routes by source prefix: what we follow of a table. */
export function decodeTableRoutes(message: NetlinkMessage): Route[] {
  requirePayload(message, RTMSG_BYTES);
  const isCached = (message.view.getUint32(message.at + 8, LE) & RTM_F_CLONED) !== 0;
  const isBySource = message.view.getUint8(message.at + 2) !== 0;
  return isCached || isBySource ? [] : decodeRoutes(message);
}

/**
 * The route a message is about, hop by hop; empty for other families. The answer to a lookup in IPv6 tells a
 * source even where none was asked for. Throws DecodeError.
 */
export function decodeRoutes(message: NetlinkMessage): Route[] {
  requirePayload(message, RTMSG_BYTES);
  const { view, at, end } = message;
  const family = ipFamily(view.getUint8(at));
  const flags = view.getUint32(at + 8, LE);
  if (family === undefined) return [];
  const attributes = decodeAttributes(ROUTE_ATTRIBUTES, view, at + RTMSG_BYTES, end);
  const ways = attributes.hops ?? [{ ifindex: attributes.ifindex ?? 0, flags, attributes }];
  const table = attributes.table ?? view.getUint8(at + 4);
  const common = {
    family,
    destination: destinationOf(family, view.getUint8(at + 1), attributes),
    metric: attributes.metric || undefined,
    table: table === MAIN_TABLE ? undefined : table,
    scope: scopeName(view.getUint8(at + 6)),
    source: attributes.source,
    protocol: view.getUint8(at + 5),
    type: ROUTE_TYPES[view.getUint8(at + 7)] ?? 'unspecified',
    mtu: attributes.metrics?.mtu,
    tos: view.getUint8(at + 3) || undefined,
  };
  return ways.map((way) => ({
    ...common,
    ifindex: way.ifindex || undefined,
    gateway: gatewayOf(way.attributes),
    onlink: (way.flags & RTNH_F_ONLINK) !== 0 || undefined,
  }));
}

/** Writes the payload of RTM_NEWROUTE, or of RTM_DELROUTE, where what is absent matches anything. */
export function writeRoute(writer: Writer, route: Route, purpose: 'add' | 'remove'): void {
  const { family, destination, gateway, table = MAIN_TABLE, type = 'unicast' } = route;
  const isRemoval = purpose === 'remove';
  writer.u8(familyNumber(family));
  writer.u8(destination?.prefixLength ?? 0);
  writer.u8(0);
  writer.u8(route.tos ?? 0);
  writer.u8(table < 256 ? table : 0);
  writer.u8(route.protocol ?? (isRemoval ? 0 : ROUTE_PROTOCOL.boot));
  writer.u8(scopeNumber(route.scope ?? (isRemoval ? 'nowhere' : defaultScope(route))));
  writer.u8(isRemoval && route.type === undefined ? 0 : ROUTE_TYPES.indexOf(type));
  writer.u32(route.onlink ? RTNH_F_ONLINK : 0);
  const isForeign = gateway !== undefined && gateway.family !== family;
  const attributes: RouteAttributes = {
    destination: destination?.address.network(destination.prefixLength),
    ifindex: route.ifindex,
    gateway: isForeign ? undefined : gateway,
    via: isForeign ? gateway : undefined,
    metric: route.metric,
    source: route.source,
    metrics: route.mtu === undefined ? undefined : { mtu: route.mtu },
    table: table < 256 ? undefined : table,
  };
  encodeAttributes(ROUTE_ATTRIBUTES, attributes, writer);
}

/** Writes the payload of RTM_GETROUTE for all routes of a table. */
export function writeRouteDump(writer: Writer, family: 4 | 6, table: number): void {
  writer.u8(familyNumber(family));
  writer.zeros(RTMSG_BYTES - 1);
  encodeAttributes(ROUTE_ATTRIBUTES, { table }, writer);
}

/** Writes the payload of RTM_GETROUTE for the way to one address. */
export function writeRouteLookup(writer: Writer, destination: IpAddress): void {
  writer.u8(familyNumber(destination.family));
  writer.u8(8 * destination.bytes.length);
  writer.zeros(RTMSG_BYTES - 2);
  encodeAttributes(ROUTE_ATTRIBUTES, { destination }, writer);
}

function gatewayOf(attributes: Decoded<typeof HOP_ATTRIBUTES>): IpAddress | undefined {
  const gateway = attributes.gateway ?? attributes.via;
  return gateway?.isUnspecified ? undefined : gateway;
}

function destinationOf(family: 4 | 6, prefixLength: number, attributes: RouteAttributes): Route['destination'] {
  if (prefixLength === 0) return undefined;
  const address = attributes.destination ?? (family === 4 ? ANY_IPV4 : ANY_IPV6);
  if (address.family !== family || prefixLength > 8 * address.bytes.length) {
    throw new DecodeError(`a destination of ${prefixLength} bits`, 0);
  }
  return { address, prefixLength };
}

// ip-route(8): a unicast IPv4 route without a gateway has scope link; IPv6 has no scopes.
function defaultScope({ family, gateway, type = 'unicast' }: Route): 'universe' | 'link' | 'host' {
  if (family === 4 && type === 'local') return 'host';
  return family === 4 && type === 'unicast' && gateway === undefined ? 'link' : 'universe';
}
