/**
 * Cutting a stream into messages: however it is split or joined, the same messages come out, and a
 * stream that is none ends with DecodeError.
 */

import fc from 'fast-check';
import { test } from 'uvu';
import * as assert from 'uvu/assert';
import { FrameAssembler } from '../../../src/dbus/frames.ts';
import { readMessage } from '../../../src/dbus/read-message.ts';
import { encode } from './battery.ts';

/** Pushes pieces, each overwritten afterwards as a receive buffer is; returns the bodies seen. */
function assemble(pieces: Iterable<Uint8Array>): { bodies: unknown[]; assembler: FrameAssembler } {
  const assembler = new FrameAssembler();
  const bodies: unknown[] = [];
  for (const piece of pieces) {
    const bytes = piece.slice();
    assembler.push(bytes, (chunk, start, end) => bodies.push(...readMessage(chunk, start, end).readBody()));
    bytes.fill(0xff);
  }
  return { bodies, assembler };
}

function* split(bytes: Uint8Array, sizes: readonly number[]): Iterable<Uint8Array> {
  let at = 0;
  for (let turn = 0; at < bytes.length; turn++) {
    const size = sizes[turn % sizes.length] ?? 1;
    yield bytes.subarray(at, at + size);
    at += size;
  }
}

test('any split of any messages', () => {
  const texts = fc.array(fc.string({ maxLength: 300 }).map((text) => text.replaceAll('\0', '')), { maxLength: 12 });
  const sizes = fc.array(fc.integer({ min: 1, max: 700 }), { minLength: 1, maxLength: 8 });
  fc.assert(
    fc.property(texts, sizes, (values, pieces) => {
      const stream = Buffer.concat(values.map((value) => encode('s', [value])));
      const { bodies, assembler } = assemble(split(stream, pieces));
      assert.equal(bodies, values);
      assert.is(assembler.isWithinMessage, false);
    }),
    { numRuns: 300 },
  );
});

test('byte by byte', () => {
  const stream = Buffer.concat([encode('s', ['one']), encode('s', ['two'])]);
  assert.equal(assemble(split(stream, [1])).bodies, ['one', 'two']);
});

test('a long message in small pieces costs linear time', () => {
  const text = 'x'.repeat(4_000_000);
  const stream = encode('s', [text]);
  const start = process.cpuUsage();
  const { bodies } = assemble(split(stream, [4096]));
  assert.equal(bodies, [text]);
  // Copying the whole at every piece would take a thousand copies of 4 MB: seconds.
  assert.ok(process.cpuUsage(start).user < 500_000);
});

test('memory follows what came, not what is claimed', () => {
  const header = encode('ay', [new Uint8Array(4)]).slice(0, 100);
  new DataView(header.buffer).setUint32(4, 0x700_0000, true);
  const before = process.memoryUsage().arrayBuffers;
  const assemblers = Array.from({ length: 20 }, () => assemble([header]).assembler);
  assert.ok(assemblers.every(({ isWithinMessage }) => isWithinMessage));
  assert.ok(process.memoryUsage().arrayBuffers - before < 0x10_0000);
});

test('what is no message ends the stream', () => {
  assert.throws(() => assemble([Buffer.from('HTTP/1.1 400 Bad Request')]), /no byte order mark/);
  const bytes = encode('', []);
  bytes[3] = 2;
  assert.throws(() => assemble([bytes]), /unknown protocol version/);
  bytes[3] = 1;
  bytes[7] = 0x10;
  assert.throws(() => assemble(split(bytes, [5])), /longer than 128 MiB/);
});

test.run();
