/**
 * RTM_NEWNEIGH, RTM_DELNEIGH, RTM_GETNEIGH (linux/neighbour.h): struct ndmsg and NDA_* attributes.
 */

import { HOST_IS_LITTLE_ENDIAN as LE } from '../../shared/bytes.ts';
import type { IpAddress } from '../../shared/ipaddress.ts';
import { decodeAttributes, encodeAttributes } from '../attributes.ts';
import type { Shape } from '../attributes.ts';
import { bytes, ipAddress, u32 } from '../kinds.ts';
import { requirePayload } from '../message.ts';
import type { NetlinkMessage } from '../message.ts';
import { familyNumber, ipFamily } from '../numbers.ts';
import type { Writer } from '../writer.ts';
import type { Neighbour, NeighbourState } from './neighbour.ts';

/** RTM_*. */
export const RTM_NEWNEIGH = 28;
export const RTM_DELNEIGH = 29;
export const RTM_GETNEIGH = 30;

const NDMSG_BYTES = 12;
const NTF_USE = 0x01;
const NTF_ROUTER = 0x80;
const NUD_PERMANENT = 0x80;

/** NUD_*: one bit each. */
const STATES: readonly NeighbourState[] = [
  'incomplete', 'reachable', 'stale', 'delay', 'probe', 'failed', 'noarp', 'permanent',
];

/** NDA_*. */
const NEIGHBOUR_ATTRIBUTES = {
  address: [1, ipAddress],
  hardwareAddress: [2, bytes],
  ifindex: [8, u32],
} as const satisfies Shape;

/** The neighbour a message is about; undefined for bridge and proxy entries. Throws DecodeError. */
export function decodeNeighbour(message: NetlinkMessage): Neighbour | undefined {
  requirePayload(message, NDMSG_BYTES);
  const { view, at, end } = message;
  const { address, hardwareAddress } = decodeAttributes(NEIGHBOUR_ATTRIBUTES, view, at + NDMSG_BYTES, end);
  if (address === undefined || address.family !== ipFamily(view.getUint8(at))) return undefined;
  const state = view.getUint16(at + 8, LE);
  return {
    ifindex: view.getInt32(at + 4, LE),
    address,
    hardwareAddress,
    state: STATES.find((_, bit) => state & (1 << bit)) ?? 'none',
    isRouter: (view.getUint8(at + 10) & NTF_ROUTER) !== 0,
  };
}

/** What it takes to name an entry, and to make one. */
export interface NeighbourEntry {
  readonly ifindex: number;
  readonly address: IpAddress;
  readonly hardwareAddress?: Uint8Array;
  /** The entry is to be used at once, as it is or made anew. */
  readonly isUsed?: boolean;
}

/** Writes the payload of RTM_NEWNEIGH (a permanent entry, or one to be used) or of RTM_DELNEIGH. */
export function writeNeighbour(writer: Writer, entry: NeighbourEntry): void {
  const { ifindex, address, hardwareAddress, isUsed = false } = entry;
  writer.u8(familyNumber(address.family));
  writer.zeros(3);
  writer.u32(ifindex);
  writer.u16(isUsed ? 0 : NUD_PERMANENT); // of no account for a removal
  writer.u8(isUsed ? NTF_USE : 0);
  writer.zeros(1);
  encodeAttributes(NEIGHBOUR_ATTRIBUTES, { address, hardwareAddress }, writer);
}

/** Writes the payload of RTM_GETNEIGH for the entries of one interface. */
export function writeNeighbourDump(writer: Writer, ifindex: number): void {
  writer.zeros(NDMSG_BYTES);
  encodeAttributes(NEIGHBOUR_ATTRIBUTES, { ifindex }, writer);
}
