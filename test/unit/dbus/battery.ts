/**
 * What the codec's tests share: captured messages, generated signatures with values, a second
 * marshaller that writes big endian, and the promise that any bytes give a value or DecodeError.
 */

import { readFileSync } from 'node:fs';
import fc from 'fast-check';
import * as assert from 'uvu/assert';
import { parseHex } from '../../../src/shared/bytes.ts';
import { DecodeError } from '../../../src/shared/errors.ts';
import { type CompleteType, parseCompleteType, parseSignature } from '../../../src/dbus/complete-type.ts';
import type { Message } from '../../../src/dbus/message.ts';
import { messageLength, readMessage } from '../../../src/dbus/read-message.ts';
import { chunkOf } from '../../../src/dbus/reader.ts';
import { Variant } from '../../../src/dbus/signature.ts';
import { type Head, writeMessage } from '../../../src/dbus/write-message.ts';
import { MessageWriter } from '../../../src/dbus/writer.ts';

/** The bytes of test/vectors/dbus-`name`.hex, whose first line says where they come from. */
export function readVector(name: string): Uint8Array {
  const [origin = '', ...lines] = readFileSync(`test/vectors/dbus-${name}.hex`, 'utf8').trim().split('\n');
  assert.match(origin, /^# ./);
  const bytes = parseHex(lines.join(''));
  if (bytes === undefined) throw new Error(`dbus-${name}.hex is not hexadecimal`);
  return bytes;
}

/** Reads one whole message, body included. Throws DecodeError. */
export function decode(bytes: Uint8Array, fds: readonly number[] = []): Message {
  const chunk = chunkOf(bytes);
  if (bytes.length < 16) throw new DecodeError('shorter than a header', 0);
  if (messageLength(chunk, 0) !== bytes.length) throw new DecodeError('another length than the header says', 0);
  const received = readMessage(chunk, 0, bytes.length);
  received.readBody(fds);
  return received.message;
}

/** Writes one whole message, as a signal unless told otherwise. */
export function encode(signature: string, values: readonly unknown[], head: Partial<Head> = {}): Uint8Array {
  const writer = new MessageWriter();
  const signal = { type: 4, serial: 1, path: '/test', interface: 'a.b', member: 'C', ...head } as const;
  writeMessage(writer, signal, { signature, write: (into) => into.values(parseSignature(signature), values) });
  return new Uint8Array(writer.take());
}

/** Fails unless the bytes give a value or DecodeError, soon. */
export function assertTotal(bytes: Uint8Array): void {
  try {
    decode(bytes);
  } catch (error) {
    if (!(error instanceof DecodeError)) throw error;
  }
}

const BASIC = [...'ybnqiuxtdsog'];

function completeTypes(depth: number): fc.Arbitrary<string> {
  const basic = fc.constantFrom(...BASIC);
  if (depth === 0) return fc.oneof(basic, fc.constant('v'));
  const inner = completeTypes(depth - 1);
  return fc.oneof(
    { weight: 3, arbitrary: basic },
    { weight: 1, arbitrary: fc.constant('v') },
    { weight: 2, arbitrary: inner.map((type) => `a${type}`) },
    { weight: 2, arbitrary: fc.tuple(basic, inner).map(([key, value]) => `a{${key}${value}}`) },
    { weight: 2, arbitrary: fc.array(inner, { minLength: 1, maxLength: 3 }).map((types) => `(${types.join('')})`) },
  );
}

const text = fc.string({ unit: 'binary', maxLength: 60 }).map((value) => value.replaceAll('\0', ''));
const path = fc
  .array(fc.stringMatching(/^[A-Za-z0-9_]{1,8}$/), { maxLength: 4 })
  .map((elements) => `/${elements.join('/')}`);

const VALUES: Readonly<Record<string, fc.Arbitrary<unknown>>> = {
  y: fc.integer({ min: 0, max: 0xff }),
  b: fc.boolean(),
  n: fc.integer({ min: -0x8000, max: 0x7fff }),
  q: fc.integer({ min: 0, max: 0xffff }),
  i: fc.integer({ min: -0x8000_0000, max: 0x7fff_ffff }),
  u: fc.integer({ min: 0, max: 0xffff_ffff }),
  // dbus-next refuses the least 64-bit number and the infinities.
  x: fc.bigInt({ min: 1n - 2n ** 63n, max: 2n ** 63n - 1n }),
  t: fc.bigInt({ min: 0n, max: 2n ** 64n - 1n }),
  d: fc.double({ noNaN: true, noDefaultInfinity: true }).map((value) => (value === 0 ? 0 : value)),
  s: text,
  o: path,
  g: fc.constantFrom('', 's', 'a{sv}', '(ii)a(oa{sv})'),
};

// Variants within variants end at the fourth: a message may nest 64 deep, not further.
function valueOf(type: CompleteType, variants = 0): fc.Arbitrary<unknown> {
  const [first = type, second = type] = type.parts;
  if (type.signature === 'v') {
    const inner = variants < 3 ? completeTypes(1) : fc.constantFrom(...BASIC);
    return inner.chain((signature) =>
      valueOf(parseCompleteType(signature), variants + 1).map((value) => new Variant(signature, value)),
    );
  }
  if (type.signature === 'ay') return fc.uint8Array({ maxLength: 20 });
  if (type.signature.startsWith('a{')) {
    const [key = first, value = first] = first.parts;
    const entry = fc.tuple(valueOf(key, variants), valueOf(value, variants));
    return fc.array(entry, { maxLength: 4 }).map((entries) => new Map(entries));
  }
  if (type.signature.startsWith('a')) return fc.array(valueOf(first, variants), { maxLength: 4 });
  if (type.signature.startsWith('(')) return fc.tuple(...type.parts.map((part) => valueOf(part, variants)));
  return VALUES[type.signature] ?? fc.constant(second);
}

/** A signature of some complete types and a value for each. */
export const signatureAndValues: fc.Arbitrary<{ signature: string; values: unknown[] }> = fc
  .array(completeTypes(3), { maxLength: 4 })
  .map((types) => types.join(''))
  .filter((signature) => signature.length <= 255)
  .chain((signature) => {
    const types = parseSignature(signature);
    return fc.tuple(...types.map((type) => valueOf(type))).map((values) => ({ signature, values }));
  });

/** A message's bytes in big endian, marshalled by the shortest reading of the specification. */
export function encodeBigEndian(signature: string, values: readonly unknown[]): Uint8Array {
  const body = new BigEndian();
  parseSignature(signature).forEach((type, index) => body.value(type, values[index]));
  const fields = [
    [1, new Variant('o', '/test')],
    [2, new Variant('s', 'a.b')],
    [3, new Variant('s', 'C')],
    [8, new Variant('g', signature)],
  ];
  const message = new BigEndian();
  message.bytes.push(0x42, 4, 0, 1);
  message.number(body.bytes.length, 4);
  message.number(1, 4);
  message.value(parseCompleteType('a(yv)'), fields);
  message.align(8);
  return Uint8Array.from([...message.bytes, ...body.bytes]);
}

class BigEndian {
  readonly bytes: number[] = [];

  align(size: number): void {
    while (this.bytes.length % size !== 0) this.bytes.push(0);
  }

  number(value: number | bigint, size: number): void {
    this.align(size);
    const bits = BigInt.asUintN(8 * size, BigInt(value));
    for (let byte = size - 1; byte >= 0; byte--) this.bytes.push(Number((bits >> BigInt(8 * byte)) & 0xffn));
  }

  value({ signature, alignment, parts }: CompleteType, value: unknown): void {
    if (value instanceof Variant) {
      this.text(value.signature, 1);
      return this.value(parseCompleteType(value.signature), value.value);
    }
    if (signature === 'd') {
      const view = new DataView(new ArrayBuffer(8));
      view.setFloat64(0, Number(value));
      return this.number(view.getBigUint64(0), 8);
    }
    if (typeof value === 'string') return this.text(value, alignment);
    if (typeof value === 'number' || typeof value === 'bigint') return this.number(value, alignment);
    if (typeof value === 'boolean') return this.number(value ? 1 : 0, 4);
    if (signature.startsWith('(') || signature.startsWith('{')) {
      this.align(8);
      return parts.forEach((part, index) => this.value(part, Array.isArray(value) ? value[index] : undefined));
    }
    this.array(parts[0] ?? parseCompleteType('y'), value);
  }

  array(element: CompleteType, value: unknown): void {
    const elements = value instanceof Map || value instanceof Uint8Array || Array.isArray(value) ? [...value] : [];
    this.number(0, 4);
    const lengthAt = this.bytes.length - 4;
    this.align(element.alignment);
    const start = this.bytes.length;
    for (const each of elements) this.value(element, each);
    const length = new BigEndian();
    length.number(this.bytes.length - start, 4);
    this.bytes.splice(lengthAt, 4, ...length.bytes);
  }

  text(value: string, lengthSize: number): void {
    const bytes = Buffer.from(value);
    this.number(bytes.length, lengthSize);
    this.bytes.push(...bytes, 0);
  }
}
