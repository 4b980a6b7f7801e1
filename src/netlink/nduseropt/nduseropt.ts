/**
 * Options of router advertisements that the kernel leaves to user space and hands on as
 * RTM_NEWNDUSEROPT (struct nduseroptmsg, linux/rtnetlink.h): RFC 8106 and later ones.
 */

import type { IpAddress } from '../../shared/ipaddress.ts';

/** What one message of the kernel brought. */
export interface NdUserOptions {
  readonly ifindex: number;
  /** The router that sent the advertisement. */
  readonly router: IpAddress | undefined;
  readonly options: readonly NdOption[];
}

/** One option, understood if it is one of the kinds below. A lifetime of 0 withdraws what it brings. */
export type NdOption =
  /** RFC 8106, 5.1. */
  | { readonly kind: 'nameservers'; readonly lifetimeSec: number; readonly addresses: readonly IpAddress[] }
  /** RFC 8106, 5.2: names without a final dot. */
  | { readonly kind: 'searchDomains'; readonly lifetimeSec: number; readonly domains: readonly string[] }
  /** RFC 8910, 2.3. */
  | { readonly kind: 'captivePortal'; readonly url: string }
  | { readonly kind: 'other'; readonly type: number; readonly body: Uint8Array };
