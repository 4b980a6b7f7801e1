/**
 * What connman-vpnd tells of a connection (net.connman.vpn.Connection), read as untrusted: what has
 * another type or is no address is left out.
 */

import type { Variant } from '../../src/dbus/signature.ts';
import { makeVpnRoute, resolveVpnRoute } from '../../src/provision/vpn-values.ts';
import { parseIpAddress, prefixLengthOfNetmask, type IpAddress, type IpPrefix } from '../../src/shared/ipaddress.ts';
import type { TunnelSetup } from '../../src/api.ts';

/** The properties of a connection as last told. */
export type Properties = Map<string, Variant>;

/** Routes that are taken; a server may push more than any table should hold. */
const MAX_ROUTES = 1024;

/** The tunnel that properties describe; undefined where they have no address. */
export function tunnelOf(properties: Properties): TunnelSetup | undefined {
  const dictionaries = ['IPv4', 'IPv6'].map((name) => properties.get(name)?.as('a{sv}') ?? new Map<string, Variant>());
  const addresses = dictionaries.flatMap((each) => addressOf(each) ?? []);
  if (addresses.length === 0) return undefined;
  const server = dictionaries.flatMap((each) => addressIn(each, 'Gateway') ?? [])[0];
  const domain = properties.get('Domain')?.as('s');
  return {
    addresses,
    server,
    nameservers: (properties.get('Nameservers')?.as('as') ?? []).flatMap((text) => parseIpAddress(text) ?? []),
    domains: domain === undefined || domain === '' ? [] : [domain],
    routes: [...routesOf(properties.get('UserRoutes')), ...routesOf(properties.get('ServerRoutes'))]
      .filter(({ destination: { address } }) => !address.equals(server))
      .slice(0, MAX_ROUTES),
  };
}

/** The servers of a connection, as written: the one that makes the tunnel, and a WireGuard's further peers. */
export function serversOf(properties: Properties): string[] {
  const keys = [...properties.keys()].filter((key) => /^WireGuard\.Peer\.[^.]+\.Endpoint$/.test(key));
  const texts = ['Host', ...keys].map((key) => properties.get(key)?.as('s') ?? '');
  return [...new Set(texts.filter((text) => text !== ''))];
}

function addressOf(dictionary: ReadonlyMap<string, Variant>): IpPrefix | undefined {
  const address = addressIn(dictionary, 'Address');
  if (address === undefined) return undefined;
  const netmask = addressIn(dictionary, 'Netmask');
  const length = dictionary.get('PrefixLength');
  // A byte, and in old clients' hands a text.
  const told = address.family === 4
    ? netmask && prefixLengthOfNetmask(netmask)
    : (length?.as('y') ?? Number(length?.as('s') ?? Number.NaN));
  const longest = address.family === 4 ? 32 : 128;
  return { address, prefixLength: told !== undefined && told >= 0 && told <= longest ? told : longest };
}

function addressIn(dictionary: ReadonlyMap<string, Variant>, key: string): IpAddress | undefined {
  return parseIpAddress(dictionary.get(key)?.as('s') ?? '');
}

function routesOf(value: Variant | undefined): TunnelSetup['routes'] {
  return (value?.as('a(a{sv})') ?? []).flatMap(([entry]) => {
    const text = (key: string): string | undefined => entry.get(key)?.as('s');
    const route = makeVpnRoute(text('Network') ?? '', text('Netmask') ?? '', text('Gateway'));
    return route === undefined ? [] : [resolveVpnRoute(route)];
  });
}
