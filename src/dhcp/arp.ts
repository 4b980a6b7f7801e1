/**
 * ARP for IPv4 over Ethernet (RFC 826) as bytes, from the network header on, and the BPF program
 * (linux/filter.h) of a socket that watches over one address. Invariant: decoding is total.
 */

import { Reader } from '../shared/bytes.ts';
import { ANY_IPV4, IpAddress } from '../shared/ipaddress.ts';
import type { BpfInstruction } from '../system/system.ts';

/** One ARP packet. */
export interface ArpPacket {
  readonly operation: 'request' | 'reply';
  readonly senderHardware: Uint8Array;
  readonly sender: IpAddress;
  readonly targetHardware: Uint8Array;
  readonly target: IpAddress;
}

const PACKET_BYTES = 28;
/** Ethernet, IPv4, and the lengths of their addresses. */
const ETHERNET_IPV4 = [0x0001_0800, 0x0604] as const;
const SENDER_OFFSET = 14;
const TARGET_OFFSET = 24;

/** The packet in `bytes`; what follows is padding. Throws DecodeError. */
export function decodeArp(bytes: Uint8Array): ArpPacket {
  const reader = new Reader(bytes, 'ARP packet');
  if (reader.u32() !== ETHERNET_IPV4[0] || reader.u16() !== ETHERNET_IPV4[1]) reader.fail('not IPv4 over Ethernet');
  const operation = reader.u16();
  if (operation !== 1 && operation !== 2) reader.fail(`operation ${operation}`);
  return {
    operation: operation === 1 ? 'request' : 'reply',
    senderHardware: reader.take(6).slice(),
    sender: new IpAddress(reader.take(4)),
    targetHardware: reader.take(6).slice(),
    target: new IpAddress(reader.take(4)),
  };
}

/** The bytes of a packet. */
export function encodeArp(packet: ArpPacket): Uint8Array {
  const bytes = new Uint8Array(PACKET_BYTES);
  const view = new DataView(bytes.buffer);
  view.setUint32(0, ETHERNET_IPV4[0]);
  view.setUint16(4, ETHERNET_IPV4[1]);
  view.setUint16(6, packet.operation === 'request' ? 1 : 2);
  bytes.set(packet.senderHardware, 8);
  bytes.set(packet.sender.bytes, SENDER_OFFSET);
  bytes.set(packet.targetHardware, 18);
  bytes.set(packet.target.bytes, TARGET_OFFSET);
  return bytes;
}

/** RFC 5227, 1.1: asks whether `address` is in use, without claiming it. */
export function arpProbe(hardwareAddress: Uint8Array, address: IpAddress): ArpPacket {
  return { ...arpAnnouncement(hardwareAddress, address), sender: ANY_IPV4 };
}

/** RFC 5227, 1.1: says that `address` is in use here. */
export function arpAnnouncement(hardwareAddress: Uint8Array, address: IpAddress): ArpPacket {
  return {
    operation: 'request',
    senderHardware: hardwareAddress,
    sender: address,
    targetHardware: new Uint8Array(6),
    target: address,
  };
}

/** Passes packets that claim `address`, and probes for it. */
export function arpFilter(address: IpAddress): BpfInstruction[] {
  const value = new DataView(address.bytes.buffer, address.bytes.byteOffset).getUint32(0);
  const [LOAD_WORD, JUMP_EQUAL, RETURN] = [0x20, 0x15, 0x06];
  return [
    [LOAD_WORD, 0, 0, SENDER_OFFSET],
    [JUMP_EQUAL, 3, 0, value],
    [JUMP_EQUAL, 0, 3, 0],
    [LOAD_WORD, 0, 0, TARGET_OFFSET],
    [JUMP_EQUAL, 0, 1, value],
    [RETURN, 0, 0, 0xffff],
    [RETURN, 0, 0, 0],
  ];
}
