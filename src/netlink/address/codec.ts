/**
 * RTM_NEWADDR, RTM_DELADDR, RTM_GETADDR (rtnetlink(7), linux/if_addr.h): struct ifaddrmsg and IFA_*
 * attributes. IFA_LOCAL is the interface's own address and IFA_ADDRESS the peer's where they differ;
 * IPv6 leaves IFA_LOCAL out unless there is a peer.
 */

import { HOST_IS_LITTLE_ENDIAN as LE } from '../../shared/bytes.ts';
import { decodeAttributes, encodeAttributes } from '../attributes.ts';
import type { Decoded, Kind, Shape } from '../attributes.ts';
import { atLeast, ipAddress, u32 } from '../kinds.ts';
import { requirePayload } from '../message.ts';
import type { NetlinkMessage } from '../message.ts';
import { familyNumber, scopeName, scopeNumber } from '../numbers.ts';
import type { Writer } from '../writer.ts';
import type { Address, AddressId, NewAddress } from './address.ts';

/** RTM_*. */
export const RTM_NEWADDR = 20;
export const RTM_DELADDR = 21;
export const RTM_GETADDR = 22;

/** IFA_F_* of linux/if_addr.h. */
const IFA_F = {
  temporary: 0x1, noDad: 0x2, dadFailed: 0x8, deprecated: 0x20, tentative: 0x40, permanent: 0x80,
  manageTemporary: 0x100, noPrefixRoute: 0x200,
} as const;

const IFADDRMSG_BYTES = 8;
const FOREVER = 0xffff_ffff;

/** struct ifa_cacheinfo: seconds. */
const lifetimes: Kind<{ readonly preferred: number; readonly valid: number }> = {
  read(view, at, length) {
    atLeast(8, at, length);
    return { preferred: view.getUint32(at, LE), valid: view.getUint32(at + 4, LE) };
  },
  write(writer, { preferred, valid }) {
    writer.u32(preferred);
    writer.u32(valid);
    writer.zeros(8); // when made and when updated: the kernel's to say
  },
};

/** IFA_*. */
const ADDRESS_ATTRIBUTES = {
  address: [1, ipAddress],
  local: [2, ipAddress],
  broadcast: [4, ipAddress],
  lifetimes: [6, lifetimes],
  flags: [8, u32],
  metric: [9, u32],
} as const satisfies Shape;

/** What decoding IFA_* gives. */
export type AddressAttributes = Decoded<typeof ADDRESS_ATTRIBUTES>;

/** The address a message is about; undefined for families other than IPv4 and IPv6. Throws DecodeError. */
export function decodeAddress(message: NetlinkMessage): Address | undefined {
  requirePayload(message, IFADDRMSG_BYTES);
  const { view, at, end } = message;
  const attributes = decodeAttributes(ADDRESS_ATTRIBUTES, view, at + IFADDRMSG_BYTES, end);
  const address = attributes.local ?? attributes.address;
  const family = view.getUint8(at);
  if (address === undefined || family !== familyNumber(address.family)) return undefined;
  const isPeer = attributes.address !== undefined && !attributes.address.equals(address);
  const flags = attributes.flags ?? view.getUint8(at + 2);
  return {
    ifindex: view.getUint32(at + 4, LE),
    address,
    prefixLength: view.getUint8(at + 1),
    peer: isPeer ? attributes.address : undefined,
    broadcast: attributes.broadcast,
    scope: scopeName(view.getUint8(at + 3)),
    flags,
    isTentative: (flags & IFA_F.tentative) !== 0,
    isDuplicate: (flags & IFA_F.dadFailed) !== 0,
    isDeprecated: (flags & IFA_F.deprecated) !== 0,
    isTemporary: address.family === 6 && (flags & IFA_F.temporary) !== 0, // in IPv4 the bit means "secondary"
    isPermanent: (flags & IFA_F.permanent) !== 0,
    validLifetimeSec: finite(attributes.lifetimes?.valid),
    preferredLifetimeSec: finite(attributes.lifetimes?.preferred),
    metric: attributes.metric,
  };
}

/** Writes the payload of RTM_NEWADDR or RTM_DELADDR. */
export function writeAddress(writer: Writer, address: NewAddress | AddressId): void {
  const { prefixLength, ifindex, peer } = address;
  const local = address.address;
  const { scope, broadcast, metric, validLifetimeSec, preferredLifetimeSec, ...flags }: NewAddress = address;
  writer.u8(familyNumber(local.family));
  writer.u8(prefixLength);
  writer.u8(0); // flags: IFA_FLAGS has room for all of them
  writer.u8(scopeNumber(scope ?? 'universe'));
  writer.u32(ifindex);
  const attributes: AddressAttributes = {
    address: peer ?? local,
    local,
    broadcast,
    flags: flagsOf(flags) || undefined,
    metric,
    lifetimes: validLifetimeSec === undefined && preferredLifetimeSec === undefined
      ? undefined
      : { valid: validLifetimeSec ?? FOREVER, preferred: preferredLifetimeSec ?? validLifetimeSec ?? FOREVER },
  };
  encodeAttributes(ADDRESS_ATTRIBUTES, attributes, writer);
}

/** Writes the payload of RTM_GETADDR for all addresses. */
export function writeAddressDump(writer: Writer): void {
  writer.zeros(IFADDRMSG_BYTES);
}

function flagsOf(wanted: Pick<NewAddress, 'noPrefixRoute' | 'noDuplicateDetection' | 'manageTemporary'>): number {
  return (wanted.noPrefixRoute ? IFA_F.noPrefixRoute : 0)
    | (wanted.noDuplicateDetection ? IFA_F.noDad : 0)
    | (wanted.manageTemporary ? IFA_F.manageTemporary : 0);
}

function finite(lifetimeSec: number | undefined): number | undefined {
  return lifetimeSec === FOREVER ? undefined : lifetimeSec;
}
