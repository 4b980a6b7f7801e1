/**
 * What a service uses: addresses, leases, servers, domains and the proxy. What was configured counts
 * before what its network offers, and that before what holds for all services. Everything is read off
 * the connection of the moment; nothing is kept here.
 */

import { timeserversOf } from '../clock/timeservers.ts';
import type { Lease } from '../dhcp/client.ts';
import type { Dhcpv6Lease } from '../dhcpv6/client.ts';
import type { Ipv4InUse, Ipv6InUse } from '../ipconfig/configuration.ts';
import { NO_OFFER, type NetworkOffer } from '../ipconfig/offer.ts';
import type { ProxySettings } from '../proxy/settings.ts';
import type { LastCheck } from './family-connection.ts';
import type { ServiceWeb } from './link-proxy.ts';
import type { Service } from './service.ts';
import type { ServiceEnv } from './service-env.ts';
import { isActive, isConnected } from './state.ts';
import type { Uplink } from './uplink.ts';

/** What it takes from the core. */
export type InUseEnv = Pick<ServiceEnv, 'options' | 'resolver' | 'timeservers'>;

/** What a service uses, as of when it is asked. */
export class InUse {
  readonly #service: Service;
  readonly #env: InUseEnv;
  readonly #uplink: Pick<Uplink, 'connection'>;

  constructor(service: Service, env: InUseEnv, uplink: Pick<Uplink, 'connection'>) {
    this.#service = service;
    this.#env = env;
    this.#uplink = uplink;
  }

  /** The IPv4 address while ready or online. */
  get ipv4(): Ipv4InUse | undefined {
    return this.#isConnected ? this.#uplink.connection?.ipv4?.inUse : undefined;
  }

  /** The IPv6 address while ready or online. */
  get ipv6(): Ipv6InUse | undefined {
    return this.#isConnected ? this.#uplink.connection?.ipv6?.inUse : undefined;
  }

  /** The DHCP lease. */
  get lease(): Lease | undefined {
    return this.#uplink.connection?.ipv4?.lease;
  }

  /** The DHCPv6 lease. */
  get lease6(): Dhcpv6Lease | undefined {
    return this.#uplink.connection?.ipv6?.lease;
  }

  /** What the network offers while connected, of both families. */
  get offer(): NetworkOffer {
    return this.#uplink.connection?.offer ?? NO_OFFER;
  }

  /** Name servers that a connected family reaches; the fallback ones where the network gave none. */
  get nameservers(): readonly string[] {
    if (!this.#isConnected) return [];
    const { ipv4, ipv6 } = this;
    const servers = this.#env.resolver.nameserversOf(this.#service.network.device.ifindex);
    const reached = servers.filter(({ address }) => (address.family === 4 ? ipv4 : ipv6) !== undefined);
    return reached.map(({ address }) => String(address));
  }

  /** Search domains, also while connecting. */
  get domains(): readonly string[] {
    const { state, configuration: { domains } } = this.#service;
    if (!isActive(state)) return [];
    return domains.length > 0 ? domains : this.offer.domains;
  }

  /** Time servers, the service's own first. */
  get timeservers(): readonly string[] {
    if (!this.#isConnected) return [];
    const { options } = this.#env;
    const { policy, global } = this.#env.timeservers();
    const { configuration, provisioned } = this.#service;
    const gateway = options.UseGatewaysAsTimeservers ? (this.ipv4?.gateway ?? this.ipv6?.gateway) : undefined;
    return timeserversOf(policy, {
      configured: configuration.timeservers,
      offered: [...(provisioned?.entry.keys.Timeservers ?? []), ...this.offer.timeservers],
      ...(gateway !== undefined && { gateway: String(gateway) }),
      global,
      fallback: options.FallbackTimeservers,
    });
  }

  /** Whether multicast DNS is on: wanted, connected, and something the DNS backend can do. */
  get isMulticastDns(): boolean {
    return this.#service.configuration.mdns && this.#isConnected && this.#env.resolver.canMulticastDns;
  }

  /** How the web is reached while connected. */
  get proxy(): ProxySettings | undefined {
    return this.#isConnected ? this.#uplink.connection?.proxy.settings : undefined;
  }

  /** The web through the service, for requests of the daemon; while there is a connection. */
  get web(): ServiceWeb | undefined {
    return this.#uplink.connection?.proxy;
  }

  /** The last online check of the connection. */
  get lastCheck(): LastCheck | undefined {
    return this.#uplink.connection?.lastCheck;
  }

  get #isConnected(): boolean {
    return isConnected(this.#service.state);
  }
}
