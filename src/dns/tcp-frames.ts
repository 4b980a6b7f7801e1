/**
 * Messages in a stream, each behind two bytes of length (RFC 1035, 4.2.2). Memory is bounded by the
 * longest message allowed; pieces of a message may come one byte at a time.
 */

const LENGTH_BYTES = 2;

/** Puts messages together from the chunks of one stream. */
export class FrameReader {
  readonly #maxBytes: number;
  #rest: Buffer = EMPTY;

  /** Longer messages than `maxBytes` end the stream: see `push`. */
  constructor(maxBytes: number) {
    this.#maxBytes = maxBytes;
  }

  /** Whether a message has begun and not ended. */
  get isInside(): boolean {
    return this.#rest.length > 0;
  }

  /**
   * Takes a chunk and hands over the messages it ends, as views valid during the call while
   * `onMessage` answers true. False: a message is too long, and the stream cannot go on.
   */
  push(chunk: Uint8Array, onMessage: (message: Buffer) => boolean): boolean {
    const fresh = Buffer.from(chunk.buffer, chunk.byteOffset, chunk.byteLength);
    const bytes = this.#rest.length === 0 ? fresh : Buffer.concat([this.#rest, fresh]);
    let at = 0;
    while (at + LENGTH_BYTES <= bytes.length) {
      const length = bytes.readUInt16BE(at);
      if (length > this.#maxBytes) return false;
      const end = at + LENGTH_BYTES + length;
      if (end > bytes.length) break;
      if (!onMessage(bytes.subarray(at + LENGTH_BYTES, end))) return true;
      at = end;
    }
    // A copy: the chunk's memory may be used again.
    this.#rest = at === bytes.length ? EMPTY : Buffer.from(bytes.subarray(at));
    return true;
  }
}

const EMPTY = Buffer.alloc(0);
