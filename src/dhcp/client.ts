/**
 * Drives one DHCPv4 client machine on one interface: owns its sockets and its one alarm, and does
 * what the machine asks. The state moves only after the packet that belongs to it was sent.
 * Closing the scope ends it silently: nothing is released, the lease stays good for a restart.
 */

import type { Clock } from '../shared/clock.ts';
import type { Observable } from '../shared/emitter.ts';
import type { IpAddress } from '../shared/ipaddress.ts';
import type { Random } from '../shared/random.ts';
import type { Scope } from '../shared/scope.ts';
import type { System } from '../system/system.ts';
import type { Lease } from './lease.ts';

export type { ClasslessRoute, Lease } from './lease.ts';
export { formatLease, parseLease } from './lease-file.ts';

/** What one client is told when it starts. */
export interface ClientOptions {
  readonly ifindex: number;
  /** The interface's name, for logs and for the socket that renews by unicast. */
  readonly name: string;
  readonly hardwareAddress: Uint8Array;
  /** Asked for again first (INIT-REBOOT); 169.254/16 is ignored. */
  readonly lastAddress?: IpAddress;
  /** As `lastAddress`, with the whole lease as `parseLease` gave it. */
  readonly lease?: Lease;
  /**
   * The interface still carries the lease's address: `bound` comes at once while the server is
   * asked, and stays when no server answers. Without a lease, or with an expired one, no effect.
   */
  readonly adopt?: boolean;
  /** Option 12. */
  readonly hostname?: string;
  /** Option 60. */
  readonly vendorClass?: string;
  /** Option 61; ConnMan's by default: 1, then the hardware address. */
  readonly clientIdentifier?: Uint8Array;
  /** The interface's MTU, 1500 by default; the largest reply asked for (option 57). */
  readonly mtu?: number;
}

/** What happens to the lease. */
export type ClientEvent =
  /** A lease was granted, renewed or adopted; `isChanged` when anything but its times is new. */
  | { readonly kind: 'bound'; readonly lease: Lease; readonly isChanged: boolean }
  /** The address must go now. The client is looking for a new one already. */
  | { readonly kind: 'lost'; readonly reason: 'expired' | 'nak' }
  /** 30 s without a lease; said once for each search, the client goes on trying. */
  | { readonly kind: 'noLease' };

/** A running client. */
export interface DhcpClient {
  /** Never emits during `startDhcpClient`. */
  readonly events: Observable<ClientEvent>;
  /** The lease in force; an adopted one at once. */
  readonly lease: Lease | undefined;
  /** Ends it; `release` gives the address back (RFC 2131, 4.4.6): call it while the address is still set. */
  stop(options: { release: boolean }): void;
  /** Asks the server at once instead of at T1; a waiting client tries again at once. */
  renewNow(): void;
  /** The address is in use by someone else: DECLINE, and a new search after 10 s. No event. */
  decline(): void;
}

/** Starts a client; it ends with `scope`. Throws nothing: an interface that is down is retried. */
export declare function startDhcpClient(
  options: ClientOptions,
  env: { readonly system: System; readonly clock: Clock; readonly random: Random },
  scope: Scope,
): DhcpClient;
