/**
 * What a D-Bus message is and the numbers of its header (D-Bus specification, "Message Format").
 */

/** A message as received; its body is there for whom it is handed to. */
export interface Message {
  readonly type: MessageType;
  readonly flags: number;
  readonly serial: number;
  readonly path: string | undefined;
  readonly interface: string | undefined;
  readonly member: string | undefined;
  readonly errorName: string | undefined;
  readonly replySerial: number | undefined;
  readonly destination: string | undefined;
  readonly sender: string | undefined;
  /** Of `body`; empty when there is none. */
  readonly signature: string;
  /** One value per complete type of `signature`; of type h the descriptors themselves. */
  readonly body: readonly unknown[];
}

/** What a message is, by its number on the wire. */
export type MessageType = 1 | 2 | 3 | 4;

/** The numbers of `MessageType`. */
export const METHOD_CALL = 1;
export const METHOD_RETURN = 2;
export const ERROR = 3;
export const SIGNAL = 4;

/** The sender wants no reply. */
export const NO_REPLY_EXPECTED = 0x1;

/** The part of every message that has a fixed length. */
export const FIXED_HEADER_BYTES = 16;

/** "The maximum length of a message, including header, header alignment padding, and body is 2^27." */
export const LONGEST_MESSAGE = 0x800_0000;

/** The fourth byte of a message. */
export const PROTOCOL_VERSION = 1;
/** The first byte of a message says how its numbers are written. */
export const LITTLE_ENDIAN_MARK = 0x6c;
export const BIG_ENDIAN_MARK = 0x42;

/** The codes of header fields. */
export const HEADER_FIELD = {
  path: 1,
  interface: 2,
  member: 3,
  errorName: 4,
  replySerial: 5,
  destination: 6,
  sender: 7,
  signature: 8,
  unixFds: 9,
} as const;
