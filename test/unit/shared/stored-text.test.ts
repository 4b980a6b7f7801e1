/** Passphrases as ConnMan stores them. */

import * as fc from 'fast-check';
import { test } from 'uvu';
import * as assert from 'uvu/assert';
import { escapeText, unescapeText } from '../../../src/shared/stored-text.ts';

test('as glib writes it', () => {
  assert.is(escapeText('a"b\\c\té\u0001'), 'a\\"b\\\\c\\t\\303\\251\\001');
  assert.is(unescapeText('a\\"b\\\\c\\t\\303\\251\\1'), 'a"b\\c\té\u0001');
  assert.is(unescapeText('plain \\q \\'), 'plain q \\');
});

test('any text comes back', () => {
  fc.assert(fc.property(fc.string({ unit: 'binary' }), (text) => {
    const bytes = Buffer.from(text).toString(); // lone surrogates are no text
    const escaped = escapeText(bytes);
    assert.match(escaped, /^[\x20-\x7e]*$/);
    assert.is(unescapeText(escaped), bytes);
  }));
});

test.run();
