/**
 * The kernel's links, addresses and routes as last told. Invariant: when an event is emitted, the
 * mirror shows what follows from all messages up to it, in the kernel's order.
 */

import type { Observable } from '../shared/emitter.ts';
import type { Address } from './address/address.ts';
import type { Link } from './link/link.ts';
import type { NdUserOptions } from './nduseropt/nduseropt.ts';
import type { Route } from './route/route.ts';

/** Something came (no `before`), went (no `after`) or changed. */
export interface Change<T> {
  readonly before?: T;
  readonly after?: T;
}

/** The kernel's state, kept up to date by its own events. Read it, never dump. */
export interface Mirror {
  /** By ifindex. */
  readonly links: ReadonlyMap<number, Link>;
  linkByName(name: string): Link | undefined;
  /** By `addressKey`. */
  readonly addresses: ReadonlyMap<string, Address>;
  addressesOf(ifindex: number): Iterable<Address>;
  /** Of the main table, both families, by `routeKey`. */
  readonly routes: ReadonlyMap<string, Route>;
  routesOf(ifindex: number): Iterable<Route>;
  /** Not emitted when only statistics changed. */
  readonly linkChanged: Observable<Change<Link>>;
  /** Not emitted when only lifetimes changed. */
  readonly addressChanged: Observable<Change<Address>>;
  readonly routeChanged: Observable<Change<Route>>;
  readonly nduseropt: Observable<NdUserOptions>;
  /**
   * The kernel dropped events and the state was read anew; the differences were emitted before.
   * Router advertisement options may have been lost.
   */
  readonly resynchronised: Observable<void>;
}
