/**
 * Values of VPN options with a format of their own: WireGuard's keys (base64 of 32 bytes), lists of
 * networks, and ConnMan's `Networks` of a provider (connman-vpn-provider.config(5)).
 */

import { ANY_IPV4, parseIpAddress, prefixLengthOfNetmask, type IpAddress, type IpPrefix } from '../shared/ipaddress.ts';
import type { ValueType } from '../shared/options.ts';

/** A route beyond a VPN; texts as they were given, since ConnMan hands them on as they are. */
export interface VpnRoute {
  readonly family: 4 | 6;
  readonly network: string;
  /** A netmask or a prefix length in IPv4, a prefix length in IPv6. */
  readonly netmask: string;
  readonly gateway?: string;
}

/** The bytes of a WireGuard key; undefined for any other text. */
export function parseWireguardKey(text: string): Uint8Array | undefined {
  if (!/^[A-Za-z0-9+/]{42}[AEIMQUYcgkosw048]=$/.test(text)) return undefined;
  return Uint8Array.from(atob(text), (character) => character.charCodeAt(0));
}

/** `ADDRESS/LENGTH`, or an address by itself. */
export function parsePrefix(text: string): IpPrefix | undefined {
  const [head = '', length, ...more] = text.trim().split('/');
  const address = parseIpAddress(head);
  if (address === undefined || more.length > 0) return undefined;
  const longest = address.family === 4 ? 32 : 128;
  if (length === undefined) return { address, prefixLength: longest };
  const prefixLength = /^[0-9]{1,3}$/.test(length) ? Number(length) : Number.NaN;
  return prefixLength <= longest ? { address, prefixLength } : undefined;
}

/** Elements of a list split at commas and blanks. */
export function splitWords(text: string): string[] {
  return text.split(/[\s,]+/).filter((each) => each !== '');
}

/** A key of WireGuard's. */
export const wireguardKey: ValueType<Uint8Array> = {
  wants: '32 bytes in base64 (44 characters)',
  read({ text }, wrong) {
    const key = parseWireguardKey(text);
    if (key === undefined) wrong(text);
    return key;
  },
};

/** Networks, separated by commas. */
export const prefixList: ValueType<readonly IpPrefix[]> = {
  wants: 'addresses with prefix lengths such as 10.0.0.0/8, separated by commas',
  read({ text }, wrong) {
    return splitWords(text).flatMap((element) => {
      const prefix = parsePrefix(element);
      if (prefix === undefined) wrong(element);
      return prefix === undefined ? [] : [prefix];
    });
  },
};

/** A route of `Networks`: `NETWORK/MASK[/GATEWAY]`, or as ConnMan stores it with the family in front. */
export function parseVpnRoute(text: string): VpnRoute | undefined {
  const parts = text.trim().split('/');
  const hasFamily = parts.length > 2 && parseIpAddress(parts[0] ?? '') === undefined;
  const [network = '', netmask = '', gateway] = hasFamily ? parts.slice(1) : parts;
  return makeVpnRoute(network, netmask, gateway === '' ? undefined : gateway);
}

/** As ConnMan stores it. */
export function formatVpnRoute({ family, network, netmask, gateway }: VpnRoute): string {
  return [String(family === 4 ? 2 : 10), network, netmask, gateway ?? ''].join('/'); // AF_INET, AF_INET6
}

/** A route from its parts; undefined where they are none. */
export function makeVpnRoute(network: string, netmask: string, gateway?: string): VpnRoute | undefined {
  const address = parseIpAddress(network);
  if (address === undefined || vpnPrefixLength(address, netmask) === undefined) return undefined;
  if (gateway !== undefined && parseIpAddress(gateway)?.family !== address.family) return undefined;
  return { family: address.family, network, netmask, ...(gateway !== undefined && { gateway }) };
}

/** The destination and gateway a route means. */
export function resolveVpnRoute(route: VpnRoute): { destination: IpPrefix; gateway: IpAddress | undefined } {
  const address = parseIpAddress(route.network) ?? ANY_IPV4;
  const prefixLength = vpnPrefixLength(address, route.netmask) ?? 0;
  const gateway = route.gateway === undefined ? undefined : parseIpAddress(route.gateway);
  return { destination: { address: address.network(prefixLength), prefixLength }, gateway };
}

function vpnPrefixLength(address: IpAddress, netmask: string): number | undefined {
  const longest = address.family === 4 ? 32 : 128;
  if (/^[0-9]{1,3}$/.test(netmask)) return Number(netmask) <= longest ? Number(netmask) : undefined;
  const mask = address.family === 4 ? parseIpAddress(netmask) : undefined;
  return mask?.family === 4 ? prefixLengthOfNetmask(mask) : undefined;
}
