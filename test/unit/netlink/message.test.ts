/**
 * Netlink messages: several in a datagram, and the kernel's errors with and without explanation.
 */

import { test } from 'uvu';
import * as assert from 'uvu/assert';
import { errnoName } from '../../../src/netlink/error.ts';
import type { NetlinkError } from '../../../src/netlink/error.ts';
import { decodeOutcome, encodeMessage, forEachMessage } from '../../../src/netlink/message.ts';
import type { NetlinkMessage } from '../../../src/netlink/message.ts';
import { Writer } from '../../../src/netlink/writer.ts';
import { DecodeError } from '../../../src/shared/errors.ts';
import { assertHardened, done, hex, message, outcome, part, readCaptures } from './captures.ts';

const outcomeOf = (each: NetlinkMessage): NetlinkError | undefined => decodeOutcome(each, 'RTM_TEST');

function only(datagram: Uint8Array): NetlinkError | undefined {
  let found: NetlinkError | undefined;
  forEachMessage(datagram, (each) => (found = outcomeOf(each)));
  return found;
}

test('a header is written as linux/netlink.h says, over whatever lay there', () => {
  const header = { type: 0x10, flags: 0x5, sequence: 0x01020304 };
  const bytes = encodeMessage(header, (writer) => writer.u8(0xaa), new Writer(new Uint8Array(64).fill(0xff)));
  assert.equal(bytes, hex('11000000 1000 0500 04030201 00000000 aa'));
});

test('messages of one datagram come in order, each with its own range', () => {
  const datagram = new Uint8Array([...part(7, 1), ...message(0x500, 2, 7, Uint8Array.of(9)), 0, 0, 0, ...done(7)]);
  const seen: number[][] = [];
  forEachMessage(datagram, ({ type, sequence, at, end }) => seen.push([type, sequence, at, end]));
  assert.equal(seen, [[0x500, 7, 16, 20], [0x500, 7, 36, 37], [3, 7, 56, 60]]);
});

test('a message that is longer than its datagram, or shorter than its header, is refused', () => {
  for (const lie of ['', '10', '0f000000 0300 0000 00000000 00000000', '14000000 0300 0000 00000000 00000000']) {
    const visit = (): void => forEachMessage(hex(lie), () => undefined);
    if (lie === '') visit();
    else assert.throws(visit, (error: unknown) => error instanceof DecodeError);
  }
});

test('success is no error, also where the end of a dump says nothing', () => {
  assert.is(only(outcome(1)), undefined);
  assert.is(only(done(1)), undefined);
  assert.is(only(message(3, 2, 1, new Uint8Array(0))), undefined);
});

test('the kernel explains itself behind the echo of the request', () => {
  const { received } = readCaptures('link')('ip link set v0 mtu 10');
  const error = only(received[0] ?? hex(''));
  assert.is(error?.code, 'EINVAL');
  assert.is(error?.errno, 22);
  assert.is(error?.extendedAck, 'mtu less than device minimum');
  assert.is(error?.message, 'RTM_TEST: EINVAL (mtu less than device minimum)');
});

test('the kernel explains itself behind a capped echo, and at the end of a dump', () => {
  const explanation = hex('0d00 0100 6e6f 20737563 6800 0000 00');
  const echo = hex('eaffffff 18000000 1000 0500 01000000 00000000');
  assert.is(only(message(2, 0x300, 1, new Uint8Array([...echo, ...explanation])))?.extendedAck, 'no such');
  assert.is(only(message(3, 0x202, 1, new Uint8Array([...hex('feffffff'), ...explanation])))?.extendedAck, 'no such');
});

test('an echo longer than the message is refused', () => {
  const lie = message(2, 0x200, 1, hex('eaffffff ff000000 1000 0500 01000000 00000000'));
  assert.throws(() => only(lie), (error: unknown) => error instanceof DecodeError);
});

test('outcomes stand truncation, flipped bits and noise', () => {
  const { received } = readCaptures('route')('ip route add 10.3.0.0/16 via 172.16.0.1');
  assert.is(only(received[0] ?? hex(''))?.extendedAck, 'Nexthop has invalid gateway');
  assertHardened(outcomeOf, received[0] ?? hex(''));
});

test('errno names are the kernel\'s', () => {
  const names = [errnoName(17), errnoName(95), errnoName(11), errnoName(524), errnoName(9999)];
  assert.equal(names, ['EEXIST', 'EOPNOTSUPP', 'EAGAIN', 'EOPNOTSUPP', 'E9999']);
});

test.run();
