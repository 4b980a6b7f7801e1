/**
 * Neighbours: which hardware address is behind which IP address (ip-neighbour(8),
 * linux/neighbour.h). Asked for, not mirrored.
 */

import type { Scope } from '../../shared/scope.ts';
import type { IpAddress } from '../../shared/ipaddress.ts';

/** States of RFC 4861, 7.3.2, with the kernel's own beside (NUD_*). */
export type NeighbourState =
  | 'none' | 'incomplete' | 'reachable' | 'stale' | 'delay' | 'probe' | 'failed' | 'noarp' | 'permanent';

/** One entry of the ARP or neighbour discovery table. */
export interface Neighbour {
  readonly ifindex: number;
  readonly address: IpAddress;
  /** Undefined while not known. */
  readonly hardwareAddress: Uint8Array | undefined;
  readonly state: NeighbourState;
  /** IPv6: it says it is a router. */
  readonly isRouter: boolean;
}

/** Requests about neighbours. All reject with NetlinkError, or with `signal.reason`. */
export interface NeighbourRequests {
  /** Entries of one interface. */
  list(ifindex: number, signal?: AbortSignal): Promise<Neighbour[]>;
  /** Sets a permanent entry. */
  replace(ifindex: number, address: IpAddress, hardwareAddress: Uint8Array, signal?: AbortSignal): Promise<void>;
  /** ENOENT when there is none. */
  remove(ifindex: number, address: IpAddress, signal?: AbortSignal): Promise<void>;
  /** Has the kernel find out whether a neighbour answers, as if something were to be sent to it. */
  ask(ifindex: number, address: IpAddress, signal?: AbortSignal): Promise<void>;
  /** Tells of new and changed entries of an interface until `scope` closes. Throws SystemError. */
  watch(ifindex: number, scope: Scope, observer: (neighbour: Neighbour) => void): void;
}
