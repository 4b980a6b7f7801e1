/**
 * Numbers that several rtnetlink messages share: address families (linux/socket.h) and scopes
 * (linux/rtnetlink.h, RT_SCOPE_*).
 */

import type { AddressScope } from './address/address.ts';

const AF_INET = 2;
const AF_INET6 = 10;

/** AF_INET or AF_INET6. */
export function familyNumber(family: 4 | 6): number {
  return family === 4 ? AF_INET : AF_INET6;
}

/** The IP version of an address family; undefined for others. */
export function ipFamily(number: number): 4 | 6 | undefined {
  return number === AF_INET ? 4 : number === AF_INET6 ? 6 : undefined;
}

/** RT_SCOPE_*. */
export function scopeNumber(scope: AddressScope): number {
  return SCOPES[scope];
}

/** The nearest named scope that reaches at least as far as the number says. */
export function scopeName(number: number): AddressScope {
  if (number >= SCOPES.nowhere) return 'nowhere';
  if (number >= SCOPES.host) return 'host';
  if (number >= SCOPES.link) return 'link';
  return number >= SCOPES.site ? 'site' : 'universe';
}

const SCOPES = { universe: 0, site: 200, link: 253, host: 254, nowhere: 255 } as const;
