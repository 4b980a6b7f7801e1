/**
 * Builds a DNS message in a growing buffer, at most 65535 bytes (RFC 1035, 4.2.2), and remembers
 * where names stand so that later ones can point at them (4.1.4).
 */

const MAX_MESSAGE_BYTES = 0xffff;
const MAX_POINTER = 0x3fff;

/** A cursor that writes big-endian integers and bytes; throws RangeError past 65535 bytes. */
export class Writer {
  /** Offset of each name written so far, by its wire form from there on (in Latin-1). */
  readonly #namesAt = new Map<string, number>();
  #bytes: Uint8Array;
  #view: DataView;
  offset = 0;

  /** Writes into `buffer` as long as it is large enough, else into larger copies of it. */
  constructor(buffer: Uint8Array = new Uint8Array(512)) {
    this.#bytes = buffer;
    this.#view = new DataView(buffer.buffer, buffer.byteOffset, buffer.byteLength);
  }

  /** What was written, as a view. */
  get written(): Uint8Array {
    return this.#bytes.subarray(0, this.offset);
  }

  u8(value: number): void {
    const at = this.#advance(1);
    this.#view.setUint8(at, value);
  }

  u16(value: number): void {
    const at = this.#advance(2);
    this.#view.setUint16(at, value);
  }

  u32(value: number): void {
    const at = this.#advance(4);
    this.#view.setUint32(at, value);
  }

  put(bytes: Uint8Array): void {
    const at = this.#advance(bytes.length);
    this.#bytes.set(bytes, at);
  }

  /** Writes `length` as u16 before what `write` adds, once it is known. */
  withLength(write: () => void): void {
    const at = this.#advance(2);
    write();
    this.#view.setUint16(at, this.offset - at - 2);
  }

  /** Where a name with the wire form `key` can be pointed at; undefined when nowhere. */
  nameAt(key: string): number | undefined {
    return this.#namesAt.get(key);
  }

  /** Remembers that the name with the wire form `key` begins here. */
  rememberName(key: string): void {
    if (this.offset <= MAX_POINTER) this.#namesAt.set(key, this.offset);
  }

  // May replace buffer and view: call it before either is used.
  #advance(length: number): number {
    const at = this.offset;
    const end = at + length;
    if (end > MAX_MESSAGE_BYTES) throw new RangeError('a DNS message of more than 65535 bytes');
    if (end > this.#bytes.length) this.#grow(end);
    this.offset = end;
    return at;
  }

  #grow(wanted: number): void {
    const larger = new Uint8Array(Math.max(wanted, 2 * this.#bytes.length));
    larger.set(this.#bytes);
    this.#bytes = larger;
    this.#view = new DataView(larger.buffer);
  }
}
