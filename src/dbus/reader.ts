/**
 * Unmarshalling (D-Bus specification, "Marshaling (Wire Format)"), either byte order, strict:
 * padding must be zero, booleans 0 or 1, text UTF-8 without NUL, paths and signatures valid.
 * Invariant: a value or DecodeError, in time and memory linear in the bytes; nothing read refers
 * to the bytes afterwards.
 */

import { isUtf8 } from 'node:buffer';
import { DecodeError } from '../shared/errors.ts';
import * as code from './complete-type.ts';
import { type CompleteType, parseCompleteType, parseSignature } from './complete-type.ts';
import { isObjectPath } from './names.ts';
import { Variant } from './signature.ts';

/** "Arrays have a maximum length defined to be 2 to the 26th power or 67108864 (64 MiB)." */
export const LONGEST_ARRAY = 0x400_0000;

/** Containers within containers, variants counted: 32 arrays and 32 structs, as libdbus has it. */
const DEEPEST = 64;

/** Bytes received, with the views that reading needs; one serves all messages of a read. */
export interface Chunk {
  readonly bytes: Buffer;
  readonly view: DataView;
}

/** Puts views over bytes. */
export function chunkOf(bytes: Uint8Array): Chunk {
  const { buffer, byteOffset, byteLength } = bytes;
  return { bytes: Buffer.from(buffer, byteOffset, byteLength), view: new DataView(buffer, byteOffset, byteLength) };
}

/** A cursor over one message, or over any bytes whose start is aligned. */
export class MessageReader {
  readonly #bytes: Buffer;
  readonly #view: DataView;
  readonly #start: number;
  readonly #end: number;
  #at: number;
  #depth = 0;
  /** Set from the first byte of a message. */
  isLittleEndian = true;
  /** The descriptors that values of type h are indexes of. */
  fds: readonly number[] = [];

  /** Reads `chunk` from `start` up to `end`; alignment counts from `start`. */
  constructor(chunk: Chunk, start: number, end: number) {
    this.#bytes = chunk.bytes;
    this.#view = chunk.view;
    this.#start = start;
    this.#at = start;
    this.#end = end;
  }

  /** Bytes from the start. */
  get offset(): number {
    return this.#at - this.#start;
  }

  get remaining(): number {
    return this.#end - this.#at;
  }

  /** One value per complete type. */
  values(types: readonly CompleteType[]): unknown[] {
    const values: unknown[] = [];
    for (const type of types) values.push(this.value(type));
    return values;
  }

  value(type: CompleteType): unknown {
    switch (type.code) {
      case code.BYTE: return this.u8();
      case code.BOOLEAN: return this.#boolean();
      case code.INT16: return this.#view.getInt16(this.#aligned(2), this.isLittleEndian);
      case code.UINT16: return this.#view.getUint16(this.#aligned(2), this.isLittleEndian);
      case code.INT32: return this.#view.getInt32(this.#aligned(4), this.isLittleEndian);
      case code.UINT32: return this.u32();
      case code.INT64: return this.#view.getBigInt64(this.#aligned(8), this.isLittleEndian);
      case code.UINT64: return this.#view.getBigUint64(this.#aligned(8), this.isLittleEndian);
      case code.DOUBLE: return this.#view.getFloat64(this.#aligned(8), this.isLittleEndian);
      case code.UNIX_FD: return this.#descriptor();
      case code.STRING: return this.string();
      case code.OBJECT_PATH: return this.objectPath();
      case code.SIGNATURE: return this.signature();
      default: return this.#container(type);
    }
  }

  u8(): number {
    return this.#view.getUint8(this.#advance(1));
  }

  u32(): number {
    return this.#view.getUint32(this.#aligned(4), this.isLittleEndian);
  }

  string(): string {
    return this.#text(this.u32());
  }

  objectPath(): string {
    const text = this.string();
    if (!isObjectPath(text)) this.fail('object path is not valid');
    return text;
  }

  /** A valid signature, of any number of complete types. */
  signature(): string {
    const text = this.#text(this.u8());
    parseSignature(text);
    return text;
  }

  /** Skips padding to a multiple of `alignment`. */
  align(alignment: number): void {
    const padding = -this.offset & (alignment - 1);
    if (padding === 0) return;
    const start = this.#advance(padding);
    for (let at = start; at < start + padding; at++) if (this.#bytes[at] !== 0) this.fail('padding is not zero');
  }

  fail(what: string): never {
    throw new DecodeError(`D-Bus message: ${what}`, this.offset);
  }

  #container(type: CompleteType): unknown {
    if (++this.#depth > DEEPEST) this.fail('nested too deep');
    const value =
      type.code === code.VARIANT ? this.#variant()
      : type.code === code.ARRAY ? this.#array(type)
      : this.#struct(type);
    this.#depth--;
    return value;
  }

  #variant(): Variant {
    const signature = this.#text(this.u8());
    return new Variant(signature, this.value(parseCompleteType(signature)));
  }

  #array(type: CompleteType): unknown {
    const element = type.parts[0] ?? type;
    const length = this.u32();
    if (length > LONGEST_ARRAY) this.fail('array longer than 64 MiB');
    this.align(element.alignment);
    if (length > this.remaining) this.fail('array longer than the message');
    const end = this.#at + length;
    const value =
      element.code === code.BYTE ? new Uint8Array(this.#bytes.subarray(this.#advance(length), end))
      : element.code === code.DICT_ENTRY ? this.#map(element, end)
      : this.#elements(element, end);
    if (this.#at !== end) this.fail('array ends within an element');
    return value;
  }

  #struct(type: CompleteType): unknown[] {
    this.align(8);
    return this.values(type.parts);
  }

  #elements(element: CompleteType, end: number): unknown[] {
    const elements: unknown[] = [];
    while (this.#at < end) elements.push(this.value(element));
    return elements;
  }

  #map(entry: CompleteType, end: number): Map<unknown, unknown> {
    const map = new Map<unknown, unknown>();
    const [key = entry, value = entry] = entry.parts;
    while (this.#at < end) {
      this.align(8);
      map.set(this.value(key), this.value(value));
    }
    return map;
  }

  #boolean(): boolean {
    const value = this.u32();
    if (value > 1) this.fail('boolean is neither 0 nor 1');
    return value === 1;
  }

  #descriptor(): number {
    const fd = this.fds[this.u32()];
    return fd ?? this.fail('descriptor did not come with the message');
  }

  #text(length: number): string {
    const start = this.#advance(length);
    const end = start + length;
    if (this.#bytes[this.#advance(1)] !== 0) this.fail('text does not end with NUL');
    let high = 0;
    for (let at = start; at < end; at++) {
      const byte = this.#bytes[at] ?? 0;
      if (byte === 0) this.fail('text holds a NUL');
      high |= byte;
    }
    if (high < 0x80) return this.#bytes.toString('latin1', start, end);
    if (!isUtf8(this.#bytes.subarray(start, end))) this.fail('text is not UTF-8');
    return this.#bytes.toString('utf8', start, end);
  }

  #aligned(size: number): number {
    this.align(size);
    return this.#advance(size);
  }

  #advance(length: number): number {
    const at = this.#at;
    if (length > this.#end - at) this.fail('ends early');
    this.#at = at + length;
    return at;
  }
}
