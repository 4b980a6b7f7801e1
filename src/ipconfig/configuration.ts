/**
 * What can be said of a service's addresses: the method and, for fixed ones, the addresses. Values
 * only; the wish (configuration) and what is in use (result) have types of their own.
 */

import type { IpAddress } from '../shared/ipaddress.ts';

/** `auto` is IPv4 link-local after DHCP failed; `fixed` is `manual` from a provisioning file. */
export type Ipv4Method = 'off' | 'dhcp' | 'manual' | 'fixed' | 'auto';

/** `auto` is what routers announce (SLAAC, DHCPv6). */
export type Ipv6Method = 'off' | 'auto' | 'manual' | 'fixed';

/** Temporary addresses (RFC 8981): none, also, or preferred. ConnMan's spelling. */
export type Ipv6Privacy = 'disabled' | 'enabled' | 'prefered';

/** An address that someone wrote down. */
export interface StaticAddress {
  readonly address?: IpAddress;
  readonly prefixLength?: number;
  readonly gateway?: IpAddress;
}

/** How a service shall get its IPv4 address. */
export interface Ipv4Configuration extends StaticAddress {
  readonly method: Ipv4Method;
  /** A link-local address (RFC 3927): never, or always beside the other; absent, while there is no other. */
  readonly linkLocal?: 'disabled' | 'enabled';
}

/** Reads `disabled`, `enabled` or `fallback`, the default, as part of a configuration; undefined for other words. */
export function parseLinkLocal(word: string): Pick<Ipv4Configuration, 'linkLocal'> | undefined {
  if (word === 'fallback') return {};
  return word === 'disabled' || word === 'enabled' ? { linkLocal: word } : undefined;
}

/** How a service shall get its IPv6 addresses. */
export interface Ipv6Configuration extends StaticAddress {
  readonly method: Ipv6Method;
  readonly privacy: Ipv6Privacy;
}

/** An address in use, and how it came. */
export interface AddressInUse<Method> {
  readonly method: Method;
  readonly address: IpAddress;
  readonly prefixLength: number;
  readonly gateway?: IpAddress;
}

/** An IPv4 address in use, and the link-local one beside it. */
export type Ipv4InUse = AddressInUse<Ipv4Method> & { readonly linkLocal?: IpAddress };
/** An IPv6 address in use. */
export type Ipv6InUse = AddressInUse<Ipv6Method | '6to4'> & { readonly privacy: Ipv6Privacy };

/** Another host that claimed an address of ours (RFC 5227). */
export interface AddressConflict {
  readonly address: IpAddress;
  /** The other's. */
  readonly hardwareAddress: Uint8Array;
  readonly at: Date;
  /** Another address is in use by now, or the address was defended. */
  readonly isResolved: boolean;
}
