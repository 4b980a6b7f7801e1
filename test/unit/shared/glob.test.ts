/** Patterns of the command line. */

import fc from 'fast-check';
import { test } from 'uvu';
import * as assert from 'uvu/assert';
import { matchesGlob } from '../../../src/shared/glob.ts';

const CASES: readonly (readonly [pattern: string, text: string, matches: boolean])[] = [
  ['', '', true],
  ['', 'a', false],
  ['*', '', true],
  ['*', 'src/service.ts', true],
  ['eth0', 'eth0', true],
  ['eth0', 'eth01', false],
  ['eth?', 'eth0', true],
  ['eth?', 'eth', false],
  ['eth?', 'eth10', false],
  ['eth*', 'eth', true],
  ['*0', 'eth00', true],
  ['*ab', 'aab', true],
  ['a*b*c', 'axxbxbxc', true],
  ['a*b*c', 'axxbxbx', false],
  ['plugins/*.ts', 'plugins/wifi/scan.ts', true],
  ['src/*.ts', 'plugins/wifi.ts', false],
  ['**', 'x', true],
  ['a.c', 'abc', false],
  ['[a]', 'a', false],
  ['[a]', '[a]', true],
];

for (const [pattern, text, matches] of CASES) {
  test(`${pattern} ${matches ? 'matches' : 'does not match'} ${text}`, () => {
    assert.is(matchesGlob(pattern, text), matches);
  });
}

test('agrees with a regular expression', () => {
  const letters = fc.string({ unit: fc.constantFrom('a', 'b', '*', '?'), maxLength: 8 });
  fc.assert(
    fc.property(letters, fc.string({ unit: fc.constantFrom('a', 'b'), maxLength: 10 }), (pattern, text) => {
      const source = pattern.replaceAll('*', '.*').replaceAll('?', '.');
      assert.is(matchesGlob(pattern, text), new RegExp(`^${source}$`).test(text));
    }),
  );
});

test('many stars are not slow', () => {
  const started = performance.now();
  assert.not(matchesGlob(`${'*a'.repeat(50)}b`, 'a'.repeat(5000)));
  assert.ok(performance.now() - started < 1000);
});

test.run();
