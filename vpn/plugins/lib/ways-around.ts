/**
 * Ways to a VPN's further servers around its own tunnel, which may take all traffic: a host route each (ip-route(8)),
 * the way that the main table has without the tunnel. connmand makes the one to the first server.
 * Invariant: none is left when the scope has closed.
 */

import { MAIN_TABLE, type Route } from '../../../src/netlink/route/route.ts';
import type { Rtnetlink } from '../../../src/netlink/rtnetlink.ts';
import { messageOf } from '../../../src/shared/errors.ts';
import type { IpAddress } from '../../../src/shared/ipaddress.ts';
import { logger } from '../../../src/shared/log.ts';
import type { Scope } from '../../api.ts';

const log = logger('vpn/plugins/lib/ways-around.ts');

/** No route of connmand's to a host has this metric. */
const METRIC = 2;

/** Those of one tunnel. */
export class WaysAround {
  readonly #kernel: Rtnetlink;
  readonly #tunnel: string;
  #routes: readonly Route[] = [];
  #last: Promise<void> = Promise.resolve();

  /** `tunnel`: its interface. */
  constructor(kernel: Rtnetlink, tunnel: string, scope: Scope) {
    this.#kernel = kernel;
    this.#tunnel = tunnel;
    scope.defer(() => this.lead([]));
  }

  /** Leads to these servers and to no others. Never rejects. */
  lead(servers: readonly IpAddress[]): Promise<void> {
    this.#last = this.#last.then(() => this.#lead(new Map(servers.map((server) => [String(server), server]))));
    return this.#last;
  }

  async #lead(servers: ReadonlyMap<string, IpAddress>): Promise<void> {
    const before = this.#routes;
    const routes = new Map(before.map((route) => [String(route.destination?.address), route]));
    for (const [text, server] of servers) {
      const made = routes.has(text) ? undefined : await this.#make(server);
      if (made !== undefined) routes.set(text, made);
    }
    this.#routes = [...routes].flatMap(([text, route]) => (servers.has(text) ? [route] : []));
    for (const route of before.filter((each) => !this.#routes.includes(each))) {
      // An interface that is gone took its routes along.
      await this.#kernel.route.remove(route).catch((error: unknown) => log.debug('%s', messageOf(error)));
    }
  }

  async #make(server: IpAddress): Promise<Route | undefined> {
    try {
      const way = await this.#wayTo(server);
      if (way === undefined) return undefined;
      const { family, ifindex, gateway, onlink } = way;
      const destination = { address: server, prefixLength: hostPrefixLength(server) };
      const hop: Partial<Route> = gateway === undefined ? { scope: 'link' } : { gateway, onlink };
      const route: Route = { family, destination, ifindex, metric: METRIC, ...hop };
      await this.#kernel.route.replace(route);
      return route;
    } catch (error) {
      log.warn('%s: no route to %s: %s', this.#tunnel, server, messageOf(error));
      return undefined;
    }
  }

  // The most specific one, and of those the best; what a daemon before us left to this very server is none.
  async #wayTo(server: IpAddress): Promise<Route | undefined> {
    const own = this.#kernel.mirror.linkByName(this.#tunnel)?.ifindex;
    const isOld = ({ metric, destination }: Route): boolean =>
      metric === METRIC && destination?.prefixLength === hostPrefixLength(server);
    const [best] = (await this.#kernel.route.list(server.family, MAIN_TABLE))
      .filter((route) => (route.type ?? 'unicast') === 'unicast' && route.ifindex !== own && !isOld(route))
      .filter(({ destination: to }) => to === undefined || to.address.sharesPrefix(server, to.prefixLength))
      .sort((one, other) =>
        (other.destination?.prefixLength ?? 0) - (one.destination?.prefixLength ?? 0)
        || (one.metric ?? 0) - (other.metric ?? 0));
    return best;
  }
}

function hostPrefixLength({ family }: IpAddress): number {
  return family === 4 ? 32 : 128;
}
