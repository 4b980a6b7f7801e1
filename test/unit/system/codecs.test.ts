/**
 * What src/system encodes itself: BPF programs, ICMPv6 filters, records of the arena, errno names.
 */

import { test } from 'uvu';
import * as assert from 'uvu/assert';
import { endianness } from 'node:os';
import { Arena } from '../../../src/system/arena.ts';
import { errnoName } from '../../../src/system/errno.ts';
import { encodeTypes } from '../../../src/system/inet-sockets.ts';
import { encodeFilter } from '../../../src/system/link-sockets.ts';

const isLittle = endianness() === 'LE';

test('a filter is an array of struct sock_filter', () => {
  const bytes = encodeFilter([[0x30, 0, 0, 9], [0x15, 1, 2, 0x11223344]]);
  const view = new DataView(bytes.buffer);
  assert.is(bytes.length, 16);
  const second = [view.getUint16(8, isLittle), bytes[10], bytes[11], view.getUint32(12, isLittle)];
  assert.equal(second, [0x15, 1, 2, 0x11223344]);
  assert.is(encodeFilter([]).length, 0);
});

test('an ICMPv6 filter lets through only the types named', () => {
  const words = new Uint32Array(encodeTypes([134, 137]).buffer);
  const passing = Array.from({ length: 256 }, (_, type) => type).filter(
    (type) => ((words[type >> 5] ?? 0) & (1 << (type & 31))) === 0);
  assert.equal(passing, [134, 137]);
});

test('a record says where its message lies and who sent it', () => {
  const memory = new ArrayBuffer(4096);
  const words = new Int32Array(memory);
  words.set([2048, 3, -1, 7, 255, 8, 4], 16);
  new Uint8Array(memory).set([192, 0, 2, 1], 4 * (16 + 7));
  new Uint8Array(memory).set([1, 2, 3], 2048);
  words.set([2048, -1], 32);
  const arena = new Arena(memory);
  assert.equal(Array.from(arena.message(1) ?? []), [1, 2, 3]);
  assert.equal([arena.port(1), arena.ifindex(1), arena.hopLimit(1), arena.status(1)], [0xffff_ffff, 7, 255, 8]);
  assert.equal(Array.from(arena.address(1)), [192, 0, 2, 1]);
  assert.is(arena.message(2), undefined, 'a message longer than its slot is lost');
});

test('errno values have names', () => {
  assert.is(errnoName(105), 'ENOBUFS');
  assert.is(errnoName(100), 'ENETDOWN');
  assert.is(errnoName(132), 'ERFKILL');
  assert.is(errnoName(126), 'ENOKEY');
  assert.is(errnoName(9999), 'E9999');
});

test.run();
