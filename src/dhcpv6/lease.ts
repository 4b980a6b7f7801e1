/**
 * What a DHCPv6 server gave: addresses, delegated prefixes, how long each holds, and the options in
 * the core's terms (RFC 8415, 18.2.10). Invariant: everything here was checked; texts are safe to
 * log and to store. What was not valid is absent. A stateless client's lease has no addresses.
 */

import { captivePortalOf } from '../dhcp/lease.ts';
import { equalBytes } from '../shared/bytes.ts';
import type { IpAddress, IpPrefix } from '../shared/ipaddress.ts';
import { type Association, addressesOf, domainsOf, ntpServersOf, type Option, OPTION, u32Of } from './options.ts';

/** What a DHCPv6 server gave. Times are `clock.now()` milliseconds, `Infinity` for no end. */
export interface Dhcpv6Lease {
  readonly addresses: readonly Dhcpv6Address[];
  /** Delegated to this host, to be used on other links. */
  readonly prefixes: readonly Dhcpv6Prefix[];
  /** The server's DUID. */
  readonly server: Uint8Array;
  readonly nameservers: readonly IpAddress[];
  readonly searchDomains: readonly string[];
  /** Addresses and names: option 56, else 31. */
  readonly timeservers: readonly string[];
  /** Option 103 (RFC 8910); absent when the network says it has no portal. */
  readonly captivePortal: string | undefined;
  /** When more time is asked for; of a stateless client when it asks anew (RFC 8415, 21.23). */
  readonly renewAtMs: number;
  readonly rebindAtMs: number;
  /** Every option with configuration as it came, the first of each code. */
  readonly options: ReadonlyMap<number, Uint8Array>;
}

/** An address with its times. */
export interface Dhcpv6Address {
  readonly address: IpAddress;
  readonly preferredUntilMs: number;
  readonly validUntilMs: number;
  /** From an IA_TA. */
  readonly isTemporary: boolean;
}

/** A prefix with its times. */
export interface Dhcpv6Prefix {
  readonly prefix: IpPrefix;
  readonly preferredUntilMs: number;
  readonly validUntilMs: number;
}

/** What a lease is made of. */
export interface LeaseSource {
  readonly server: Uint8Array;
  readonly options: readonly Option[];
  /** Of this client, those with a status other than success left out. */
  readonly associations: readonly Association[];
  /** When the message was sent that the server answered. */
  readonly atMs: number;
}

/**
 * The lease after a reply. What the reply does not name stays as it was in `previous`; what it gives
 * no more time goes (RFC 8415, 18.2.10.1).
 */
export function leaseAfter(previous: Dhcpv6Lease | undefined, source: LeaseSource): Dhcpv6Lease {
  const { server, associations, atMs } = source;
  const addresses = new Map(previous?.addresses.map((each) => [String(each.address), each]));
  const prefixes = new Map(previous?.prefixes.map((each) => [formatPrefix(each.prefix), each]));
  for (const association of associations) {
    const isTemporary = association.kind === 'temporary';
    for (const { address, ...times } of association.addresses) {
      put(addresses, String(address), times.validSec > 0 && { address, isTemporary, ...untilOf(times, atMs) });
    }
    for (const { prefix, ...times } of association.prefixes) {
      put(prefixes, formatPrefix(prefix), times.validSec > 0 && { prefix, ...untilOf(times, atMs) });
    }
  }
  const held = { addresses: [...addresses.values()], prefixes: [...prefixes.values()] };
  return interpret({ ...held, server, ...timesOf(associations, atMs), options: configurationOf(source.options) });
}

/** What an answer to an information request brings, good until asked for anew. */
export function informationFrom({ server, options, atMs }: Omit<LeaseSource, 'associations'>): Dhcpv6Lease {
  const given = u32Of(options.find(({ code }) => code === OPTION.refreshTime)?.value) ?? DEFAULT_REFRESH_SEC;
  const refreshSec = given === WITHOUT_END ? Infinity : Math.max(LEAST_REFRESH_SEC, given);
  return interpret({
    addresses: [], prefixes: [], server, options: configurationOf(options),
    renewAtMs: atMs + 1000 * refreshSec, rebindAtMs: Infinity,
  });
}

/** Gives a lease's options their meaning. */
export function interpret(
  held: Pick<Dhcpv6Lease, 'addresses' | 'prefixes' | 'server' | 'renewAtMs' | 'rebindAtMs' | 'options'>,
): Dhcpv6Lease {
  const { options } = held;
  const ntpServers = ntpServersOf(options.get(OPTION.ntpServer));
  return {
    ...held,
    nameservers: addressesOf(options.get(OPTION.nameservers)),
    searchDomains: domainsOf(options.get(OPTION.searchDomains)),
    timeservers: ntpServers.length > 0 ? ntpServers : addressesOf(options.get(OPTION.sntpServers)).map(String),
    captivePortal: captivePortalOf(options.get(OPTION.captivePortal)),
  };
}

/** When the first address or prefix ends; `Infinity` when none does. */
export function nextEndOf(lease: Dhcpv6Lease): number {
  return Math.min(...[...lease.addresses, ...lease.prefixes].map(({ validUntilMs }) => validUntilMs));
}

/** The lease without what has ended at `now`. */
export function withoutEnded(lease: Dhcpv6Lease, now: number): Dhcpv6Lease {
  return {
    ...lease,
    addresses: lease.addresses.filter(({ validUntilMs }) => validUntilMs > now),
    prefixes: lease.prefixes.filter(({ validUntilMs }) => validUntilMs > now),
  };
}

/** Whether there is no address and no prefix in it. */
export function isEmpty({ addresses, prefixes }: Dhcpv6Lease): boolean {
  return addresses.length === 0 && prefixes.length === 0;
}

/** Whether two leases differ in their times alone. */
export function isSameConfiguration(one: Dhcpv6Lease, other: Dhcpv6Lease): boolean {
  const codes = new Set([...one.options.keys(), ...other.options.keys()]);
  return heldText(one) === heldText(other) && [...codes].every((code) => {
    const [value, otherValue] = [one.options.get(code), other.options.get(code)];
    return value !== undefined && otherValue !== undefined && equalBytes(value, otherValue);
  });
}

/** An `IpPrefix` as text. */
export function formatPrefix({ address, prefixLength }: IpPrefix): string {
  return `${address}/${prefixLength}`;
}

/** Of addresses and of prefixes: more than any server gives, few enough for a kernel. */
const MOST_HELD = 16;
/** What holds for less is held this long, lest a server makes its clients ask without end. */
const LEAST_VALID_SEC = 10;
// RFC 8415, 21.23 and 7.6.
const DEFAULT_REFRESH_SEC = 86_400;
const LEAST_REFRESH_SEC = 600;
const WITHOUT_END = 0xffff_ffff;

/** What a message says of itself and not of the configuration. */
const NOT_CONFIGURATION: readonly number[] = [
  OPTION.clientId, OPTION.serverId, OPTION.nonTemporary, OPTION.temporary, OPTION.delegation, OPTION.preference,
  OPTION.statusCode, OPTION.rapidCommit, OPTION.refreshTime, OPTION.clientFqdn,
];

function configurationOf(options: readonly Option[]): Map<number, Uint8Array> {
  const map = new Map<number, Uint8Array>();
  for (const { code, value } of options) if (!NOT_CONFIGURATION.includes(code) && !map.has(code)) map.set(code, value);
  return map;
}

function put<T>(map: Map<string, T>, key: string, value: T | false): void {
  if (value === false) map.delete(key);
  else if (map.has(key) || map.size < MOST_HELD) map.set(key, value);
}

function untilOf(
  { preferredSec, validSec }: { preferredSec: number; validSec: number },
  atMs: number,
): { preferredUntilMs: number; validUntilMs: number } {
  return {
    preferredUntilMs: atMs + 1000 * preferredSec,
    validUntilMs: atMs + 1000 * Math.max(LEAST_VALID_SEC, validSec),
  };
}

/** RFC 8415, 14.2 and 21.4: what the server leaves open is half and four fifths of the shortest preferred lifetime. */
function timesOf(associations: readonly Association[], atMs: number): Pick<Dhcpv6Lease, 'renewAtMs' | 'rebindAtMs'> {
  const held = associations.flatMap(({ addresses, prefixes }) => [...addresses, ...prefixes])
    .filter(({ validSec }) => validSec > 0);
  const shortestSec = Math.max(LEAST_VALID_SEC, Math.min(...held.map(({ preferredSec, validSec }) => (
    preferredSec > 0 ? preferredSec : validSec
  ))));
  const given = (key: 'renewalSec' | 'rebindingSec'): number =>
    Math.min(...associations.map((association) => association[key]).filter((seconds) => seconds > 0));
  const [givenRenewal, givenRebinding] = [given('renewalSec'), given('rebindingSec')];
  const isGiven = associations.some(({ renewalSec }) => renewalSec > 0);
  const renewalSec = isGiven ? Math.max(LEAST_VALID_SEC / 2, givenRenewal) : shortestSec * 0.5;
  const isRebindingGiven = associations.some(({ rebindingSec }) => rebindingSec > 0);
  const rebindingSec = Math.max(renewalSec, isRebindingGiven ? givenRebinding : shortestSec * 0.8);
  return { renewAtMs: atMs + 1000 * renewalSec, rebindAtMs: atMs + 1000 * rebindingSec };
}

function heldText({ addresses, prefixes }: Dhcpv6Lease): string {
  const texts = [
    ...addresses.map(({ address, isTemporary }) => `${address} ${isTemporary}`),
    ...prefixes.map(({ prefix }) => formatPrefix(prefix)),
  ];
  return texts.sort().join();
}
