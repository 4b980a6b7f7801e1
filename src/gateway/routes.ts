/**
 * Which routes and rules one service needs, by address family. Pure. The default service's routes in
 * the main table have the best metric, the others' a large one (ConnMan's formula). Where several
 * services share a family, each also has a table of its own, asked for packets that come from its
 * addresses (ip-rule(8)): answers leave by the link that was asked, whichever is the default.
 */

import type { Route } from '../netlink/route/route.ts';
import { MAIN_TABLE } from '../netlink/route/route.ts';
import type { Rule } from '../netlink/rule/rule.ts';
import type { IpAddress, IpPrefix } from '../shared/ipaddress.ts';

/** What a connected service asks of the routing table for one address family. */
export interface GatewayNeeds {
  readonly ifindex: number;
  readonly family: 4 | 6;
  /** The interface's addresses, one at least, with the lengths of the networks they are in. */
  readonly subnets: readonly IpPrefix[];
  /** Absent where the network has none (link-local, isolated); then there is no default route. */
  readonly gateway?: IpAddress;
  /** Servers that must be reached through this interface even when it is not the default. */
  readonly hosts: readonly IpAddress[];
  /** Of servers (RFC 3442) and routers (RFC 4191): a route without gateway is on the link. */
  readonly routes: readonly { readonly destination: IpPrefix; readonly gateway: IpAddress | undefined }[];
  /** A tunnel: its default route, if it is to have one, leads into the interface. */
  readonly tunnel?: 'full' | 'split';
  /** No default route in the main table, not even one behind all others: its own table alone has one. */
  readonly isNeverDefault?: boolean;
  /** The tunnel takes all traffic and has no address of the other family: that goes nowhere. */
  readonly isOtherFamilyBlocked?: boolean;
}

/**
 * The service's routes in the main table. Confined, beside a tunnel that takes all traffic: nothing that
 * a server told (RFC 3442) leads past the tunnel, only the default route remains, for sockets of the link.
 */
export function routesFor(needs: GatewayNeeds, isDefault: boolean, isConfined = false): Route[] {
  if (needs.tunnel !== undefined) return tunnelRoutes(needs, isDefault);
  if (isConfined) return routesFor({ ...needs, hosts: [], routes: [] }, false);
  const { ifindex, family, gateway } = needs;
  const metric = isDefault ? DEFAULT_METRIC[family] : lowPriorityMetric(ifindex);
  const routes: Route[] = [];
  const addHost = (address: IpAddress, via: IpAddress | undefined): void => {
    const destination = { address, prefixLength: hostPrefixLength(family) };
    routes.push(
      via === undefined
        ? { family, destination, ifindex, metric, scope: 'link' }
        : { family, destination, gateway: via, ifindex, metric },
    );
  };
  if (gateway !== undefined && !isReachedByLink(gateway)) addHost(gateway, undefined);
  for (const host of needs.hosts) {
    const isKnown = isOnLink(needs, host) || host.isLinkLocal || host.equals(gateway);
    if (host.family === family && !isKnown) addHost(host, gateway);
  }
  const isAllowed = ({ destination }: Route): boolean =>
    needs.isNeverDefault !== true || (destination !== undefined && destination.prefixLength > 0);
  routes.push(...beyond(needs).filter(isAllowed).map((route) => ({ ...route, metric })));
  return routes;
}

/** The routes of the service's own table: all that its address may reach; confined, its link alone. */
export function sourceRoutesFor(needs: GatewayNeeds, isConfined = false): Route[] {
  const { ifindex, family, subnets, gateway } = needs;
  const table = sourceTable(ifindex);
  const routes = subnets.map((subnet): Route => ({
    family,
    destination: networkOf(subnet),
    ifindex,
    scope: 'link',
    ...(family === 4 && { source: subnet.address }),
  }));
  if (gateway !== undefined && !isOnLink(needs, gateway) && !isReachedByLink(gateway)) {
    routes.push(
      { family, destination: { address: gateway, prefixLength: hostPrefixLength(family) }, ifindex, scope: 'link' },
    );
  }
  if (!isConfined) routes.push(...beyond(needs));
  return routes.map((route) => ({ ...route, metric: 0, table }));
}

/**
 * The rules that lead packets from the service's addresses to its table: first to what is on its link,
 * then, after all that the main table knows better than by its default route (`sharedRule`), beyond.
 * In IPv6 a network stands for all addresses that the host has in it, temporary ones included. A
 * link-local address of IPv4 is for its link alone (RFC 3927, 2.7).
 */
export function sourceRulesFor({ ifindex, family, subnets }: GatewayNeeds, isConfined = false): Rule[] {
  const table = sourceTable(ifindex);
  return subnets.flatMap((subnet): Rule[] => {
    const source = family === 4 ? { address: subnet.address, prefixLength: 32 } : networkOf(subnet);
    const link: Rule = { family, priority: PRIORITY.link, source, table, suppressPrefixLength: 0 };
    const isOfLink = isConfined || (family === 4 && subnet.address.isLinkLocal);
    return isOfLink ? [link] : [link, { family, priority: PRIORITY.beyond, source, table }];
  });
}

/** The rule between the two of `sourceRulesFor`, one for all services of a family. */
export function sharedRule(family: 4 | 6): Rule {
  return { family, priority: PRIORITY.shared, table: MAIN_TABLE, suppressPrefixLength: 0 };
}

/** Whether a rule is one of `sourceRulesFor`, made by us or by an earlier daemon. */
export function isSourceRule({ priority, table, source }: Rule): boolean {
  return source !== undefined && table > SOURCE_TABLES && (priority === PRIORITY.link || priority === PRIORITY.beyond);
}

/** The number of a link's table, out of the way of those that people and other programs choose. */
export function sourceTable(ifindex: number): number {
  return SOURCE_TABLES + ifindex;
}

/** ConnMan's metric for routes of services that are not the default: at least 2^20. */
export function lowPriorityMetric(ifindex: number): number {
  return Math.max(2 ** 20, 2 ** 32 - 1 - ifindex * 1024);
}

/**
 * Of the default service. The kernel's own routes to advertised routers have 1024 in IPv6: they stay
 * behind ours, for routers that fall silent and for when nobody manages routes.
 */
export const DEFAULT_METRIC = { 4: 0, 6: 512 } as const;

/** Before the main table's own rule, which has 32766. */
const PRIORITY = { link: 31_990, shared: 31_991, beyond: 31_992 } as const;

const SOURCE_TABLES = 0x43_0000;

/** Before the kernel's own routes to routers (1024) and those of services that are not the default. */
const BLOCKING_METRIC = 128;

function tunnelRoutes(needs: GatewayNeeds, isDefault: boolean): Route[] {
  const { ifindex, family, hosts, routes, tunnel } = needs;
  const metric = isDefault ? DEFAULT_METRIC[family] : lowPriorityMetric(ifindex);
  const inside: Route = { family, ifindex, scope: 'link' };
  const found: Route[] = hosts
    .filter((host) => host.family === family && !isOnLink(needs, host))
    .map((address) => ({ ...inside, destination: { address, prefixLength: hostPrefixLength(family) } }));
  for (const { destination, gateway } of routes) {
    const isVia = gateway !== undefined && gateway.family === family;
    found.push(isVia ? { family, ifindex, destination, gateway, onlink: true } : { ...inside, destination });
  }
  if (tunnel === 'full') found.push({ ...inside, metric });
  if (isDefault && needs.isOtherFamilyBlocked === true) {
    found.push({ family: family === 4 ? 6 : 4, type: 'unreachable', metric: BLOCKING_METRIC });
  }
  return found;
}

function hostPrefixLength(family: 4 | 6): number {
  return family === 4 ? 32 : 128;
}

function isOnLink({ subnets }: GatewayNeeds, address: IpAddress): boolean {
  return subnets.some((subnet) => address.sharesPrefix(subnet.address, subnet.prefixLength));
}

/** A link-local router needs no route: its interface is told with it. */
function isReachedByLink({ family, isLinkLocal }: IpAddress): boolean {
  return family === 6 && isLinkLocal;
}

function networkOf({ address, prefixLength }: IpPrefix): IpPrefix {
  return { address: address.network(prefixLength), prefixLength };
}

/** Where the network's routers lead. */
function beyond(needs: GatewayNeeds): Route[] {
  const { ifindex, family, gateway } = needs;
  const routes = needs.routes.map(({ destination, gateway: via }): Route => ({
    family,
    destination,
    ifindex,
    ...(via === undefined
      ? { scope: 'link' }
      : { gateway: via, onlink: !isOnLink(needs, via) && !isReachedByLink(via) }),
  }));
  if (gateway !== undefined) routes.push({ family, gateway, ifindex });
  return routes;
}
