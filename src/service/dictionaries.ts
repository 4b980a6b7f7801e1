/**
 * The sub-dictionaries of net.connman.Service, keys in ConnMan's order: what a service has in use,
 * and what was configured.
 */

import { variant, type Variant } from '../dbus/signature.ts';
import type { AddressConflict, Ipv6Configuration, StaticAddress } from '../ipconfig/configuration.ts';
import { formatHex } from '../shared/bytes.ts';
import { IpAddress, netmaskOfPrefixLength } from '../shared/ipaddress.ts';
import type { ProxyConfiguration } from './configuration.ts';
import type { Service } from './service.ts';
import { isConnected } from './state.ts';

type Dictionary = ReadonlyMap<string, Variant>;

/** `Ethernet`: the interface below. */
export function ethernetDictionary(service: Service): Dictionary {
  const { link } = service.network.device;
  return new Map([
    ['Method', text('auto')],
    ['Interface', text(link.name)],
    ['Address', text(formatHex(link.hardwareAddress, ':').toUpperCase())],
    ...optional('MTU', link.mtu > 0 ? variant('q', Math.min(link.mtu, 0xffff)) : undefined),
  ]);
}

/** `IPv4`: empty unless in use; `LinkLocal`, which is ours, only where there is such an address beside. */
export function ipv4Dictionary({ inUse: { ipv4 } }: Service): Dictionary {
  if (ipv4 === undefined) return new Map();
  const linkLocal = optional('LinkLocal', ipv4.linkLocal && text(String(ipv4.linkLocal)));
  return new Map([['Method', text(ipv4.method)], ...ipv4Entries(ipv4), ...linkLocal]);
}

/**
 * `IPv4.Configuration`: `auto` while DHCP has fallen back to a link-local address, as in ConnMan;
 * `LinkLocal`, which is ours, only where it is not `fallback`.
 */
export function ipv4ConfigurationDictionary({ inUse, configuration: { ipv4: configuration } }: Service): Dictionary {
  const linkLocal = optional('LinkLocal', configuration.linkLocal && text(configuration.linkLocal));
  const isFallback = configuration.method === 'dhcp' && inUse.ipv4?.method === 'auto';
  if (isFallback) return new Map([['Method', text('auto')], ...linkLocal]);
  return new Map([['Method', text(configuration.method)], ...ipv4Entries(configuration), ...linkLocal]);
}

/** `IPv6`: empty unless in use. */
export function ipv6Dictionary({ inUse: { ipv6 } }: Service): Dictionary {
  if (ipv6 === undefined) return new Map();
  return new Map([['Method', text(ipv6.method)], ...ipv6Entries(ipv6), ['Privacy', text(ipv6.privacy)]]);
}

/** `IPv6.Configuration`. */
export function ipv6ConfigurationDictionary(configuration: Ipv6Configuration): Dictionary {
  const { method, privacy } = configuration;
  if (method === 'off') return new Map([['Method', text(method)]]);
  return new Map([['Method', text(method)], ...ipv6Entries(configuration), ['Privacy', text(privacy)]]);
}

/** `OnlineCheck` of net.causeway.Service1: how the last check went; empty before the first. */
export function onlineCheckDictionary({ inUse: { lastCheck: check } }: Service): Dictionary {
  if (check === undefined) return new Map();
  const { outcome, status, nextInMs } = check;
  return new Map([
    ['Standing', text(check.standing)],
    ['URL', text(check.url)],
    ['Outcome', text(outcome.kind)],
    ...optional('Reason', outcome.kind === 'failed' ? text(outcome.reason) : undefined),
    ...optional('Detail', outcome.kind === 'failed' ? text(outcome.detail) : undefined),
    ...optional('Portal', outcome.kind === 'portal' ? text(outcome.url) : undefined),
    ...optional('Status', status === undefined ? undefined : variant('q', status)),
    // Microseconds since 1970, as ConnMan's timestamps, and seconds from the end of the check.
    ['Timestamp', variant('x', BigInt(check.at.getTime()) * 1000n)],
    ['Duration', variant('d', check.durationMs / 1000)],
    ...optional('Next', nextInMs === undefined ? undefined : variant('d', nextInMs / 1000)),
  ]);
}

/** `AccessPoint` of net.causeway.Service1: the one in use, else the one heard best; undefined but for Wi-Fi. */
export function accessPointDictionary({ network: { point } }: Service): Dictionary | undefined {
  if (point === undefined) return undefined;
  return new Map([['BSSID', text(point.bssid)], ['Frequency', variant('q', point.frequencyMhz)]]);
}

/** `Provider` of a VPN, while it is connected. */
export function providerDictionary({ tunnel, state }: Service): Dictionary {
  if (tunnel === undefined || !isConnected(state)) return new Map();
  const { host, type } = tunnel.provider;
  return new Map([
    ['Host', text(host)],
    ['Type', text(type)],
    ['SplitRouting', variant('b', tunnel.isSplitRouting)],
  ]);
}

/** `Proxy`: empty unless connected; `auto` without a URL is `direct` until one is found. */
export function proxyDictionary({ inUse: { proxy } }: Service): Dictionary {
  return proxy === undefined ? new Map() : proxyConfigurationDictionary({ servers: [], excludes: [], ...proxy });
}

/** `Proxy.Configuration`: empty until set; the method is the last key, as in ConnMan. */
export function proxyConfigurationDictionary(proxy: ProxyConfiguration | undefined): Dictionary {
  if (proxy === undefined) return new Map();
  const entries: [string, Variant][] = [];
  if (proxy.method === 'auto' && proxy.url !== undefined) entries.push(['URL', text(proxy.url)]);
  if (proxy.method === 'manual') {
    if (proxy.servers.length > 0) entries.push(['Servers', variant('as', proxy.servers)]);
    if (proxy.excludes.length > 0) entries.push(['Excludes', variant('as', proxy.excludes)]);
  }
  entries.push(['Method', text(proxy.method)]);
  return new Map(entries);
}

/** `LastAddressConflict`: zeros while there was none; absent unless conflicts are looked for. */
export function conflictDictionary({ conflictDetection }: Service): Dictionary | undefined {
  if (conflictDetection === undefined) return undefined;
  const { address, hardwareAddress, at, isResolved } = conflictDetection.last ?? NO_CONFLICT;
  return new Map([
    ['IPv4', variant('a{sv}', new Map([['Address', text(String(address))]]))],
    ['Ethernet', variant('a{sv}', new Map([['Address', text(formatHex(hardwareAddress, ':'))]]))],
    ['Timestamp', variant('x', BigInt(at.getTime()) * 1000n)],
    ['Resolved', variant('b', isResolved)],
  ]);
}

const NO_CONFLICT: AddressConflict = {
  address: new IpAddress(new Uint8Array(4)),
  hardwareAddress: new Uint8Array(6),
  at: new Date(0),
  isResolved: true,
};

function ipv4Entries({ address, prefixLength, gateway }: StaticAddress): [string, Variant][] {
  return [
    ...optional('Address', address && text(String(address))),
    ...optional('Netmask', prefixLength === undefined ? undefined : text(String(netmaskOfPrefixLength(prefixLength)))),
    ...optional('Gateway', gateway && text(String(gateway))),
  ];
}

function ipv6Entries({ address, prefixLength, gateway }: StaticAddress): [string, Variant][] {
  return [
    ...optional('Address', address && text(String(address))),
    ...optional('PrefixLength', prefixLength === undefined ? undefined : variant('y', prefixLength)),
    ...optional('Gateway', gateway && text(String(gateway))),
  ];
}

function optional(key: string, value: Variant | undefined): [string, Variant][] {
  return value === undefined ? [] : [[key, value]];
}

function text(value: string): Variant {
  return variant('s', value);
}
