/**
 * Reading whole messages: how long one is, its header, and its body apart, so that what nobody
 * wants is never unmarshalled (D-Bus specification, "Message Format").
 */

import { parseCompleteType, parseSignature } from './complete-type.ts';
import {
  BIG_ENDIAN_MARK,
  ERROR,
  FIXED_HEADER_BYTES,
  HEADER_FIELD,
  LITTLE_ENDIAN_MARK,
  LONGEST_MESSAGE,
  type Message,
  type MessageType,
  METHOD_CALL,
  METHOD_RETURN,
  PROTOCOL_VERSION,
  SIGNAL,
} from './message.ts';
import { isBusName, isInterfaceName, isMemberName } from './names.ts';
import { type Chunk, LONGEST_ARRAY, MessageReader } from './reader.ts';

/**
 * The length of the message that begins at `start`, of which FIXED_HEADER_BYTES must be there.
 * Throws DecodeError when that is no message of the protocol we speak: the stream is then lost.
 */
export function messageLength(chunk: Chunk, start: number): number {
  const reader = new MessageReader(chunk, start, start + FIXED_HEADER_BYTES);
  const mark = chunk.bytes[start];
  if (mark !== LITTLE_ENDIAN_MARK && mark !== BIG_ENDIAN_MARK) reader.fail('no byte order mark');
  if (chunk.bytes[start + 3] !== PROTOCOL_VERSION) reader.fail('unknown protocol version');
  const isLittle = mark === LITTLE_ENDIAN_MARK;
  const bodyLength = chunk.view.getUint32(start + 4, isLittle);
  const fieldsLength = chunk.view.getUint32(start + 12, isLittle);
  if (fieldsLength > LONGEST_ARRAY) reader.fail('header longer than 64 MiB');
  const length = FIXED_HEADER_BYTES + fieldsLength + (-fieldsLength & 7) + bodyLength;
  if (length > LONGEST_MESSAGE) reader.fail('longer than 128 MiB');
  return length;
}

/** A message whose header was read and whose body can be. */
export interface ReceivedMessage {
  readonly message: Message;
  readonly lengthBytes: number;
  /** How many descriptors came with it. */
  readonly fdCount: number;
  /** Reads the body once, while the bytes are valid, and puts it into `message`. Throws DecodeError. */
  readBody(fds?: readonly number[]): readonly unknown[];
}

/** Reads the header of the whole message between `start` and `end`. Throws DecodeError. */
export function readMessage(chunk: Chunk, start: number, end: number): ReceivedMessage {
  const reader = new MessageReader(chunk, start, end);
  reader.isLittleEndian = chunk.bytes[start] === LITTLE_ENDIAN_MARK;
  return new Received(reader);
}

type Mutable<T> = { -readonly [K in keyof T]: T[K] };

class Received implements ReceivedMessage {
  readonly #reader: MessageReader;
  readonly message: Mutable<Message>;
  readonly lengthBytes: number;
  fdCount = 0;

  constructor(reader: MessageReader) {
    this.#reader = reader;
    this.lengthBytes = reader.remaining;
    reader.u8();
    const type = reader.u8();
    const flags = reader.u8();
    reader.u8();
    reader.u32();
    const serial = reader.u32();
    this.message = {
      type: messageType(reader, type), flags, serial, path: undefined, interface: undefined, member: undefined,
      errorName: undefined, replySerial: undefined, destination: undefined, sender: undefined, signature: '', body: [],
    };
    if (serial === 0) reader.fail('serial is zero');
    const fieldsEnd = reader.u32() + FIXED_HEADER_BYTES;
    while (reader.offset < fieldsEnd) this.#readField();
    if (reader.offset !== fieldsEnd) reader.fail('header ends within a field');
    reader.align(8);
    if (!hasRequiredFields(this.message)) reader.fail('a required header field is missing');
    if (this.message.signature === '' && reader.remaining > 0) reader.fail('body without a signature');
  }

  readBody(fds: readonly number[] = []): readonly unknown[] {
    const reader = this.#reader;
    reader.fds = fds;
    this.message.body = reader.values(parseSignature(this.message.signature));
    if (reader.remaining > 0) reader.fail('body longer than its signature');
    return this.message.body;
  }

  #readField(): void {
    const reader = this.#reader;
    reader.align(8);
    const code = reader.u8();
    const signature = reader.signature();
    switch (code) {
      case HEADER_FIELD.path: return void (this.message.path = this.#text(signature, 'o'));
      case HEADER_FIELD.interface: return void (this.message.interface = this.#name(signature, isInterfaceName));
      case HEADER_FIELD.member: return void (this.message.member = this.#name(signature, isMemberName));
      case HEADER_FIELD.errorName: return void (this.message.errorName = this.#name(signature, isInterfaceName));
      case HEADER_FIELD.replySerial: return void (this.message.replySerial = this.#number(signature));
      case HEADER_FIELD.destination: return void (this.message.destination = this.#name(signature, isBusName));
      case HEADER_FIELD.sender: return void (this.message.sender = this.#name(signature, isBusName));
      case HEADER_FIELD.signature: return void (this.message.signature = this.#text(signature, 'g'));
      case HEADER_FIELD.unixFds: return void (this.fdCount = this.#number(signature));
      default: {
        // "Invalid field codes": 0 is an error, others must be accepted and ignored.
        if (code === 0) reader.fail('header field 0');
        reader.value(parseCompleteType(signature));
      }
    }
  }

  #text(signature: string, wanted: 'o' | 's' | 'g'): string {
    if (signature !== wanted) this.#reader.fail('header field of a wrong type');
    if (wanted === 'o') return this.#reader.objectPath();
    return wanted === 'g' ? this.#reader.signature() : this.#reader.string();
  }

  #name(signature: string, isValid: (text: string) => boolean): string {
    const name = this.#text(signature, 's');
    if (!isValid(name)) this.#reader.fail('name in the header is not valid');
    return name;
  }

  #number(signature: string): number {
    if (signature !== 'u') this.#reader.fail('header field of a wrong type');
    return this.#reader.u32();
  }
}

function messageType(reader: MessageReader, type: number): MessageType {
  return type === METHOD_CALL || type === METHOD_RETURN || type === ERROR || type === SIGNAL
    ? type
    : reader.fail('unknown message type');
}

/** D-Bus specification, "Header Fields": the column "Required In". */
function hasRequiredFields(message: Message): boolean {
  switch (message.type) {
    case METHOD_CALL: return message.path !== undefined && message.member !== undefined;
    case METHOD_RETURN: return message.replySerial !== undefined;
    case ERROR: return message.errorName !== undefined && message.replySerial !== undefined;
    case SIGNAL: return message.path !== undefined && message.interface !== undefined && message.member !== undefined;
  }
}
