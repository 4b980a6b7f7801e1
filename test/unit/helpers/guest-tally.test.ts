/**
 * The count of a guest's cases: what a guest that dies early leaves undone has failed.
 */

import { test } from 'uvu';
import * as assert from 'uvu/assert';
import { formatPlan, formatResult, Tally } from '../../helpers/guest/tally.ts';

const read = (...lines: string[]): Tally => {
  const tally = new Tally();
  for (const line of lines) assert.is(tally.read(line), line, 'it is passed on as it is');
  return tally;
};

const counts = (tally: Tally): string => tally.summary(1).replace(/\s+/g, ' ').trim();

test('results between other output', () => {
  const [one, two] = [formatResult(true, 'one', 12), formatResult(false, 'two', 9)];
  const tally = read(formatPlan(2), 'noise', one, 'passed as noise', two);
  assert.is(tally.isComplete, true);
  assert.is(tally.failed, 1);
  assert.is(counts(tally), 'Total: 2 Passed: 1 Skipped: 0 Duration: 1.00ms');
});

test('a guest that ends in the middle', () => {
  const tally = read(formatPlan(3), formatResult(true, 'one', 12));
  assert.is(tally.isComplete, false);
  assert.is(counts(tally), 'Total: 3 Passed: 1 Skipped: 0 Duration: 1.00ms');
});

test('a guest that never began', () => {
  const tally = read('Kernel panic - not syncing');
  assert.is(tally.isComplete, false);
  assert.is(counts(tally), 'Total: 1 Passed: 0 Skipped: 0 Duration: 1.00ms');
});

test.run();
