/**
 * Bytes of a netlink message in the making: host byte order, attributes and messages padded to four
 * bytes (linux/netlink.h, NLA_ALIGN). Invariant: every byte up to `length` was written, padding as
 * zeros, so that nothing of the buffer's former contents gets out.
 */

import { HOST_IS_LITTLE_ENDIAN as LE } from '../shared/bytes.ts';

/** Writes at its end; grows as needed. */
export class Writer {
  #bytes: Uint8Array;
  #view: DataView;
  #length = 0;

  /** Writes into `buffer` until it is full. */
  constructor(buffer: Uint8Array = new Uint8Array(256)) {
    this.#bytes = buffer;
    this.#view = new DataView(buffer.buffer, buffer.byteOffset, buffer.byteLength);
  }

  get length(): number {
    return this.#length;
  }

  /** What was written, as a view of the writer's own memory. */
  finish(): Uint8Array {
    return this.#bytes.subarray(0, this.#length);
  }

  u8(value: number): void {
    const at = this.#grow(1);
    this.#view.setUint8(at, value);
  }

  u16(value: number): void {
    const at = this.#grow(2);
    this.#view.setUint16(at, value, LE);
  }

  u32(value: number): void {
    const at = this.#grow(4);
    this.#view.setUint32(at, value, LE);
  }

  u64(value: bigint): void {
    const at = this.#grow(8);
    this.#view.setBigUint64(at, value, LE);
  }

  bytes(value: Uint8Array): void {
    const at = this.#grow(value.length);
    this.#bytes.set(value, at);
  }

  zeros(count: number): void {
    const at = this.#grow(count);
    this.#bytes.fill(0, at, at + count);
  }

  /** One attribute: its header, what `body` writes, and the padding. */
  attribute(type: number, body: () => void): void {
    const start = this.#length;
    this.u16(0);
    this.u16(type);
    body();
    this.#view.setUint16(start, this.#length - start, LE);
    this.zeros(-this.#length & 3);
  }

  /** Puts the length so far into the four bytes at `at`. */
  patchLength(at: number): void {
    this.#view.setUint32(at, this.#length - at, LE);
  }

  // May make a new view: evaluate it first.
  #grow(count: number): number {
    const at = this.#length;
    this.#length += count;
    if (this.#length > this.#bytes.length) {
      const bytes = new Uint8Array(Math.max(2 * this.#bytes.length, this.#length));
      bytes.set(this.#bytes.subarray(0, at));
      this.#bytes = bytes;
      this.#view = new DataView(bytes.buffer);
    }
    return at;
  }
}
