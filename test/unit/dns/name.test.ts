/** Domain names: text and wire form, compression, loops, lengths. */

import { test } from 'uvu';
import * as assert from 'uvu/assert';
import { parseHex, Reader } from '../../../src/shared/bytes.ts';
import { DecodeError } from '../../../src/shared/errors.ts';
import { equalNames, parseName, readName, writeName } from '../../../src/dns/name.ts';
import { Writer } from '../../../src/dns/writer.ts';

function read(hex: string, offset = 0): { name: string; end: number } {
  const reader = new Reader(parseHex(hex.replaceAll(' ', '')) ?? new Uint8Array(), 'test');
  reader.offset = offset;
  return { name: readName(reader), end: reader.offset };
}

function refuses(action: () => unknown): void {
  assert.throws(action, (error: unknown) => error instanceof DecodeError);
}

test('the example of RFC 1035, 4.1.4', () => {
  // F.ISI.ARPA at 20, FOO.F.ISI.ARPA at 40, ARPA at 64, the root at 92.
  const bytes = new Uint8Array(93);
  bytes.set([1, 0x46, 3, 0x49, 0x53, 0x49, 4, 0x41, 0x52, 0x50, 0x41, 0], 20);
  bytes.set([3, 0x46, 0x4f, 0x4f, 0xc0, 20], 40);
  bytes.set([0xc0, 26], 64);
  const nameAt = (offset: number): [string, number] => {
    const reader = new Reader(bytes, 'RFC 1035');
    reader.offset = offset;
    return [readName(reader), reader.offset];
  };
  assert.equal(nameAt(20), ['F.ISI.ARPA', 32]);
  assert.equal(nameAt(40), ['FOO.F.ISI.ARPA', 46]);
  assert.equal(nameAt(64), ['ARPA', 66]);
  assert.equal(nameAt(92), ['.', 93]);
});

test('names that end the same are written once', () => {
  const writer = new Writer();
  for (const name of ['F.ISI.ARPA', 'FOO.F.ISI.ARPA', 'ARPA', '.', 'BAR.ISI.ARPA']) writeName(writer, name);
  assert.is(writer.offset, 12 + 6 + 2 + 1 + 6);
  const reader = new Reader(writer.written, 'test');
  const names = Array.from({ length: 5 }, () => readName(reader));
  assert.equal(names, ['F.ISI.ARPA', 'FOO.F.ISI.ARPA', 'ARPA', '.', 'BAR.ISI.ARPA']);
});

test('a name that may not be compressed is written whole and can be pointed at', () => {
  const writer = new Writer();
  writeName(writer, 'a.example');
  writeName(writer, 'a.example', false);
  assert.is(writer.offset, 22);
});

test('no name points past 16 KiB', () => {
  const writer = new Writer();
  writer.put(new Uint8Array(0x4000));
  writeName(writer, 'a.example');
  writeName(writer, 'a.example');
  assert.is(writer.offset, 0x4000 + 22);
});

test('odd bytes are escaped and read back', () => {
  const { name } = read('05 61 2e 5c 00 ff 01 20 00');
  assert.is(name, 'a\\.\\\\\\000\\255.\\032');
  const writer = new Writer();
  writeName(writer, name);
  assert.is(read(Buffer.from(writer.written).toString('hex')).name, name);
});

test('loops, forward pointers and unknown kinds of label are refused', () => {
  refuses(() => read('c000'));
  refuses(() => read('c002 00'));
  refuses(() => read('0161 c000'));
  refuses(() => read('0161 c002 c000', 4));
  refuses(() => read('4161'));
  refuses(() => read('8161'));
  refuses(() => read('05 6161'));
  refuses(() => read(''));
});

test('a pointer chain of 128 steps is refused, one of 127 is not', () => {
  const chain = (steps: number): { name: string } => {
    const bytes = new Uint8Array(1 + 2 * steps);
    for (let step = 0; step < steps; step++) {
      const target = step === 0 ? 0 : 2 * step - 1;
      bytes.set([0xc0 | (target >> 8), target & 0xff], 1 + 2 * step);
    }
    return read(Buffer.from(bytes).toString('hex'), bytes.length - 2);
  };
  assert.is(chain(127).name, '.');
  refuses(() => chain(128));
});

test('255 bytes are the longest name on the wire, 63 the longest label', () => {
  const label63 = 'x'.repeat(63);
  const longest = `${label63}.${label63}.${label63}.${'x'.repeat(61)}`;
  const writer = new Writer();
  writeName(writer, longest);
  assert.is(writer.offset, 255);
  assert.is(read(Buffer.from(writer.written).toString('hex')).name, longest);
  refuses(() => parseName(`${longest}x`));
  refuses(() => parseName('x'.repeat(64)));
  refuses(() => read('3f'.padEnd(128, '61').repeat(4)));
});

test('text that is no name is refused', () => {
  const texts = ['', '..', 'a..b', '.a', 'ä.example', 'a\u0000b', 'a\\', '\\256', 'a\nb'];
  for (const text of texts) refuses(() => parseName(text));
  assert.is(parseName('.').length, 0);
  assert.is(parseName('a.b.').length, 2);
});

test('names are the same in either case', () => {
  assert.ok(equalNames('WWW.Example', 'www.eXAMPLE'));
  assert.not(equalNames('www.example', 'www.example.com'));
});

test.run();
