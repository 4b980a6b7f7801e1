/**
 * What every `[provider_*]` group says of its connection, whatever the VPN
 * (connman-vpn-provider.config(5)); read with `readGroups` and the keys of its driver beside these.
 */

import { parseIpAddress, parseIpv4, prefixLengthOfNetmask } from '../shared/ipaddress.ts';
import type { KeyTable } from './key-table.ts';
import { domainName, listOf, matching, someText } from './values.ts';

/** How the groups of connections are called. */
export const PROVIDER_PREFIX = 'provider_';

/** A list of networks to be reached through the tunnel. */
export const networks = listOf('a list of NETWORK/NETMASK[/GATEWAY] such as 10.1.0.0/16', (text) => {
  const [network = '', mask = '', gateway, ...rest] = text.split('/', 5);
  const address = parseIpAddress(network);
  if (address === undefined || rest.length > 0) return false;
  if (gateway !== undefined && parseIpAddress(gateway)?.family !== address.family) return false;
  const netmask = address.family === 4 ? parseIpv4(mask) : undefined;
  if (netmask !== undefined) return prefixLengthOfNetmask(netmask) !== undefined;
  return /^[0-9]{1,3}$/.test(mask) && Number(mask) <= (address.family === 4 ? 32 : 128);
});

/** In the order of the manual. */
export const PROVIDER_KEYS = {
  Type: {
    parse: matching('the name of a VPN driver', (text) => (text === '' ? undefined : text.toLowerCase())),
    isEssential: true,
    about: 'the driver, in any case',
  },
  Name: { parse: someText, about: 'shown to users' },
  Host: { parse: someText, isEssential: true, about: 'the server; must be there' },
  Domain: { parse: domainName, about: 'the domain behind the server' },
  Networks: { parse: networks, about: 'what is routed through the tunnel, instead of everything' },
} as const satisfies KeyTable;
