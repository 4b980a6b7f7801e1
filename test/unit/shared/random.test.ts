/** The kernel's randomness: ranges, and that numbers differ across the pool's borders. */

import { test } from 'uvu';
import * as assert from 'uvu/assert';
import { systemRandom } from '../../../src/shared/random.ts';

test('32 bits, all of them used, none repeated', () => {
  const draws = Array.from({ length: 1000 }, () => systemRandom.u32());
  assert.ok(draws.every((draw) => Number.isInteger(draw) && draw >= 0 && draw <= 0xffff_ffff));
  for (let bit = 0; bit < 32; bit++) {
    const ones = draws.filter((draw) => (draw >>> bit) & 1).length;
    // 500 expected, standard deviation 16: twelve of them do not happen.
    assert.ok(ones > 300 && ones < 700, `bit ${bit} was set ${ones} times`);
  }
  // About 1e-4 for one repetition, 1e-8 for two.
  assert.ok(new Set(draws).size > 997);
});

test('fractions stay below one', () => {
  const draws = Array.from({ length: 1000 }, () => systemRandom.fraction());
  assert.ok(draws.every((draw) => draw >= 0 && draw < 1));
  const mean = draws.reduce((sum, draw) => sum + draw, 0) / draws.length;
  assert.ok(mean > 0.4 && mean < 0.6);
});

test.run();
