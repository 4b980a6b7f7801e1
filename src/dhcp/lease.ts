/**
 * What a DHCPv4 server gave: the address, how long it holds, and the options in the core's terms.
 * RFC 2131, 2132, 3442. Invariant: everything here was checked; texts are safe to log and to store,
 * addresses are usable as what they claim to be. What was not valid is absent.
 */

import type { IpAddress, IpPrefix } from '../shared/ipaddress.ts';

/** An address lent by a DHCPv4 server, with what came along. */
export interface Lease {
  readonly address: IpAddress;
  /** From option 1, else by the address's class. */
  readonly prefixLength: number;
  /** The server identifier (option 54); renewals go there. */
  readonly server: IpAddress | undefined;
  /**
   * Gateways for the default route, best first: those of option 121's default routes when that
   * option came (possibly none), else option 3 (RFC 3442).
   */
  readonly routers: readonly IpAddress[];
  /** Option 121 without its default routes. */
  readonly classlessRoutes: readonly ClasslessRoute[];
  readonly nameservers: readonly IpAddress[];
  readonly domainName: string | undefined;
  /** Option 119. */
  readonly searchDomains: readonly string[];
  readonly hostname: string | undefined;
  readonly timeservers: readonly IpAddress[];
  readonly mtu: number | undefined;
  /** Option 252. */
  readonly pacUrl: string | undefined;
  /** Option 114 (RFC 8910); absent when the network says it has no portal. */
  readonly captivePortal: string | undefined;
  /** `Infinity` for a lease without end; so are the other two then. */
  readonly leaseSec: number;
  readonly renewalSec: number;
  readonly rebindingSec: number;
  /** When the request was sent that the server granted, in `clock.now()` milliseconds. */
  readonly acquiredAtMs: number;
  /** Every option as it came, split ones joined (RFC 3396). */
  readonly options: ReadonlyMap<number, Uint8Array>;
}

/** A route of option 121; without a gateway the destination is on the link. */
export interface ClasslessRoute {
  readonly destination: IpPrefix;
  readonly gateway: IpAddress | undefined;
}
