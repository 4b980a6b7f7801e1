/**
 * Netlink messages (netlink(7), linux/netlink.h): the 16-byte header, several in one datagram, and
 * the kernel's answers NLMSG_ERROR and NLMSG_DONE. Host byte order. Invariant: reading throws only
 * DecodeError, and every message handed out lies wholly inside its datagram.
 */

import { HOST_IS_LITTLE_ENDIAN as LE } from '../shared/bytes.ts';
import { DecodeError } from '../shared/errors.ts';
import { decodeAttributes } from './attributes.ts';
import type { Shape } from './attributes.ts';
import { NetlinkError } from './error.ts';
import { string, u32 } from './kinds.ts';
import { Writer } from './writer.ts';

/** One message, valid as long as the bytes it came in. */
export interface NetlinkMessage {
  readonly type: number;
  readonly flags: number;
  readonly sequence: number;
  /** The datagram; the payload lies from `at` to `end`. */
  readonly view: DataView;
  readonly at: number;
  readonly end: number;
}

/** NLMSG_* below 16 are the protocol's own. */
export const MESSAGE = { noop: 1, error: 2, done: 3, overrun: 4 } as const;

/** NLM_F_*. */
export const FLAG = {
  request: 0x1, multi: 0x2, ack: 0x4, dumpInterrupted: 0x10,
  dump: 0x300, // NLM_F_ROOT | NLM_F_MATCH
  replace: 0x100, exclusive: 0x200, create: 0x400, append: 0x800, // of requests that make something
  capped: 0x100, ackAttributes: 0x200, // of NLMSG_ERROR and NLMSG_DONE
} as const;

/** sizeof(struct nlmsghdr). */
export const HEADER_BYTES = 16;

/** Calls `visit` for each message of a datagram, in order; throws DecodeError at the first broken one. */
export function forEachMessage(bytes: Uint8Array, visit: (message: NetlinkMessage) => void): void {
  const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
  const total = bytes.byteLength;
  for (let start = 0; start < total; ) {
    if (total - start < HEADER_BYTES) throw new DecodeError(`a netlink header of ${total - start} bytes`, start);
    const length = view.getUint32(start, LE);
    if (length < HEADER_BYTES || length > total - start) {
      throw new DecodeError(`a netlink message of ${length} bytes, ${total - start} left`, start);
    }
    visit({
      type: view.getUint16(start + 4, LE),
      flags: view.getUint16(start + 6, LE),
      sequence: view.getUint32(start + 8, LE),
      view,
      at: start + HEADER_BYTES,
      end: start + length,
    });
    start += (length + 3) & ~3;
  }
}

/** Writes one message; `body` writes the payload. Port id 0: the kernel fills in the sender's. */
export function encodeMessage(
  header: { type: number; flags: number; sequence: number },
  body: (writer: Writer) => void,
  writer: Writer = new Writer(),
): Uint8Array {
  const start = writer.length;
  writer.u32(0);
  writer.u16(header.type);
  writer.u16(header.flags);
  writer.u32(header.sequence);
  writer.u32(0);
  body(writer);
  writer.patchLength(start);
  return writer.finish();
}

/** Throws DecodeError unless the payload has the `headerBytes` of its protocol in front. */
export function requirePayload({ at, end }: NetlinkMessage, headerBytes: number): void {
  if (end - at < headerBytes) throw new DecodeError(`a payload of ${end - at} bytes, ${headerBytes} needed`, at);
}

/**
 * What NLMSG_ERROR or NLMSG_DONE says about the request called `operation`: undefined for success.
 * Throws DecodeError when the message is broken.
 */
export function decodeOutcome(message: NetlinkMessage, operation: string): NetlinkError | undefined {
  const { type, flags, view, at, end } = message;
  // NLMSG_DONE may come without the int that NLMSG_ERROR always has.
  if (type === MESSAGE.done && end - at < 4) return undefined;
  requirePayload(message, 4);
  const errno = -view.getInt32(at, LE);
  if (errno <= 0) return undefined;
  const extendedAck = flags & FLAG.ackAttributes ? decodeExtendedAck(message) : undefined;
  return new NetlinkError(errno, operation, extendedAck);
}

/** NLMSGERR_ATTR_*. */
const EXTENDED_ACK = { message: [1, string], offset: [2, u32] } as const satisfies Shape;

// NLMSG_ERROR echoes the request: its header alone when capped. The attributes follow it.
function decodeExtendedAck(message: NetlinkMessage): string | undefined {
  const { type, flags, view, at, end } = message;
  let attributesAt = at + 4;
  if (type === MESSAGE.error) {
    requirePayload(message, 4 + HEADER_BYTES);
    const echoed = flags & FLAG.capped ? HEADER_BYTES : view.getUint32(at + 4, LE);
    if (echoed > end - attributesAt) throw new DecodeError(`an echoed request of ${echoed} bytes`, at + 4);
    attributesAt += (echoed + 3) & ~3;
  }
  return decodeAttributes(EXTENDED_ACK, view, attributesAt, end).message;
}
