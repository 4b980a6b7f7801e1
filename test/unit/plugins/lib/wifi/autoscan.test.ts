/** When the air is searched while nothing is connected. */

import { test } from 'uvu';
import * as assert from 'uvu/assert';
import { nextSearchAt } from '../../../../../plugins/lib/wifi/search.ts';
import { afterTick, type Autoscan, startAutoscan, STOPPED } from '../../../../../plugins/lib/wifi/autoscan.ts';

test('ever rarer, at most every five minutes', () => {
  const gaps: number[] = [];
  let now = 1000;
  let state: Autoscan = startAutoscan(STOPPED, now);
  for (let count = 0; count < 8 && state.name === 'waiting'; count++) {
    gaps.push((state.dueMs - now) / 1000);
    now = state.dueMs;
    state = afterTick(state, now, true);
  }
  assert.equal(gaps, [3, 9, 27, 81, 243, 300, 300, 300]);
});

test('a second start changes nothing, and without background scanning there is one scan', () => {
  const state = startAutoscan(STOPPED, 0);
  assert.is(startAutoscan(state, 2000), state);
  assert.is(afterTick(state, 3000, false), STOPPED);
  assert.is(afterTick(STOPPED, 3000, true), STOPPED);
});

test('who was gone for a while is looked for ever rarer, at most every minute', () => {
  const gaps: number[] = [];
  for (let now = 1000; now < 1000 + 40 * 60_000;) {
    const next = nextSearchAt(1000, now);
    gaps.push(Math.round((next - now) / 1000));
    now = next;
  }
  assert.equal([gaps[0], gaps.at(-1)], [2, 60]);
  assert.equal(gaps, gaps.toSorted((one, other) => one - other));
  assert.is(gaps.filter((gap) => gap === 2).length, 20, 'two seconds for the first forty');
});

test.run();
