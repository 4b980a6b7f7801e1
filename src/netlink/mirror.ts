/**
 * The kernel's links, addresses and routes as last told. Invariant: when an event is emitted, the
 * mirror shows what follows from all messages up to it, in the kernel's order.
 */

import { Emitter, KeyedEmitter } from '../shared/emitter.ts';
import type { Observable } from '../shared/emitter.ts';
import type { Address } from './address/address.ts';
import type { KernelEvent } from './event.ts';
import type { Link } from './link/link.ts';
import type { Route } from './route/route.ts';
import { KernelState } from './state.ts';
import type { StateChange } from './state.ts';

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
  addressesOf(ifindex: number): readonly Address[];
  /** Of the main table, both families, by `routeKey`. */
  readonly routes: ReadonlyMap<string, Route>;
  routesOf(ifindex: number): readonly Route[];
  /** Not emitted when only statistics changed. */
  readonly linkChanged: Observable<Change<Link>>;
  /** Not emitted when only lifetimes changed. */
  readonly addressChanged: Observable<Change<Address>>;
  /** A route that takes another's place is one change, from the one to the other. */
  readonly routeChanged: Observable<Change<Route>>;
  /** `addressChanged` as far as it is about one link: with hundreds of links, each hears its own only. */
  addressChangedOn(ifindex: number): Observable<Change<Address>>;
  /** `routeChanged` likewise; a route that moves from one link to another is told to both. */
  routeChangedOn(ifindex: number): Observable<Change<Route>>;
  /**
   * The state was read anew, because the kernel had dropped events or one did not tell enough; the
   * differences were emitted before.
   */
  readonly resynchronised: Observable<void>;
}

/** A mirror from the side of the one who feeds it. */
export class KernelMirror implements Mirror {
  readonly linkChanged = new Emitter<Change<Link>>();
  readonly addressChanged = new Emitter<Change<Address>>();
  readonly routeChanged = new Emitter<Change<Route>>();
  readonly resynchronised = new Emitter<void>();
  readonly #addressChangedOn = new KeyedEmitter<number, Change<Address>>();
  readonly #routeChangedOn = new KeyedEmitter<number, Change<Route>>();
  readonly #state = new KernelState();

  get links(): ReadonlyMap<number, Link> {
    return this.#state.links;
  }

  get addresses(): ReadonlyMap<string, Address> {
    return this.#state.addresses.entries;
  }

  get routes(): ReadonlyMap<string, Route> {
    return this.#state.routes.entries;
  }

  linkByName(name: string): Link | undefined {
    return this.#state.linksByName.get(name);
  }

  addressesOf(ifindex: number): readonly Address[] {
    return this.#state.addresses.of(ifindex);
  }

  routesOf(ifindex: number): readonly Route[] {
    return this.#state.routes.of(ifindex);
  }

  addressChangedOn(ifindex: number): Observable<Change<Address>> {
    return this.#addressChangedOn.of(ifindex);
  }

  routeChangedOn(ifindex: number): Observable<Change<Route>> {
    return this.#routeChangedOn.of(ifindex);
  }

  /** Applies one event and emits what it changed. False when the state has to be read anew. */
  apply(event: KernelEvent): boolean {
    const changes: StateChange[] = [];
    const isKnown = this.#state.apply(event, (change) => changes.push(change));
    this.#emit(changes);
    return isKnown;
  }

  /** Becomes `state`, emitting the differences. */
  adopt(state: KernelState): void {
    const changes: StateChange[] = [];
    this.#state.become(state, (change) => changes.push(change));
    this.#emit(changes);
  }

  #emit(changes: readonly StateChange[]): void {
    for (const change of changes) {
      switch (change.kind) {
        case 'link': this.linkChanged.emit(change); break;
        case 'address': this.#emitAddress(change); break;
        case 'route': this.#emitRoute(change); break;
      }
    }
  }

  #emitAddress(change: Change<Address>): void {
    this.addressChanged.emit(change);
    const ifindex = (change.after ?? change.before)?.ifindex;
    if (ifindex !== undefined) this.#addressChangedOn.emit(ifindex, change);
  }

  #emitRoute(change: Change<Route>): void {
    this.routeChanged.emit(change);
    const [from, to] = [change.before?.ifindex, change.after?.ifindex];
    if (from !== undefined && from !== to) this.#routeChangedOn.emit(from, change);
    if (to !== undefined) this.#routeChangedOn.emit(to, change);
  }
}
