/** The reader of codecs, and hexadecimal text. */

import fc from 'fast-check';
import { test } from 'uvu';
import * as assert from 'uvu/assert';
import { equalBytes, formatHex, HOST_IS_LITTLE_ENDIAN, parseHex, Reader } from '../../../src/shared/bytes.ts';
import { DecodeError } from '../../../src/shared/errors.ts';

const BYTES = Uint8Array.from([0x01, 0x02, 0x03, 0x04, 0x05, 0x06, 0x07, 0x88]);

test('reads big endian unless told otherwise', () => {
  const reader = new Reader(BYTES, 'test');
  assert.is(reader.u8(), 0x01);
  assert.is(reader.u16(), 0x0203);
  assert.is(reader.u32(), 0x04050607);
  assert.is(reader.u8(), 0x88);
  assert.is(reader.remaining, 0);
  assert.is(new Reader(BYTES, 'test').u64(), 0x0102030405060788n);
});

test('reads little endian', () => {
  const reader = new Reader(BYTES, 'test', true);
  assert.is(reader.u16(), 0x0201);
  assert.is(reader.u16(), 0x0403);
  assert.is(reader.i32(), -0x77f8f9fb);
  assert.is(new Reader(BYTES, 'test', true).u64(), 0x8807060504030201n);
});

test('reads a part of a larger buffer, and shows bytes without copying them', () => {
  const whole = Uint8Array.from([9, 9, ...BYTES, 9]);
  const reader = new Reader(whole.subarray(2, 10), 'test');
  reader.skip(2);
  const taken = reader.take(3);
  assert.equal([...taken], [3, 4, 5]);
  whole[4] = 77;
  assert.is(taken[0], 77);
  assert.is(reader.offset, 5);
  assert.is(reader.remaining, 3);
});

test('never reads past the end', () => {
  const wants: ((reader: Reader) => unknown)[] = [
    (reader) => reader.u8(),
    (reader) => reader.u16(),
    (reader) => reader.u32(),
    (reader) => reader.i32(),
    (reader) => reader.u64(),
    (reader) => reader.take(1),
    (reader) => reader.take(-1),
    (reader) => reader.skip(1),
    (reader) => reader.fail('wrong'),
  ];
  for (const want of wants) {
    const reader = new Reader(BYTES.subarray(0, 7), 'test');
    reader.skip(7);
    assert.throws(() => want(reader), (error: unknown) => error instanceof DecodeError && error.offset === 7);
    assert.is(reader.offset, 7);
  }
  assert.throws(() => new Reader(BYTES, 'lease').take(9), 'lease: 9 bytes wanted, 8 left at offset 0');
});

test('hexadecimal text', () => {
  assert.is(formatHex(Uint8Array.from([0, 0xab, 0x0f])), '00ab0f');
  assert.is(formatHex(Uint8Array.from([0, 0xab]), ':'), '00:ab');
  assert.equal(parseHex('00aB0f'), Uint8Array.from([0, 0xab, 0x0f]));
  assert.equal(parseHex(''), new Uint8Array());
  for (const wrong of ['0', '0g', ' 00', '0x00', '００']) assert.is(parseHex(wrong), undefined, wrong);
});

test('bytes survive their text', () => {
  fc.assert(
    fc.property(fc.uint8Array(), (bytes) => {
      const read = parseHex(formatHex(bytes));
      assert.ok(read !== undefined && equalBytes(read, bytes));
    }),
  );
});

test('equality is of length and of every byte', () => {
  assert.ok(equalBytes(new Uint8Array(), new Uint8Array()));
  assert.ok(equalBytes(BYTES, BYTES.slice()));
  assert.not(equalBytes(BYTES, BYTES.subarray(1)));
  assert.not(equalBytes(Uint8Array.from([1, 2]), Uint8Array.from([1, 3])));
});

test('the byte order of this machine', () => {
  assert.is(new Uint8Array(new Uint16Array([1]).buffer)[0] === 1, HOST_IS_LITTLE_ENDIAN);
});

test.run();
