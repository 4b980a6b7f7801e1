/**
 * DHCPv6 messages between clients and servers as bytes (RFC 8415, 8). Invariant: decoding is total;
 * it gives a message or throws DecodeError, in time linear in length.
 */

import { Reader } from '../shared/bytes.ts';
import { decodeOptions, encodeOptions, type Option } from './options.ts';

/** A message of a client or a server. */
export interface Dhcpv6Message {
  readonly type: MessageType;
  /** Transaction id, 24 bits. */
  readonly xid: number;
  readonly options: readonly Option[];
}

/** Message types by number (RFC 8415, 7.3). Those of relays are not for hosts. */
export const MESSAGE_TYPES = [
  undefined, 'solicit', 'advertise', 'request', 'confirm', 'renew', 'rebind', 'reply', 'release', 'decline',
  'reconfigure', 'informationRequest',
] as const;

/** What a message is for. */
export type MessageType = Exclude<(typeof MESSAGE_TYPES)[number], undefined>;

/** The message in `bytes`. Options are views of the same memory. Throws DecodeError. */
export function decodeMessage(bytes: Uint8Array): Dhcpv6Message {
  const reader = new Reader(bytes, 'DHCPv6 message');
  const number = reader.u8();
  const type = MESSAGE_TYPES[number];
  if (type === undefined) return reader.fail(`message type ${number}`);
  const xid = (reader.u8() << 16) | reader.u16();
  return { type, xid, options: decodeOptions(reader.take(reader.remaining)) };
}

/** The bytes of a message. */
export function encodeMessage({ type, xid, options }: Dhcpv6Message): Uint8Array {
  const body = encodeOptions(options);
  const bytes = new Uint8Array(4 + body.length);
  new DataView(bytes.buffer).setUint32(0, (MESSAGE_TYPES.indexOf(type) << 24) | xid);
  bytes.set(body, 4);
  return bytes;
}
