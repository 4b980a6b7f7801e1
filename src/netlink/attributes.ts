/**
 * Netlink attributes (linux/netlink.h, struct nlattr) described as data: a shape names each
 * attribute, its number and its kind, and types follow from it. Invariant: decoding reads nothing
 * outside the range it was given, keeps what the shape does not know, and throws only DecodeError.
 */

import { HOST_IS_LITTLE_ENDIAN as LE } from '../shared/bytes.ts';
import { DecodeError } from '../shared/errors.ts';
import type { Writer } from './writer.ts';

/** How one attribute's value lies in bytes. */
export interface Kind<T> {
  /** Reads `length` bytes at `at`; throws DecodeError if they are no such value. */
  read(view: DataView, at: number, length: number): T;
  write(writer: Writer, value: T): void;
  /** Sets NLA_F_NESTED. */
  readonly isNested?: true;
}

/** Attribute names, each with its number and kind. */
export type Shape = Readonly<Record<string, readonly [type: number, kind: Kind<unknown>]>>;

/** An attribute the shape does not name. `bytes` are valid as long as the message they came in. */
export interface RawAttribute {
  readonly type: number;
  readonly bytes: Uint8Array;
}

type Values<S extends Shape> = {
  readonly [N in keyof S]?: (S[N] extends readonly [number, Kind<infer T>] ? T : never) | undefined;
};

/** What decoding a shape gives: what was there, by name, and the rest. */
export type Decoded<S extends Shape> = Values<S> & { readonly unknown?: readonly RawAttribute[] | undefined };

/** Reads the attributes between `at` and `end`. Of an attribute that comes twice the last counts. */
export function decodeAttributes<S extends Shape>(shape: S, view: DataView, at: number, end: number): Decoded<S> {
  const table = tableOf(shape);
  const result: Record<string, unknown> = {};
  let unknown: RawAttribute[] | undefined;
  for (let next = at; end - next >= HEADER_BYTES; ) {
    const length = view.getUint16(next, LE);
    if (length < HEADER_BYTES || length > end - next) throw new DecodeError(`an attribute of ${length} bytes`, next);
    const type = view.getUint16(next + 2, LE) & TYPE_MASK;
    const known = table[type];
    if (known !== undefined) {
      result[known.name] = known.kind.read(view, next + HEADER_BYTES, length - HEADER_BYTES);
    } else {
      const bytes = new Uint8Array(view.buffer, view.byteOffset + next + HEADER_BYTES, length - HEADER_BYTES);
      (unknown ??= []).push({ type, bytes });
    }
    next += (length + 3) & ~3;
  }
  if (unknown !== undefined) result['unknown'] = unknown;
  // The table was made from the shape, so names and kinds agree; the compiler cannot see that.
  return result as Decoded<S>;
}

/** Writes the attributes that are not undefined, in the shape's order, then the unknown ones. */
export function encodeAttributes<S extends Shape>(shape: S, values: Decoded<S>, writer: Writer): void {
  for (const [name, [type, kind]] of Object.entries(shape)) {
    const value: unknown = values[name];
    if (value === undefined) continue;
    writer.attribute(kind.isNested ? type | NESTED_FLAG : type, () => kind.write(writer, value));
  }
  for (const { type, bytes } of values.unknown ?? []) writer.attribute(type, () => writer.bytes(bytes));
}

const HEADER_BYTES = 4;
const NESTED_FLAG = 0x8000; // NLA_F_NESTED
const TYPE_MASK = 0x3fff; // without NLA_F_NESTED and NLA_F_NET_BYTEORDER

interface Known {
  readonly name: string;
  readonly kind: Kind<unknown>;
}

const tables = new WeakMap<Shape, readonly (Known | undefined)[]>();

function tableOf(shape: Shape): readonly (Known | undefined)[] {
  const known = tables.get(shape);
  if (known !== undefined) return known;
  const table: (Known | undefined)[] = [];
  for (const [name, [type, kind]] of Object.entries(shape)) {
    while (table.length <= type) table.push(undefined);
    table[type] = { name, kind };
  }
  tables.set(shape, table);
  return table;
}
