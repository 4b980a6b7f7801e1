/**
 * What every codec of src/dhcp must stand: hex vectors read from test/vectors, truncations, flipped
 * bits, and random bytes, each giving a value or DecodeError and nothing else.
 */

import fc from 'fast-check';
import { readFileSync } from 'node:fs';
import * as assert from 'uvu/assert';
import { parseHex } from '../../../src/shared/bytes.ts';
import { DecodeError } from '../../../src/shared/errors.ts';

/** The bytes of test/vectors/`name`.hex; lines that begin with `#` say where they come from. */
export function readVector(name: string): Uint8Array {
  const text = readFileSync(`test/vectors/${name}.hex`, 'utf8');
  assert.match(text, /^# /, `${name}.hex says where it comes from`);
  return hex(text.replace(/^#.*$/gm, ''));
}

/** Bytes written as hexadecimal digits, blanks ignored. */
export function hex(text: string): Uint8Array {
  const bytes = parseHex(text.replace(/\s+/g, ''));
  if (bytes === undefined) throw new Error('not hexadecimal');
  return bytes;
}

/** Fails unless `decode` gives a value or throws DecodeError. */
export function assertTotal(decode: (bytes: Uint8Array) => unknown, bytes: Uint8Array): void {
  try {
    decode(bytes);
  } catch (error) {
    if (!(error instanceof DecodeError)) throw error;
  }
}

/** Every truncation and every flipped bit of `sample`, and random bytes. */
export function assertHardened(decode: (bytes: Uint8Array) => unknown, sample: Uint8Array): void {
  for (let length = 0; length < sample.length; length++) assertTotal(decode, sample.slice(0, length));
  for (let bit = 0; bit < 8 * sample.length; bit++) {
    const bytes = sample.slice();
    bytes[bit >> 3] = (bytes[bit >> 3] ?? 0) ^ (1 << (bit & 7));
    assertTotal(decode, bytes);
  }
  fc.assert(fc.property(fc.uint8Array({ maxLength: 700 }), (bytes) => assertTotal(decode, bytes)));
}
