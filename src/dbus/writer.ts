/**
 * Marshalling (D-Bus specification, "Marshaling (Wire Format)"), always little endian. A writer
 * grows its memory as needed and hands written bytes over for good: it never writes there again.
 * Invariant: a message that fails to be written leaves nothing behind.
 */

import * as code from './complete-type.ts';
import { type CompleteType, parseCompleteType, parseSignature } from './complete-type.ts';
import { EncodedDictionary } from './dictionary.ts';
import { isObjectPath } from './names.ts';
import { LONGEST_ARRAY } from './reader.ts';
import { Variant } from './signature.ts';

/** Memory is taken in pieces of this size; long messages get their own. */
const PIECE_BYTES = 0x8000;

/** Writes values one after another. */
export class MessageWriter {
  #bytes: Buffer;
  #view: DataView;
  /** Where what `take` has not handed over begins. */
  #kept = 0;
  /** From where alignment counts. */
  #base = 0;
  #at = 0;
  /** Descriptors written since `begin`; a value of type h is an index of these. */
  fds: number[] = [];

  constructor(pieceBytes: number = PIECE_BYTES) {
    this.#bytes = Buffer.allocUnsafeSlow(pieceBytes);
    this.#view = viewOf(this.#bytes);
  }

  /** Bytes since `begin`. */
  get offset(): number {
    return this.#at - this.#base;
  }

  /** Bytes written and not taken. */
  get length(): number {
    return this.#at - this.#kept;
  }

  /** Starts a message here. */
  begin(): void {
    this.#base = this.#at;
    this.fds = [];
  }

  /** The bytes since `begin`, still the writer's. */
  peek(): Uint8Array {
    return this.#bytes.subarray(this.#base, this.#at);
  }

  /** Forgets what was written since `begin`. */
  abandon(): void {
    this.#at = this.#base;
  }

  /** All bytes not taken yet; they are the caller's. */
  take(): Uint8Array {
    const taken = this.#bytes.subarray(this.#kept, this.#at);
    this.#kept = this.#at;
    this.#base = this.#at;
    return taken;
  }

  /** The bytes before the message begun last, which then are the caller's. */
  takeBeforeMessage(): Uint8Array {
    const taken = this.#bytes.subarray(this.#kept, this.#base);
    this.#kept = this.#base;
    return taken;
  }

  values(types: readonly CompleteType[], values: readonly unknown[]): void {
    if (values.length !== types.length) throw new TypeError(`${types.length} values wanted, got ${values.length}`);
    for (let index = 0; index < types.length; index++) this.value(types[index] ?? NOTHING, values[index]);
  }

  /** Throws TypeError or RangeError for what does not fit the type. */
  value(type: CompleteType, value: unknown): void {
    switch (type.code) {
      case code.STRING: return this.string(textOf(type, value));
      case code.OBJECT_PATH: return this.objectPath(textOf(type, value));
      case code.SIGNATURE: return this.signature(textOf(type, value));
      case code.BOOLEAN: return this.#boolean(value);
      case code.BYTE:
      case code.INT16:
      case code.UINT16:
      case code.INT32:
      case code.UINT32: return this.#integer(type, value);
      case code.INT64:
      case code.UINT64: return this.#long(type, value);
      case code.DOUBLE: return this.#double(value);
      case code.UNIX_FD: return this.#descriptor(value);
      case code.VARIANT: return this.#variant(value);
      case code.ARRAY: return this.#array(type, value);
      default: return this.#struct(type, value);
    }
  }

  u8(value: number): void {
    const at = this.#room(1);
    this.#bytes[at] = value;
  }

  u32(value: number): void {
    const at = this.#room(4);
    this.#view.setUint32(at, value, true);
  }

  /** Overwrites a number written before, `offset` bytes from `begin`. */
  patchU32(offset: number, value: number): void {
    this.#view.setUint32(this.#base + offset, value, true);
  }

  /** Writes text up to its first NUL, which no D-Bus string may hold; lone surrogates become U+FFFD. */
  string(text: string): void {
    this.#room(4);
    const length = this.#text(text);
    this.#view.setUint32(this.#at - length - 5, length, true);
  }

  /** Throws TypeError for a text that is no path: the bus would cut us off. */
  objectPath(path: string): void {
    if (!isObjectPath(path)) throw new TypeError(`"${path}" is not an object path`);
    this.string(path);
  }

  /** Throws DecodeError for a text that is no signature. */
  signature(signature: string): void {
    parseSignature(signature);
    this.#room(1);
    const length = this.#text(signature);
    this.#bytes[this.#at - length - 2] = length;
  }

  /** Copies marshalled bytes, which begin at a multiple of `alignment`. */
  raw(bytes: Uint8Array, alignment: number): void {
    this.align(alignment);
    this.#need(bytes.length);
    this.#bytes.set(bytes, this.#at);
    this.#at += bytes.length;
  }

  align(alignment: number): void {
    const padding = -this.offset & (alignment - 1);
    if (padding === 0) return;
    this.#need(padding);
    for (let count = 0; count < padding; count++) this.#bytes[this.#at++] = 0;
  }

  #boolean(value: unknown): void {
    if (typeof value !== 'boolean') throw misfit('b', value);
    this.u32(value ? 1 : 0);
  }

  #double(value: unknown): void {
    if (typeof value !== 'number') throw misfit('d', value);
    const at = this.#room(8);
    this.#view.setFloat64(at, value, true);
  }

  #integer({ code: kind, signature, alignment }: CompleteType, value: unknown): void {
    if (typeof value !== 'number') throw misfit(signature, value);
    const [least, most] = RANGES[kind] ?? [0, 0];
    if (!Number.isInteger(value) || value < least || value > most) {
      throw new RangeError(`${value} does not fit type ${signature}`);
    }
    const at = this.#room(alignment);
    // The low bytes of a number in two's complement are the same, signed or not.
    if (alignment === 4) this.#view.setInt32(at, value, true);
    else if (alignment === 2) this.#view.setInt16(at, value, true);
    else this.#bytes[at] = value;
  }

  #long({ code: kind, signature }: CompleteType, value: unknown): void {
    if (typeof value !== 'bigint') throw misfit(signature, value);
    const fits = value === (kind === code.INT64 ? BigInt.asIntN(64, value) : BigInt.asUintN(64, value));
    if (!fits) throw new RangeError(`${value} does not fit type ${signature}`);
    const at = this.#room(8);
    this.#view.setBigUint64(at, BigInt.asUintN(64, value), true);
  }

  #descriptor(fd: unknown): void {
    if (typeof fd !== 'number') throw misfit('h', fd);
    this.u32(this.fds.length);
    this.fds.push(fd);
  }

  #variant(value: unknown): void {
    if (!(value instanceof Variant)) throw misfit('v', value);
    const type = parseCompleteType(value.signature);
    this.signature(value.signature);
    this.value(type, value.value);
  }

  #array(type: CompleteType, value: unknown): void {
    const element = type.parts[0] ?? NOTHING;
    const lengthAt = this.#room(4) - this.#base;
    this.align(element.alignment);
    const start = this.offset;
    if (value instanceof EncodedDictionary && type.signature === 'a{sv}') this.raw(value.bytes, 8);
    else if (element.code === code.BYTE && value instanceof Uint8Array) this.raw(value, 1);
    else if (element.code === code.DICT_ENTRY && value instanceof Map) this.#entries(element, value);
    else if (Array.isArray(value)) for (const each of value) this.value(element, each);
    else throw misfit(type.signature, value);
    const length = this.offset - start;
    if (length > LONGEST_ARRAY) throw new RangeError('array longer than 64 MiB');
    this.patchU32(lengthAt, length);
  }

  #entries(entry: CompleteType, map: ReadonlyMap<unknown, unknown>): void {
    const [keyType = NOTHING, valueType = NOTHING] = entry.parts;
    for (const [key, value] of map) {
      this.align(8);
      this.value(keyType, key);
      this.value(valueType, value);
    }
  }

  #struct(type: CompleteType, value: unknown): void {
    if (!Array.isArray(value)) throw misfit(type.signature, value);
    this.align(8);
    this.values(type.parts, value);
  }

  /** Writes text and its NUL; returns the length without. */
  #text(text: string): number {
    this.#need(text.length * 3 + 1);
    const start = this.#at;
    if (text.length > LONGEST_COPIED_HERE) return this.#longText(text);
    for (let index = 0; index < text.length; index++) {
      const unit = text.charCodeAt(index);
      if (unit === 0 || unit >= 0x80) {
        this.#at = start;
        return this.#longText(text);
      }
      this.#bytes[this.#at++] = unit;
    }
    this.#bytes[this.#at++] = 0;
    return text.length;
  }

  #longText(text: string): number {
    const nul = text.indexOf('\0');
    const length = this.#bytes.write(nul < 0 ? text : text.slice(0, nul), this.#at, 'utf8');
    this.#at += length;
    this.#bytes[this.#at++] = 0;
    return length;
  }

  /** Pads to the size, which is the alignment too, and makes room; returns where. */
  #room(size: number): number {
    this.align(size);
    this.#need(size);
    const at = this.#at;
    this.#at += size;
    return at;
  }

  #need(size: number): void {
    if (this.#at + size <= this.#bytes.length) return;
    const kept = this.#bytes.subarray(this.#kept, this.#at);
    const next = Buffer.allocUnsafeSlow(Math.max(PIECE_BYTES, 2 * (kept.length + size)));
    next.set(kept);
    this.#bytes = next;
    this.#view = viewOf(next);
    this.#base -= this.#kept;
    this.#at -= this.#kept;
    this.#kept = 0;
  }
}

/** Longer texts are faster encoded by Node, shorter ones here. */
const LONGEST_COPIED_HERE = 48;

const RANGES: Readonly<Record<number, readonly [least: number, most: number]>> = {
  [code.BYTE]: [0, 0xff],
  [code.INT16]: [-0x8000, 0x7fff],
  [code.UINT16]: [0, 0xffff],
  [code.INT32]: [-0x8000_0000, 0x7fff_ffff],
  [code.UINT32]: [0, 0xffff_ffff],
};

const NOTHING: CompleteType = { code: 0, signature: '', alignment: 1, parts: [] };

function viewOf(bytes: Buffer): DataView {
  return new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
}

function textOf(type: CompleteType, value: unknown): string {
  if (typeof value !== 'string') throw misfit(type.signature, value);
  return value;
}

function misfit(signature: string, value: unknown): TypeError {
  return new TypeError(`type ${signature} wanted, got ${typeof value}`);
}
