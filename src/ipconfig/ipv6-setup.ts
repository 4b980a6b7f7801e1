/**
 * How IPv6 is set up, worked out from what is on the interface and what routers and servers said.
 * Pure; src/ipconfig/ipv6.ts asks again whenever any of it changes.
 */

import type { Dhcpv6Lease } from '../dhcpv6/client.ts';
import type { RouterInformation } from '../ndp/router-discovery.ts';
import type { Address } from '../netlink/address/address.ts';
import type { IpAddress, IpPrefix } from '../shared/ipaddress.ts';
import type { Ipv6Configuration, Ipv6InUse, Ipv6Method } from './configuration.ts';
import { isGlobal } from './ipv6-links.ts';
import { combineOffers, NO_OFFER, type NetworkOffer } from './offer.ts';
import type { Setup } from './session.ts';

/** How IPv6 is set up; `lease` where a DHCPv6 server has its part in it, delegated prefixes included. */
export interface Ipv6Setup extends Setup {
  readonly inUse: Ipv6InUse;
  readonly lease: Dhcpv6Lease | undefined;
}

/** What a setup is worked out from. */
export interface Ipv6Facts {
  readonly configuration: Ipv6Configuration;
  /** All of the interface. */
  readonly addresses: readonly Address[];
  /** Undefined until a router was heard. */
  readonly routers: RouterInformation | undefined;
  readonly lease: Dhcpv6Lease | undefined;
  /** The default router as the kernel knows it, for as long as we have heard none. */
  readonly kernelGateway: IpAddress | undefined;
}

/** The setup; undefined while no address can be used. */
export function setupOf(facts: Ipv6Facts): Ipv6Setup | undefined {
  const { configuration, routers, lease } = facts;
  const [first, ...others] = usable(facts);
  if (first === undefined) return undefined;
  const { method, privacy } = configuration;
  const gateway = gatewayOf(facts);
  return {
    inUse: {
      method: methodOf(method, first.address),
      address: first.address,
      prefixLength: first.prefixLength,
      ...(gateway !== undefined && { gateway }),
      privacy,
    },
    subnets: networks([first, ...others]),
    routes: routers?.routes ?? [],
    offer: combineOffers([offerOfLease6(lease), offerOfRouters(routers)]),
    lease,
  };
}

/** Whether two setups are the same in all that anybody is told of. */
export function isSameSetup(one: Ipv6Setup | undefined, other: Ipv6Setup | undefined): boolean {
  return one === undefined || other === undefined ? one === other : textOf(one) === textOf(other);
}

/** Whether an address was made of a hardware address (RFC 4291, appendix A). */
export function tellsHardwareAddress({ bytes }: IpAddress, [first = 0, ...rest]: Uint8Array): boolean {
  const identifier = [first ^ 2, ...rest.slice(0, 2), 0xff, 0xfe, ...rest.slice(2)];
  return rest.length === 5 && identifier.every((byte, index) => bytes[8 + index] === byte);
}

/** Whether an address is in 2002::/16, which 6to4 tunnels have (RFC 3056). */
export function is6to4({ family, bytes: [first, second] }: IpAddress): boolean {
  return family === 6 && first === 0x20 && second === 0x02;
}

/** Addresses fit for use, best first: not about to end, by the wish for privacy, and as the kernel has them. */
function usable({ addresses, configuration }: Ipv6Facts): Address[] {
  const { method, address, privacy } = configuration;
  const isWanted = (each: Address): boolean => method === 'auto' || each.address.equals(address);
  const isTemporaryBetter = privacy === 'prefered';
  return addresses
    .filter((each) => isGlobal(each) && !each.isTentative && !each.isDuplicate && isWanted(each))
    .sort((one, other) =>
      Number(one.isDeprecated) - Number(other.isDeprecated)
      || Number(one.isTemporary !== isTemporaryBetter) - Number(other.isTemporary !== isTemporaryBetter));
}

function gatewayOf({ configuration, routers, kernelGateway }: Ipv6Facts): IpAddress | undefined {
  return configuration.gateway ?? (routers === undefined ? kernelGateway : routers.routers[0]?.address);
}

/** ConnMan names it so. */
function methodOf(method: Ipv6Method, address: IpAddress): Ipv6InUse['method'] {
  return method === 'auto' && is6to4(address) ? '6to4' : method;
}

/** One for each network. */
function networks(addresses: readonly Address[]): IpPrefix[] {
  const byNetwork = new Map<string, IpPrefix>();
  for (const { address, prefixLength } of addresses) {
    const key = `${address.network(prefixLength)}/${prefixLength}`;
    if (!byNetwork.has(key)) byNetwork.set(key, { address, prefixLength });
  }
  return [...byNetwork.values()];
}

// Router discovery and the DHCPv6 client tell when something of it has ended.
function offerOfRouters(routers: RouterInformation | undefined): NetworkOffer {
  if (routers === undefined) return NO_OFFER;
  return {
    ...NO_OFFER,
    nameservers: routers.nameservers.map(({ address }) => address),
    domains: routers.searchDomains.map(({ name }) => name),
    captivePortal: routers.captivePortal,
    mtu: routers.mtu,
  };
}

function offerOfLease6(lease: Dhcpv6Lease | undefined): NetworkOffer {
  if (lease === undefined) return NO_OFFER;
  const { nameservers, searchDomains, timeservers, captivePortal } = lease;
  return { ...NO_OFFER, nameservers, domains: searchDomains, timeservers, captivePortal };
}

function textOf({ inUse, subnets, routes, offer, lease }: Ipv6Setup): string {
  const prefix = ({ address, prefixLength }: IpPrefix): string => `${address}/${prefixLength}`;
  return JSON.stringify([
    inUse.method, prefix(inUse), String(inUse.gateway), subnets.map(prefix),
    routes.map(({ destination, gateway }) => [prefix(destination), String(gateway)]),
    offer.nameservers.map(String), offer.domains, offer.timeservers, offer.captivePortal, offer.mtu,
    lease?.prefixes.map((each) => prefix(each.prefix)),
  ]);
}
