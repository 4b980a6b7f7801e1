/** NTP messages: a capture, every truncation, and noise. */

import { readFileSync } from 'node:fs';
import fc from 'fast-check';
import { test } from 'uvu';
import * as assert from 'uvu/assert';
import { decodeReply, encodeRequest } from '../../../src/ntp/packet.ts';
import { DecodeError } from '../../../src/shared/errors.ts';
import { answer } from './fake-servers.ts';

/** The lines of a vector file after its first. */
function vector(name: string): Uint8Array {
  const [, ...lines] = readFileSync(`test/vectors/${name}.hex`, 'utf8').split('\n');
  return Uint8Array.from(Buffer.from(lines.join('').replaceAll(' ', ''), 'hex'));
}

test('a request is 48 bytes, all of them zero but version, mode, poll, precision and the number', () => {
  const bytes = encodeRequest(0x0123_4567_89ab_cdefn, 6);
  assert.is(Buffer.from(bytes).toString('hex'), `23000620${'00'.repeat(36)}0123456789abcdef`);
});

test('chrony\'s reply, as captured', () => {
  const reply = decodeReply(vector('ntp-reply'));
  assert.is(reply.leap, 'none');
  assert.equal([reply.version, reply.mode, reply.stratum, reply.kiss], [4, 4, 3, undefined]);
  assert.is(reply.origin, 0x1122_3344_5566_7788n);
  assert.ok(reply.receivedAtMs !== undefined && reply.sentAtMs !== undefined);
  assert.ok(reply.sentAtMs - reply.receivedAtMs >= 0 && reply.sentAtMs - reply.receivedAtMs < 10);
  assert.is(new Date(reply.receivedAtMs).getUTCFullYear(), 2026);
});

test('every truncation is refused, every extension ignored', () => {
  const bytes = vector('ntp-reply');
  for (let length = 0; length < 48; length++) {
    assert.throws(() => decodeReply(bytes.subarray(0, length)), (error: unknown) => error instanceof DecodeError);
  }
  assert.equal(decodeReply(Uint8Array.from([...bytes, ...bytes])), decodeReply(bytes));
});

test('times in either era, and none', () => {
  const request = encodeRequest(1n, 6);
  for (const year of [2020, 2026, 2035, 2036, 2037, 2100, 2155]) {
    const unixMs = Date.UTC(year, 6, 1) + 0.25;
    const { receivedAtMs = 0 } = decodeReply(answer({}, request, unixMs));
    assert.ok(Math.abs(receivedAtMs - unixMs) < 0.001, `${year}: ${receivedAtMs}`);
  }
  const silent = answer({}, request, 0).fill(0, 32);
  assert.equal([decodeReply(silent).receivedAtMs, decodeReply(silent).sentAtMs], [undefined, undefined]);
});

test('a kiss code is printable, whatever was sent', () => {
  const request = encodeRequest(1n, 6);
  assert.is(decodeReply(answer({ kiss: 'RATE' }, request, 0)).kiss, 'RATE');
  assert.is(decodeReply(answer({ kiss: 'a\n\0\xff' }, request, 0)).kiss, 'a...');
});

test('any 48 bytes are read, and all numbers are numbers', () => {
  fc.assert(fc.property(fc.uint8Array({ minLength: 48, maxLength: 48 }), (bytes) => {
    const { poll, precisionMs, rootDelayMs, rootDispersionMs, receivedAtMs = 0, sentAtMs = 0 } = decodeReply(bytes);
    for (const value of [poll, precisionMs, rootDelayMs, rootDispersionMs, receivedAtMs, sentAtMs]) {
      assert.ok(Number.isFinite(value));
    }
  }));
});

test.run();
