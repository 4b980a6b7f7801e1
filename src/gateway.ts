/**
 * Default routes, host routes and source routing of all services. Each (service, family) says what
 * it needs; what should stand in the kernel follows from that (src/gateway/routes.ts), and the
 * difference is sent at once, additions first, so that traffic never meets a table without a route.
 * Invariant: `#slots` is what we put into the kernel and nobody has replaced.
 */

import {
  DEFAULT_METRIC, isSourceRule, lowPriorityMetric, routesFor, sharedRule, sourceRoutesFor, sourceRulesFor, sourceTable,
} from './gateway/routes.ts';
import type { GatewayNeeds } from './gateway/routes.ts';
import { NetlinkError } from './netlink/error.ts';
import { ROUTE_PROTOCOL, routeSlot, type Route } from './netlink/route/route.ts';
import type { Rtnetlink } from './netlink/rtnetlink.ts';
import type { Rule } from './netlink/rule/rule.ts';
import { ConnmanError, messageOf } from './shared/errors.ts';
import type { IpPrefix } from './shared/ipaddress.ts';
import { logger } from './shared/log.ts';

export type { GatewayNeeds } from './gateway/routes.ts';

const log = logger('src/gateway.ts');

/** The key of one service and family. */
export interface GatewayOwner {
  readonly identifier: string;
  readonly family: 4 | 6;
}

/** All routes and rules that services need. */
export class Gateways {
  readonly #kernel: Pick<Rtnetlink, 'route' | 'rule' | 'mirror'>;
  readonly #entries = new Map<string, Entry>();
  /** By table, destination and metric, of which the kernel has one each: who has put a route there. */
  readonly #slots = new Map<string, Entry>();
  /** Rules that an earlier daemon left, until their service is back. */
  #inherited: readonly Rule[] = [];
  /** Routes that were there when we started, likewise. */
  #inheritedRoutes: readonly Route[] = [];
  /** Families that are routed by where packets come from. */
  readonly #sharing = new Set<4 | 6>();
  /** Families that are being turned over to it or back. */
  readonly #turning = new Set<4 | 6>();
  #defaultIdentifier: string | undefined;

  constructor(kernel: Pick<Rtnetlink, 'route' | 'rule' | 'mirror'>) {
    this.#kernel = kernel;
  }

  /**
   * Looks for the routes and rules that an earlier daemon left. Those of addresses that are still there
   * stay as they are until their service is back; other rules are removed. Never throws.
   */
  async inherit(): Promise<void> {
    const { routes } = this.#kernel.mirror;
    this.#inheritedRoutes = [...routes.values()].filter(({ protocol }) => protocol === ROUTE_PROTOCOL.boot);
    for (const family of [4, 6] as const) {
      try {
        const rules = (await this.#kernel.rule.list(family)).filter(isSourceRule);
        const isLive = ({ source }: Rule): boolean => source !== undefined && this.#hasAddressIn(source);
        this.#inherited = [...this.#inherited, ...rules.filter(isLive)];
        await Promise.all(rules.filter((rule) => !isLive(rule)).map((rule) => this.#removeRule(rule)));
      } catch (error) {
        log.debug('rules cannot be listed: %s', messageOf(error));
      }
      await this.#updateSharing(family);
    }
  }

  /**
   * Sets what `owner` needs; resolves when the main table has it, all of it anew, whatever others did
   * to it. While no service is the default, the first to come is treated as such. Throws ConnmanError
   * `Failed`.
   */
  set(owner: GatewayOwner, needs: GatewayNeeds): Promise<void> {
    if (needs.isNeverDefault !== true) this.#defaultIdentifier ??= owner.identifier;
    const known = this.#entries.get(keyOf(owner));
    const entry = known ?? { owner, needs, routes: new Map(), rules: new Map() };
    if (known === undefined) this.#takeOverRoutes(entry);
    if (known === undefined && needs.family === 6) this.#sweep(needs);
    entry.needs = needs;
    this.#entries.set(keyOf(owner), entry);
    const applied = this.#apply(entry, 'anew');
    void this.#updateSharing(owner.family);
    return applied;
  }

  /** Withdraws all that `owner` asked for. */
  async remove(owner: GatewayOwner): Promise<void> {
    const entry = this.#forget(owner);
    if (entry === undefined) return;
    await Promise.all([this.#change(entry, new Map(), new Map(), 'changes'), this.#updateSharing(owner.family)]);
  }

  /** Forgets `owner` and leaves its routes in the kernel: the daemon stops, traffic does not. */
  abandon(owner: GatewayOwner): void {
    this.#forget(owner);
  }

  /** Names the service whose routes win; resolves when the kernel has changed over. */
  async setDefault(identifier: string | undefined): Promise<void> {
    if (identifier === this.#defaultIdentifier) return;
    if (identifier === undefined) {
      this.#defaultIdentifier = undefined; // the routes of the last one are about to be removed
      return;
    }
    const concerned = new Set([identifier, this.#defaultIdentifier]);
    this.#defaultIdentifier = identifier;
    // The new default first: its routes replace those of the old one in one step.
    const all = [...this.#entries.values()];
    const isTunnel = all.some(({ owner, needs }) => concerned.has(owner.identifier) && needs.tunnel !== undefined);
    const entries = isTunnel ? all : all.filter(({ owner }) => concerned.has(owner.identifier));
    entries.sort((one, other) => Number(this.#isDefault(other)) - Number(this.#isDefault(one)));
    await Promise.all(entries.map((entry) => this.#apply(entry)));
  }

  #forget(owner: GatewayOwner): Entry | undefined {
    const entry = this.#entries.get(keyOf(owner));
    this.#entries.delete(keyOf(owner));
    const hasOther = [4, 6].some((family) => this.#entries.has(`${owner.identifier}/${family}`));
    if (!hasOther && owner.identifier === this.#defaultIdentifier) this.#defaultIdentifier = undefined;
    return entry;
  }

  #hasAddressIn({ address: network, prefixLength }: IpPrefix): boolean {
    const { addresses } = this.#kernel.mirror;
    return [...addresses.values()].some(({ address }) => address.sharesPrefix(network, prefixLength));
  }

  /** Whether all traffic takes another's tunnel. */
  #isConfined(entry: Entry): boolean {
    if (this.#isDefault(entry)) return false;
    return [...this.#entries.values()].some((each) => this.#isDefault(each) && each.needs.tunnel === 'full');
  }

  #isDefault({ owner }: Entry): boolean {
    return owner.identifier === this.#defaultIdentifier;
  }

  /** Whether packets are routed by where they come from: several services need the same family. */
  #isSharingWanted(family: 4 | 6): boolean {
    // By link: what an earlier daemon left of two links counts at once, lest the first of them lose its rules.
    const links = new Set(this.#inherited.flatMap((rule) => (rule.family === family ? [rule.table] : [])));
    let count = links.size;
    for (const { owner } of this.#entries.values()) if (owner.family === family) count++;
    return count > 1;
  }

  /**
   * Never throws: without it, the default service's link works still. One at a time: of hundreds of
   * links that come at once, the first turns all of them over.
   */
  async #updateSharing(family: 4 | 6): Promise<void> {
    while (!this.#turning.has(family) && this.#isSharingWanted(family) !== this.#sharing.has(family)) {
      this.#turning.add(family);
      const isDone = await this.#turnSharing(family);
      this.#turning.delete(family);
      if (!isDone) return; // a kernel that knows no rules would mix up the tables
    }
  }

  async #turnSharing(family: 4 | 6): Promise<boolean> {
    const rule = sharedRule(family);
    if (this.#sharing.delete(family)) void this.#removeRule(rule);
    else if (!(await this.#addRule(rule))) return false;
    else this.#sharing.add(family);
    const entries = [...this.#entries.values()].filter(({ owner }) => owner.family === family);
    const outcomes = await Promise.allSettled(entries.map((entry) => this.#apply(entry)));
    for (const each of outcomes) if (each.status === 'rejected') log.warn('source routing: %s', messageOf(each.reason));
    return true;
  }

  #apply(entry: Entry, extent: 'changes' | 'anew' = 'changes'): Promise<void> {
    const { needs, owner } = entry;
    const isSharing = this.#sharing.has(owner.family);
    const isConfined = this.#isConfined(entry);
    const routes = routesFor(needs, this.#isDefault(entry), isConfined);
    if (isSharing) routes.push(...sourceRoutesFor(needs, isConfined));
    const rules = isSharing ? sourceRulesFor(needs, isConfined) : [];
    this.#takeOver(entry);
    return this.#change(
      entry,
      new Map(routes.map((route) => [slotOf(route), route])),
      new Map(rules.map((rule) => [describeRule(rule), rule])),
      extent,
    );
  }

  // An earlier daemon's way to a router that nobody speaks of any more: in IPv6 the metric tells it.
  #sweep({ ifindex, gateway }: GatewayNeeds): void {
    const ours: readonly number[] = [DEFAULT_METRIC[6], lowPriorityMetric(ifindex)];
    for (const route of this.#kernel.mirror.routesOf(ifindex)) {
      const isDefault = route.family === 6 && route.destination === undefined && ours.includes(route.metric ?? 0);
      if (isDefault && route.gateway?.equals(gateway) !== true) void this.#remove(route);
    }
  }

  #takeOver({ needs: { ifindex, family }, rules }: Entry): void {
    const isIts = (rule: Rule): boolean => rule.family === family && rule.table === sourceTable(ifindex);
    for (const rule of this.#inherited.filter(isIts)) rules.set(describeRule(rule), rule);
    this.#inherited = this.#inherited.filter((rule) => !isIts(rule));
  }

  // The service's routes of when another was the default, or it was: taken over to be removed. Only what
  // is still there: in IPv4, removing metric 0 hits any other where there is none.
  #takeOverRoutes(entry: Entry): void {
    const { ifindex, family } = entry.needs;
    const isIts = (route: Route): boolean => route.ifindex === ifindex && route.family === family;
    const inherited = new Set(this.#inheritedRoutes.filter(isIts).map(describeRoute));
    if (inherited.size === 0) return;
    this.#inheritedRoutes = this.#inheritedRoutes.filter((route) => !isIts(route));
    const there = new Set(this.#kernel.mirror.routesOf(ifindex).map(describeRoute));
    for (const route of routesFor(entry.needs, !this.#isDefault(entry))) {
      const text = describeRoute(route);
      const slot = slotOf(route);
      if (!inherited.has(text) || !there.has(text) || this.#slots.has(slot)) continue;
      this.#slots.set(slot, entry);
      entry.routes.set(slot, route);
    }
  }

  // Requests reach the kernel in the order in which they are made, without waiting in between.
  async #change(
    entry: Entry, routes: Map<string, Route>, rules: Map<string, Rule>, extent: 'changes' | 'anew',
  ): Promise<void> {
    const before = { routes: entry.routes, rules: entry.rules };
    entry.routes = routes;
    entry.rules = rules;
    const requests: Promise<unknown>[] = [];
    for (const [slot, route] of routes) {
      const known = before.routes.get(slot);
      const isThere = extent === 'changes' && this.#slots.get(slot) === entry && known !== undefined;
      this.#slots.set(slot, entry);
      if (!isThere || describeRoute(known) !== describeRoute(route)) requests.push(this.#add(route));
    }
    for (const [key, rule] of rules) if (!before.rules.has(key)) requests.push(this.#addRule(rule));
    for (const [key, rule] of before.rules) if (!rules.has(key)) requests.push(this.#removeRule(rule));
    for (const [slot, route] of before.routes) {
      // Another's route has taken its place: removing it would hit whatever resembles it most.
      if (routes.has(slot) || this.#slots.get(slot) !== entry) continue;
      this.#slots.delete(slot);
      requests.push(this.#remove(route));
    }
    await Promise.all(requests);
  }

  async #add(route: Route): Promise<void> {
    const text = describeRoute(route);
    try {
      await this.#kernel.route.replace(route);
      log.debug('route %s added', text);
    } catch (error) {
      throw new ConnmanError('Failed', `route ${text} cannot be added`, { cause: error });
    }
  }

  // A route that went with its interface is gone already.
  async #remove(route: Route): Promise<void> {
    const text = describeRoute(route);
    try {
      await this.#kernel.route.remove(route);
      log.debug('route %s removed', text);
    } catch (error) {
      log.debug('route %s was gone: %s', text, messageOf(error));
    }
  }

  // A kernel without policy routing has one uplink that works: no reason for a service to fail.
  async #addRule(rule: Rule): Promise<boolean> {
    try {
      await this.#kernel.rule.add(rule);
      return true;
    } catch (error) {
      if (error instanceof NetlinkError && error.code === 'EEXIST') return true;
      log.warn('rule %s cannot be added: %s', describeRule(rule), messageOf(error));
      return false;
    }
  }

  async #removeRule(rule: Rule): Promise<void> {
    try {
      await this.#kernel.rule.remove(rule);
    } catch (error) {
      log.debug('rule %s was gone: %s', describeRule(rule), messageOf(error));
    }
  }
}

interface Entry {
  readonly owner: GatewayOwner;
  needs: GatewayNeeds;
  /** What it has asked of the kernel, by slot. */
  routes: Map<string, Route>;
  /** By their description. */
  rules: Map<string, Rule>;
}

function keyOf({ identifier, family }: GatewayOwner): string {
  return `${identifier}/${family}`;
}

function slotOf(route: Route): string {
  return `${route.table ?? ''} ${routeSlot(route)}`;
}

/** A route as `ip route` would print it; equal routes have equal texts. */
function describeRoute({ destination, gateway, ifindex = 0, metric = 0, table, source }: Route): string {
  const target = destination === undefined ? 'default' : `${destination.address}/${destination.prefixLength}`;
  const via = gateway === undefined ? '' : ` via ${gateway}`;
  const rest = `${source === undefined ? '' : ` src ${source}`}${table === undefined ? '' : ` table ${table}`}`;
  return `${target}${via} dev ${ifindex} metric ${metric}${rest}`;
}

function describeRule({ priority = 0, source, table, suppressPrefixLength }: Rule): string {
  const from = source === undefined ? 'all' : `${source.address}/${source.prefixLength}`;
  return `${priority}: from ${from} lookup ${table}${suppressPrefixLength === undefined ? '' : ' by prefix'}`;
}
