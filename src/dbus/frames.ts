/**
 * Cuts a stream of bytes into messages. Whole messages are handed on where they lie; only what is
 * split between two reads is copied, into memory that grows with what has come, never with what
 * a header claims. Each byte is copied a bounded number of times.
 */

import { FIXED_HEADER_BYTES } from './message.ts';
import { messageLength } from './read-message.ts';
import { type Chunk, chunkOf } from './reader.ts';

/** Called with one whole message: the bytes of `chunk` from `start` to `end`, valid during the call. */
export type TakeFrame = (chunk: Chunk, start: number, end: number) => void;

/** Holds the beginning of a message whose rest has not come yet. */
export class FrameAssembler {
  #partial: Chunk = chunkOf(new Uint8Array(0));
  #length = 0;

  /** Whether a message has begun and not ended. */
  get isWithinMessage(): boolean {
    return this.#length > 0;
  }

  /** Hands on every message that `bytes` complete. Throws DecodeError when the stream is lost. */
  push(bytes: Uint8Array, take: TakeFrame): void {
    const chunk = chunkOf(bytes);
    let at = this.#length > 0 ? this.#complete(chunk, take) : 0;
    while (bytes.length - at >= FIXED_HEADER_BYTES) {
      const end = at + messageLength(chunk, at);
      if (end > bytes.length) break;
      take(chunk, at, end);
      at = end;
    }
    this.#append(chunk, at, bytes.length);
  }

  /** Fills the message that has begun up to its end or that of `chunk`; returns what it used. */
  #complete(chunk: Chunk, take: TakeFrame): number {
    let used = this.#fill(chunk, 0, FIXED_HEADER_BYTES);
    if (this.#length < FIXED_HEADER_BYTES) return used;
    const length = messageLength(this.#partial, 0);
    used = this.#fill(chunk, used, length);
    if (this.#length < length) return used;
    const whole = this.#partial;
    this.#partial = chunkOf(new Uint8Array(0));
    this.#length = 0;
    take(whole, 0, length);
    return used;
  }

  #fill(chunk: Chunk, at: number, wantedLength: number): number {
    const end = Math.max(at, Math.min(chunk.bytes.length, at + wantedLength - this.#length));
    this.#append(chunk, at, end);
    return end;
  }

  #append({ bytes }: Chunk, start: number, end: number): void {
    if (start === end) return;
    const length = this.#length + end - start;
    if (length > this.#partial.bytes.length) {
      const grown = new Uint8Array(Math.max(2 * length, 256));
      grown.set(this.#partial.bytes.subarray(0, this.#length));
      this.#partial = chunkOf(grown);
    }
    this.#partial.bytes.set(bytes.subarray(start, end), this.#length);
    this.#length = length;
  }
}
