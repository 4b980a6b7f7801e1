/**
 * What a DHCPv4 server gave: the address, how long it holds, and the options in the core's terms.
 * RFC 2131, 2132, 3442. Invariant: everything here was checked; texts are safe to log and to store,
 * addresses are usable as what they claim to be. What was not valid is absent.
 */

import { equalBytes } from '../shared/bytes.ts';
import { IpAddress, type IpPrefix, prefixLengthOfNetmask } from '../shared/ipaddress.ts';
import {
  classlessRoutesOf,
  domainNameOf,
  hostAddressesOf,
  hostAddressOf,
  hostnameOf,
  OPTION,
  u16Of,
  u32Of,
  urlOf,
} from './options.ts';
import { searchDomainsOf } from './search-domains.ts';

/** An address lent by a DHCPv4 server, with what came along. */
export interface Lease {
  readonly address: IpAddress;
  /** From option 1, else by the address's class. */
  readonly prefixLength: number;
  /** The server identifier (option 54); renewals go there. */
  readonly server: IpAddress | undefined;
  /**
   * Gateways for the default route, best first: those of option 121's default routes when that
   * option came (possibly none), else option 3 (RFC 3442).
   */
  readonly routers: readonly IpAddress[];
  /** Option 121 without its default routes. */
  readonly classlessRoutes: readonly ClasslessRoute[];
  readonly nameservers: readonly IpAddress[];
  readonly domainName: string | undefined;
  /** Option 119. */
  readonly searchDomains: readonly string[];
  readonly hostname: string | undefined;
  readonly timeservers: readonly IpAddress[];
  readonly mtu: number | undefined;
  /** Option 252. */
  readonly pacUrl: string | undefined;
  /** Option 114 (RFC 8910); absent when the network says it has no portal. */
  readonly captivePortal: string | undefined;
  /** `Infinity` for a lease without end; so are the other two then. */
  readonly leaseSec: number;
  readonly renewalSec: number;
  readonly rebindingSec: number;
  /** When the request was sent that the server granted, in `clock.now()` milliseconds. */
  readonly acquiredAtMs: number;
  /** Every option as it came, split ones joined (RFC 3396). */
  readonly options: ReadonlyMap<number, Uint8Array>;
}

/** A route of option 121; without a gateway the destination is on the link. */
export interface ClasslessRoute {
  readonly destination: IpPrefix;
  readonly gateway: IpAddress | undefined;
}

/** What a lease is made of. */
export interface LeaseSource {
  readonly address: IpAddress;
  /** Stands in where option 54 is missing. */
  readonly server: IpAddress | undefined;
  readonly options: ReadonlyMap<number, Uint8Array>;
  readonly acquiredAtMs: number;
}

/** Interprets the options that came with an address. */
export function interpretLease({ address, server, options, acquiredAtMs }: LeaseSource): Lease {
  return {
    address,
    prefixLength: prefixLengthOf(options.get(OPTION.subnetMask)) ?? classPrefixLength(address),
    server: hostAddressOf(options.get(OPTION.serverIdentifier)) ?? server,
    ...routesOf(options),
    nameservers: hostAddressesOf(options.get(OPTION.nameserver)),
    domainName: domainNameOf(options.get(OPTION.domainName)),
    searchDomains: searchDomainsOf(options.get(OPTION.searchDomains)) ?? [],
    hostname: hostnameOf(options.get(OPTION.hostname)),
    timeservers: hostAddressesOf(options.get(OPTION.timeserver)),
    mtu: mtuOf(options.get(OPTION.mtu)),
    pacUrl: urlOf(options.get(OPTION.proxyAutoconfiguration)),
    captivePortal: captivePortalOf(options.get(OPTION.captivePortal)),
    ...timesOf(options),
    acquiredAtMs,
    options,
  };
}

/** When a lease ends, in clock milliseconds; `Infinity` for one without end. */
export function expiryOf(lease: Lease): number {
  return lease.acquiredAtMs + lease.leaseSec * 1000;
}

/** Whether two leases differ in their times alone. */
export function isSameConfiguration(one: Lease, other: Lease): boolean {
  if (!one.address.equals(other.address) || one.prefixLength !== other.prefixLength) return false;
  const codes = new Set([...one.options.keys(), ...other.options.keys()]);
  for (const code of NOT_CONFIGURATION) codes.delete(code);
  return [...codes].every((code) => {
    const [value, otherValue] = [one.options.get(code), other.options.get(code)];
    return value !== undefined && otherValue !== undefined && equalBytes(value, otherValue);
  });
}

const NOT_CONFIGURATION: readonly number[] = [
  OPTION.leaseTime,
  OPTION.renewalTime,
  OPTION.rebindingTime,
  OPTION.messageType,
  OPTION.message,
  OPTION.serverIdentifier,
  OPTION.clientIdentifier,
  OPTION.rapidCommit,
];

const DEFAULT_LEASE_SEC = 3600;
const LEAST_LEASE_SEC = 10;
const WITHOUT_END = 0xffff_ffff;
// RFC 791, 3.1: what every host takes. Less than that on offer is an attack or an error.
const LEAST_MTU = 576;

/** RFC 2131, 4.4.5: T1 is half of the lease and T2 seven eighths, unless the server says better. */
function timesOf(options: ReadonlyMap<number, Uint8Array>): Pick<Lease, 'leaseSec' | 'renewalSec' | 'rebindingSec'> {
  const given = u32Of(options.get(OPTION.leaseTime)) ?? DEFAULT_LEASE_SEC;
  if (given === WITHOUT_END) return { leaseSec: Infinity, renewalSec: Infinity, rebindingSec: Infinity };
  const leaseSec = Math.max(LEAST_LEASE_SEC, given);
  const renewalSec = u32Of(options.get(OPTION.renewalTime)) ?? leaseSec * 0.5;
  const rebindingSec = u32Of(options.get(OPTION.rebindingTime)) ?? leaseSec * 0.875;
  const isInOrder = renewalSec > 0 && renewalSec < rebindingSec && rebindingSec < leaseSec;
  return isInOrder
    ? { leaseSec, renewalSec, rebindingSec }
    : { leaseSec, renewalSec: leaseSec * 0.5, rebindingSec: leaseSec * 0.875 };
}

/** RFC 3442: a client that got classless routes must ignore the router option. */
function routesOf(options: ReadonlyMap<number, Uint8Array>): Pick<Lease, 'routers' | 'classlessRoutes'> {
  const routes = classlessRoutesOf(options.get(OPTION.classlessRoutes));
  if (routes === undefined) {
    return { routers: hostAddressesOf(options.get(OPTION.router)), classlessRoutes: [] };
  }
  const isDefault = ({ destination }: ClasslessRoute): boolean => destination.prefixLength === 0;
  return {
    routers: routes.filter(isDefault).flatMap(({ gateway }) => gateway ?? []),
    classlessRoutes: routes.filter((route) => !isDefault(route)),
  };
}

function prefixLengthOf(netmask: Uint8Array | undefined): number | undefined {
  if (netmask?.length !== 4) return undefined;
  const prefixLength = prefixLengthOfNetmask(new IpAddress(netmask));
  return prefixLength === 0 ? undefined : prefixLength;
}

function classPrefixLength(address: IpAddress): number {
  const [first = 0] = address.bytes;
  return first < 128 ? 8 : first < 192 ? 16 : 24;
}

function mtuOf(value: Uint8Array | undefined): number | undefined {
  const mtu = u16Of(value);
  return mtu !== undefined && mtu >= LEAST_MTU ? mtu : undefined;
}

/** The URL of RFC 8910, 2, where also one URN says that there is no portal. */
export function captivePortalOf(value: Uint8Array | undefined): string | undefined {
  const url = urlOf(value);
  return url === 'urn:ietf:params:capport:unrestricted' ? undefined : url;
}
