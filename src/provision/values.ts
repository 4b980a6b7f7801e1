/**
 * Kinds of values in provisioning files (connman-service.config(5)): addresses with their network,
 * hardware addresses, names, SSIDs, passphrases. Each says what a right value looks like.
 */

import { parseHex } from '../shared/bytes.ts';
import { parseIpAddress, parseIpv4, prefixLengthOfNetmask, type IpAddress } from '../shared/ipaddress.ts';
import type { ValueType } from '../shared/options.ts';

/** An address written down, with its network. */
export interface FixedAddress {
  readonly method: 'fixed';
  readonly address: IpAddress;
  readonly prefixLength: number;
  readonly gateway?: IpAddress;
}

/** What `IPv4` says. */
export type Ipv4Setting = FixedAddress | { readonly method: 'off' | 'dhcp' };

/** What `IPv6` says. */
export type Ipv6Setting = FixedAddress | { readonly method: 'off' | 'auto' };

/** `off`, `dhcp`, `auto` (the same), or `ADDRESS/NETMASK[/GATEWAY]`. */
export const ipv4Setting: ValueType<Ipv4Setting> = {
  wants: 'off, dhcp, or ADDRESS/NETMASK[/GATEWAY] such as 192.0.2.2/24/192.0.2.1',
  read({ text }, wrong) {
    if (text === 'off') return { method: 'off' };
    return text === 'dhcp' || text === 'auto' ? { method: 'dhcp' } : readFixed(text, 4, wrong);
  },
};

/** `off`, `auto`, `dhcp` (the same), or `ADDRESS/LENGTH[/GATEWAY]`. */
export const ipv6Setting: ValueType<Ipv6Setting> = {
  wants: 'off, auto, or ADDRESS/LENGTH[/GATEWAY] such as 2001:db8::2/64/2001:db8::1',
  read({ text }, wrong) {
    if (text === 'off') return { method: 'off' };
    return text === 'auto' || text === 'dhcp' ? { method: 'auto' } : readFixed(text, 6, wrong);
  },
};

/** `disabled`, `enabled`, or `preferred` in both spellings; ConnMan's is the result. */
export const ipv6Privacy: ValueType<'disabled' | 'enabled' | 'prefered'> = {
  wants: 'disabled, enabled or preferred',
  read({ text }, wrong) {
    if (text === 'preferred' || text === 'prefered') return 'prefered';
    if (text === 'disabled' || text === 'enabled') return text;
    wrong(text);
    return undefined;
  },
};

/** Six bytes with colons; the result is in lower case. */
export const hardwareAddress = matching('a hardware address such as 00:00:5e:00:53:01', (text) =>
  /^([0-9a-f]{2}:){5}[0-9a-f]{2}$/i.test(text) ? text.toLowerCase() : undefined,
);

/** IFNAMSIZ of linux/if.h, with the characters dev_valid_name() refuses left out. */
export const interfaceName = matching('the name of an interface, at most 15 characters', (text) =>
  /^(?!\.\.?$)[^\s/:\x00-\x1f\x7f]{1,15}$/.test(text) ? text : undefined,
);

/** A text that is not empty. */
export const someText = matching('a text', (text) => (text === '' ? undefined : text));

/** A path from the root: the daemon has no other place to look from. */
export const absolutePath = matching('an absolute path', (text) => (/^\/[^\0]*$/.test(text) ? text : undefined));

/** A list of addresses, each perhaps with `#name` behind it, for DNS over TLS. */
export const nameServers = listOf('a list of IP addresses', (text) => {
  const [place = '', name, rest] = text.split('#', 3);
  const isRight = parseIpAddress(place) !== undefined && rest === undefined;
  return isRight && (name === undefined || isHostName(name));
});

/** A list of host names or addresses. */
export const timeServers = listOf('a list of host names or IP addresses', (text) => {
  return parseIpAddress(text) !== undefined || isHostName(text);
});

/** A list of domains. */
export const domainNames = listOf('a list of domain names', isHostName);

/** One domain. */
export const domainName = matching('a domain name', (text) => (isHostName(text) ? text : undefined));

/** A list of URLs or `host:port`. */
export const proxyServers = listOf('a list of URLs such as http://proxy.example:3128', isProxy);

/** Where a PAC file is. */
export const pacUrl = matching('a URL such as http://proxy.example/proxy.pac', (text) =>
  /^[a-z][a-z0-9+.-]*:\/\/[^\s/]\S*$/i.test(text) ? text : undefined,
);

/** 1 to 32 bytes as hexadecimal digits; the result is in lower case. */
export const ssid = matching('1 to 32 bytes as hexadecimal digits', (text) => {
  const length = parseHex(text)?.length ?? 0;
  return length >= 1 && length <= 32 ? text.toLowerCase() : undefined;
});

function readFixed(text: string, family: 4 | 6, wrong: (part: string) => void): FixedAddress | undefined {
  const [place = '', network = '', router, ...rest] = text.split('/', 5).map((part) => part.trim());
  const address = parseIpAddress(place);
  const gateway = router === undefined ? undefined : parseIpAddress(router);
  const prefixLength = family === 4 ? ipv4PrefixLength(network) : decimal(network, 128);
  const isGatewayRight = router === undefined || gateway?.family === family;
  const isUsable = address?.family === family && !address.isUnspecified && !address.isMulticast;
  if (!isUsable || prefixLength === undefined || prefixLength === 0 || !isGatewayRight || rest.length > 0) {
    wrong(text);
    return undefined;
  }
  return { method: 'fixed', address, prefixLength, ...(gateway !== undefined && { gateway }) };
}

function ipv4PrefixLength(text: string): number | undefined {
  const netmask = parseIpv4(text);
  return netmask === undefined ? decimal(text, 32) : prefixLengthOfNetmask(netmask);
}

function decimal(text: string, most: number): number | undefined {
  return /^[0-9]{1,3}$/.test(text) && Number(text) <= most ? Number(text) : undefined;
}

// RFC 1123, 2.1, and underscores, which names in use have; a dot at the end is the root.
function isHostName(text: string): boolean {
  const labels = (text.endsWith('.') ? text.slice(0, -1) : text).split('.');
  return text.length <= 254 && labels.every((label) => /^[a-z0-9_]([a-z0-9_-]{0,61}[a-z0-9_])?$/i.test(label));
}

function isProxy(text: string): boolean {
  return /^([a-z][a-z0-9+.-]*:\/\/)?([^\s/:[\]]+|\[[0-9a-f:.]+\])(:[0-9]{1,5})?\/?$/i.test(text);
}

/** A kind of text that `read` knows, undefined where it is none. */
export function matching<T>(wants: string, read: (text: string) => T | undefined): ValueType<T> {
  return {
    wants,
    read({ text }, wrong) {
      const value = read(text);
      if (value === undefined) wrong(text);
      return value;
    },
  };
}

/** A list of texts; elements that are not right are dropped one by one. */
export function listOf(wants: string, isRight: (element: string) => boolean): ValueType<readonly string[]> {
  return {
    wants,
    read: ({ list }, wrong) =>
      list.filter((element) => {
        if (!isRight(element)) wrong(element);
        return isRight(element);
      }),
  };
}
