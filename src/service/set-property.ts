/**
 * Service.SetProperty: which names may be set and what values they take, with ConnMan's answers to
 * the rest. Throws InvalidArguments, InvalidProperty, InvalidService, NotSupported.
 */

import type { Variant } from '../dbus/signature.ts';
import {
  parseLinkLocal, type Ipv4Configuration, type Ipv6Configuration, type StaticAddress,
} from '../ipconfig/configuration.ts';
import { parseNameServer } from '../dns-backend/name-server.ts';
import { ConnmanError } from '../shared/errors.ts';
import { parseIpAddress, parseIpv4, prefixLengthOfNetmask, type IpAddress } from '../shared/ipaddress.ts';
import type { ProxyConfiguration, ServiceConfiguration } from './configuration.ts';
import type { Service } from './service.ts';

/** What of a service is needed here. */
export type Settable = Pick<Service, 'configuration' | 'configure' | 'isImmutable' | 'setAutoconnect'> &
  Partial<Pick<Service, 'tunnel'>>;

/** Sets `name` to `value` for a client. */
export function setProperty(service: Settable, name: string, value: Variant): void {
  if (name === 'AutoConnect') return service.setAutoconnect(want(value.as('b')));
  const isAddress = name === 'IPv4.Configuration' || name === 'IPv6.Configuration';
  if (isAddress && service.tunnel !== undefined) throw new ConnmanError('NotSupported');
  if (service.isImmutable && name.endsWith('.Configuration')) throw new ConnmanError('NotSupported');
  service.configure(changeOf(service, name, value));
}

function changeOf({ configuration }: Settable, name: string, value: Variant): Partial<ServiceConfiguration> {
  switch (name) {
    case 'IPv4.Configuration':
      return { ipv4: ipv4Of(want(value.as('a{sv}')), configuration.ipv4) };
    case 'IPv6.Configuration':
      return { ipv6: ipv6Of(want(value.as('a{sv}'))) };
    case 'Nameservers.Configuration':
      return { nameservers: words(value).filter((word) => parseNameServer(word) !== undefined) };
    case 'Timeservers.Configuration':
      return { timeservers: words(value) };
    case 'Domains.Configuration':
      return { domains: words(value) };
    case 'Proxy.Configuration':
      return { proxy: proxyOf(want(value.as('a{sv}')), configuration.proxy) };
    case 'mDNS.Configuration':
      return { mdns: want(value.as('b')) };
    default:
      throw new ConnmanError('InvalidProperty');
  }
}

/** A list of words: a space inside a string parts it, empty ones are dropped, as in ConnMan. */
function words(value: Variant): string[] {
  return want(value.as('as')).flatMap((each) => each.split(' ')).filter((word) => word !== '');
}

// `LinkLocal` is ours: who does not know it leaves it as it is, and it may be set by itself.
function ipv4Of(settings: ReadonlyMap<string, Variant>, before: Ipv4Configuration): Ipv4Configuration {
  const { linkLocal, ...rest } = before;
  const word = textOf(settings, 'LinkLocal');
  const isAlone = word !== undefined && settings.size === 1;
  return {
    ...(isAlone ? rest : ipv4AddressOf(settings)),
    ...(word === undefined ? linkLocal !== undefined && { linkLocal } : want(parseLinkLocal(word))),
  };
}

function ipv4AddressOf(settings: ReadonlyMap<string, Variant>): Ipv4Configuration {
  const method = textOf(settings, 'Method') ?? '';
  switch (method) {
    case 'dhcp':
    case 'off':
      return { method };
    case 'manual': {
      const netmask = textOf(settings, 'Netmask');
      const prefixLength = netmask === undefined ? 32 : prefixLengthOf(netmask);
      return { method, ...addressesOf(settings, 4), prefixLength };
    }
    case 'auto':
      throw new ConnmanError('NotSupported');
    default:
      throw new ConnmanError('InvalidArguments');
  }
}

function ipv6Of(settings: ReadonlyMap<string, Variant>): Ipv6Configuration {
  const method = textOf(settings, 'Method') ?? '';
  switch (method) {
    case 'auto':
      return { method, privacy: privacyOf(textOf(settings, 'Privacy')) };
    case 'off':
      return { method, privacy: 'disabled' };
    case 'manual': {
      const prefixLength = byteOf(settings, 'PrefixLength') ?? 128;
      const addresses = addressesOf(settings, 6);
      if (addresses.address === undefined || prefixLength > 128) throw new ConnmanError('InvalidArguments');
      return { method, privacy: 'disabled', ...addresses, prefixLength };
    }
    case 'dhcp':
      throw new ConnmanError('NotSupported');
    default:
      throw new ConnmanError('InvalidArguments');
  }
}

function proxyOf(settings: ReadonlyMap<string, Variant>, before: ProxyConfiguration | undefined): ProxyConfiguration {
  const method = textOf(settings, 'Method') ?? '';
  const kept = { servers: before?.servers ?? [], excludes: before?.excludes ?? [] };
  const servers = listOf(settings, 'Servers') ?? kept.servers;
  const excludes = listOf(settings, 'Excludes') ?? kept.excludes;
  switch (method) {
    case 'direct':
      return { method, ...kept };
    case 'auto': {
      const url = textOf(settings, 'URL');
      return { method, ...kept, ...(url !== undefined && url !== '' && { url }) };
    }
    case 'manual':
      if (!settings.has('Servers') && servers.length === 0) throw new ConnmanError('InvalidArguments');
      return { method: servers.length === 0 ? 'direct' : 'manual', servers, excludes };
    default:
      throw new ConnmanError('InvalidArguments');
  }
}

function addressesOf(settings: ReadonlyMap<string, Variant>, family: 4 | 6): StaticAddress {
  const read = (key: string): IpAddress | undefined => {
    const text = textOf(settings, key);
    if (text === undefined || text === '') return undefined;
    const address = parseIpAddress(text);
    if (address?.family !== family) throw new ConnmanError('InvalidArguments');
    return address;
  };
  const [address, gateway] = [read('Address'), read('Gateway')];
  return { ...(address !== undefined && { address }), ...(gateway !== undefined && { gateway }) };
}

function prefixLengthOf(netmask: string): number {
  const address = parseIpv4(netmask);
  return want(address === undefined ? undefined : prefixLengthOfNetmask(address));
}

function privacyOf(text: string | undefined): Ipv6Configuration['privacy'] {
  if (text === 'preferred' || text === 'prefered') return 'prefered';
  return text === 'enabled' ? 'enabled' : 'disabled';
}

function textOf(settings: ReadonlyMap<string, Variant>, key: string): string | undefined {
  const value = settings.get(key);
  return value === undefined ? undefined : want(value.as('s'));
}

function byteOf(settings: ReadonlyMap<string, Variant>, key: string): number | undefined {
  const value = settings.get(key);
  return value === undefined ? undefined : want(value.as('y'));
}

function listOf(settings: ReadonlyMap<string, Variant>, key: string): readonly string[] | undefined {
  const value = settings.get(key);
  return value === undefined ? undefined : want(value.as('as')).filter((each) => each !== '');
}

function want<T>(value: T | undefined): T {
  if (value === undefined) throw new ConnmanError('InvalidArguments');
  return value;
}
