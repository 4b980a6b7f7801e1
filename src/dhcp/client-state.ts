/**
 * The states of a DHCPv4 client (RFC 2131, figure 5), what can happen to it and what it asks for.
 * Invariant: every state but `stopped` has a next tick, or a lease without end.
 */

import type { IpAddress } from '../shared/ipaddress.ts';
import type { Random } from '../shared/random.ts';
import type { Identity } from './client-messages.ts';
import type { Stepped, Tick } from './driver.ts';
import { expiryOf, type Lease } from './lease.ts';
import type { DhcpMessage } from './message.ts';

/** Where the client is. */
export type State =
  | { readonly name: 'stopped' }
  | Init | InitReboot | Rebooting | Selecting | Requesting | Bound | Extending;

/** When the client next needs a tick, in clock milliseconds; undefined when only an input can help. */
export function nextTickAt(state: State): number | undefined {
  const at = deadlineOf(state);
  return at === Infinity ? undefined : at;
}

/** The lease in force, if any. */
export function leaseOf(state: State): Lease | undefined {
  switch (state.name) {
    case 'init-reboot':
    case 'rebooting': return state.adopted;
    case 'bound':
    case 'renewing':
    case 'rebinding': return state.lease;
    case 'stopped':
    case 'init':
    case 'selecting':
    case 'requesting': return undefined;
  }
}

function deadlineOf(state: State): number {
  switch (state.name) {
    case 'stopped': return Infinity;
    case 'init':
    case 'init-reboot': return Math.min(state.startAt, state.search.noLeaseAt);
    case 'rebooting':
    case 'selecting':
    case 'requesting': return Math.min(state.retryAt, state.search.noLeaseAt);
    case 'bound': return Math.min(state.renewAt, expiryOf(state.lease));
    case 'renewing':
    case 'rebinding': return Math.min(state.retryAt, expiryOf(state.lease));
  }
}

/** A search for a lease, over however many exchanges it takes. */
export interface Search {
  readonly startedAt: number;
  /** When to say that there is no lease; `Infinity` once said. */
  readonly noLeaseAt: number;
  /** Exchanges that a server ended with a NAK or with silence. */
  readonly refusals: number;
}

/** Waits to begin a search. */
export interface Init {
  readonly name: 'init';
  readonly search: Search;
  readonly wish: IpAddress | undefined;
  readonly startAt: number;
}

/** About to ask for an address it knows. */
export interface InitReboot {
  readonly name: 'init-reboot';
  readonly search: Search;
  readonly wish: IpAddress;
  /** A lease that is in force meanwhile. */
  readonly adopted: Lease | undefined;
  readonly startAt: number;
}

/** Asked for an address it knows. */
export interface Rebooting {
  readonly name: 'rebooting';
  readonly search: Search;
  readonly wish: IpAddress;
  readonly adopted: Lease | undefined;
  readonly xid: number;
  readonly tries: number;
  readonly requestedAt: number;
  readonly retryAt: number;
}

/** Waits for offers. */
export interface Selecting {
  readonly name: 'selecting';
  readonly search: Search;
  readonly wish: IpAddress | undefined;
  readonly xid: number;
  readonly tries: number;
  readonly discoveredAt: number;
  readonly retryAt: number;
}

/** Took an offer, waits for the server's word. */
export interface Requesting {
  readonly name: 'requesting';
  readonly search: Search;
  readonly address: IpAddress;
  readonly server: IpAddress;
  /** The server answers by broadcast, so it is asked to. */
  readonly isBroadcast: boolean;
  readonly xid: number;
  readonly secs: number;
  readonly tries: number;
  readonly requestedAt: number;
  readonly retryAt: number;
}

/** Has a lease. */
export interface Bound {
  readonly name: 'bound';
  readonly lease: Lease;
  readonly renewAt: number;
}

/** Has a lease and asks for more time. */
export interface Extending {
  /** `renewing` asks the lease's server (T1), `rebinding` any (T2). */
  readonly name: 'renewing' | 'rebinding';
  readonly lease: Lease;
  readonly xid: number;
  readonly startedAt: number;
  readonly requestedAt: number;
  readonly retryAt: number;
}

/** What can happen to it. */
export type Input =
  /** `wish` is asked for first; `adopted` is in force already. */
  | { readonly kind: 'start'; readonly wish?: IpAddress | undefined; readonly adopted?: Lease | undefined }
  | Tick
  | { readonly kind: 'message'; readonly message: DhcpMessage; readonly isBroadcast: boolean }
  | { readonly kind: 'renew' }
  | { readonly kind: 'decline' }
  | { readonly kind: 'stop'; readonly release: boolean };

/** What happens to the lease. */
export type LeaseEvent =
  /** A lease was granted, renewed or adopted; `isChanged` when anything but its times is new. */
  | { readonly kind: 'bound'; readonly lease: Lease; readonly isChanged: boolean }
  /** The address must go now. The client is looking for a new one already. */
  | { readonly kind: 'lost'; readonly reason: 'expired' | 'nak' }
  /** 30 s without a lease; said once for each search, the client goes on trying. */
  | { readonly kind: 'noLease' };

/** A message to send: by broadcast, unless `route` says from where to where. */
export interface Outgoing {
  readonly message: DhcpMessage;
  readonly route: Route | undefined;
}

/** A unicast between two configured addresses. */
export interface Route {
  readonly from: IpAddress;
  readonly to: IpAddress;
}

/** Time, randomness and who the client is. */
export interface Env {
  readonly now: number;
  readonly random: Random;
  readonly identity: Identity;
}

/** One step's result. */
export type Step = Stepped<State, Outgoing, LeaseEvent>;
