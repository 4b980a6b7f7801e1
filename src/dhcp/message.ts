/**
 * DHCPv4 messages as bytes: the BOOTP header (RFC 951, RFC 2131 section 2), the magic cookie and
 * the options, split ones joined (RFC 3396) and those in `file` and `sname` found (option 52).
 * Invariant: decoding is total; it gives a message or throws DecodeError, in time linear in length.
 */

import { Reader } from '../shared/bytes.ts';
import { IpAddress } from '../shared/ipaddress.ts';
import { encodeOptions, joinOptions, OPTION } from './options.ts';

/** A DHCPv4 message. `sname` and `file` are read for overloaded options only and sent empty. */
export interface DhcpMessage {
  readonly op: 'request' | 'reply';
  /** ARPHRD of the link, 1 for Ethernet. */
  readonly hardwareType: number;
  readonly hops: number;
  /** Transaction id. */
  readonly xid: number;
  /** Seconds since the client began. */
  readonly secs: number;
  /** The client asks that replies be broadcast. */
  readonly isBroadcast: boolean;
  /** ciaddr: what the client has. */
  readonly clientAddress: IpAddress;
  /** yiaddr: what the client gets. */
  readonly yourAddress: IpAddress;
  /** siaddr: the next server to boot from. */
  readonly nextServer: IpAddress;
  /** giaddr. */
  readonly relayAddress: IpAddress;
  /** chaddr, at most 16 bytes. */
  readonly hardwareAddress: Uint8Array;
  /** By code, in the order they came; 0, 52 and 255 are never among them. */
  readonly options: ReadonlyMap<number, Uint8Array>;
}

/** Values of option 53, by number. */
export const MESSAGE_TYPES = [
  undefined, 'discover', 'offer', 'request', 'decline', 'ack', 'nak', 'release', 'inform',
] as const;

/** What a message is for (option 53). */
export type MessageType = Exclude<(typeof MESSAGE_TYPES)[number], undefined>;

/** The kind of a message; undefined when it has none that we know (BOOTP, bulk lease queries). */
export function messageType(message: DhcpMessage): MessageType | undefined {
  const value = message.options.get(OPTION.messageType);
  return value?.length === 1 ? MESSAGE_TYPES[value[0] ?? 0] : undefined;
}

const HEADER_BYTES = 236;
const COOKIE = 0x63825363;
const BROADCAST_FLAG = 0x8000;
// RFC 1542, 2.1: relays may drop what is shorter than a BOOTP message.
const LEAST_BYTES = 300;

/** The message in `bytes`. Options are views of the same memory. Throws DecodeError. */
export function decodeMessage(bytes: Uint8Array): DhcpMessage {
  const reader = new Reader(bytes, 'DHCPv4 message');
  const op = reader.u8();
  if (op !== 1 && op !== 2) reader.fail(`op ${op}`);
  const hardwareType = reader.u8();
  const hardwareAddressBytes = reader.u8();
  if (hardwareAddressBytes > 16) reader.fail(`hlen ${hardwareAddressBytes}`);
  const header = {
    op: op === 1 ? 'request' : 'reply',
    hardwareType,
    hops: reader.u8(),
    xid: reader.u32(),
    secs: reader.u16(),
    isBroadcast: (reader.u16() & BROADCAST_FLAG) !== 0,
    clientAddress: new IpAddress(reader.take(4)),
    yourAddress: new IpAddress(reader.take(4)),
    nextServer: new IpAddress(reader.take(4)),
    relayAddress: new IpAddress(reader.take(4)),
    hardwareAddress: reader.take(16).subarray(0, hardwareAddressBytes),
  } as const;
  const serverName = reader.take(64);
  const bootFile = reader.take(128);
  if (reader.u32() !== COOKIE) reader.fail('no magic cookie');
  return { ...header, options: joinOptions(reader.take(reader.remaining), bootFile, serverName) };
}

/** The bytes of a message, padded to the 300 that every relay takes. */
export function encodeMessage(message: DhcpMessage): Uint8Array {
  const options = encodeOptions(message.options);
  const bytes = new Uint8Array(Math.max(LEAST_BYTES, HEADER_BYTES + 4 + options.length));
  const view = new DataView(bytes.buffer);
  bytes[0] = message.op === 'request' ? 1 : 2;
  bytes[1] = message.hardwareType;
  bytes[2] = message.hardwareAddress.length;
  bytes[3] = message.hops;
  view.setUint32(4, message.xid);
  view.setUint16(8, message.secs);
  view.setUint16(10, message.isBroadcast ? BROADCAST_FLAG : 0);
  bytes.set(message.clientAddress.bytes, 12);
  bytes.set(message.yourAddress.bytes, 16);
  bytes.set(message.nextServer.bytes, 20);
  bytes.set(message.relayAddress.bytes, 24);
  bytes.set(message.hardwareAddress, 28);
  view.setUint32(HEADER_BYTES, COOKIE);
  bytes.set(options, HEADER_BYTES + 4);
  return bytes;
}
