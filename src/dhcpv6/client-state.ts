/**
 * The states of a DHCPv6 client (RFC 8415, 18.2), what can happen to it and what it asks for.
 * Invariant: every state but `stopped` has a next tick, or something that holds without end.
 */

import type { Stepped, Tick } from '../dhcp/driver.ts';
import type { IpAddress } from '../shared/ipaddress.ts';
import type { Random } from '../shared/random.ts';
import type { Identity } from './client-messages.ts';
import { type Dhcpv6Lease, nextEndOf } from './lease.ts';
import type { Dhcpv6Message } from './message.ts';
import type { Association } from './options.ts';
import type { Exchange } from './retransmission.ts';

/** Where the client is. */
export type State =
  | { readonly name: 'stopped' }
  | Init | Soliciting | Requesting | Verifying | Bound | Extending | Declining | Informing | Informed;

/** When the client next needs a tick, in clock milliseconds; undefined when only an input can help. */
export function nextTickAt(state: State): number | undefined {
  const lease = leaseOf(state);
  const endAt = lease === undefined ? Infinity : nextEndOf(lease);
  const noLeaseAt = 'search' in state && lease === undefined ? state.search.noLeaseAt : Infinity;
  const at = Math.min(deadlineOf(state), endAt, noLeaseAt);
  return at === Infinity ? undefined : at;
}

/** The lease in force, if any. */
export function leaseOf(state: State): Dhcpv6Lease | undefined {
  switch (state.name) {
    case 'stopped':
    case 'init':
    case 'soliciting': return undefined;
    case 'verifying': return state.isAdopted ? state.lease : undefined;
    case 'requesting':
    case 'bound':
    case 'renewing':
    case 'rebinding':
    case 'declining':
    case 'informing':
    case 'informed': return state.lease;
  }
}

function deadlineOf(state: State): number {
  switch (state.name) {
    case 'stopped': return Infinity;
    case 'init': return state.startAt;
    case 'verifying': return Math.min(state.exchange.retryAt, state.untilAt, nextEndOf(state.lease));
    case 'bound': return state.renewAt;
    case 'renewing': return Math.min(state.exchange.retryAt, state.lease.rebindAtMs);
    case 'soliciting':
    case 'requesting':
    case 'rebinding':
    case 'declining':
    case 'informing': return state.exchange.retryAt;
    case 'informed': return state.lease.renewAtMs;
  }
}

/** A search, over however many exchanges it takes. */
export interface Search {
  /** When to say that there is no lease; `Infinity` once said. */
  readonly noLeaseAt: number;
  /** Exchanges that a server ended with a refusal or with silence. */
  readonly refusals: number;
  /** SOL_MAX_RT or INF_MAX_RT in force (RFC 8415, 21.24, 21.25). */
  readonly longestWaitMs: number;
}

/** Waits to begin a search. */
export interface Init {
  readonly name: 'init';
  readonly search: Search;
  readonly mode: Mode;
  /** What is asked for first. */
  readonly wish: Dhcpv6Lease | undefined;
  readonly startAt: number;
}

/** Waits for advertisements. */
export interface Soliciting {
  readonly name: 'soliciting';
  readonly search: Search;
  readonly wish: Dhcpv6Lease | undefined;
  readonly exchange: Exchange;
  /** The best of those that came. */
  readonly offer: Offer | undefined;
}

/** Took an offer, waits for the server's word. */
export interface Requesting {
  readonly name: 'requesting';
  readonly search: Search;
  readonly exchange: Exchange;
  readonly offer: Offer;
  /** In force meanwhile, though the server knows nothing of it. */
  readonly lease: Dhcpv6Lease | undefined;
}

/** Asks whether what it had before still holds on this link. */
export interface Verifying {
  readonly name: 'verifying';
  readonly search: Search;
  /** A delegated prefix cannot be confirmed, but rebound (RFC 8415, 18.2.12). */
  readonly by: 'confirm' | 'rebind';
  readonly exchange: Exchange;
  readonly lease: Dhcpv6Lease;
  /** Whether the lease is in force meanwhile. */
  readonly isAdopted: boolean;
  readonly untilAt: number;
}

/** Has a lease. */
export interface Bound {
  readonly name: 'bound';
  readonly lease: Dhcpv6Lease;
  readonly renewAt: number;
}

/** Has a lease and asks for more time. */
export interface Extending {
  /** `renewing` asks the lease's server (T1), `rebinding` any (T2). */
  readonly name: 'renewing' | 'rebinding';
  readonly lease: Dhcpv6Lease;
  readonly exchange: Exchange;
}

/** Tells the server that addresses are in use by others. */
export interface Declining {
  readonly name: 'declining';
  readonly exchange: Exchange;
  readonly server: Uint8Array;
  readonly refused: readonly Association[];
  /** What is left. */
  readonly lease: Dhcpv6Lease | undefined;
}

/** Stateless: asks for configuration. */
export interface Informing {
  readonly name: 'informing';
  readonly search: Search;
  readonly exchange: Exchange;
  readonly lease: Dhcpv6Lease | undefined;
}

/** Stateless: has it. */
export interface Informed {
  readonly name: 'informed';
  readonly lease: Dhcpv6Lease;
}

/** An advertisement that can be taken. */
export interface Offer {
  readonly server: Uint8Array;
  readonly preference: number;
  readonly associations: readonly Association[];
}

/** Whether the client wants addresses or prefixes, or only what else there is to know. */
export type Mode = 'stateful' | 'stateless';

/** What can happen to it. */
export type Input =
  | { readonly kind: 'start'; readonly mode: Mode; readonly lease?: Dhcpv6Lease | undefined; readonly adopt?: boolean }
  | Tick
  | { readonly kind: 'message'; readonly message: Dhcpv6Message }
  | { readonly kind: 'renew' }
  | { readonly kind: 'decline'; readonly addresses: readonly IpAddress[] }
  | { readonly kind: 'stop'; readonly release: boolean };

/** What happens to the lease. */
export type Dhcpv6Event =
  /** Granted, renewed, confirmed or adopted, or a part of it ended; `isChanged` when anything but its times is new. */
  | { readonly kind: 'bound'; readonly lease: Dhcpv6Lease; readonly isChanged: boolean }
  /** All of it must go now. The client is looking for a new one already. */
  | { readonly kind: 'lost'; readonly reason: 'expired' | 'notOnLink' | 'noBinding' }
  /** 30 s without a lease; said once for each search, the client goes on trying. */
  | { readonly kind: 'noLease' };

/** Time, randomness and who the client is. */
export interface Env {
  readonly now: number;
  readonly random: Random;
  readonly identity: Identity;
}

/** One step's result. */
export type Step = Stepped<State, Dhcpv6Message, Dhcpv6Event>;
