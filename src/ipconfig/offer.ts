/**
 * What a network offers beside addresses and routes, in the same words whoever brought it: DHCPv4,
 * router advertisements or DHCPv6. Values only; whoever brought something takes it away again when
 * its lifetime ends.
 */

import type { Lease } from '../dhcp/client.ts';
import type { IpAddress } from '../shared/ipaddress.ts';

/** What the network offered, for as long as it holds. */
export interface NetworkOffer {
  /** In the order of preference. */
  readonly nameservers: readonly IpAddress[];
  /** Search domains. */
  readonly domains: readonly string[];
  /** Names or addresses. */
  readonly timeservers: readonly string[];
  /** Of a PAC file (DHCP option 252). */
  readonly pacUrl: string | undefined;
  /** Where a captive portal tells of itself (RFC 8910). */
  readonly captivePortal: string | undefined;
  readonly mtu: number | undefined;
}

/** Nothing offered. */
export const NO_OFFER: NetworkOffer = {
  nameservers: [],
  domains: [],
  timeservers: [],
  pacUrl: undefined,
  captivePortal: undefined,
  mtu: undefined,
};

/** What a DHCPv4 lease brings. */
export function offerOfLease(lease: Lease | undefined): NetworkOffer {
  if (lease === undefined) return NO_OFFER;
  const { nameservers, searchDomains, domainName, timeservers, pacUrl, captivePortal, mtu } = lease;
  const own = domainName === undefined ? [] : [domainName];
  const domains = searchDomains.length > 0 ? searchDomains : own; // option 119, else the domain name
  return {
    nameservers,
    domains,
    timeservers: timeservers.map(String),
    pacUrl,
    captivePortal,
    mtu,
  };
}

/** All of several offers, what the first ones say before what the later ones do. */
export function combineOffers(offers: readonly NetworkOffer[]): NetworkOffer {
  const [only = NO_OFFER, ...others] = offers;
  if (others.length === 0) return only;
  const first = <T>(pick: (offer: NetworkOffer) => T | undefined): T | undefined =>
    offers.map(pick).find((value) => value !== undefined);
  return {
    nameservers: distinct(offers.flatMap(({ nameservers }) => nameservers)),
    domains: distinct(offers.flatMap(({ domains }) => domains)),
    timeservers: distinct(offers.flatMap(({ timeservers }) => timeservers)),
    pacUrl: first(({ pacUrl }) => pacUrl),
    captivePortal: first(({ captivePortal }) => captivePortal),
    mtu: first(({ mtu }) => mtu),
  };
}

function distinct<T extends string | IpAddress>(values: readonly T[]): readonly T[] {
  return [...new Map(values.map((value) => [String(value), value])).values()];
}
