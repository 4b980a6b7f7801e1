/** DUIDs: the one we make, as RFC 8415 lays it out, and what may be one. */

import { test } from 'uvu';
import * as assert from 'uvu/assert';
import { isDuid, makeDuid } from '../../../src/dhcpv6/duid.ts';
import { hex } from '../dhcp/battery.ts';

test('link layer and time: seconds since 2000 (RFC 8415, 11.2)', () => {
  const duid = makeDuid(hex('02005e005301'), new Date('2000-01-02T00:00:00.900Z'));
  assert.equal(duid, hex('0001 0001 00015180 02005e005301'));
  assert.equal(makeDuid(hex('02005e005301'), new Date(0)).subarray(4, 8), hex('00000000'), 'a clock before 2000');
  const wrapped = makeDuid(hex('02005e005301'), new Date(Date.UTC(2000, 0, 1) + 1000 * (2 ** 32 + 5)));
  assert.equal(wrapped.subarray(4, 8), hex('00000005'), 'modulo 2^32');
});

test('a kind, and 1 to 128 bytes (RFC 8415, 11.1)', () => {
  assert.equal([2, 3, 130, 131].map((length) => isDuid(new Uint8Array(length))), [false, true, true, false]);
});

test.run();
