/**
 * Which servers and domains a service uses: what was configured, or else what its network offers, or
 * what holds for all services.
 */

import { timeserversOf } from '../clock/timeservers.ts';
import type { Resolver } from '../resolver.ts';
import type { Service } from './service.ts';
import type { ServiceEnv } from './service-env.ts';
import { isConnected, isConnecting } from './state.ts';

/** Name servers that a connected family reaches; the fallback ones where there are no others. */
export function nameserversInUse(service: Service, resolver: Resolver): readonly string[] {
  if (!isConnected(service.state)) return [];
  const { ipv4, ipv6 } = service;
  const servers = resolver.nameserversOf(service.network.device.ifindex);
  const reached = servers.filter(({ address }) => (address.family === 4 ? ipv4 : ipv6) !== undefined);
  return reached.map(({ address }) => String(address));
}

/** Search domains, also while connecting. */
export function domainsInUse({ state, configuration: { domains }, offer }: Service): readonly string[] {
  if (!isConnected(state) && !isConnecting(state)) return [];
  return domains.length > 0 ? domains : offer.domains;
}

/** Time servers, the service's own first. */
export function timeserversInUse(
  service: Service, env: Pick<ServiceEnv, 'options' | 'timeservers'>,
): readonly string[] {
  if (!isConnected(service.state)) return [];
  const { options } = env;
  const { policy, global } = env.timeservers();
  const gateway = options.UseGatewaysAsTimeservers ? (service.ipv4?.gateway ?? service.ipv6?.gateway) : undefined;
  return timeserversOf(policy, {
    configured: service.configuration.timeservers,
    offered: [...(service.provisioned?.entry.keys.Timeservers ?? []), ...service.offer.timeservers],
    ...(gateway !== undefined && { gateway: String(gateway) }),
    global,
    fallback: options.FallbackTimeservers,
  });
}

/** Whether multicast DNS is on: wanted, connected, and something the DNS backend can do. */
export function isMulticastDnsInUse({ state, configuration: { mdns } }: Service, resolver: Resolver): boolean {
  return mdns && isConnected(state) && resolver.canMulticastDns;
}
