/**
 * Attributes of every kind, through encoding and decoding, and bytes that are none.
 */

import fc from 'fast-check';
import { test } from 'uvu';
import * as assert from 'uvu/assert';
import { decodeAttributes, encodeAttributes } from '../../../src/netlink/attributes.ts';
import type { Decoded, Shape } from '../../../src/netlink/attributes.ts';
import { bytes, flag, ipAddress, list, nested, string, u16, u32, u64, u8 } from '../../../src/netlink/kinds.ts';
import { Writer } from '../../../src/netlink/writer.ts';
import { DecodeError } from '../../../src/shared/errors.ts';
import { IpAddress } from '../../../src/shared/ipaddress.ts';
import { hex, plain } from './captures.ts';

const INNER = { number: [1, u32], text: [2, string] } as const satisfies Shape;
const ALL = {
  one: [1, u8], two: [2, u16], four: [3, u32], eight: [4, u64], text: [5, string], raw: [6, bytes],
  address: [7, ipAddress], mark: [8, flag], inner: [9, nested(INNER)], several: [300, list(nested(INNER))],
} as const satisfies Shape;

function encode(values: Decoded<typeof ALL>, buffer?: Uint8Array): Uint8Array {
  const writer = new Writer(buffer);
  encodeAttributes(ALL, values, writer);
  return writer.finish();
}

function decode(encoded: Uint8Array): Decoded<typeof ALL> {
  return decodeAttributes(ALL, new DataView(encoded.buffer, encoded.byteOffset, encoded.length), 0, encoded.length);
}

const text = fc.string({ maxLength: 20, unit: 'grapheme' }).map((value) => value.replaceAll('\0', ''));
const inner = fc.record({ number: fc.nat(), text }, { requiredKeys: [], noNullPrototype: true });
const values = fc.record({
  one: fc.nat(0xff), two: fc.nat(0xffff), four: fc.nat(0xffff_ffff), eight: fc.bigInt(0n, 2n ** 64n - 1n), text,
  raw: fc.uint8Array({ maxLength: 30 }), mark: fc.constant(true as const), inner,
  several: fc.array(inner, { maxLength: 4 }),
  address: fc.constantFrom(4, 16).chain((size) => fc.uint8Array({ minLength: size, maxLength: size }))
    .map((address) => new IpAddress(address)),
}, { requiredKeys: [], noNullPrototype: true });

test('what is encoded is decoded, whatever lay in the buffer', () => {
  fc.assert(fc.property(values, (value) => {
    const encoded = encode(value, new Uint8Array(512).fill(0xff));
    assert.equal(encoded, encode(value, new Uint8Array(0)));
    assert.equal(plain(decode(encoded)), plain(value));
  }));
});

test('attributes are padded with zeros to four bytes and marked when nested', () => {
  assert.equal(
    encode({ one: 7, inner: { text: 'ab' } }, new Uint8Array(64).fill(0xff)),
    hex('0500 0100 07 000000  0c00 0980  0700 0200 616200 00'),
  );
});

test('what the shape does not know is kept and written again', () => {
  const encoded = hex('0500 6300 2a 000000  0500 0100 07 000000');
  const decoded = decode(encoded);
  assert.is(decoded.one, 7);
  assert.equal(decoded.unknown, [{ type: 99, bytes: hex('2a') }]);
  assert.equal(decode(encode(decoded)), decoded);
});

test('of an attribute that comes twice the last counts; a longer value is taken by its front', () => {
  assert.is(decode(hex('0500 0100 07 000000 0500 0100 08 000000')).one, 8);
  assert.is(decode(hex('0800 0200 07000000')).two, 7);
});

test('text ends at its first zero byte, or without one at the end', () => {
  assert.is(decode(hex('0800 0500 61006200')).text, 'a');
  assert.is(decode(hex('0600 0500 6162 0000')).text, 'ab');
});

test('lengths that lie are refused', () => {
  const liars = [
    '0300 0100', '0900 0100 07', 'ffff 0100 07000000', '0500 0300 07 000000', '0700 0700 010203 00',
    '0800 0900 0900 0100',
  ];
  for (const lie of liars) assert.throws(() => decode(hex(lie)), (error: unknown) => error instanceof DecodeError, lie);
});

test('any bytes are a value or a DecodeError, and reading stays inside its range', () => {
  fc.assert(fc.property(fc.uint8Array({ maxLength: 200 }), (noise) => {
    try {
      decode(noise);
    } catch (error) {
      if (!(error instanceof DecodeError)) throw error;
    }
  }));
  const outside = hex('0500 0100 07 000000 0500 0100 08 000000');
  assert.is(decodeAttributes(ALL, new DataView(outside.buffer), 0, 8).one, 7);
});

test.run();
