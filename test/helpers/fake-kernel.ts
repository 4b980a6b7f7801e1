/**
 * A kernel's network configuration in memory, with the interface of the real one. It keeps what it
 * is told and does by itself what Linux does: connected routes come with an address and go with
 * their link. Its mirror is the product's own, fed synchronously: when a call returns, its events
 * have been delivered; when a request settles, they were delivered before.
 */

import { constants } from 'node:os';
import { addressKey } from '../../src/netlink/address/address.ts';
import type { Address, AddressId, NewAddress } from '../../src/netlink/address/address.ts';
import { NetlinkError } from '../../src/netlink/error.ts';
import type { KernelEvent } from '../../src/netlink/event.ts';
import { IFF } from '../../src/netlink/link/codec.ts';
import type { AddrGenMode, Link, NewLink } from '../../src/netlink/link/link.ts';
import { KernelMirror } from '../../src/netlink/mirror.ts';
import type { Neighbour, NeighbourState } from '../../src/netlink/neighbour/neighbour.ts';
import { MAIN_TABLE, routeKey, routeSlot } from '../../src/netlink/route/route.ts';
import type { Route } from '../../src/netlink/route/route.ts';
import type { Rtnetlink } from '../../src/netlink/rtnetlink.ts';
import type { Rule } from '../../src/netlink/rule/rule.ts';
import { Emitter } from '../../src/shared/emitter.ts';
import type { IpAddress } from '../../src/shared/ipaddress.ts';
import type { Scope } from '../../src/shared/scope.ts';
import { NO_STATISTICS, connectedRoute, matches, routeDefaults, withDerived } from './fake-kernel-rules.ts';

/** A request as it was made, oldest first: `link.setUp` with `[2]`. */
export interface RecordedRequest {
  readonly verb: string;
  readonly args: readonly unknown[];
}

/** The kernel and its strings. */
export interface FakeKernel extends Rtnetlink {
  readonly mirror: KernelMirror;
  /** Every request, also those that failed. Empty it with `requests.length = 0`. */
  readonly requests: RecordedRequest[];
  /** Makes a link appear, Ethernet without a carrier and down unless told otherwise; returns it. */
  addLink(link: Partial<Link> & { readonly name: string }): Link;
  removeLink(name: string): void;
  /** The mirror hears of links no more until the result is called, which tells it what happened meanwhile. */
  holdLinks(): () => void;
  /** Plugs or unplugs. The carrier shows while the link is up. */
  setCarrier(name: string, hasCarrier: boolean): void;
  /** Has found something out about a neighbour. */
  tellNeighbour(ifindex: number, address: IpAddress, state: NeighbourState): void;
  /** Changes anything else of a link from outside. */
  changeLink(name: string, change: Partial<Link>): void;
  /** The next `times` requests of this verb fail with this errno name. */
  failNext(verb: string, code: keyof typeof constants.errno, times?: number): void;
  /** Tells of duplicate address detection's end. */
  finishDetection(id: AddressId, isDuplicate?: boolean): void;
}

/** A kernel with a loopback link (ifindex 1) and nothing else. */
export function fakeKernel(): FakeKernel {
  const kernel = new Kernel();
  kernel.addLink({ name: 'lo', hardwareType: 772, flags: IFF.up | IFF.running | IFF.lowerUp, mtu: 65536 });
  return kernel;
}

const IFA_F_DADFAILED = 0x8;
const IFA_F_TENTATIVE = 0x40;
const IFA_F_PERMANENT = 0x80;

class Kernel implements FakeKernel {
  readonly mirror = new KernelMirror();
  readonly requests: RecordedRequest[] = [];
  readonly #plugged = new Set<number>();
  readonly #failures = new Map<string, string[]>();
  readonly #otherRoutes = new Map<string, Route>();
  readonly #rules: Rule[] = [];
  readonly #neighbours = new Map<string, Neighbour>();
  readonly #neighbourTold = new Emitter<Neighbour>();
  /** What happened to links while the mirror may not hear of it. */
  #held: { readonly events: KernelEvent[]; readonly told: Promise<void> } | undefined;
  #nextIfindex = 1;

  readonly link = {
    get: (ifindex: number, signal?: AbortSignal) => this.#do('link.get', [ifindex], signal, () => this.#link(ifindex)),
    setUp: (ifindex: number, signal?: AbortSignal) =>
      this.#do('link.setUp', [ifindex], signal, () => this.#setUp(ifindex, true)),
    setDown: (ifindex: number, signal?: AbortSignal) =>
      this.#do('link.setDown', [ifindex], signal, () => this.#setUp(ifindex, false)),
    setMtu: (ifindex: number, mtu: number, signal?: AbortSignal) =>
      this.#do('link.setMtu', [ifindex, mtu], signal, () => this.#change(ifindex, { mtu })),
    setName: (ifindex: number, name: string, signal?: AbortSignal) =>
      this.#do('link.setName', [ifindex, name], signal, () => {
        if (this.mirror.linkByName(name) !== undefined) this.#refuse('EEXIST', 'RTM_NEWLINK');
        this.#change(ifindex, { name });
      }),
    setMaster: (ifindex: number, master: number, signal?: AbortSignal) =>
      this.#do('link.setMaster', [ifindex, master], signal, () =>
        this.#change(ifindex, { master: master || undefined })),
    setHardwareAddress: (ifindex: number, hardwareAddress: Uint8Array, signal?: AbortSignal) =>
      this.#do('link.setHardwareAddress', [ifindex, hardwareAddress], signal, () =>
        this.#change(ifindex, { hardwareAddress })),
    setAddrGenMode: (ifindex: number, addrGenMode: AddrGenMode, signal?: AbortSignal) =>
      this.#do('link.setAddrGenMode', [ifindex, addrGenMode], signal, () => this.#change(ifindex, { addrGenMode })),
    add: async (link: NewLink, signal?: AbortSignal) => {
      await this.#do('link.add', [link], signal, () => this.#make(link));
      await this.#held?.told;
      return this.#linkNamed(link.name);
    },
    remove: async (ifindex: number, signal?: AbortSignal) => {
      await this.#do('link.remove', [ifindex], signal, () => this.removeLink(this.#link(ifindex).name));
      await this.#held?.told;
    },
  };

  readonly address = {
    add: (address: NewAddress, signal?: AbortSignal) =>
      this.#do('address.add', [address], signal, () => this.#addAddress(address)),
    remove: (id: AddressId, signal?: AbortSignal) =>
      this.#do('address.remove', [id], signal, () => this.#removeAddress(id)),
  };

  readonly route = {
    replace: (route: Route, signal?: AbortSignal) =>
      this.#do('route.replace', [route], signal, () => this.#addRoute(route, true)),
    add: (route: Route, signal?: AbortSignal) =>
      this.#do('route.add', [route], signal, () => this.#addRoute(route, false)),
    remove: (route: Route, signal?: AbortSignal) =>
      this.#do('route.remove', [route], signal, () => this.#removeRoute(route)),
    get: (destination: IpAddress, signal?: AbortSignal) =>
      this.#do('route.get', [destination], signal, () => this.#lookup(destination)),
    list: (family: 4 | 6, table: number, signal?: AbortSignal) =>
      this.#do('route.list', [family, table], signal, () => {
        const routes = table === MAIN_TABLE ? this.mirror.routes : this.#otherRoutes;
        return [...routes.values()].filter((each) => each.family === family && (each.table ?? MAIN_TABLE) === table);
      }),
  };

  readonly rule = {
    add: (rule: Rule, signal?: AbortSignal) =>
      this.#do('rule.add', [rule], signal, () => {
        if (this.#findRule(rule) >= 0) this.#refuse('EEXIST', 'RTM_NEWRULE');
        this.#rules.push(rule);
      }),
    remove: (rule: Rule, signal?: AbortSignal) =>
      this.#do('rule.remove', [rule], signal, () => {
        const at = this.#findRule(rule);
        if (at < 0) this.#refuse('ENOENT', 'RTM_DELRULE');
        this.#rules.splice(at, 1);
      }),
    list: (family: 4 | 6, signal?: AbortSignal) =>
      this.#do('rule.list', [family], signal, () => this.#rules.filter((rule) => rule.family === family)),
  };

  readonly neighbour = {
    list: (ifindex: number, signal?: AbortSignal) =>
      this.#do('neighbour.list', [ifindex], signal, () =>
        [...this.#neighbours.values()].filter((each) => each.ifindex === ifindex)),
    replace: (ifindex: number, address: IpAddress, hardwareAddress: Uint8Array, signal?: AbortSignal) =>
      this.#do('neighbour.replace', [ifindex, address, hardwareAddress], signal, () => {
        const neighbour = { ifindex, address, hardwareAddress, state: 'permanent', isRouter: false } as const;
        this.#neighbours.set(`${ifindex} ${address}`, neighbour);
      }),
    remove: (ifindex: number, address: IpAddress, signal?: AbortSignal) =>
      this.#do('neighbour.remove', [ifindex, address], signal, () => {
        if (!this.#neighbours.delete(`${ifindex} ${address}`)) this.#refuse('ENOENT', 'RTM_DELNEIGH');
      }),
    ask: (ifindex: number, address: IpAddress, signal?: AbortSignal) =>
      this.#do('neighbour.ask', [ifindex, address], signal, () => undefined),
    watch: (ifindex: number, scope: Scope, observer: (neighbour: Neighbour) => void) => {
      this.#neighbourTold.observe(scope, (neighbour) => {
        if (neighbour.ifindex === ifindex) observer(neighbour);
      });
    },
  };

  tellNeighbour(ifindex: number, address: IpAddress, state: NeighbourState): void {
    const neighbour = { ifindex, address, hardwareAddress: undefined, state, isRouter: false };
    this.#neighbours.set(`${ifindex} ${address}`, neighbour);
    this.#neighbourTold.emit(neighbour);
  }

  addLink(wanted: Partial<Link> & { readonly name: string }): Link {
    const ifindex = wanted.ifindex ?? this.#nextIfindex;
    this.#nextIfindex = Math.max(this.#nextIfindex, ifindex + 1);
    const link = withDerived({
      ifindex, hardwareType: 1, flags: 0x1002 /* broadcast, multicast */, isUp: false, hasCarrier: false,
      isRunning: false, hardwareAddress: Uint8Array.of(2, 0, 0, 0, ifindex >> 8, ifindex), permanentAddress: undefined,
      mtu: 1500, kind: undefined, parentIfindex: undefined, master: undefined, vlanId: undefined, operState: 'down',
      physicalPortName: undefined, addrGenMode: 'eui64', statistics: { ...NO_STATISTICS }, ...wanted,
    });
    if (link.hasCarrier || wanted.hasCarrier) this.#plugged.add(ifindex);
    const flags = wanted.isUp ? IFF.up | (wanted.hasCarrier ? IFF.lowerUp | IFF.running : 0) : 0;
    const made = withDerived({ ...link, flags: link.flags | flags });
    this.#tell({ kind: 'link', link: made });
    return made;
  }

  removeLink(name: string): void {
    const link = this.#linkNamed(name);
    this.#tell({ kind: 'linkGone', link });
    for (const child of [...this.mirror.links.values()]) {
      if (child.kind === 'vlan' && child.parentIfindex === link.ifindex) this.removeLink(child.name);
    }
  }

  holdLinks(): () => void {
    const events: KernelEvent[] = [];
    let settle = (): void => undefined;
    this.#held = { events, told: new Promise((resolve) => (settle = resolve)) };
    return () => {
      this.#held = undefined;
      for (const event of events) this.#tell(event);
      settle();
    };
  }

  setCarrier(name: string, hasCarrier: boolean): void {
    const { ifindex, flags, isUp } = this.#linkNamed(name);
    if (hasCarrier) this.#plugged.add(ifindex);
    else this.#plugged.delete(ifindex);
    const lower = IFF.lowerUp | IFF.running;
    if (isUp) this.#change(ifindex, { flags: hasCarrier ? flags | lower : flags & ~lower });
  }

  changeLink(name: string, change: Partial<Link>): void {
    this.#change(this.#linkNamed(name).ifindex, change);
  }

  failNext(verb: string, code: keyof typeof constants.errno, times = 1): void {
    const codes = this.#failures.get(verb) ?? [];
    this.#failures.set(verb, [...codes, ...Array<string>(times).fill(code)]);
  }

  finishDetection(id: AddressId, isDuplicate = false): void {
    const address = this.mirror.addresses.get(addressKey(id));
    if (address === undefined) throw new Error(`no address ${id.address}`);
    const flags = (address.flags & ~IFA_F_TENTATIVE) | (isDuplicate ? IFA_F_DADFAILED : 0);
    this.mirror.apply({ kind: 'address', address: { ...address, flags, isTentative: false, isDuplicate } });
  }

  // The kernel acts at once; its answer is read in a later turn of the event loop.
  #do<T>(verb: string, args: readonly unknown[], signal: AbortSignal | undefined, act: () => T): Promise<T> {
    return new Promise<T>((resolve, reject) => {
      if (signal?.aborted) {
        reject(signal.reason);
        return;
      }
      this.requests.push({ verb, args });
      const code = this.#failures.get(verb)?.shift();
      try {
        if (code !== undefined) this.#refuse(code, verb);
        resolve(act());
      } catch (error) {
        reject(error);
      }
    });
  }

  #refuse(code: string, operation: string): never {
    throw new NetlinkError(new Map(Object.entries(constants.errno)).get(code) ?? 5, operation);
  }

  #link(ifindex: number | undefined): Link {
    return this.mirror.links.get(ifindex ?? 0) ?? this.#refuse('ENODEV', 'RTM_NEWLINK');
  }

  #linkNamed(name: string): Link {
    const link = this.mirror.linkByName(name);
    if (link === undefined) throw new Error(`no link ${name}`);
    return link;
  }

  #tell(event: KernelEvent): void {
    if (this.#held === undefined) this.mirror.apply(event);
    else this.#held.events.push(event);
  }

  #change(ifindex: number, change: Partial<Link>): void {
    this.#tell({ kind: 'link', link: withDerived({ ...this.#link(ifindex), ...change }) });
  }

  #setUp(ifindex: number, isUp: boolean): void {
    const { flags } = this.#link(ifindex);
    const lower = IFF.lowerUp | IFF.running;
    if (isUp) {
      const carrier = this.#plugged.has(ifindex) ? lower : 0;
      this.#change(ifindex, { flags: flags | IFF.up | carrier });
      for (const address of this.mirror.addressesOf(ifindex)) this.#addConnectedRoute(address);
      return;
    }
    this.#change(ifindex, { flags: flags & ~(IFF.up | lower) });
    // IPv6 addresses and routes go with the link and are told of; IPv4 routes go silently.
    for (const address of this.mirror.addressesOf(ifindex)) {
      if (address.address.family === 6) this.mirror.apply({ kind: 'addressGone', address });
    }
    for (const route of this.mirror.routesOf(ifindex)) {
      if (route.family === 6) this.mirror.apply({ kind: 'routeGone', hops: [route] });
    }
  }

  #make(link: NewLink): void {
    if (this.mirror.linkByName(link.name) !== undefined) this.#refuse('EEXIST', 'RTM_NEWLINK');
    const { kind, name } = link;
    if (link.kind === 'vlan') {
      const { ifindex } = this.#link(link.parentIfindex);
      this.addLink({ name, kind, vlanId: link.vlanId, parentIfindex: ifindex });
    } else if (link.kind === 'veth') {
      this.addLink({ name, kind });
      this.addLink({ name: link.peerName, kind });
    } else {
      this.addLink({ name, kind });
    }
  }

  #addAddress(wanted: NewAddress): void {
    const link = this.#link(wanted.ifindex);
    const isPermanent = wanted.validLifetimeSec === undefined;
    const known = this.mirror.addresses.get(addressKey(wanted));
    // One that is there gets other times, and is not looked for again (addrconf.c, inet6_addr_modify).
    const isNew = wanted.address.family === 6 && link.isUp && !wanted.noDuplicateDetection;
    const isTentative = known?.isTentative ?? isNew;
    const address: Address = {
      ifindex: wanted.ifindex, address: wanted.address, prefixLength: wanted.prefixLength, peer: wanted.peer,
      broadcast: wanted.broadcast, scope: wanted.scope ?? 'universe',
      flags: (isPermanent ? IFA_F_PERMANENT : 0) | (isTentative ? IFA_F_TENTATIVE : 0),
      isTentative, isDuplicate: false, isDeprecated: false, isTemporary: false, isPermanent,
      validLifetimeSec: wanted.validLifetimeSec, preferredLifetimeSec: wanted.preferredLifetimeSec,
      metric: wanted.metric,
    };
    this.mirror.apply({ kind: 'address', address });
    if (known === undefined && link.isUp && !wanted.noPrefixRoute) this.#addConnectedRoute(address);
  }

  #removeAddress(id: AddressId): void {
    const address = this.mirror.addresses.get(addressKey(id));
    if (address === undefined) this.#refuse('EADDRNOTAVAIL', 'RTM_DELADDR');
    this.mirror.apply({ kind: 'addressGone', address });
    const connected = connectedRoute(address);
    if (connected !== undefined) this.mirror.apply({ kind: 'routeGone', hops: [connected] });
  }

  #addConnectedRoute(address: Address): void {
    const route = connectedRoute(address);
    if (route !== undefined) this.mirror.apply({ kind: 'route', hops: [route], isReplacement: false });
  }

  #addRoute(wanted: Route, mayReplace: boolean): void {
    const route = { ...wanted, ...routeDefaults(wanted), ifindex: this.#exitOf(wanted) };
    const routes = this.#routesOf(route);
    const isTaken = [...routes.values()].some((each) => routeSlot(each) === routeSlot(route));
    if (isTaken && !mayReplace) this.#refuse('EEXIST', 'RTM_NEWROUTE');
    if (routes === this.mirror.routes) {
      this.mirror.apply({ kind: 'route', hops: [route], isReplacement: isTaken });
      return;
    }
    for (const [key, each] of this.#otherRoutes) {
      if (each.table === route.table && routeSlot(each) === routeSlot(route)) this.#otherRoutes.delete(key);
    }
    this.#otherRoutes.set(routeKey(route), route);
  }

  #removeRoute(wanted: Route): void {
    const [found] = [...this.#routesOf(wanted).values()].filter((route) => matches(route, wanted)).sort(byMetric);
    if (found === undefined) this.#refuse('ESRCH', 'RTM_DELROUTE');
    if (found.table === undefined) this.mirror.apply({ kind: 'routeGone', hops: [found] });
    else this.#otherRoutes.delete(routeKey(found));
  }

  #routesOf({ table = MAIN_TABLE }: Route): ReadonlyMap<string, Route> {
    if (table === MAIN_TABLE) return this.mirror.routes;
    return new Map([...this.#otherRoutes].filter(([, route]) => route.table === table));
  }

  // As the kernel does: the link must be up, and a gateway be reachable over a connected route.
  #exitOf(route: Route): number | undefined {
    const { gateway, ifindex, type = 'unicast' } = route;
    if (type !== 'unicast') return ifindex;
    if (ifindex !== undefined && !this.#link(ifindex).isUp) this.#refuse('ENETDOWN', 'RTM_NEWROUTE');
    if (gateway === undefined) return ifindex ?? this.#refuse('ENODEV', 'RTM_NEWROUTE');
    if (route.onlink || gateway.isLinkLocal) return ifindex ?? this.#refuse('ENODEV', 'RTM_NEWROUTE');
    const way = [...this.mirror.routes.values()].find((each) =>
      each.gateway === undefined && each.destination !== undefined
      && (ifindex === undefined || each.ifindex === ifindex)
      && each.destination.address.sharesPrefix(gateway, each.destination.prefixLength));
    return way?.ifindex ?? this.#refuse(route.family === 4 ? 'ENETUNREACH' : 'EHOSTUNREACH', 'RTM_NEWROUTE');
  }

  #lookup(destination: IpAddress): Route {
    const isUnder = ({ family, destination: prefix }: Route): boolean =>
      family === destination.family && (prefix?.address.sharesPrefix(destination, prefix.prefixLength) ?? true);
    const [best] = [...this.mirror.routes.values()].filter(isUnder).sort((one, other) =>
      (other.destination?.prefixLength ?? 0) - (one.destination?.prefixLength ?? 0)
      || (one.metric ?? 0) - (other.metric ?? 0));
    return best ?? this.#refuse('ENETUNREACH', 'RTM_GETROUTE');
  }

  #findRule(rule: Rule): number {
    return this.#rules.findIndex((each) => JSON.stringify(each) === JSON.stringify(rule));
  }
}

function byMetric(one: Route, other: Route): number {
  return (one.metric ?? 0) - (other.metric ?? 0);
}
