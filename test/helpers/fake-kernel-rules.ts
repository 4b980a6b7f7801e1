/**
 * What the kernel in memory (fake-kernel.ts) derives from what it is told: a link's state from its
 * flags, the route of an address, what a route request left out.
 */

import type { Address } from '../../src/netlink/address/address.ts';
import { IFF } from '../../src/netlink/link/codec.ts';
import type { Link } from '../../src/netlink/link/link.ts';
import { MAIN_TABLE, ROUTE_PROTOCOL } from '../../src/netlink/route/route.ts';
import type { Route } from '../../src/netlink/route/route.ts';

/** Counters of a link that is new. */
export const NO_STATISTICS = {
  rxPackets: 0, txPackets: 0, rxBytes: 0, txBytes: 0, rxErrors: 0, txErrors: 0, rxDropped: 0, txDropped: 0,
};

/** What follows from the flags. */
export function withDerived(link: Link): Link {
  const isUp = (link.flags & IFF.up) !== 0;
  const hasCarrier = (link.flags & IFF.lowerUp) !== 0;
  const isRunning = (link.flags & IFF.running) !== 0;
  return { ...link, isUp, hasCarrier, isRunning, operState: isUp && hasCarrier ? 'up' : 'down' };
}

/** The route to an address's prefix, which the kernel makes and removes with the address. */
export function connectedRoute({ address, prefixLength, peer, ifindex, metric }: Address): Route | undefined {
  const { family } = address;
  if (peer === undefined && family === 4 && prefixLength === 32) return undefined;
  const destination = { address: (peer ?? address).network(prefixLength), prefixLength };
  const source = family === 4 ? address : undefined;
  const scope = family === 4 ? 'link' : 'universe';
  const kernel = { protocol: ROUTE_PROTOCOL.kernel, type: 'unicast' } as const;
  return { ...kernel, family, destination, ifindex, source, scope, metric: metric ?? (family === 6 ? 256 : undefined) };
}

/** How the kernel tells of what a request left out. */
export function routeDefaults(route: Route): Partial<Route> {
  const { family, gateway, metric, table, type = 'unicast' } = route;
  const scope = route.scope ?? (family === 4 && type === 'unicast' && gateway === undefined ? 'link' : 'universe');
  return {
    scope, type,
    metric: metric || (family === 6 ? 1024 : undefined),
    protocol: route.protocol ?? ROUTE_PROTOCOL.boot,
    table: table === MAIN_TABLE ? undefined : table,
  };
}

/** Whether `route` has all that a request for removal tells; a metric of 0 tells nothing. */
export function matches(route: Route, wanted: Route): boolean {
  const isSame = (one: unknown, other: unknown): boolean => other === undefined || String(one) === String(other);
  const to = ({ destination }: Route): string =>
    destination === undefined ? '' : `${destination.address}/${destination.prefixLength}`;
  return route.family === wanted.family && to(route) === to(wanted) && isSame(route.gateway, wanted.gateway)
    && isSame(route.ifindex, wanted.ifindex) && isSame(route.metric, wanted.metric || undefined)
    && isSame(route.source, wanted.source) && isSame(route.protocol, wanted.protocol)
    && isSame(route.scope, wanted.scope) && isSame(route.type, wanted.type);
}
