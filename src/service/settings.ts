/**
 * A service on disk: `<identifier>/settings`, ConnMan's keys and formats, and beside it the last
 * DHCP lease. Reading never fails: a value that makes no sense is left at its default with a warning.
 */

import { parseLease, type Lease } from '../dhcp/client.ts';
import type { Storage } from '../daemon/storage.ts';
import {
  parseLinkLocal,
  type Ipv4Configuration,
  type Ipv4Method,
  type Ipv6Configuration,
  type Ipv6Method,
  type StaticAddress,
} from '../ipconfig/configuration.ts';
import type { Clock } from '../shared/clock.ts';
import { parseIpAddress, type IpAddress } from '../shared/ipaddress.ts';
import { KeyFile } from '../shared/keyfile.ts';
import { logger } from '../shared/log.ts';
import {
  DEFAULT_CONFIGURATION, type Provisioned, type ProxyConfiguration, type ServiceConfiguration,
} from './configuration.ts';

const log = logger('src/service/settings.ts');

/** What the settings file of one service says. */
export interface StoredService {
  readonly isFavorite: boolean | undefined;
  readonly isAutoconnect: boolean | undefined;
  readonly configuration: ServiceConfiguration;
  /** The address DHCP gave last. */
  readonly lastAddress: IpAddress | undefined;
  /** Last successful connect or move. */
  readonly modified: Date | undefined;
  /** Whether a provisioning file decided what is stored. */
  readonly isProvisioned: boolean;
}

/** What is written beside the configuration. */
export interface ServiceFacts {
  readonly name: string | undefined;
  /** Undefined where it is not stored (ethernet, vpn). */
  readonly isFavorite: boolean | undefined;
  /** Undefined while not a favorite. */
  readonly isAutoconnect: boolean | undefined;
  readonly lastAddress: IpAddress | undefined;
  readonly modified: Date;
  readonly provisioned: Provisioned | undefined;
  /** Of the driver's and of IPv6; undefined ones are taken out. */
  readonly others: readonly (readonly [string, string | undefined])[];
}

/** Reads a service; undefined when it was never stored. */
export function loadService(storage: Storage, identifier: string): StoredService | undefined {
  const file = storage.read(`${identifier}/settings`);
  if (file === undefined || !file.hasGroup(identifier)) return undefined;
  const lists = (key: string): readonly string[] =>
    file.getList(identifier, key, ';')?.filter((each) => each !== '') ?? [];
  const modified = new Date(file.get(identifier, 'Modified') ?? Number.NaN);
  const lastAddress = file.get(identifier, 'IPv4.DHCP.LastAddress');
  return {
    isFavorite: file.getBoolean(identifier, 'Favorite'),
    isAutoconnect: file.getBoolean(identifier, 'AutoConnect'),
    lastAddress: lastAddress === undefined ? undefined : parseIpAddress(lastAddress),
    modified: Number.isNaN(modified.getTime()) ? undefined : modified,
    isProvisioned: file.has(identifier, 'Config.file'),
    configuration: {
      ipv4: loadIpv4(file, identifier),
      ipv6: loadIpv6(file, identifier),
      nameservers: lists('Nameservers'),
      timeservers: lists('Timeservers'),
      domains: lists('Domains'),
      proxy: loadProxy(file, identifier),
      mdns: file.getBoolean(identifier, 'mDNS') ?? false,
    },
  };
}

/** Writes a service. Keys of others in its group stay as they are. */
export function saveService(
  storage: Storage,
  identifier: string,
  configuration: ServiceConfiguration,
  facts: ServiceFacts,
): void {
  const file = storage.read(`${identifier}/settings`) ?? new KeyFile();
  const set = (key: string, value: string | boolean | number | IpAddress | undefined): void => {
    if (value === undefined) file.remove(identifier, key);
    else file.set(identifier, key, String(value));
  };
  const setList = (key: string, values: readonly string[]): void => {
    if (values.length === 0) file.remove(identifier, key);
    else file.setList(identifier, key, values, ';');
  };
  set('Name', facts.name);
  set('Favorite', facts.isFavorite);
  set('AutoConnect', facts.isAutoconnect);
  set('Modified', `${facts.modified.toISOString().slice(0, 19)}Z`);
  const { ipv4, ipv6, proxy } = configuration;
  set('IPv4.method', ipv4.method);
  saveAddress(set, 'IPv4', ipv4);
  set('IPv4.LinkLocal', ipv4.linkLocal); // ours; ConnMan passes over it
  set('IPv4.DHCP.LastAddress', ipv4.method === 'dhcp' ? facts.lastAddress : undefined);
  set('IPv6.method', ipv6.method);
  saveAddress(set, 'IPv6', ipv6);
  set('IPv6.privacy', ipv6.privacy);
  setList('Nameservers', configuration.nameservers);
  setList('Timeservers', configuration.timeservers);
  setList('Domains', configuration.domains);
  set('Proxy.Method', proxy?.method);
  setList('Proxy.Servers', proxy?.servers ?? []);
  setList('Proxy.Excludes', proxy?.excludes ?? []);
  set('Proxy.URL', proxy?.url);
  set('mDNS', configuration.mdns || undefined);
  set('Config.file', facts.provisioned?.file);
  set('Config.ident', facts.provisioned?.entry.ident);
  for (const [key, value] of facts.others) set(key, value);
  storage.write(`${identifier}/settings`, file);
}

/** Keys of a driver's, as they stand in the file. */
export function loadKeys(storage: Storage, identifier: string, keys: readonly string[]): Map<string, string> {
  const file = keys.length === 0 ? undefined : storage.read(`${identifier}/settings`);
  const found = keys.map((key) => [key, file?.get(identifier, key)] as const);
  return new Map(found.flatMap(([key, value]) => (value === undefined ? [] : [[key, value]])));
}

/** The lease of last time, if it is still good. */
export function loadLease(storage: Storage, identifier: string, clock: Clock): Lease | undefined {
  const file = storage.read(`${identifier}/lease`);
  if (file === undefined) return undefined;
  const entries = new Map(file.keys('dhcp4').map((key) => [key, file.get('dhcp4', key) ?? '']));
  return parseLease(entries, clock);
}

/** Keeps leases for the next start, by their groups; those that are undefined stay as they are. */
export function saveLeases(
  storage: Storage, identifier: string, leases: Readonly<Record<string, ReadonlyMap<string, string> | undefined>>,
): void {
  const file = storage.read(`${identifier}/lease`) ?? new KeyFile();
  const known = file.toString();
  for (const [group, entries] of Object.entries(leases)) {
    if (entries === undefined) continue;
    for (const key of file.keys(group)) if (!entries.has(key)) file.remove(group, key);
    for (const [key, value] of entries) file.set(group, key, value);
  }
  if (file.toString() !== known) storage.write(`${identifier}/lease`, file);
}

const IPV4_METHODS: Readonly<Record<string, Ipv4Method>> = {
  off: 'off',
  fixed: 'fixed',
  manual: 'manual',
  dhcp: 'dhcp',
  auto: 'dhcp',
};
const IPV6_METHODS: Readonly<Record<string, Ipv6Method>> = {
  off: 'off',
  fixed: 'fixed',
  manual: 'manual',
  auto: 'auto',
  '6to4': 'auto',
};

function loadIpv4(file: KeyFile, group: string): Ipv4Configuration {
  const method = IPV4_METHODS[file.get(group, 'IPv4.method') ?? 'dhcp'] ?? 'off';
  const linkLocal = parseLinkLocal(file.get(group, 'IPv4.LinkLocal') ?? 'fallback');
  return { method, ...(isStatic(method) && loadAddress(file, group, 'IPv4')), ...linkLocal };
}

function loadIpv6(file: KeyFile, group: string): Ipv6Configuration {
  const method = IPV6_METHODS[file.get(group, 'IPv6.method') ?? 'auto'] ?? 'off';
  const text = file.get(group, 'IPv6.privacy');
  const privacy =
    text === 'preferred' || text === 'prefered' ? 'prefered' : text === 'enabled' ? 'enabled' : 'disabled';
  return { method, privacy, ...(isStatic(method) && loadAddress(file, group, 'IPv6')) };
}

function isStatic(method: Ipv4Method | Ipv6Method): boolean {
  return method === 'manual' || method === 'fixed';
}

function loadAddress(file: KeyFile, group: string, prefix: 'IPv4' | 'IPv6'): StaticAddress {
  const family = prefix === 'IPv4' ? 4 : 6;
  const read = (key: string): IpAddress | undefined => {
    const text = file.get(group, `${prefix}.${key}`)?.trim();
    if (text === undefined || text === '') return undefined;
    const address = parseIpAddress(text);
    if (address?.family === family) return address;
    log.warn('%s: %s.%s=%s is not an %s address, ignored', group, prefix, key, text, prefix);
    return undefined;
  };
  const address = read('local_address');
  const gateway = read('gateway');
  const prefixLength = file.getInteger(group, `${prefix}.netmask_prefixlen`);
  const isValidLength = prefixLength !== undefined && prefixLength > 0 && prefixLength <= (family === 4 ? 32 : 128);
  return {
    ...(address !== undefined && { address }),
    ...(gateway !== undefined && { gateway }),
    ...(isValidLength && { prefixLength }),
  };
}

function saveAddress(
  set: (key: string, value: IpAddress | number | undefined) => void,
  prefix: 'IPv4' | 'IPv6',
  configuration: Ipv4Configuration | Ipv6Configuration,
): void {
  const { address, prefixLength, gateway } = isStatic(configuration.method) ? configuration : {};
  set(`${prefix}.netmask_prefixlen`, prefixLength);
  set(`${prefix}.local_address`, address);
  set(`${prefix}.gateway`, gateway);
}

function loadProxy(file: KeyFile, group: string): ProxyConfiguration | undefined {
  const method = file.get(group, 'Proxy.Method');
  if (method !== 'direct' && method !== 'auto' && method !== 'manual') return undefined;
  const url = file.get(group, 'Proxy.URL');
  return {
    method,
    servers: file.getList(group, 'Proxy.Servers', ';') ?? [],
    excludes: file.getList(group, 'Proxy.Excludes', ';') ?? [],
    ...(url !== undefined && url !== '' && { url }),
  };
}

/** What a service starts with that was never stored. */
export const NEVER_STORED: StoredService = {
  isFavorite: undefined,
  isAutoconnect: undefined,
  configuration: DEFAULT_CONFIGURATION,
  lastAddress: undefined,
  modified: undefined,
  isProvisioned: false,
};
