/**
 * Leases as text for scripts: a key file with the groups `device`, `dhcp4` and `dhcp6`. Keys are the
 * names of the options in RFC 2132 and RFC 8415, lists are separated by blanks, moments are seconds
 * since 1970, `never` where there is no end, and every option as it came is `Option.CODE` in
 * hexadecimal digits. Pure. Invariant: no value holds a line break.
 */

import { expiryOf, type Lease } from '../dhcp/lease.ts';
import { type Dhcpv6Lease, formatPrefix } from '../dhcpv6/lease.ts';
import { formatHex } from '../shared/bytes.ts';
import type { Clock } from '../shared/clock.ts';
import { KeyFile } from '../shared/keyfile.ts';

/** What is told of an interface. */
export interface DeviceLeases {
  readonly interfaceName: string;
  readonly service: string;
  readonly dhcp4: Lease | undefined;
  readonly dhcp6: Dhcpv6Lease | undefined;
}

/** The text; undefined where there is no lease. */
export function formatLeases(leases: DeviceLeases, clock: Pick<Clock, 'now' | 'wallTime'>): string | undefined {
  const { interfaceName, service, dhcp4, dhcp6 } = leases;
  if (dhcp4 === undefined && dhcp6 === undefined) return undefined;
  const file = new KeyFile();
  const moment = (atMs: number): string =>
    atMs === Infinity ? 'never' : String(Math.round((clock.wallTime().getTime() + atMs - clock.now()) / 1000));
  put(file, 'device', { Interface: interfaceName, Service: service });
  if (dhcp4 !== undefined) put(file, 'dhcp4', { ...entries4(dhcp4, moment), ...optionEntries(dhcp4.options) });
  if (dhcp6 !== undefined) put(file, 'dhcp6', { ...entries6(dhcp6, moment), ...optionEntries(dhcp6.options) });
  return file.toString();
}

type Entries = Readonly<Record<string, string | readonly string[] | undefined>>;

function put(file: KeyFile, group: string, entries: Entries): void {
  for (const [key, value] of Object.entries(entries)) {
    const text = typeof value === 'object' ? value.join(' ') : value;
    if (text !== undefined && text !== '') file.set(group, key, text);
  }
}

function entries4(lease: Lease, moment: (atMs: number) => string): Entries {
  const { acquiredAtMs, renewalSec, rebindingSec } = lease;
  return {
    Address: `${lease.address}/${lease.prefixLength}`,
    Server: lease.server?.toString(),
    Routers: lease.routers.map(String),
    ClasslessRoutes: lease.classlessRoutes.map(({ destination, gateway }) => {
      return gateway === undefined ? formatPrefix(destination) : `${formatPrefix(destination)},${gateway}`;
    }),
    Nameservers: lease.nameservers.map(String),
    DomainName: lease.domainName,
    SearchDomains: lease.searchDomains,
    HostName: lease.hostname,
    Timeservers: lease.timeservers.map(String),
    MTU: lease.mtu?.toString(),
    ProxyURL: lease.pacUrl,
    CaptivePortal: lease.captivePortal,
    Acquired: moment(acquiredAtMs),
    Renewal: moment(acquiredAtMs + 1000 * renewalSec),
    Rebinding: moment(acquiredAtMs + 1000 * rebindingSec),
    Expires: moment(expiryOf(lease)),
  };
}

function entries6(lease: Dhcpv6Lease, moment: (atMs: number) => string): Entries {
  const ends = [...lease.addresses, ...lease.prefixes].map(({ validUntilMs }) => validUntilMs);
  return {
    Addresses: lease.addresses.map(({ address }) => String(address)),
    Prefixes: lease.prefixes.map(({ prefix }) => formatPrefix(prefix)),
    ServerDUID: formatHex(lease.server),
    Nameservers: lease.nameservers.map(String),
    SearchDomains: lease.searchDomains,
    Timeservers: lease.timeservers,
    CaptivePortal: lease.captivePortal,
    Renewal: moment(lease.renewAtMs),
    Rebinding: moment(lease.rebindAtMs),
    Expires: ends.length === 0 ? undefined : moment(Math.max(...ends)),
  };
}

function optionEntries(options: ReadonlyMap<number, Uint8Array>): Entries {
  return Object.fromEntries([...options].map(([code, value]) => [`Option.${code}`, formatHex(value)]));
}
