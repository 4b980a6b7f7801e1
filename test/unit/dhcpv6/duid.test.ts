/** DUIDs: the four kinds, with the examples of RFC 8415, and what is none. */

import fc from 'fast-check';
import { test } from 'uvu';
import * as assert from 'uvu/assert';
import { encodeDuid, isDuid, makeDuid, parseDuid } from '../../../src/dhcpv6/duid.ts';
import { hex } from '../dhcp/battery.ts';

test('link layer and time: seconds since 2000 (RFC 8415, 11.2)', () => {
  const duid = makeDuid(hex('02005e005301'), new Date('2000-01-02T00:00:00.900Z'));
  assert.equal(duid, hex('0001 0001 00015180 02005e005301'));
  assert.equal(parseDuid(duid), {
    kind: 'linkLayerTime', hardwareType: 1, time: new Date('2000-01-02T00:00:00Z'), address: hex('02005e005301'),
  });
  assert.equal(makeDuid(hex('02005e005301'), new Date(0)).subarray(4, 8), hex('00000000'), 'a clock before 2000');
});

test('the other kinds', () => {
  // RFC 8415, 11.3.
  const enterprise = hex('0002 00000009 0cc084d303000912');
  assert.equal(parseDuid(enterprise), { kind: 'enterprise', enterprise: 9, identifier: hex('0cc084d303000912') });
  assert.equal(parseDuid(hex('0003 0001 02005e005302')), {
    kind: 'linkLayer', hardwareType: 1, address: hex('02005e005302'),
  });
  assert.equal(parseDuid(hex(`0004 ${'ab'.repeat(16)}`)), { kind: 'uuid', uuid: hex('ab'.repeat(16)) });
});

test('what is none', () => {
  const texts = ['', '00', '0001', '0001000100', '0002000000', '000300', '000501', `0004${'ab'.repeat(15)}`];
  for (const text of texts) {
    assert.is(parseDuid(hex(text)), undefined, text);
  }
  assert.equal([2, 3, 130, 131].map((length) => isDuid(new Uint8Array(length))), [false, true, true, false]);
});

test('any bytes: parsed and encoded again they are the same, or none', () => {
  fc.assert(fc.property(fc.uint8Array({ maxLength: 140 }), fc.constantFrom(1, 2, 3, 4, 5), (tail, kind) => {
    const bytes = Uint8Array.of(0, kind, ...tail);
    const duid = parseDuid(bytes);
    if (duid !== undefined) assert.equal(encodeDuid(duid), bytes);
  }));
});

test.run();
