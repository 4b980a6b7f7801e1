/**
 * The codec against captured messages, a second implementation (dbus-next, both ways), itself, and
 * bytes that are no messages.
 */

import { existsSync, readdirSync, readFileSync } from 'node:fs';
import { createRequire } from 'node:module';
import fc from 'fast-check';
import { test } from 'uvu';
import * as assert from 'uvu/assert';
import { formatHex } from '../../../src/shared/bytes.ts';
import { DecodeError } from '../../../src/shared/errors.ts';
import { type CompleteType, parseCompleteType, parseSignature } from '../../../src/dbus/complete-type.ts';
import { EncodedDictionary } from '../../../src/dbus/dictionary.ts';
import { Variant, variant } from '../../../src/dbus/signature.ts';
import { writeMessage } from '../../../src/dbus/write-message.ts';
import { MessageWriter } from '../../../src/dbus/writer.ts';
import { assertTotal, decode, encode, encodeBigEndian, readVector, signatureAndValues } from './battery.ts';

const CAPTURES: Readonly<Record<string, { member?: string; signature: string; body: unknown[] }>> = {
  'hello-reply': { signature: 's', body: [':1.2'] },
  'name-owner-changed': { member: 'NameOwnerChanged', signature: 'sss', body: [':1.2', '', ':1.2'] },
  call: { member: 'GetNameOwner', signature: 's', body: ['no.such.name'] },
  error: { signature: 's', body: ["Could not get owner of name 'no.such.name': no such name"] },
  'property-changed': {
    member: 'PropertyChanged',
    signature: 'sv',
    body: ['Nameservers', variant('s', '192.168.77.1')],
  },
  basic: {
    member: 'All',
    signature: 'ybnqiuxtdos',
    body: [
      255, true, -2, 65534, -2147483648, 4294967295, -9007199254740993n, 18446744073709551615n, 0.1, '/a/b',
      'blåbær ☃',
    ],
  },
  containers: {
    member: 'Containers',
    signature: 'asa{su}ayax',
    body: [['a', 'bc', 'def'], new Map([['one', 1], ['two', 2]]), Uint8Array.of(1, 2, 3), [-1n]],
  },
  nested: {
    member: 'Nested',
    signature: '(a{sv}a(oa{sv})v)',
    body: [
      [
        new Map([['k', variant('a{sv}', new Map([['a', variant('as', [])], ['b', variant('(yax)', [1, []])]]))]]),
        [['/x', new Map([['State', variant('s', 'ready')]])]],
        variant('v', variant('v', variant('n', 5))),
      ],
    ],
  },
  deep: {
    member: 'Deep',
    signature: 'aaya(ya(tv))',
    body: [[Uint8Array.of(1, 2, 3), Uint8Array.of()], [[7, [[9n, variant('g', '(ii)a{sv}')]]]]],
  },
  'big-endian': {
    member: 'Big',
    signature: 'ynqiuxtdsa{sv}a(oa{sv})ai',
    body: [
      1, -2, 65534, -3, 4000000000, -5n, 2n ** 63n, 1.5, 'blåbær',
      new Map([['Strength', variant('y', 70)], ['MTU', variant('q', 1500)]]),
      [['/x', new Map([['State', variant('s', 'ready')]])]],
      [-1, 2],
    ],
  },
};

/** Of a little-endian message, what follows the header. */
function bodyBytes(bytes: Uint8Array): Uint8Array {
  return bytes.subarray(bytes.length - new DataView(bytes.buffer, bytes.byteOffset).getUint32(4, true));
}

function assertBytes(actual: Uint8Array, expected: Uint8Array): void {
  assert.is(formatHex(actual), formatHex(expected));
}

for (const [name, expected] of Object.entries(CAPTURES)) {
  test(`captured: ${name}`, () => {
    const bytes = readVector(name);
    const message = decode(bytes);
    assert.is(message.member, expected.member);
    assert.is(message.signature, expected.signature);
    assert.equal(message.body, expected.body);
    if (bytes[0] === 0x6c) {
      assertBytes(bodyBytes(encode(message.signature, message.body)), bodyBytes(bytes));
    }
  });

  test(`every truncation and flipped bit: ${name}`, () => {
    const bytes = readVector(name);
    for (let length = 0; length < bytes.length; length++) {
      assert.throws(() => decode(bytes.slice(0, length)), (error: unknown) => error instanceof DecodeError);
    }
    for (let bit = 0; bit < 8 * bytes.length; bit++) {
      const flipped = bytes.slice();
      flipped[bit >> 3] = (flipped[bit >> 3] ?? 0) ^ (1 << (bit & 7));
      assertTotal(flipped);
    }
  });
}

test('the header of captured messages', () => {
  const { type, flags, serial, path, destination, sender, ...rest } = decode(readVector('call'));
  assert.equal([type, flags & 1, path, destination], [1, 0, '/org/freedesktop/DBus', 'org.freedesktop.DBus']);
  assert.equal([rest.interface, rest.member], ['org.freedesktop.DBus', 'GetNameOwner']);
  const error = decode(readVector('error'));
  assert.equal([error.type, error.errorName], [3, 'org.freedesktop.DBus.Error.NameHasNoOwner']);
  assert.equal([error.replySerial, error.destination], [serial, sender]);
});

test('what is written is read again, whatever the memory held', () => {
  fc.assert(
    fc.property(signatureAndValues, ({ signature, values }) => {
      const bytes = encode(signature, values);
      assert.equal(decode(bytes).body, values);
      const writer = new MessageWriter(0x4000);
      writer.begin();
      writer.raw(new Uint8Array(0x3000).fill(0xff), 1);
      writer.abandon();
      const head = { type: 4, serial: 1, path: '/test', interface: 'a.b', member: 'C' } as const;
      writeMessage(writer, head, { signature, write: (into) => into.values(parseSignature(signature), values) });
      assertBytes(writer.take(), bytes);
    }),
    { numRuns: 300 },
  );
});

test('big endian reads the same', () => {
  fc.assert(
    fc.property(signatureAndValues, ({ signature, values }) => {
      assert.equal(decode(encodeBigEndian(signature, values)).body, values);
    }),
    { numRuns: 200 },
  );
});

test('random bytes, and flips in generated messages', () => {
  fc.assert(fc.property(fc.uint8Array({ maxLength: 400 }), (bytes) => assertTotal(bytes)));
  fc.assert(
    fc.property(signatureAndValues, fc.nat(), fc.integer({ min: 1, max: 255 }), (made, at, change) => {
      const bytes = encode(made.signature, made.values);
      bytes[at % bytes.length] = (bytes[at % bytes.length] ?? 0) ^ change;
      assertTotal(bytes);
    }),
    { numRuns: 500 },
  );
});

interface OtherCodec {
  marshall(message: object): [Uint8Array, number[]];
  unmarshall(bytes: Uint8Array): { body: unknown[] };
}

test('dbus-next reads what we write and we read what it writes', () => {
  const require = createRequire(import.meta.url);
  const other: OtherCodec = require('dbus-next/lib/message.js');
  const { collapseSignature }: { collapseSignature(tree: unknown): string } = require('dbus-next/lib/signature.js');
  const toOther = (type: CompleteType, value: unknown): unknown => {
    if (value instanceof Variant) {
      return [value.signature, toOther(parseCompleteType(value.signature), value.value)];
    }
    if (value instanceof Uint8Array) return Buffer.from(value);
    const [element = type] = type.parts;
    if (value instanceof Map) return [...value].map((entry) => toOther(element, entry));
    if (!Array.isArray(value)) return value;
    const partOf = (index: number): CompleteType => type.parts[type.signature.startsWith('a') ? 0 : index] ?? type;
    return value.map((each, index) => toOther(partOf(index), each));
  };
  const fromOther = (type: CompleteType, value: unknown): unknown => {
    const list: unknown[] = Array.isArray(value) ? value : [];
    if (type.signature === 'v') {
      const [[tree = undefined] = [], [inner = undefined] = []] = list as unknown[][];
      const signature = collapseSignature(tree);
      return new Variant(signature, fromOther(parseCompleteType(signature), inner));
    }
    if (value instanceof Uint8Array) return new Uint8Array(value);
    const [element = type] = type.parts;
    if (type.signature.startsWith('a{')) {
      return new Map(list.map((entry) => fromOther(element, entry) as [unknown, unknown]));
    }
    if (type.signature.startsWith('a')) return list.map((each) => fromOther(element, each));
    return Array.isArray(value) ? list.map((each, index) => fromOther(type.parts[index] ?? type, each)) : value;
  };
  fc.assert(
    fc.property(signatureAndValues, ({ signature, values }) => {
      const types = parseSignature(signature);
      const theirs = values.map((value, index) => toOther(types[index] ?? parseCompleteType('y'), value));
      const message = { type: 4, serial: 1, path: '/test', interface: 'a.b', member: 'C', signature, body: theirs };
      const [bytes] = other.marshall(message);
      if (signature === '') return;
      assert.equal(decode(new Uint8Array(bytes)).body, values);
      const read = other.unmarshall(Buffer.from(encode(signature, values))).body;
      assert.equal(read.map((value, index) => fromOther(types[index] ?? parseCompleteType('y'), value)), values);
    }),
    { numRuns: 300 },
  );
});

test('what the format forbids', () => {
  const wrong = (change: (bytes: Uint8Array) => void, signature: string, ...values: unknown[]): void => {
    const bytes = encode(signature, values);
    const body = bytes.length - new DataView(bytes.buffer, bytes.byteOffset).getUint32(4, true);
    change(bytes.subarray(body));
    assert.throws(() => decode(bytes), (error: unknown) => error instanceof DecodeError, signature);
  };
  const put = (at: number, ...values: number[]) => (bytes: Uint8Array) => bytes.set(values, at);
  wrong(put(0, 2), 'b', true);
  wrong(put(1, 1), 'yu', 1, 1);
  wrong(put(4, 0xff), 's', 'a');
  wrong(put(4, 0xc0, 0x80), 's', 'ab');
  wrong(put(4, 0xed, 0xa0, 0x80), 's', 'abc');
  wrong(put(4, 0), 's', 'a');
  wrong(put(5, 1), 's', 'a');
  wrong(put(5, 0x2f), 'o', '/aa');
  wrong(put(6, 0x2d), 'o', '/aa');
  wrong(put(1, 0x7a), 'g', 'i');
  wrong(put(1, 0x7a), 'v', variant('i', 1));
  wrong(put(0, 5), 'au', [1, 2]);
  wrong(put(0, 1), 'a{sv}', new Map());
  wrong(put(3, 5), 'ay', new Uint8Array(4));
});

test('numbers and texts that do not fit are refused, and leave nothing behind', () => {
  const writer = new MessageWriter();
  const write = (signature: string, value: unknown): void => {
    const head = { type: 4, serial: 1, path: '/t', interface: 'a.b', member: 'C' } as const;
    writeMessage(writer, head, { signature, write: (into) => into.values(parseSignature(signature), [value]) });
  };
  const misfits: [string, unknown][] = [
    ['y', 256], ['y', -1], ['n', 32768], ['q', -1], ['i', 2 ** 31], ['u', 2 ** 32], ['u', 1.5], ['u', NaN],
    ['x', 2n ** 63n], ['t', -1n], ['x', 1], ['u', 1n], ['b', 1], ['s', 5], ['o', 'a'], ['o', '/a/'], ['o', ''],
    ['g', 'a'], ['v', 'x'], ['as', 'x'], ['a{sv}', {}], ['(ii)', [1]], ['ay', 'x'], ['d', 1n], ['h', 'x'],
  ];
  for (const [signature, value] of misfits) {
    assert.throws(() => write(signature, value), undefined, `${signature} ${String(value)}`);
    assert.is(writer.length, 0);
  }
});

test('the ends of all ranges', () => {
  const values = [0, 255, -0x8000, 0x7fff, 0xffff, -(2 ** 31), 2 ** 31 - 1, 2 ** 32 - 1, -(2n ** 63n), 2n ** 64n - 1n];
  assert.equal(decode(encode('yynnqiiuxt', values)).body, values);
  assert.equal(decode(encode('add', [[Infinity, -Infinity, NaN], 5e-324])).body, [[Infinity, -Infinity, NaN], 5e-324]);
});

test('text ends at its first NUL and is always UTF-8', () => {
  assert.equal(decode(encode('ss', ['ab\0cd', 'x\ud800y'])).body, ['ab', 'x\ufffdy']);
  const long = 'é'.repeat(50_000);
  assert.equal(decode(encode('s', [long])).body, [long]);
});

test('descriptors are indexes into what came with the message', () => {
  const writer = new MessageWriter();
  const values = [7, variant('h', 9)];
  const head = { type: 4, serial: 1, path: '/t', interface: 'a.b', member: 'C' } as const;
  writeMessage(writer, head, { signature: 'hv', write: (into) => into.values(parseSignature('hv'), values) });
  assert.equal(writer.fds, [7, 9]);
  const bytes = writer.take();
  assert.equal(decode(bytes, [70, 90]).body, [70, variant('h', 90)]);
  assert.throws(() => decode(bytes, [70]), /descriptor did not come/);
  writeMessage(writer, head, { signature: 'v', write: (into) => into.values(parseSignature('v'), [variant('h', 9)]) });
  assert.equal(decode(writer.take(), [90]).body, [variant('h', 90)], 'the header counts them all the same');
});

test('a kept dictionary is one like any other, wherever it stands', () => {
  const map = new Map([['a', variant('y', 1)], ['bcd', variant('s', 'x')], ['e', variant('t', 5n)]]);
  const entries = [...map].map(([key, value]) => bodyBytes(encode('sv', [key, value])));
  const kept = EncodedDictionary.join(entries);
  const plain = encode('ya(oa{sv})v', [1, [['/a', map], ['/bc', map]], variant('a{sv}', map)]);
  const fast = encode('ya(oa{sv})v', [1, [['/a', kept], ['/bc', kept]], variant('a{sv}', kept)]);
  assertBytes(fast, plain);
  assert.equal(decode(encode('a{sv}', [EncodedDictionary.join([])])).body, [new Map()]);
});

test('nesting has an end', () => {
  const arrays = (depth: number): unknown => (depth === 0 ? 1 : [arrays(depth - 1)]);
  const deepest = `${'a'.repeat(32)}u`;
  assert.equal(decode(encode(deepest, [arrays(32)])).body, [arrays(32)]);
  const variants = (depth: number): Variant => (depth === 1 ? variant('y', 1) : new Variant('v', variants(depth - 1)));
  assert.equal(decode(encode('v', [variants(64)])).body, [variants(64)]);
  assert.throws(() => decode(encode('v', [variants(65)])), /nested too deep/);
});

test('lengths beyond the limits are refused at once', () => {
  const bytes = encode('ay', [new Uint8Array(8)]);
  const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
  const body = bytes.length - view.getUint32(4, true);
  view.setUint32(body, 0x400_0001, true);
  assert.throws(() => decode(bytes), /array longer than 64 MiB/);
  view.setUint32(body, 0x400_0000, true);
  assert.throws(() => decode(bytes), /array longer than the message/);
  view.setUint32(4, 0x800_0000, true);
  assert.throws(() => decode(bytes), /longer than 128 MiB/);
});

test('corpora of other projects', () => {
  const folder = '../shared/corpora/dbus';
  if (!existsSync(folder)) return;
  for (const name of readdirSync(folder)) {
    const bytes = new Uint8Array(readFileSync(`${folder}/${name}`));
    const start = performance.now();
    assertTotal(bytes);
    assert.ok(performance.now() - start < 50, `${name} takes long`);
  }
});

test.run();
