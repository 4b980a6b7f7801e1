/**
 * What a service's connection sees of the addresses of one family: a session gets them, keeps them
 * and gives them up, and says what the link is to be set up with. Types only.
 */

import type { ConnmanError } from '../shared/errors.ts';
import type { Observable } from '../shared/emitter.ts';
import type { IpAddress, IpPrefix } from '../shared/ipaddress.ts';
import type { AddressInUse } from './configuration.ts';
import type { NetworkOffer } from './offer.ts';

/** What becomes of the addresses when a session stops. */
export type StopMode =
  /** Given back to the server and taken off the interface. */
  | 'release'
  /** Taken off the interface; the lease stays good. */
  | 'withdraw'
  /** Left as they are: the daemon stops, traffic does not. */
  | 'keep';

/** How a family is set up: its addresses are on the interface. */
export interface Setup {
  readonly inUse: AddressInUse<string>;
  /** Every address in use with its network, the one of `inUse` first. */
  readonly subnets: readonly IpPrefix[];
  /** Beside the default route: a route without gateway is on the link. */
  readonly routes: readonly { readonly destination: IpPrefix; readonly gateway: IpAddress | undefined }[];
  readonly offer: NetworkOffer;
  /** Where addresses and routes are instead of on the device itself. */
  readonly link?: { readonly ifindex: number; readonly name: string };
  /** Of a tunnel, whose gateway is its server; full takes all traffic, of a family it lacks too. */
  readonly tunnel?: 'full' | 'split';
}

/** What happened to the addresses. */
export type SessionEvent<S extends Setup> =
  /** They are on the interface; also after each change of what `setup` tells. */
  | { readonly kind: 'configured'; readonly setup: S }
  /** They are as they were, for longer than before. */
  | { readonly kind: 'prolonged'; readonly setup: S }
  /** They are gone from the interface; the search for new ones goes on. */
  | { readonly kind: 'lost' }
  /** Another host claims one. Resolved: it was defended and stays ours; else another one is looked for. */
  | {
      readonly kind: 'conflict';
      readonly address: IpAddress;
      readonly hardwareAddress: Uint8Array;
      readonly isResolved: boolean;
    }
  /** They cannot be had: a wrong configuration or a kernel that refuses. */
  | { readonly kind: 'failed'; readonly error: ConnmanError };

/** How far a session is, for whoever asks why there is no address, or this one. */
export interface AddressProgress {
  /** Requests that no DHCP server has answered so far; absent where none is asked. */
  readonly unanswered?: number;
  /** An address that is not in use yet: others are asked whether they have it. */
  readonly isProbing: boolean;
  /** Why the lease before was lost. */
  readonly lost?: string;
}

/** The addresses of one family. Nothing happens before `start`. */
export interface AddressSession<S extends Setup> {
  readonly events: Observable<SessionEvent<S>>;
  /** Of those that take time. */
  readonly progress?: AddressProgress;
  start(): void;
  /** The machine slept: whoever gave the addresses is asked whether they still hold. */
  wake(): void;
  /** Puts them on the interface again, if they are in use, whatever others did to it. */
  reapply(): void;
  /** Whether a default route may lead through the link may be another matter now. */
  updateDefault?(): void;
  /** The world beyond did not answer as it should: what was only tried is given up. */
  noteFailedCheck?(): void;
  /** Ends; what the kernel shall do is asked of it before this returns, in order. */
  stop(mode: StopMode): Promise<void>;
}
