/**
 * Addresses of interfaces as the kernel tells of them (rtnetlink(7), linux/if_addr.h), and what may
 * be asked. Invariant: an `Address` never changes; a new state is a new object.
 */

import type { IpAddress } from '../../shared/ipaddress.ts';

/** How far an address or a destination reaches (RT_SCOPE_* of linux/rtnetlink.h). */
export type AddressScope = 'universe' | 'site' | 'link' | 'host' | 'nowhere';

/** One address of one interface. */
export interface Address {
  readonly ifindex: number;
  readonly address: IpAddress;
  readonly prefixLength: number;
  /** The other end, on point-to-point links. */
  readonly peer: IpAddress | undefined;
  readonly broadcast: IpAddress | undefined;
  readonly scope: AddressScope;
  /** IFA_F_* of linux/if_addr.h. */
  readonly flags: number;
  /** Duplicate address detection still runs: not to be used yet. */
  readonly isTentative: boolean;
  /** Duplicate address detection found another owner. */
  readonly isDuplicate: boolean;
  readonly isDeprecated: boolean;
  /** A privacy address (RFC 8981). */
  readonly isTemporary: boolean;
  /** Not made by router advertisement or lease: no lifetime. */
  readonly isPermanent: boolean;
  /** As of the last message about the address; undefined is for ever. */
  readonly validLifetimeSec: number | undefined;
  readonly preferredLifetimeSec: number | undefined;
  /** Metric of the route to its prefix; undefined is the default. */
  readonly metric: number | undefined;
}

/** An address to be set. */
export interface NewAddress {
  readonly ifindex: number;
  readonly address: IpAddress;
  readonly prefixLength: number;
  readonly broadcast?: IpAddress | undefined;
  readonly peer?: IpAddress | undefined;
  readonly scope?: AddressScope | undefined;
  /** Absent is for ever. */
  readonly validLifetimeSec?: number | undefined;
  readonly preferredLifetimeSec?: number | undefined;
  /** The kernel makes no route to the prefix. */
  readonly noPrefixRoute?: boolean | undefined;
  /** IPv6: used at once, without duplicate address detection. */
  readonly noDuplicateDetection?: boolean | undefined;
  /** IPv6: the kernel makes privacy addresses beside this one (RFC 8981). */
  readonly manageTemporary?: boolean | undefined;
  /** Metric of the route to the prefix. */
  readonly metric?: number | undefined;
}

/** What it takes to name an address. */
export interface AddressId {
  readonly ifindex: number;
  readonly address: IpAddress;
  readonly prefixLength: number;
  readonly peer?: IpAddress | undefined;
}

/** Requests about addresses. All reject with NetlinkError, or with `signal.reason`. */
export interface AddressRequests {
  /** Sets the address; one that is there already takes the new lifetimes and flags. */
  add(address: NewAddress, signal?: AbortSignal): Promise<void>;
  /** EADDRNOTAVAIL when there is no such address. */
  remove(address: AddressId, signal?: AbortSignal): Promise<void>;
}

/**
 * Names an address among all of them. In IPv4 the prefix length and the peer are part of an
 * address's identity, in IPv6 they are not.
 */
export function addressKey({ ifindex, address, prefixLength, peer }: AddressId): string {
  if (address.family === 6) return `${ifindex} ${address}`;
  return peer === undefined ? `${ifindex} ${address}/${prefixLength}` : `${ifindex} ${address}/${prefixLength} ${peer}`;
}

/** Whether two addresses with the same key are the same in all but what is left of their lifetimes. */
export function sameAddress(one: Address, other: Address): boolean {
  return one.flags === other.flags && one.prefixLength === other.prefixLength && one.scope === other.scope
    && one.metric === other.metric && sameIpAddress(one.peer, other.peer)
    && sameIpAddress(one.broadcast, other.broadcast);
}

/** Whether both are the same address, or both absent. */
export function sameIpAddress(one: IpAddress | undefined, other: IpAddress | undefined): boolean {
  return one === undefined ? other === undefined : one.equals(other);
}
