/**
 * The kernel's links, addresses and routes as they follow from its messages, and from what it does
 * without a word: IPv4 routes go silently with their link, its last address or their source address
 * (net/ipv4/fib_frontend.c). Invariant: pure; `apply` changes the state, then tells what changed.
 */

import { addressKey, sameAddress } from './address/address.ts';
import type { Address } from './address/address.ts';
import type { KernelEvent } from './event.ts';
import { sameLink } from './link/link.ts';
import type { Link } from './link/link.ts';
import type { Change } from './mirror.ts';
import { routeKey, routeSlot, sameRoute } from './route/route.ts';
import type { Route } from './route/route.ts';
import { Table } from './tables.ts';

/** One entry came, went or changed. */
export type StateChange =
  | ({ readonly kind: 'link' } & Change<Link>)
  | ({ readonly kind: 'address' } & Change<Address>)
  | ({ readonly kind: 'route' } & Change<Route>);

/** Takes changes in the order they happened, before the state they led to is complete. */
export type ChangeSink = (change: StateChange) => void;

/** Links, addresses and routes. */
export class KernelState {
  readonly links = new Map<number, Link>();
  readonly linksByName = new Map<string, Link>();
  readonly addresses = new Table<Address>();
  readonly routes = new Table<Route>(routeSlot);
  // IPv4 routes of several hops outlive the link of one of them.
  readonly #multipath = new Set<string>();

  /**
   * Applies one event. False when it does not tell enough to know the state after it: read it anew.
   */
  apply(event: KernelEvent, sink: ChangeSink): boolean {
    switch (event.kind) {
      case 'link': return this.#setLink(event.link, sink);
      case 'linkGone': return this.#removeLink(event.link, sink);
      case 'address': return this.#setAddress(event.address, sink);
      case 'addressGone': return this.#removeAddress(event.address, sink);
      case 'route': return event.isReplacement ? this.#replaceRoute(event.hops, sink) : this.#setHops(event.hops, sink);
      case 'routeGone': {
        for (const hop of event.hops) this.#removeRoute(routeKey(hop), sink);
        return true;
      }
    }
  }

  /** Becomes `other`, telling the differences: what went first, then what changed or came. */
  become(other: KernelState, sink: ChangeSink): void {
    for (const key of [...this.routes.entries.keys()]) {
      if (!other.routes.entries.has(key)) this.#removeRoute(key, sink);
    }
    for (const [key, before] of [...this.addresses.entries]) {
      if (other.addresses.entries.has(key)) continue;
      this.addresses.delete(key);
      sink({ kind: 'address', before });
    }
    for (const before of [...this.links.values()]) {
      if (!other.links.has(before.ifindex)) this.#deleteLink(before, sink);
    }
    for (const link of other.links.values()) this.#putLink(link, sink);
    for (const address of other.addresses.entries.values()) this.#setAddress(address, sink);
    for (const route of other.routes.entries.values()) this.#setRoute(route, sink);
    this.#multipath.clear();
    for (const key of other.#multipath) this.#multipath.add(key);
  }

  #setLink(link: Link, sink: ChangeSink): boolean {
    const goesDown = !link.isUp && this.links.get(link.ifindex)?.isUp === true;
    this.#putLink(link, sink);
    return goesDown ? this.#flushIpv4(link.ifindex, sink) : true;
  }

  #putLink(link: Link, sink: ChangeSink): void {
    const before = this.links.get(link.ifindex);
    this.links.set(link.ifindex, link);
    if (before !== undefined && this.linksByName.get(before.name) === before) this.linksByName.delete(before.name);
    this.linksByName.set(link.name, link);
    if (before === undefined) sink({ kind: 'link', after: link });
    else if (!sameLink(before, link)) sink({ kind: 'link', before, after: link });
  }

  #removeLink({ ifindex }: Link, sink: ChangeSink): boolean {
    const before = this.links.get(ifindex);
    if (before === undefined) return true;
    const isKnown = this.#flushIpv4(ifindex, sink);
    for (const route of this.routes.of(ifindex)) if (route.family === 6) this.#removeRoute(routeKey(route), sink);
    for (const address of this.addresses.of(ifindex)) {
      this.addresses.delete(addressKey(address));
      sink({ kind: 'address', before: address });
    }
    this.#deleteLink(before, sink);
    return isKnown;
  }

  #deleteLink(before: Link, sink: ChangeSink): void {
    this.links.delete(before.ifindex);
    if (this.linksByName.get(before.name) === before) this.linksByName.delete(before.name);
    sink({ kind: 'link', before });
  }

  #setAddress(address: Address, sink: ChangeSink): boolean {
    const key = addressKey(address);
    const before = this.addresses.entries.get(key);
    this.addresses.set(key, address);
    if (before === undefined) sink({ kind: 'address', after: address });
    else if (!sameAddress(before, address)) sink({ kind: 'address', before, after: address });
    return true;
  }

  #removeAddress(gone: Address, sink: ChangeSink): boolean {
    const key = addressKey(gone);
    const before = this.addresses.entries.get(key);
    if (before === undefined) return true;
    this.addresses.delete(key);
    sink({ kind: 'address', before });
    if (gone.address.family === 6) {
      this.#forgetSource(gone, sink);
      return true;
    }
    const isLast = !this.addresses.of(gone.ifindex).some(({ address }) => address.family === 4);
    return isLast ? this.#flushIpv4(gone.ifindex, sink) : this.#flushSource(gone, sink);
  }

  // IPv6 routes of the link stay and lose their preferred source (net/ipv6/route.c, rt6_remove_prefsrc).
  #forgetSource({ ifindex, address }: Address, sink: ChangeSink): void {
    for (const before of this.routes.of(ifindex)) {
      if (!address.equals(before.source)) continue;
      this.#setRoute({ ...before, source: undefined }, sink);
    }
  }

  #flushIpv4(ifindex: number, sink: ChangeSink): boolean {
    return this.#flush(this.routes.of(ifindex).filter((route) => route.family === 4), sink);
  }

  #flushSource({ address }: Address, sink: ChangeSink): boolean {
    for (const other of this.addresses.entries.values()) if (address.equals(other.address)) return true;
    return this.#flush([...this.routes.entries.values()].filter(({ source }) => address.equals(source)), sink);
  }

  #flush(routes: readonly Route[], sink: ChangeSink): boolean {
    let isKnown = true;
    for (const route of routes) {
      const key = routeKey(route);
      if (this.#multipath.has(key)) isKnown = false;
      else this.#removeRoute(key, sink);
    }
    return isKnown;
  }

  #setHops(hops: readonly Route[], sink: ChangeSink): boolean {
    for (const hop of hops) {
      this.#setRoute(hop, sink);
      if (hops.length > 1 && hop.family === 4) this.#multipath.add(routeKey(hop));
    }
    return true;
  }

  // The message does not name the route that was replaced. There is mostly one that it can be.
  #replaceRoute(hops: readonly Route[], sink: ChangeSink): boolean {
    const [after] = hops;
    if (after === undefined) return true;
    const replaced = this.routes.inGroup(routeSlot(after));
    const [before] = replaced;
    if (replaced.length > 1 || hops.length > 1 || before === undefined) {
      this.#setHops(hops, sink);
      return replaced.length === 0;
    }
    this.#multipath.delete(routeKey(before));
    this.routes.delete(routeKey(before));
    this.routes.set(routeKey(after), after);
    if (routeKey(before) !== routeKey(after) || !sameRoute(before, after)) sink({ kind: 'route', before, after });
    return true;
  }

  #setRoute(route: Route, sink: ChangeSink): void {
    const key = routeKey(route);
    const before = this.routes.entries.get(key);
    this.routes.set(key, route);
    if (before === undefined) sink({ kind: 'route', after: route });
    else if (!sameRoute(before, route)) sink({ kind: 'route', before, after: route });
  }

  #removeRoute(key: string, sink: ChangeSink): void {
    const before = this.routes.entries.get(key);
    this.#multipath.delete(key);
    if (before === undefined) return;
    this.routes.delete(key);
    sink({ kind: 'route', before });
  }
}
