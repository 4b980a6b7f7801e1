/**
 * The kinds of netlink attribute values: numbers in host order, strings, bytes, addresses, nested
 * attributes. The kernel accepts and sends values longer than needed (linux/netlink.h, NLA_U32 and
 * so on are minimum lengths), and so do these.
 */

import { HOST_IS_LITTLE_ENDIAN as LE } from '../shared/bytes.ts';
import { DecodeError } from '../shared/errors.ts';
import { IpAddress } from '../shared/ipaddress.ts';
import { decodeAttributes, encodeAttributes } from './attributes.ts';
import type { Decoded, Kind, Shape } from './attributes.ts';

/** One byte. */
export const u8: Kind<number> = {
  read: (view, at, length) => view.getUint8(atLeast(1, at, length)),
  write: (writer, value) => writer.u8(value),
};

/** Two bytes. */
export const u16: Kind<number> = {
  read: (view, at, length) => view.getUint16(atLeast(2, at, length), LE),
  write: (writer, value) => writer.u16(value),
};

/** Four bytes. */
export const u32: Kind<number> = {
  read: (view, at, length) => view.getUint32(atLeast(4, at, length), LE),
  write: (writer, value) => writer.u32(value),
};

/** Four bytes with a sign. */
export const i32: Kind<number> = {
  read: (view, at, length) => view.getInt32(atLeast(4, at, length), LE),
  write: (writer, value) => writer.u32(value >>> 0),
};

/** Eight bytes. */
export const u64: Kind<bigint> = {
  read: (view, at, length) => view.getBigUint64(atLeast(8, at, length), LE),
  write: (writer, value) => writer.u64(value),
};

/** Present or absent (NLA_FLAG). */
export const flag: Kind<true> = { read: () => true, write: () => undefined };

/** Text up to the first zero byte; written with one (NLA_NUL_STRING). */
export const string: Kind<string> = {
  read(view, at, length) {
    const bytes = Buffer.from(view.buffer, view.byteOffset + at, length);
    const end = bytes.indexOf(0);
    return bytes.toString('utf8', 0, end < 0 ? length : end);
  },
  write(writer, value) {
    writer.bytes(Buffer.from(value));
    writer.u8(0);
  },
};

/** A copy of the bytes. */
export const bytes: Kind<Uint8Array> = {
  read: (view, at, length) => new Uint8Array(view.buffer, view.byteOffset + at, length).slice(),
  write: (writer, value) => writer.bytes(value),
};

/** An IPv4 or IPv6 address, told by its length. */
export const ipAddress: Kind<IpAddress> = {
  read: (view, at, length) => new IpAddress(new Uint8Array(view.buffer, view.byteOffset + at, length)),
  write: (writer, value) => writer.bytes(value.bytes),
};

/** Attributes inside the attribute. */
export function nested<S extends Shape>(shape: S): Kind<Decoded<S>> {
  return {
    isNested: true,
    read: (view, at, length) => decodeAttributes(shape, view, at, at + length),
    write: (writer, value) => encodeAttributes(shape, value, writer),
  };
}

/** Attributes whose numbers only count (1, 2, …), each of one kind. */
export function list<T>(kind: Kind<T>): Kind<readonly T[]> {
  return {
    isNested: true,
    read(view, at, length) {
      const items: T[] = [];
      for (let next = at; at + length - next >= 4; ) {
        const itemLength = view.getUint16(next, LE);
        if (itemLength < 4 || itemLength > at + length - next) {
          throw new DecodeError(`a list item of ${itemLength} bytes`, next);
        }
        items.push(kind.read(view, next + 4, itemLength - 4));
        next += (itemLength + 3) & ~3;
      }
      return items;
    },
    write(writer, items) {
      const mark = kind.isNested ? 0x8000 : 0;
      for (const [index, item] of items.entries()) writer.attribute((index + 1) | mark, () => kind.write(writer, item));
    },
  };
}

/** Throws DecodeError unless `length` bytes hold `wanted`; returns `at`. */
export function atLeast(wanted: number, at: number, length: number): number {
  if (length < wanted) throw new DecodeError(`an attribute of ${length} bytes where ${wanted} are needed`, at);
  return at;
}
