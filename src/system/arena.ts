/**
 * The arena as `src/system/addon/addon.h` lays it out: SLOTS records of sixteen 32-bit words in
 * host order, then the bytes. A record says where its message lies and who sent it. Everything
 * here is valid until the callback that was told of it returns.
 */

/** Words of one record. */
export const RECORD_WORDS = 16;

/** Places of words in a record. */
export const OFFSET = 0;
export const LENGTH = 1;
export const PORT = 2;
export const IFINDEX = 3;
export const ADDRESS_LENGTH = 6;
export const ADDRESS = 7;
const HOP_LIMIT = 4;
const STATUS = 5;
const REPLY = 15;

const SLOTS = 32;
const RECORDS_BYTES = SLOTS * RECORD_WORDS * 4;
const SLOT_BYTES = 0x1_0000;

/** Reads what the addon received last. */
export class Arena {
  readonly #words: Int32Array;
  readonly #bytes: Uint8Array;
  /** All of it, for those who read and answer messages where they lie. */
  readonly memory: Buffer;
  readonly #slots: Buffer[] = [];

  constructor(memory: ArrayBuffer) {
    this.memory = Buffer.from(memory);
    this.#words = new Int32Array(memory, 0, RECORDS_BYTES / 4);
    this.#bytes = new Uint8Array(memory);
  }

  /** The bytes of a message, a view; undefined if it was longer than a slot and is lost. */
  message(index: number): Uint8Array | undefined {
    const offset = this.#word(index, OFFSET);
    const length = this.#word(index, LENGTH);
    return length < 0 ? undefined : this.#bytes.subarray(offset, offset + length);
  }

  /** Where a message lies in `memory`. */
  offset(index: number): number {
    return this.#word(index, OFFSET);
  }

  /** The bytes of a message and the room behind them: the same object for every message that lies there. */
  slot(index: number): Buffer {
    const offset = this.#word(index, OFFSET);
    return (this.#slots[index] ??= this.memory.subarray(offset, offset + SLOT_BYTES));
  }

  /** In bytes; -1: longer than a slot, lost. */
  length(index: number): number {
    return this.#word(index, LENGTH);
  }

  /** Announces that an answer of so many bytes stands where the message stood. */
  setReply(index: number, lengthBytes: number): void {
    this.#words[index * RECORD_WORDS + REPLY] = lengthBytes;
  }

  /** UDP port or netlink port id. */
  port(index: number): number {
    return this.#word(index, PORT) >>> 0;
  }

  ifindex(index: number): number {
    return this.#word(index, IFINDEX);
  }

  /** -1 if the message brought none. */
  hopLimit(index: number): number {
    return this.#word(index, HOP_LIMIT);
  }

  /** tp_status of packet(7). */
  status(index: number): number {
    return this.#word(index, STATUS);
  }

  /** The sender's address, a view. */
  address(index: number): Uint8Array {
    const at = 4 * (index * RECORD_WORDS + ADDRESS);
    return this.#bytes.subarray(at, at + this.#word(index, ADDRESS_LENGTH));
  }

  /** Whether the sender's address is `known`. */
  isAddress(index: number, known: Uint8Array): boolean {
    if (this.#word(index, ADDRESS_LENGTH) !== known.length) return false;
    const from = 4 * (index * RECORD_WORDS + ADDRESS);
    for (let at = 0; at < known.length; at++) if (this.#bytes[from + at] !== known[at]) return false;
    return true;
  }

  /** The first `length` bytes of a stream's read, a view. */
  streamBytes(length: number): Uint8Array {
    return this.#bytes.subarray(RECORDS_BYTES, RECORDS_BYTES + length);
  }

  /** A copy of the descriptors that came with a stream's read. */
  streamDescriptors(): number[] {
    const count = this.#word(0, 0);
    return count === 0 ? [] : Array.from(this.#words.subarray(1, 1 + count));
  }

  #word(index: number, field: number): number {
    return this.#words[index * RECORD_WORDS + field] ?? 0;
  }
}
