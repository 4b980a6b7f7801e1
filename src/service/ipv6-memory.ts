/**
 * What is kept of a service's IPv6 from one connection to the next: in its settings ConnMan's keys, in
 * its lease file the groups [dhcp6] and [ipv6], which holds the secret of stable addresses.
 */

import type { Storage } from '../daemon/storage.ts';
import type { Ipv6Memory } from '../ipconfig/ipv6.ts';
import { formatHex, parseHex } from '../shared/bytes.ts';
import { parseIpv6 } from '../shared/ipaddress.ts';

/** Reads it; what makes no sense counts as absent. */
export function loadIpv6Memory(storage: Storage, identifier: string): Ipv6Memory {
  const settings = storage.read(`${identifier}/settings`);
  const leases = storage.read(`${identifier}/lease`);
  const lease = new Map(leases?.keys('dhcp6').map((key) => [key, leases.get('dhcp6', key) ?? '']));
  return {
    duid: parseHex(settings?.get(identifier, 'IPv6.DHCP.DUID') ?? 'none'),
    stableSecret: parseIpv6(leases?.get('ipv6', 'StableSecret') ?? ''),
    lease: lease.size > 0 ? lease : undefined,
  };
}

/** Its groups of the lease file. */
export function ipv6Leases(
  { lease, stableSecret }: Ipv6Memory,
): Record<string, ReadonlyMap<string, string> | undefined> {
  return { dhcp6: lease, ipv6: stableSecret && new Map([['StableSecret', String(stableSecret)]]) };
}

/** Its keys of the settings; undefined ones are taken out. */
export function ipv6Keys({ duid, lease }: Ipv6Memory): (readonly [string, string | undefined])[] {
  const [address] = lease?.get('Address.0')?.split(' ') ?? [];
  const prefixes = [...(lease ?? [])].flatMap(([key, value]) => (key.startsWith('Prefix.') ? value.split(' ', 1) : []));
  return [
    ['IPv6.DHCP.DUID', duid && formatHex(duid)],
    ['IPv6.DHCP.LastAddress', address],
    ['IPv6.DHCP.LastPrefixes', prefixes.length === 0 ? undefined : `${prefixes.join(';')};`],
  ];
}
