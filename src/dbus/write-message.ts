/**
 * Writing whole messages: header fields in the order of their codes, then the body
 * (D-Bus specification, "Message Format").
 */

import {
  FIXED_HEADER_BYTES,
  HEADER_FIELD,
  LITTLE_ENDIAN_MARK,
  LONGEST_MESSAGE,
  type MessageType,
  PROTOCOL_VERSION,
} from './message.ts';
import { isBusName, isInterfaceName, isMemberName } from './names.ts';
import type { MessageWriter } from './writer.ts';

/** What to put into a header. */
export interface Head {
  readonly type: MessageType;
  readonly flags?: number;
  readonly serial: number;
  readonly path?: string | undefined;
  readonly interface?: string | undefined;
  readonly member?: string | undefined;
  readonly errorName?: string | undefined;
  readonly replySerial?: number | undefined;
  readonly destination?: string | undefined;
  /** Filled in by buses only. */
  readonly sender?: string | undefined;
}

/** A message's body: `write` writes what `signature` says. */
export interface Body {
  readonly signature: string;
  write(writer: MessageWriter): void;
}

/** The body of a message that has none. */
export const EMPTY_BODY: Body = { signature: '', write: () => undefined };

/** Appends a message. Throws what the writer throws; then nothing was appended. */
export function writeMessage(writer: MessageWriter, head: Head, body: Body): void {
  try {
    const showsFds = body.signature.includes('h');
    attempt(writer, head, body, showsFds);
    // A variant may hold a descriptor that the signature does not show.
    if (writer.fds.length > 0 && !showsFds) {
      writer.abandon();
      attempt(writer, head, body, true);
    }
  } catch (error) {
    writer.abandon();
    throw error;
  }
}

function attempt(writer: MessageWriter, head: Head, body: Body, hasFds: boolean): void {
  writer.begin();
  writer.u8(LITTLE_ENDIAN_MARK);
  writer.u8(head.type);
  writer.u8(head.flags ?? 0);
  writer.u8(PROTOCOL_VERSION);
  writer.u32(0);
  writer.u32(head.serial);
  writer.u32(0);
  if (head.path !== undefined) {
    field(writer, HEADER_FIELD.path, 'o');
    writer.objectPath(head.path);
  }
  nameField(writer, HEADER_FIELD.interface, head.interface, isInterfaceName);
  nameField(writer, HEADER_FIELD.member, head.member, isMemberName);
  nameField(writer, HEADER_FIELD.errorName, head.errorName, isInterfaceName);
  if (head.replySerial !== undefined) numberField(writer, HEADER_FIELD.replySerial, head.replySerial);
  nameField(writer, HEADER_FIELD.destination, head.destination, isBusName);
  nameField(writer, HEADER_FIELD.sender, head.sender, isBusName);
  if (body.signature !== '') {
    field(writer, HEADER_FIELD.signature, 'g');
    writer.signature(body.signature);
  }
  if (hasFds) numberField(writer, HEADER_FIELD.unixFds, 0);
  const fdCountAt = writer.offset - 4;
  writer.patchU32(12, writer.offset - FIXED_HEADER_BYTES);
  writer.align(8);
  const bodyStart = writer.offset;
  body.write(writer);
  if (writer.offset > LONGEST_MESSAGE) throw new RangeError('message longer than 128 MiB');
  writer.patchU32(4, writer.offset - bodyStart);
  if (hasFds) writer.patchU32(fdCountAt, writer.fds.length);
}

function field(writer: MessageWriter, code: number, signature: 'o' | 's' | 'u' | 'g'): void {
  writer.align(8);
  writer.u8(code);
  writer.signature(signature);
}

/** A bus cuts off who sends it a name that is none. */
function nameField(
  writer: MessageWriter,
  code: number,
  name: string | undefined,
  isValid: (name: string) => boolean,
): void {
  if (name === undefined) return;
  if (!isValid(name)) throw new TypeError(`"${name}" is not a valid name`);
  field(writer, code, 's');
  writer.string(name);
}

function numberField(writer: MessageWriter, code: number, value: number): void {
  field(writer, code, 'u');
  writer.u32(value);
}
