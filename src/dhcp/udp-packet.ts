/**
 * UDP in IPv4 as one packet (RFC 791, RFC 768), for DHCP over AF_PACKET sockets, before the kernel
 * has an address to send from. Invariant: no length in a received header is trusted before it was
 * compared with the bytes that are there; decoding is total.
 */

import { DecodeError } from '../shared/errors.ts';
import { IpAddress } from '../shared/ipaddress.ts';

/** One UDP datagram with its addresses. */
export interface UdpPacket {
  readonly source: IpAddress;
  readonly destination: IpAddress;
  readonly sourcePort: number;
  readonly destinationPort: number;
  readonly payload: Uint8Array;
}

const PROTOCOL_UDP = 17;
const IP_HEADER_BYTES = 20;
const UDP_HEADER_BYTES = 8;
// DSCP CS6, network control (RFC 4594, 3.1): some access networks serve DHCP in this class only.
const TYPE_OF_SERVICE = 0xc0;

/**
 * The datagram in an IPv4 packet; the payload is a view. `checksumNotReady`: the sender's host left
 * the UDP checksum to its hardware, so it says nothing. Throws DecodeError.
 */
export function decodeUdpPacket(bytes: Uint8Array, checksumNotReady: boolean): UdpPacket {
  const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
  const headerBytes = checkIpHeader(view);
  const totalBytes = view.getUint16(2);
  const udpBytes = totalBytes - headerBytes;
  const length = view.getUint16(headerBytes + 4);
  if (length < UDP_HEADER_BYTES || length > udpBytes) throw new DecodeError(`UDP length ${length}`, headerBytes + 4);
  const datagram = bytes.subarray(headerBytes, headerBytes + length);
  const isUnchecked = checksumNotReady || view.getUint16(headerBytes + 6) === 0;
  if (!isUnchecked && fold(sum(datagram, pseudoHeaderSum(bytes, length))) !== 0xffff) {
    throw new DecodeError('UDP checksum', headerBytes + 6);
  }
  return {
    source: new IpAddress(bytes.subarray(12, 16)),
    destination: new IpAddress(bytes.subarray(16, 20)),
    sourcePort: view.getUint16(headerBytes),
    destinationPort: view.getUint16(headerBytes + 2),
    payload: datagram.subarray(UDP_HEADER_BYTES),
  };
}

/** The IPv4 packet of a datagram, both checksums filled in. */
export function encodeUdpPacket(packet: UdpPacket): Uint8Array {
  const udpBytes = UDP_HEADER_BYTES + packet.payload.length;
  const bytes = new Uint8Array(IP_HEADER_BYTES + udpBytes);
  const view = new DataView(bytes.buffer);
  bytes[0] = 0x45;
  bytes[1] = TYPE_OF_SERVICE;
  view.setUint16(2, bytes.length);
  bytes[8] = 64;
  bytes[9] = PROTOCOL_UDP;
  bytes.set(packet.source.bytes, 12);
  bytes.set(packet.destination.bytes, 16);
  view.setUint16(10, ~fold(sum(bytes.subarray(0, IP_HEADER_BYTES), 0)));
  view.setUint16(20, packet.sourcePort);
  view.setUint16(22, packet.destinationPort);
  view.setUint16(24, udpBytes);
  bytes.set(packet.payload, 28);
  const checksum = ~fold(sum(bytes.subarray(IP_HEADER_BYTES), pseudoHeaderSum(bytes, udpBytes))) & 0xffff;
  // RFC 768: a computed zero is sent as all ones, as zero means there is none.
  view.setUint16(26, checksum === 0 ? 0xffff : checksum);
  return bytes;
}

/** Throws DecodeError unless there is a whole, unfragmented UDP packet; its header's length. */
function checkIpHeader(view: DataView): number {
  if (view.byteLength < IP_HEADER_BYTES + UDP_HEADER_BYTES) throw new DecodeError('a short IPv4 packet', 0);
  const headerBytes = (view.getUint8(0) & 0xf) * 4;
  if (view.getUint8(0) >> 4 !== 4 || headerBytes < IP_HEADER_BYTES) throw new DecodeError('no IPv4 header', 0);
  const totalBytes = view.getUint16(2);
  if (totalBytes > view.byteLength || totalBytes < headerBytes + UDP_HEADER_BYTES) {
    throw new DecodeError(`IPv4 total length ${totalBytes}`, 2);
  }
  if ((view.getUint16(6) & 0x3fff) !== 0) throw new DecodeError('an IPv4 fragment', 6);
  if (view.getUint8(9) !== PROTOCOL_UDP) throw new DecodeError(`IPv4 protocol ${view.getUint8(9)}`, 9);
  const header = new Uint8Array(view.buffer, view.byteOffset, headerBytes);
  if (fold(sum(header, 0)) !== 0xffff) throw new DecodeError('IPv4 header checksum', 10);
  return headerBytes;
}

function pseudoHeaderSum(ipHeader: Uint8Array, udpBytes: number): number {
  return sum(ipHeader.subarray(12, 20), PROTOCOL_UDP + udpBytes);
}

/** Adds 16-bit words to `start` (RFC 1071); at most 64 KiB, so the result fits a double exactly. */
function sum(bytes: Uint8Array, start: number): number {
  let total = start;
  for (let at = 0; at < bytes.length; at += 2) total += ((bytes[at] ?? 0) << 8) | (bytes[at + 1] ?? 0);
  return total;
}

function fold(total: number): number {
  let folded = total;
  while (folded > 0xffff) folded = (folded & 0xffff) + Math.floor(folded / 0x1_0000);
  return folded;
}
