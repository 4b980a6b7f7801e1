/** ConnMan's file of usage: its bytes, its ring, and anything else that may lie there. */

import fc from 'fast-check';
import { test } from 'uvu';
import * as assert from 'uvu/assert';
import { appendUsage, decodeUsage } from '../../../src/counter/data-file.ts';
import { NO_USAGE, type Usage } from '../../../src/service/statistics.ts';

const usage = (rxBytes: number): Usage => ({ ...NO_USAGE, rxBytes, timeSec: rxBytes % 100 });
const word = (bytes: Uint8Array, at: number): number =>
  new DataView(bytes.buffer, bytes.byteOffset).getUint32(at, true);

test('a new file: header, then one record of each kind that counted', () => {
  const bytes = appendUsage(undefined, { home: usage(1000), roaming: NO_USAGE }, 1_700_000_000);
  assert.is(bytes.length, 4096);
  assert.equal([0, 4, 8, 12, 16].map((at) => word(bytes, at)), [0xfa00b916, 20, 68, 68, 0xffffffff]);
  // time_t, no roaming, then packets, bytes, errors and dropped, received first, and the seconds.
  assert.equal([0, 8, 12, 16, 20, 24, 44].map((at) => word(bytes, 68 + at)), [1_700_000_000, 0, 0, 0, 1000, 0, 0]);
  assert.equal(decodeUsage(bytes), { home: usage(1000), roaming: NO_USAGE });
});

test('what has not changed gets no record; roaming stands beside home', () => {
  const first = appendUsage(undefined, { home: usage(1000), roaming: NO_USAGE }, 1);
  assert.equal(appendUsage(first, { home: usage(1000), roaming: NO_USAGE }, 2), first);
  const second = appendUsage(first, { home: usage(1000), roaming: usage(7) }, 3);
  assert.equal([8, 12, 16].map((at) => word(second, at)), [116, 68, 116]);
  assert.equal(decodeUsage(second), { home: usage(1000), roaming: usage(7) });
});

test('the ring grows to 16 KiB, then goes round, and always knows the last', () => {
  let bytes: Uint8Array | undefined;
  for (let count = 1; count < 2000; count++) {
    const now = { home: usage(count), roaming: usage(7) };
    bytes = appendUsage(bytes, now, count);
    assert.equal(decodeUsage(bytes), now, String(count));
    assert.is.not(word(bytes, 4), word(bytes, 8), 'begin and end never meet');
  }
  assert.is(bytes?.length, 16_384);
});

test('counts past 32 bits wrap, as ConnMan\'s do', () => {
  const bytes = appendUsage(undefined, { home: usage(2 ** 32 + 5), roaming: usage(1.5) }, 1);
  assert.equal([decodeUsage(bytes)?.home.rxBytes, decodeUsage(bytes)?.roaming.rxBytes], [5, 1]);
});

test('bytes that share their memory with others are left as they are', () => {
  const first = appendUsage(undefined, { home: usage(1), roaming: NO_USAGE }, 1);
  const pool = Buffer.alloc(3 * first.length, 0xaa);
  const shared = pool.subarray(first.length, 2 * first.length);
  shared.set(first);
  const kept = Buffer.from(pool);
  assert.equal(decodeUsage(appendUsage(shared, { home: usage(2), roaming: NO_USAGE }, 2))?.home, usage(2));
  assert.equal(pool, kept);
});

test('any bytes are usage or nothing, and can be begun anew', () => {
  const sound = appendUsage(undefined, { home: usage(5), roaming: usage(6) }, 1);
  const flipped = fc.tuple(fc.nat(160), fc.integer({ min: 1, max: 255 })).map(([at, mask]) => {
    const bytes = sound.slice();
    bytes[at] = (bytes[at] ?? 0) ^ mask;
    return bytes;
  });
  fc.assert(fc.property(fc.oneof(flipped, fc.uint8Array({ maxLength: 5000 })), (bytes) => {
    decodeUsage(bytes);
    const now = { home: usage(77), roaming: usage(78) };
    assert.equal(decodeUsage(appendUsage(bytes, now, 1)), now);
  }));
});

test.run();
