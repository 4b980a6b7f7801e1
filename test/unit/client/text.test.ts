/** Text on terminals: nothing that `clean` lets through moves, colours or turns; widths are kept. */

import fc from 'fast-check';
import { test } from 'uvu';
import * as assert from 'uvu/assert';
import { COMMANDS } from '../../../src/client/commands.ts';
import { formatCommandHelp, formatHelp } from '../../../src/client/commands/help.ts';
import { clean, displayWidth, fit, padBytes, wrap } from '../../../src/client/text.ts';

test('no control character survives, whatever the text', () => {
  const bytes = fc.uint8Array({ maxLength: 64 }).map((some) => Buffer.from(some).toString('latin1'));
  const text = fc.oneof(fc.string({ unit: 'binary' }), bytes, fc.constant('\x1b[2J\x9b\u202e\u2028\r\n'));
  fc.assert(
    fc.property(text, (some) => {
      assert.not.match(clean(some), /[\x00-\x1f\x7f-\x9f\u2028\u2029\u202a-\u202e\u2066-\u2069]/);
      assert.is(clean(clean(some)), clean(some));
    }),
  );
  assert.is(clean('a\x1b[31mb\n\u202e'), 'a\\x1b[31mb\\x0a\\u{202e}');
  assert.is(clean('Müller 部屋 👍🏽'), 'Müller 部屋 👍🏽');
});

test('what is fitted is as wide as asked', () => {
  fc.assert(
    fc.property(fc.string({ unit: 'grapheme' }), fc.integer({ min: 1, max: 40 }), (some, columns) => {
      assert.is(displayWidth(fit(clean(some), columns)), columns);
    }),
  );
  assert.is(displayWidth('部屋'), 4);
  assert.is(displayWidth('e\u0301'), 1);
  assert.is(fit('部屋の無線', 6), '部屋… ');
  assert.is(fit('abc', 5), 'abc  ');
});

test('lines are broken between words, and no word is lost', () => {
  const word = fc.constantFrom('word', '--option', '<a|b>', ' ', '  ', 'no-break', '部屋', 'Müller', '(4.');
  fc.assert(
    fc.property(fc.array(word, { maxLength: 30 }), fc.integer({ min: 20, max: 100 }), (some, columns) => {
      const line = some.join(' ');
      const words = (text: string): string => text.trim().split(/\s+/).join(' ');
      const wrapped = wrap(line, columns);
      assert.is(words(wrapped), words(line));
      for (const each of wrapped.split('\n')) assert.ok(displayWidth(each.trimEnd()) <= columns, each);
    }),
  );
  assert.is(wrap('as it is\tshort', 21), 'as it is\tshort');
  assert.is(wrap('as it is\tshort', 20), 'as it is\n    short');
  assert.is(wrap('config          <service>     Set options', 30), 'config          <service>\n    Set options');
  assert.is(wrap('  A sentence is broken.', 14), '  A sentence\n    is broken.');
});

for (const columns of [40, 60, 100]) {
  test(`help fits ${columns} columns`, () => {
    const all = [formatHelp(false), ...COMMANDS.map(formatCommandHelp)].map((text) => wrap(text, columns));
    for (const line of all.join('').split('\n')) {
      const isOneWord = /^\s*\S*$/.test(line);
      const parts = line.split('\t');
      const shown = parts.reduce((before, part) => before.padEnd(8 * Math.floor(before.length / 8) + 8) + part);
      assert.ok(isOneWord || displayWidth(shown) <= columns, line);
    }
  });
}

test('ConnMan pads by bytes', () => {
  assert.is(padBytes('Müller', 8), 'Müller ');
  assert.is(padBytes('longer than that', 4), 'longer than that');
});

test.run();
