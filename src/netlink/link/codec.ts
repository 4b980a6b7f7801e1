/**
 * RTM_NEWLINK, RTM_DELLINK, RTM_GETLINK (rtnetlink(7), linux/if_link.h): struct ifinfomsg and
 * IFLA_* attributes. Invariant: a decoded `Link` holds no view of the message it came from.
 */

import { HOST_IS_LITTLE_ENDIAN as LE } from '../../shared/bytes.ts';
import { decodeAttributes } from '../attributes.ts';
import type { Decoded, Kind, Shape } from '../attributes.ts';
import { atLeast, bytes, i32, ipAddress, nested, string, u16, u32, u8 } from '../kinds.ts';
import { requirePayload } from '../message.ts';
import type { NetlinkMessage } from '../message.ts';
import type { Writer } from '../writer.ts';
import { ADDR_GEN_MODES, OPER_STATES } from './link.ts';
import type { Link, LinkStatistics } from './link.ts';

/** RTM_*. */
export const RTM_NEWLINK = 16;
export const RTM_DELLINK = 17;
export const RTM_GETLINK = 18;

/** IFF_* of linux/if.h. */
export const IFF = { up: 0x1, running: 0x40, lowerUp: 0x10000 } as const;

const IFINFOMSG_BYTES = 16;

const statistics: Kind<LinkStatistics> = {
  // struct rtnl_link_stats64: u64 each, in this order.
  read(view, at, length) {
    atLeast(64, at, length);
    const counter = (index: number): number => readU64(view, at + 8 * index);
    return {
      rxPackets: counter(0), txPackets: counter(1), rxBytes: counter(2), txBytes: counter(3),
      rxErrors: counter(4), txErrors: counter(5), rxDropped: counter(6), txDropped: counter(7),
    };
  },
  write(writer, value) {
    const { rxPackets, txPackets, rxBytes, txBytes, rxErrors, txErrors, rxDropped, txDropped } = value;
    for (const each of [rxPackets, txPackets, rxBytes, txBytes, rxErrors, txErrors, rxDropped, txDropped]) {
      writer.u64(BigInt(each));
    }
  },
};

/** IFLA_INET6_*, inside AF_INET6 (10) of IFLA_AF_SPEC. */
const LINK_INET6_ATTRIBUTES = { addrGenMode: [8, u8] } as const satisfies Shape;
const LINK_FAMILY_ATTRIBUTES = { inet6: [10, nested(LINK_INET6_ATTRIBUTES)] } as const satisfies Shape;

/** IFLA_INFO_*; what `data` holds depends on `kind`. */
const LINK_INFO_ATTRIBUTES = { kind: [1, string], data: [2, bytes] } as const satisfies Shape;

/** IFLA_VLAN_*: the data of kind `vlan`. */
export const VLAN_ATTRIBUTES = { id: [1, u16] } as const satisfies Shape;

/** IFLA_BR_*: the data of kind `bridge`. */
export const BRIDGE_ATTRIBUTES = { forwardDelay: [1, u32], stpState: [5, u32] } as const satisfies Shape;

/** IFLA_IPTUN_* (linux/if_tunnel.h): the data of kind `sit`. */
export const SIT_ATTRIBUTES = { local: [2, ipAddress], ttl: [4, u8] } as const satisfies Shape;

/** IFLA_*. */
export const LINK_ATTRIBUTES = {
  address: [1, bytes],
  name: [3, string],
  mtu: [4, u32],
  link: [5, u32],
  master: [10, u32],
  wireless: [11, bytes],
  operState: [16, u8],
  info: [18, nested(LINK_INFO_ATTRIBUTES)],
  statistics: [23, statistics],
  familySpec: [26, nested(LINK_FAMILY_ATTRIBUTES)],
  linkNamespace: [37, i32],
  physicalPortName: [38, string],
  permanentAddress: [54, bytes],
} as const satisfies Shape;

/** What decoding IFLA_* gives. */
export type LinkAttributes = Decoded<typeof LINK_ATTRIBUTES>;

/**
 * The link an RTM_NEWLINK or RTM_DELLINK is about; undefined when it is not about a link's state:
 * a bridge port changed (family AF_BRIDGE), or a wireless extension event, which has no attributes
 * of the link but its name. Throws DecodeError.
 */
export function decodeLink(message: NetlinkMessage): Link | undefined {
  requirePayload(message, IFINFOMSG_BYTES);
  const { view, at, end } = message;
  const family = view.getUint8(at);
  if (family !== 0) return undefined;
  const attributes = decodeAttributes(LINK_ATTRIBUTES, view, at + IFINFOMSG_BYTES, end);
  if (attributes.name === undefined || attributes.wireless !== undefined) return undefined;
  const flags = view.getUint32(at + 8, LE);
  return {
    ifindex: view.getInt32(at + 4, LE),
    name: attributes.name,
    hardwareType: view.getUint16(at + 2, LE),
    flags,
    isUp: (flags & IFF.up) !== 0,
    hasCarrier: (flags & IFF.lowerUp) !== 0,
    isRunning: (flags & IFF.running) !== 0,
    hardwareAddress: attributes.address ?? NO_BYTES,
    permanentAddress: attributes.permanentAddress,
    mtu: attributes.mtu ?? 0,
    kind: attributes.info?.kind,
    parentIfindex: parentOf(attributes),
    master: attributes.master || undefined,
    vlanId: vlanIdOf(attributes.info),
    operState: OPER_STATES[attributes.operState ?? 0] ?? 'unknown',
    physicalPortName: attributes.physicalPortName,
    addrGenMode: ADDR_GEN_MODES[attributes.familySpec?.inet6?.addrGenMode ?? -1],
    statistics: attributes.statistics,
  };
}

/** Writes struct ifinfomsg; `change` are the bits of `flags` that count. */
export function writeLinkHeader(writer: Writer, ifindex: number, flags = 0, change = 0): void {
  writer.zeros(4); // family, padding, type
  writer.u32(ifindex);
  writer.u32(flags);
  writer.u32(change);
}

// A veth's IFLA_LINK is its other end, told of one of the two only; an id in another namespace is none here.
function parentOf({ link, info, linkNamespace }: LinkAttributes): number | undefined {
  return info?.kind === 'veth' || linkNamespace !== undefined ? undefined : link || undefined; // 0 is none
}

const NO_BYTES = new Uint8Array(0);

function vlanIdOf(info: LinkAttributes['info']): number | undefined {
  if (info?.kind !== 'vlan' || info.data === undefined) return undefined;
  const { buffer, byteOffset, byteLength } = info.data;
  return decodeAttributes(VLAN_ATTRIBUTES, new DataView(buffer, byteOffset, byteLength), 0, byteLength).id;
}

function readU64(view: DataView, at: number): number {
  const [low, high] = LE ? [at, at + 4] : [at + 4, at];
  return view.getUint32(high, LE) * 0x1_0000_0000 + view.getUint32(low, LE);
}
