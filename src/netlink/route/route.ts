/**
 * Routes as the kernel tells of them (rtnetlink(7), linux/rtnetlink.h), and what may be asked.
 * A route of several next hops is told as one `Route` for each hop. Invariant: a `Route` never
 * changes; a new state is a new object.
 */

import type { IpAddress, IpPrefix } from '../../shared/ipaddress.ts';
import { sameIpAddress } from '../address/address.ts';
import type { AddressScope } from '../address/address.ts';

/** RT_TABLE_MAIN: the table an absent `table` means. */
export const MAIN_TABLE = 254;

/** RTPROT_* that have a meaning to us. */
export const ROUTE_PROTOCOL = { redirect: 1, kernel: 2, boot: 3, static: 4, ra: 9, dhcp: 16 } as const;

/** What happens to packets, in the order of RTN_*. */
export const ROUTE_TYPES = [
  'unspecified', 'unicast', 'local', 'broadcast', 'anycast', 'multicast', 'blackhole', 'unreachable', 'prohibit',
  'throw', 'nat', 'externalResolve',
] as const;
/** RTN_* of linux/rtnetlink.h. */
export type RouteType = (typeof ROUTE_TYPES)[number];

/** One way to one destination, both as told and as asked for. */
export interface Route {
  readonly family: 4 | 6;
  /** Absent is the default route. */
  readonly destination?: IpPrefix | undefined;
  /** An IPv4 route may have an IPv6 gateway (RFC 8950). */
  readonly gateway?: IpAddress | undefined;
  readonly ifindex?: number | undefined;
  /** Lower wins. Absent is 0 in IPv4; asked for in IPv6 it becomes 1024. */
  readonly metric?: number | undefined;
  /** Absent is the main table. */
  readonly table?: number | undefined;
  /** Asked for and absent: `link` for IPv4 without a gateway, otherwise `universe`. */
  readonly scope?: AddressScope | undefined;
  /** The preferred source address. */
  readonly source?: IpAddress | undefined;
  /** RTPROT_*; asked for and absent: `boot`, as ip(8) does. */
  readonly protocol?: number | undefined;
  /** Absent is `unicast`. */
  readonly type?: RouteType | undefined;
  /** The gateway is on the link even if no prefix says so. */
  readonly onlink?: boolean | undefined;
  readonly mtu?: number | undefined;
  /** IPv4 type of service; absent is 0. */
  readonly tos?: number | undefined;
}

/** Requests about routes. All reject with NetlinkError, or with `signal.reason`. */
export interface RouteRequests {
  /** Adds, or takes the place of the route with the same destination, metric and table. */
  replace(route: Route, signal?: AbortSignal): Promise<void>;
  /** EEXIST when there is one already. */
  add(route: Route, signal?: AbortSignal): Promise<void>;
  /** Removes the first that has all that is told here; ESRCH when there is none. */
  remove(route: Route, signal?: AbortSignal): Promise<void>;
  /** The route the kernel would take; ENETUNREACH when there is none. */
  get(destination: IpAddress, signal?: AbortSignal): Promise<Route>;
  /** All routes of a table, read anew. */
  list(family: 4 | 6, table: number, signal?: AbortSignal): Promise<Route[]>;
}

/**
 * Names a route among all of them: everything by which the kernel tells two apart. In IPv6 that is
 * destination, metric and hop; in IPv4 all it knows of the route (net/ipv4/fib_semantics.c).
 */
export function routeKey(route: Route): string {
  const { family, gateway = '', ifindex = 0, table = MAIN_TABLE } = route;
  const key = `${routeSlot(route)} ${table} ${ifindex} ${gateway}`;
  if (family === 6) return key;
  const { source = '', protocol = 0, mtu = 0, type = 'unicast', scope = '', onlink = false } = route;
  return `${key} ${source} ${protocol} ${mtu} ${type} ${scope} ${onlink}`;
}

/** What a route shares with those it can replace: destination, type of service and metric. */
export function routeSlot({ family, destination, metric = 0, tos = 0 }: Route): string {
  const to = destination === undefined ? 'default' : `${destination.address}/${destination.prefixLength}`;
  return `${family} ${to} ${tos} ${metric}`;
}

/** Whether two routes with the same key are the same in all else. */
export function sameRoute(one: Route, other: Route): boolean {
  return one.type === other.type && one.scope === other.scope && one.protocol === other.protocol
    && one.mtu === other.mtu && one.onlink === other.onlink && sameIpAddress(one.source, other.source);
}
