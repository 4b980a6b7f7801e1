/** Which servers are believed. */

import fc from 'fast-check';
import { test } from 'uvu';
import * as assert from 'uvu/assert';
import { select, type Claim } from '../../../src/ntp/select.ts';

const claim = (name: string, baseMs: number, distanceMs: number) => ({ name, baseMs, distanceMs });

/** Claims → the names of those believed, best first. */
const CASES: readonly (readonly [string, readonly (readonly [string, number, number])[], string])[] = [
  ['nobody', [], ''],
  ['one alone', [['a', 5, 10]], 'a'],
  ['two that agree', [['a', 0, 10], ['b', 8, 5]], 'ba'],
  ['two that contradict each other: the first', [['a', 100, 10], ['b', 0, 1]], 'a'],
  ['two whose intervals only touch', [['a', 0, 10], ['b', 20, 10]], 'ab'],
  ['one of three is false', [['a', 0, 10], ['x', 500, 1], ['b', 3, 20]], 'ab'],
  ['precise and false does not win', [['a', 0, 30], ['b', 10, 30], ['x', 90, 1]], 'ab'],
  ['three of five against two that agree', [
    ['x', 900, 5], ['a', 0, 10], ['y', 901, 5], ['b', 4, 10], ['c', -4, 10],
  ], 'abc'],
  ['two against two: nobody', [['a', 0, 5], ['b', 1, 5], ['x', 90, 5], ['y', 91, 5]], ''],
  ['three of whom none agrees with another', [['a', 0, 5], ['b', 50, 5], ['c', 90, 5]], ''],
  ['a vague one agrees with the majority', [['a', 0, 5], ['b', 2, 5], ['c', 400, 1000]], 'abc'],
];

for (const [what, claims, wanted] of CASES) {
  test(what, () => {
    const chosen = select(claims.map(([name, baseMs, distanceMs]) => claim(name, baseMs, distanceMs)));
    assert.is(chosen.map(({ name }) => name).join(''), wanted);
  });
}

const ms = (min: number, max: number) => fc.integer({ min, max });
const truthful = fc.record({ error: fc.double({ min: -1, max: 1, noNaN: true }), distanceMs: ms(1, 500) });
const liar = fc.record({ baseMs: ms(-10_000, 10_000), distanceMs: ms(1, 50) });
const both = fc.tuple(fc.array(truthful, { minLength: 3, maxLength: 5 }), fc.array(liar, { maxLength: 2 }));

test('a majority that tells the truth is never outvoted, however the others lie', () => {
  fc.assert(fc.property(both, ([some, liars]) => {
    const honest = some.map(({ error, distanceMs }) => ({ baseMs: error * distanceMs, distanceMs }));
    const claims: Claim[] = [...honest, ...liars];
    const chosen = select(claims);
    const widestMs = Math.max(...some.map((each) => each.distanceMs));
    assert.ok(chosen.length >= some.length - liars.length);
    // Whoever is believed meets an interval that most of the truthful share; the time is not far from it.
    for (const { baseMs, distanceMs } of chosen) assert.ok(Math.abs(baseMs) <= 2 * widestMs + distanceMs);
  }));
});

test.run();
