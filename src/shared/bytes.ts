/**
 * Reading and writing bytes in codecs. A `Reader` never reads past its end: it throws
 * `DecodeError` with what was wanted and where. Big endian is the network's, little or host order
 * where the caller says so.
 */

import { endianness } from 'node:os';
import { DecodeError } from './errors.ts';

/** Whether this machine is little endian: the byte order of netlink. */
export const HOST_IS_LITTLE_ENDIAN: boolean = endianness() === 'LE';

/** A cursor over bytes; `what` names the format in errors. */
export class Reader {
  readonly bytes: Uint8Array;
  readonly what: string;
  readonly #view: DataView;
  readonly #littleEndian: boolean;
  offset = 0;

  constructor(bytes: Uint8Array, what: string, littleEndian = false) {
    this.bytes = bytes;
    this.what = what;
    this.#view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
    this.#littleEndian = littleEndian;
  }

  get remaining(): number {
    return this.bytes.length - this.offset;
  }

  u8(): number {
    return this.#view.getUint8(this.#advance(1));
  }

  u16(): number {
    return this.#view.getUint16(this.#advance(2), this.#littleEndian);
  }

  u32(): number {
    return this.#view.getUint32(this.#advance(4), this.#littleEndian);
  }

  i32(): number {
    return this.#view.getInt32(this.#advance(4), this.#littleEndian);
  }

  u64(): bigint {
    return this.#view.getBigUint64(this.#advance(8), this.#littleEndian);
  }

  /** The next `length` bytes, as a view of the same memory. */
  take(length: number): Uint8Array {
    const at = this.#advance(length);
    return this.bytes.subarray(at, at + length);
  }

  skip(length: number): void {
    this.#advance(length);
  }

  /** Always throws `DecodeError`, naming the format, what is wrong and where. */
  fail(what: string): never {
    throw new DecodeError(`${this.what}: ${what}`, this.offset);
  }

  #advance(length: number): number {
    const at = this.offset;
    if (length < 0 || length > this.bytes.length - at) this.fail(`${length} bytes wanted, ${this.remaining} left`);
    this.offset = at + length;
    return at;
  }
}

/** Whether two byte strings are equal. */
export function equalBytes(one: Uint8Array, other: Uint8Array): boolean {
  return one.length === other.length && one.every((byte, index) => byte === other[index]);
}

/** Lower-case hexadecimal digits, with `separator` between bytes. */
export function formatHex(bytes: Uint8Array, separator = ''): string {
  return Array.from(bytes, (byte) => byte.toString(16).padStart(2, '0')).join(separator);
}

/** The bytes that an even number of hexadecimal digits stands for; undefined for any other text. */
export function parseHex(text: string): Uint8Array | undefined {
  if (text.length % 2 !== 0 || !/^[0-9a-fA-F]*$/.test(text)) return undefined;
  const pairs = text.match(/../g) ?? [];
  return Uint8Array.from(pairs, (pair) => Number.parseInt(pair, 16));
}
