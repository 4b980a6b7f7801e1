/**
 * The host route to a VPN's server around its tunnel (ip-route(8)), by the service that was the default when it was
 * connected. Invariant: there is one at most.
 */

import type { Route } from '../../src/netlink/route/route.ts';
import type { Rtnetlink } from '../../src/netlink/rtnetlink.ts';
import { messageOf } from '../../src/shared/errors.ts';
import type { IpAddress } from '../../src/shared/ipaddress.ts';
import { logger } from '../../src/shared/log.ts';
import type { Service } from '../../src/api.ts';

const log = logger('plugins/vpn/server-route.ts');

/** No other route to the server has this metric, so that none of theirs is replaced. */
const METRIC = 1;

/** That of one connection. */
export class ServerRoute {
  readonly #ident: string;
  readonly #kernel: Rtnetlink;
  #route: Route | undefined;

  constructor(ident: string, kernel: Rtnetlink) {
    this.#ident = ident;
    this.#kernel = kernel;
  }

  /** Leads to `server`, in place of where it was before. Never rejects. */
  async lead(server: IpAddress, transport: Service): Promise<void> {
    const { route: requests } = this.#kernel;
    const { ipv4, ipv6 } = transport.inUse;
    const own = server.family === 4 ? ipv4 : ipv6;
    if (own === undefined) return;
    const isOnLink = server.sharesPrefix(own.address, own.prefixLength);
    const route: Route = {
      family: server.family,
      destination: { address: server, prefixLength: server.family === 4 ? 32 : 128 },
      ifindex: transport.network.device.ifindex,
      metric: METRIC,
      ...(isOnLink || own.gateway === undefined ? { scope: 'link' } : { gateway: own.gateway }),
    };
    try {
      await requests.replace(route);
      const before = this.#route;
      this.#route = route;
      // The server has moved.
      if (before?.destination?.address.equals(server) === false) await requests.remove(before);
    } catch (error) {
      log.warn('%s: no route to %s: %s', this.#ident, server, messageOf(error));
    }
  }

  /** Takes it away, where there is one. */
  end(): void {
    const route = this.#route;
    this.#route = undefined;
    if (route !== undefined) this.#kernel.route.remove(route).catch(() => undefined);
  }
}
