/**
 * Whole IPv6 packets for tests that play a router or a server of any kind: ICMPv6 and UDP with their
 * checksums (RFC 8200, 8.1), and any hop limit and source.
 */

import type { IpAddress } from '../../src/shared/ipaddress.ts';

/** What stands in the header. */
export interface Ipv6Header {
  readonly source: IpAddress;
  readonly destination: IpAddress;
  readonly hopLimit?: number;
}

/** An ICMPv6 message as a packet; its checksum is filled in. */
export function icmpv6Packet(header: Ipv6Header, message: Uint8Array): Uint8Array {
  return packet(header, message, { next: 58, at: 2 });
}

/** A UDP datagram as a packet. */
export function udpv6Packet(
  header: Ipv6Header,
  [from, to]: readonly [from: number, to: number],
  body: Uint8Array,
): Uint8Array {
  const datagram = new Uint8Array(8 + body.length);
  const view = new DataView(datagram.buffer);
  view.setUint16(0, from);
  view.setUint16(2, to);
  view.setUint16(4, datagram.length);
  datagram.set(body, 8);
  return packet(header, datagram, { next: 17, at: 6 });
}

/** `next` is the protocol, `at` where in the body its checksum stands. */
function packet(header: Ipv6Header, body: Uint8Array, { next, at }: { next: number; at: number }): Uint8Array {
  const { source, destination, hopLimit = 255 } = header;
  const bytes = new Uint8Array(40 + body.length);
  const view = new DataView(bytes.buffer);
  bytes[0] = 0x60;
  view.setUint16(4, body.length);
  bytes[6] = next;
  bytes[7] = hopLimit;
  bytes.set(source.bytes, 8);
  bytes.set(destination.bytes, 24);
  bytes.set(body, 40);
  if (body.length >= at + 2) view.setUint16(40 + at, checksum(bytes, next, at));
  return bytes;
}

function checksum(bytes: Uint8Array, next: number, at: number): number {
  let total = next + bytes.length - 40;
  for (let offset = 8; offset < bytes.length; offset += 2) {
    if (offset !== 40 + at) total += ((bytes[offset] ?? 0) << 8) | (bytes[offset + 1] ?? 0);
  }
  while (total > 0xffff) total = (total & 0xffff) + Math.floor(total / 0x1_0000);
  const sum = ~total & 0xffff;
  return sum === 0 ? 0xffff : sum;
}
