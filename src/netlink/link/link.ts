/**
 * Network interfaces as the kernel tells of them (rtnetlink(7), linux/if_link.h), and what may be
 * asked of them. Invariant: a `Link` never changes; a new state is a new object.
 */

import { equalBytes } from '../../shared/bytes.ts';
import type { IpAddress } from '../../shared/ipaddress.ts';

/** One network interface. */
export interface Link {
  readonly ifindex: number;
  readonly name: string;
  /** ARPHRD_* of linux/if_arp.h: 1 is Ethernet, 772 loopback. */
  readonly hardwareType: number;
  /** IFF_* of linux/if.h. */
  readonly flags: number;
  /** IFF_UP: enabled by an administrator. */
  readonly isUp: boolean;
  /** IFF_LOWER_UP: the driver sees a carrier. */
  readonly hasCarrier: boolean;
  /** IFF_RUNNING: operational (RFC 2863), authentication included. */
  readonly isRunning: boolean;
  /** Empty for links without one. */
  readonly hardwareAddress: Uint8Array;
  /** The address burned in, where the driver knows it. */
  readonly permanentAddress: Uint8Array | undefined;
  readonly mtu: number;
  /** `vlan`, `bridge`, `veth` …; undefined for hardware. */
  readonly kind: string | undefined;
  /** The link below, of VLAN, MACVLAN and the like; undefined where that is in another namespace. */
  readonly parentIfindex: number | undefined;
  /** The bridge, bond or VRF this link belongs to. */
  readonly master: number | undefined;
  /** The VLAN id of a link of kind `vlan`. */
  readonly vlanId: number | undefined;
  readonly operState: OperState;
  readonly physicalPortName: string | undefined;
  /** How IPv6 link-local addresses are made; undefined without IPv6. */
  readonly addrGenMode: AddrGenMode | undefined;
  /** As of the last message about the link; `link.get` asks for fresh ones. */
  readonly statistics: LinkStatistics | undefined;
}

/** RFC 2863 operational states, in the order of IF_OPER_*. */
export const OPER_STATES = [
  'unknown', 'notPresent', 'down', 'lowerLayerDown', 'testing', 'dormant', 'up',
] as const;
/** RFC 2863, 3.1.13. */
export type OperState = (typeof OPER_STATES)[number];

/** In the order of IN6_ADDR_GEN_MODE_*. */
export const ADDR_GEN_MODES = ['eui64', 'none', 'stablePrivacy', 'random'] as const;
/** How the kernel makes interface identifiers (RFC 4291 appendix A, RFC 7217). */
export type AddrGenMode = (typeof ADDR_GEN_MODES)[number];

/** Counters since the link was made (struct rtnl_link_stats64); exact up to 2^53. */
export interface LinkStatistics {
  readonly rxPackets: number;
  readonly txPackets: number;
  readonly rxBytes: number;
  readonly txBytes: number;
  readonly rxErrors: number;
  readonly txErrors: number;
  readonly rxDropped: number;
  readonly txDropped: number;
}

/** Whether two states of a link are the same in all but its statistics. */
export function sameLink(one: Link, other: Link): boolean {
  return one.flags === other.flags && one.name === other.name && one.operState === other.operState
    && one.mtu === other.mtu && one.master === other.master && one.kind === other.kind
    && one.parentIfindex === other.parentIfindex && one.vlanId === other.vlanId
    && one.addrGenMode === other.addrGenMode && one.physicalPortName === other.physicalPortName
    && one.hardwareType === other.hardwareType && equalBytes(one.hardwareAddress, other.hardwareAddress);
}

/** A link to be made. */
export type NewLink =
  | { readonly kind: 'dummy' | 'wireguard'; readonly name: string }
  | { readonly kind: 'bridge'; readonly name: string; readonly stp?: boolean; readonly forwardDelaySec?: number }
  | { readonly kind: 'vlan'; readonly name: string; readonly parentIfindex: number; readonly vlanId: number }
  | { readonly kind: 'veth'; readonly name: string; readonly peerName: string }
  /** IPv6 in IPv4; without another end, one for each 6to4 address (RFC 3056). */
  | { readonly kind: 'sit'; readonly name: string; readonly local: IpAddress; readonly ttl: number };

/** Requests about links. All reject with NetlinkError, or with `signal.reason`. */
export interface LinkRequests {
  /** The link as it is now, with fresh statistics. */
  get(ifindex: number, signal?: AbortSignal): Promise<Link>;
  setUp(ifindex: number, signal?: AbortSignal): Promise<void>;
  setDown(ifindex: number, signal?: AbortSignal): Promise<void>;
  setMtu(ifindex: number, mtu: number, signal?: AbortSignal): Promise<void>;
  setName(ifindex: number, name: string, signal?: AbortSignal): Promise<void>;
  /** Puts a link into a bridge, bond or VRF; 0 takes it out. */
  setMaster(ifindex: number, master: number, signal?: AbortSignal): Promise<void>;
  setHardwareAddress(ifindex: number, hardwareAddress: Uint8Array, signal?: AbortSignal): Promise<void>;
  setAddrGenMode(ifindex: number, mode: AddrGenMode, signal?: AbortSignal): Promise<void>;
  /** Resolves with it once the mirror has it too. EEXIST when the name is taken. */
  add(link: NewLink, signal?: AbortSignal): Promise<Link>;
  /** Resolves once the mirror has it no more. */
  remove(ifindex: number, signal?: AbortSignal): Promise<void>;
}
