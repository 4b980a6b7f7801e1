/** What the client's packet filter lets through, on an interpreter of the kernel's instructions. */

import { test } from 'uvu';
import * as assert from 'uvu/assert';
import { replyFilter } from '../../../src/dhcp/filter.ts';
import { hex, readVector } from './battery.ts';
import { runFilter } from './bpf.ts';

const ack = readVector('dhcp-ack');
const program = replyFilter(68, hex('02005e005301'));
const passes = (packet: Uint8Array): boolean => runFilter(program, packet) > 0;

const patched = (offset: number, value: number): Uint8Array => {
  const packet = ack.slice();
  packet[offset] = value;
  return packet;
};

test('a reply to our hardware address passes whole', () => {
  assert.ok(runFilter(program, ack) >= ack.length);
});

test('header options in front of it are no matter', () => {
  const longer = Uint8Array.of(...ack.subarray(0, 20), 1, 1, 1, 0, ...ack.subarray(20));
  longer[0] = 0x46;
  assert.ok(passes(longer));
});

test('everything else stays in the kernel', () => {
  assert.not.ok(passes(patched(9, 6)), 'TCP');
  assert.not.ok(passes(patched(6, 0x20)), 'a first fragment');
  assert.not.ok(passes(patched(7, 1)), 'a later fragment');
  assert.not.ok(passes(patched(23, 67)), 'another port');
  assert.not.ok(passes(readVector('dhcp-discover')), 'a request');
  assert.not.ok(passes(patched(28, 1)), 'a request to our port');
  for (let byte = 0; byte < 6; byte++) assert.not.ok(passes(patched(56 + byte, 0xaa)), 'to another client');
  for (let length = 0; length < 62; length++) assert.not.ok(passes(ack.slice(0, length)), 'a cut packet');
});

test("don't fragment is no fragment", () => {
  assert.ok(passes(patched(6, 0x40)));
});

test('a hardware address of any length is compared whole', () => {
  for (let length = 0; length <= 16; length++) {
    const address = Uint8Array.from({ length }, (_, index) => index + 1);
    const packet = ack.slice();
    packet.set(address, 56);
    const filter = replyFilter(68, address);
    assert.ok(runFilter(filter, packet) > 0);
    if (length === 0) continue;
    packet[55 + length] = 0;
    assert.is(runFilter(filter, packet), 0);
  }
});

test.run();
