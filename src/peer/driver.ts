/**
 * What a driver of Wi-Fi Direct offers the core for each device in the air, and what a group is once
 * two of them are in one.
 */

import type { IpAddress } from '../shared/ipaddress.ts';

/** How two devices prove to belong together (Wi-Fi Protected Setup). */
export type PeerMethod =
  | { readonly kind: 'push-button' }
  /** Eight digits, known to both users. */
  | { readonly kind: 'pin'; readonly pin: string };

/** What a peer can do to prove it. */
export interface PeerMethods {
  readonly hasPushButton: boolean;
  readonly hasPin: boolean;
}

/** A connection to be made. */
export interface PeerRequest {
  readonly method: PeerMethod;
  /** Whether this machine should be the owner of the group. */
  readonly isOwnerWanted: boolean;
}

/** A group this machine is in together with a peer. */
export interface PeerGroup {
  /** The network interface that leads to it. */
  readonly interfaceName: string;
  readonly role: 'owner' | 'client';
  /** The peer's own in the group, as far as known. */
  readonly peerHardwareAddress: Uint8Array | undefined;
  /** What the owner gave us while we joined. */
  readonly given: GivenAddress | undefined;
}

/** An address that came with the group's key, in place of DHCP. */
export interface GivenAddress {
  readonly address: IpAddress;
  readonly prefixLength: number;
  /** The group owner's. */
  readonly owner: IpAddress | undefined;
}

/** A driver's side of one peer. */
export interface PeerControl {
  readonly methods: PeerMethods;
  /**
   * Makes a group with the peer, or joins its group. Rejects with ConnmanError, or the reason of
   * `signal`, which ends the attempt.
   */
  connect(request: PeerRequest, signal: AbortSignal): Promise<PeerGroup>;
  /** Leaves the group. Never rejects: what is gone is gone. */
  disconnect(): Promise<void>;
  /** Called when no group with it is there or being made any more: one that is out of reach may go. */
  released(): void;
}

/** What a driver tells of a peer when it appears. */
export interface PeerDescription {
  /** Unique: the device's hardware address, an underscore, the peer's. */
  readonly identifier: string;
  /** The part of `identifier` before the underscore. */
  readonly deviceIdent: string;
  readonly name: string;
  /** Its Wi-Fi Display elements; empty where it has none. */
  readonly displayElements: Uint8Array;
  readonly control: PeerControl;
}
