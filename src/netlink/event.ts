/**
 * What the kernel tells unasked (rtnetlink(7) multicast groups), decoded. Invariant: an event holds
 * no view of the message it came from.
 */

import type { Address } from './address/address.ts';
import { RTM_DELADDR, RTM_NEWADDR, decodeAddress } from './address/codec.ts';
import { RTM_DELLINK, RTM_NEWLINK, decodeLink } from './link/codec.ts';
import type { Link } from './link/link.ts';
import { FLAG } from './message.ts';
import type { NetlinkMessage } from './message.ts';
import { RTM_DELROUTE, RTM_NEWROUTE, decodeTableRoutes } from './route/codec.ts';
import type { Route } from './route/route.ts';

/** One message of the kernel. `isReplacement`: the route took the place of the one with its metric. */
export type KernelEvent =
  | { readonly kind: 'link' | 'linkGone'; readonly link: Link }
  | { readonly kind: 'address' | 'addressGone'; readonly address: Address }
  | { readonly kind: 'route'; readonly hops: readonly Route[]; readonly isReplacement: boolean }
  | { readonly kind: 'routeGone'; readonly hops: readonly Route[] };

/** RTNLGRP_* of linux/rtnetlink.h: LINK, IPV4_IFADDR, IPV4_ROUTE, IPV6_IFADDR, IPV6_ROUTE. */
export const EVENT_GROUPS = { links: [1], all: [1, 5, 7, 9, 11] } as const;

/** The event a message tells of; undefined when it is none of ours. Throws DecodeError. */
export function decodeEvent(message: NetlinkMessage): KernelEvent | undefined {
  switch (message.type) {
    case RTM_NEWLINK: return withLink('link', decodeLink(message));
    case RTM_DELLINK: return withLink('linkGone', decodeLink(message));
    case RTM_NEWADDR: return withAddress('address', decodeAddress(message));
    case RTM_DELADDR: return withAddress('addressGone', decodeAddress(message));
    case RTM_NEWROUTE: return routeEvent(message);
    case RTM_DELROUTE: return { kind: 'routeGone', hops: mainTableHops(message) };
    default: return undefined;
  }
}

function withLink(kind: 'link' | 'linkGone', link: Link | undefined): KernelEvent | undefined {
  return link === undefined ? undefined : { kind, link };
}

function withAddress(kind: 'address' | 'addressGone', address: Address | undefined): KernelEvent | undefined {
  return address === undefined ? undefined : { kind, address };
}

function routeEvent(message: NetlinkMessage): KernelEvent {
  return { kind: 'route', hops: mainTableHops(message), isReplacement: (message.flags & FLAG.replace) !== 0 };
}

// The kernel's own tables (local and broadcast addresses) and those of policy rules are not mirrored.
function mainTableHops(message: NetlinkMessage): Route[] {
  return decodeTableRoutes(message).filter((route) => route.table === undefined);
}
