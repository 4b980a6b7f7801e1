/**
 * What of a service can change and be seen, in words of our own; src/service/dbus.ts knows which
 * property each of them is.
 */

import type { ServiceConfiguration } from './configuration.ts';

/** What of a service can change and be seen. */
export type ServiceAspect =
  | 'state'
  | 'error'
  | 'strength'
  | 'security'
  | 'favorite'
  | 'immutable'
  | 'autoconnect'
  | 'ethernet'
  | 'ipv4'
  | 'ipv4Configuration'
  | 'ipv6'
  | 'ipv6Configuration'
  | 'nameservers'
  | 'nameserversConfiguration'
  | 'timeservers'
  | 'timeserversConfiguration'
  | 'domains'
  | 'domainsConfiguration'
  | 'proxy'
  | 'proxyConfiguration'
  | 'mdns'
  | 'mdnsConfiguration'
  | 'conflict'
  | 'provider';

/** What a change of addresses may change. */
export const IN_USE: readonly ServiceAspect[] = ['ipv4', 'ipv4Configuration', 'ipv6', 'nameservers'];

/** What such a change of the configuration may change. */
export function aspectsOf(change: Partial<ServiceConfiguration>): ServiceAspect[] {
  const aspects: ServiceAspect[] = [];
  if (change.ipv4 !== undefined) aspects.push('ipv4Configuration');
  if (change.ipv6 !== undefined) aspects.push('ipv6Configuration');
  if (change.nameservers !== undefined) aspects.push('nameserversConfiguration', 'nameservers');
  if (change.timeservers !== undefined) aspects.push('timeserversConfiguration', 'timeservers');
  if (change.domains !== undefined) aspects.push('domainsConfiguration', 'domains');
  if ('proxy' in change) aspects.push('proxyConfiguration', 'proxy');
  if (change.mdns !== undefined) aspects.push('mdnsConfiguration', 'mdns');
  return aspects;
}

/** The families that such a change configures anew. */
export function concernedBy({ ipv4, ipv6 }: Partial<ServiceConfiguration>): (4 | 6)[] {
  return [...(ipv4 === undefined ? [] : [4 as const]), ...(ipv6 === undefined ? [] : [6 as const])];
}
