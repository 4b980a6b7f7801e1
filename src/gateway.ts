/**
 * Default routes and host routes of all services. Each (service, family) says what it needs; what
 * should stand in the main table is a pure function of that, and the difference is sent to the
 * kernel at once, additions first, so that traffic never meets a table without a route.
 * The default service's route has metric 0, the others' a large one (ConnMan's formula).
 */

import { ConnmanError } from './shared/errors.ts';
import type { IpAddress, IpPrefix } from './shared/ipaddress.ts';
import { logger } from './shared/log.ts';
import type { Route } from './netlink/route/route.ts';
import type { Rtnetlink } from './netlink/rtnetlink.ts';

const log = logger('src/gateway.ts');

/** What a connected service asks of the routing table for one address family. */
export interface GatewayNeeds {
  readonly ifindex: number;
  readonly family: 4 | 6;
  /** The network the interface's address is in. */
  readonly subnet: IpPrefix;
  /** Absent where the network has none (link-local, isolated); then there is no default route. */
  readonly gateway?: IpAddress;
  /** Servers that must be reached through this interface even when it is not the default. */
  readonly hosts: readonly IpAddress[];
  /** Classless static routes (RFC 3442): a route without gateway is on the link. */
  readonly routes: readonly { readonly destination: IpPrefix; readonly gateway: IpAddress | undefined }[];
}

/** The key of one service and family. */
export interface GatewayOwner {
  readonly identifier: string;
  readonly family: 4 | 6;
}

/** All routes that services put into the main table. */
export class Gateways {
  readonly #kernel: Pick<Rtnetlink, 'route'>;
  readonly #entries = new Map<string, Entry>();
  #defaultIdentifier: string | undefined;

  constructor(kernel: Pick<Rtnetlink, 'route'>) {
    this.#kernel = kernel;
  }

  /**
   * Sets what `owner` needs; resolves when the kernel has it. While no service is the default, the
   * first to come is treated as such. Throws ConnmanError `Failed`.
   */
  set(owner: GatewayOwner, needs: GatewayNeeds): Promise<void> {
    this.#defaultIdentifier ??= owner.identifier;
    const known = this.#entries.get(keyOf(owner));
    const entry: Entry = { owner, needs, installed: known?.installed ?? new Map() };
    this.#entries.set(keyOf(owner), entry);
    return this.#apply(entry);
  }

  /** Withdraws all that `owner` asked for. */
  async remove(owner: GatewayOwner): Promise<void> {
    const entry = this.#forget(owner);
    if (entry !== undefined) await this.#change(entry, new Map());
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
    const entries = [...this.#entries.values()].filter(({ owner }) => concerned.has(owner.identifier));
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

  #isDefault({ owner }: Entry): boolean {
    return owner.identifier === this.#defaultIdentifier;
  }

  #apply(entry: Entry): Promise<void> {
    const routes = routesFor(entry.needs, this.#isDefault(entry));
    return this.#change(entry, new Map(routes.map((route) => [describeRoute(route), route])));
  }

  // Requests reach the kernel in the order in which they are made, without waiting in between.
  async #change(entry: Entry, wanted: ReadonlyMap<string, Route>): Promise<void> {
    const before = entry.installed;
    entry.installed = wanted;
    const additions = [...wanted].filter(([key]) => !before.has(key)).map(([key, route]) => this.#add(key, route));
    const removals = [...before].filter(([key]) => !wanted.has(key)).map(([key, route]) => this.#remove(key, route));
    await Promise.all([...additions, ...removals]);
  }

  async #add(key: string, route: Route): Promise<void> {
    try {
      await this.#kernel.route.replace(route);
      log.debug('route %s added', key);
    } catch (error) {
      throw new ConnmanError('Failed', `route ${key} cannot be added`, { cause: error });
    }
  }

  // A route that went with its interface, or was replaced by a better one, is gone already.
  async #remove(key: string, route: Route): Promise<void> {
    try {
      await this.#kernel.route.remove(route);
      log.debug('route %s removed', key);
    } catch (error) {
      log.debug('route %s was gone: %s', key, error instanceof Error ? error.message : error);
    }
  }
}

interface Entry {
  readonly owner: GatewayOwner;
  readonly needs: GatewayNeeds;
  /** By their description. */
  installed: ReadonlyMap<string, Route>;
}

/** The routes one service needs in the main table. Pure. */
export function routesFor(needs: GatewayNeeds, isDefault: boolean): Route[] {
  const { ifindex, family, gateway, subnet } = needs;
  const routes: Route[] = [];
  const addHost = (address: IpAddress, via: IpAddress | undefined): void => {
    const destination = { address, prefixLength: family === 4 ? 32 : 128 };
    routes.push(
      via === undefined
        ? { family, destination, ifindex, scope: 'link' }
        : { family, destination, gateway: via, ifindex },
    );
  };
  if (gateway !== undefined) addHost(gateway, undefined);
  const isOnLink = (address: IpAddress): boolean => address.sharesPrefix(subnet.address, subnet.prefixLength);
  for (const host of needs.hosts) {
    if (host.family === family && !isOnLink(host) && !host.isLinkLocal) addHost(host, gateway);
  }
  const metric = isDefault ? 0 : lowPriorityMetric(ifindex);
  for (const { destination, gateway: via } of needs.routes) {
    routes.push({
      family,
      destination,
      ifindex,
      metric,
      ...(via === undefined ? { scope: 'link' } : { gateway: via, onlink: !isOnLink(via) }),
    });
  }
  if (gateway !== undefined) routes.push({ family, gateway, ifindex, metric });
  return routes;
}

/** ConnMan's metric for routes of services that are not the default: at least 2^20. */
export function lowPriorityMetric(ifindex: number): number {
  return Math.max(2 ** 20, 2 ** 32 - 1 - ifindex * 1024);
}

function keyOf({ identifier, family }: GatewayOwner): string {
  return `${identifier}/${family}`;
}

/** A route as `ip route` would print it; equal routes have equal texts. */
function describeRoute({ destination, gateway, ifindex, metric }: Route): string {
  const target = destination === undefined ? 'default' : `${destination.address}/${destination.prefixLength}`;
  return `${target}${gateway === undefined ? '' : ` via ${gateway}`} dev ${ifindex ?? 0} metric ${metric ?? 0}`;
}
