/** Messages in a stream: however it is cut, the same messages come out. */

import { test } from 'uvu';
import * as assert from 'uvu/assert';
import fc from 'fast-check';
import { FrameReader } from '../../../src/dns/tcp-frames.ts';

function frame(bytes: Uint8Array): Buffer {
  return Buffer.concat([Buffer.from([bytes.length >> 8, bytes.length & 0xff]), bytes]);
}

test('cuts do not matter', () => {
  const messages = fc.array(fc.uint8Array({ maxLength: 40 }), { maxLength: 8 });
  fc.assert(fc.property(messages, fc.array(fc.integer({ min: 1, max: 9 }), { minLength: 1 }), (wanted, cuts) => {
    const stream = Buffer.concat(wanted.map(frame));
    const reader = new FrameReader(40);
    const got: string[] = [];
    for (let at = 0, turn = 0; at < stream.length; turn++) {
      const length = cuts[turn % cuts.length] ?? 1;
      const chunk = Buffer.from(stream.subarray(at, at + length));
      assert.ok(reader.push(chunk, (message) => got.push(message.toString('hex')) > 0));
      // The chunk's memory is used again.
      chunk.fill(0xee);
      at += length;
    }
    assert.equal(got, wanted.map((bytes) => Buffer.from(bytes).toString('hex')));
    assert.not.ok(reader.isInside);
  }));
});

test('a message that is too long ends the stream before it is read', () => {
  const reader = new FrameReader(100);
  assert.not.ok(reader.push(Buffer.from([0, 101]), () => true));
});

test('half a message is inside', () => {
  const reader = new FrameReader(100);
  assert.ok(reader.push(Buffer.from([0]), () => true));
  assert.ok(reader.isInside);
});

test.run();
