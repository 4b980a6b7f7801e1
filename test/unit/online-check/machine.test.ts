/** The online check's machine: intervals, thresholds, and that every outcome has a next time. */

import fc from 'fast-check';
import { test } from 'uvu';
import * as assert from 'uvu/assert';
import {
  begin, combineStandings, intervalMs, nextTickAt, restart, settle, tick, type MachineOptions, type Outcome, type State,
} from '../../../src/online-check/machine.ts';

const ONLINE: Outcome = { kind: 'online' };
const PORTAL: Outcome = { kind: 'portal', url: 'http://portal.example/' };
const FAILED: Outcome = { kind: 'failed', reason: 'status', detail: 'HTTP status 500' };

const ONE_SHOT: MachineOptions = {
  mode: 'one-shot',
  initialInterval: 1,
  maxInterval: 4,
  intervalStyle: 'geometric',
  failuresThreshold: 2,
  successesThreshold: 2,
};
const CONTINUOUS: MachineOptions = { ...ONE_SHOT, mode: 'continuous', failuresThreshold: 3, successesThreshold: 3 };

/** Runs one check after another; tells standing and the pause after each, in seconds. */
function play(options: MachineOptions, outcomes: readonly Outcome[], from: State = begin(options)): string[] {
  let state = from;
  let now = 1000;
  return outcomes.map((outcome) => {
    state = settle(state, outcome, options, now);
    const at = nextTickAt(state);
    const pause = at === undefined ? 'end' : String((at - now) / 1000);
    now = at ?? now;
    state = tick(state, now);
    return `${state.standing} ${pause}`;
  });
}

function times<T>(count: number, value: T): T[] {
  return Array<T>(count).fill(value);
}

test('a machine begins by checking', () => {
  assert.is(begin(ONE_SHOT).name, 'checking');
  assert.is(nextTickAt(begin(ONE_SHOT)), undefined);
});

test('one-shot: a success ends it', () => {
  assert.equal(play(ONE_SHOT, [ONLINE]), ['online end']);
});

test('one-shot: failures and portals are retried for ever, along the series', () => {
  assert.equal(play(ONE_SHOT, [FAILED, PORTAL, FAILED, FAILED, PORTAL, FAILED, ONLINE]), [
    'unknown 1', 'unknown 4', 'unknown 9', 'unknown 16', 'unknown 16', 'unknown 16', 'online end',
  ]);
});

test('the Fibonacci series', () => {
  const seconds = [1, 2, 3, 4, 5, 6, 7, 12].map((step) => intervalMs('fibonacci', step) / 1000);
  assert.equal(seconds, [1, 1, 2, 3, 5, 8, 13, 144]);
  assert.is(intervalMs('geometric', 12), 144_000);
});

test('continuous: online at the first success, then at the longest pause', () => {
  assert.equal(play(CONTINUOUS, [ONLINE, ONLINE, ONLINE]), times(3, 'online 16'));
});

test('continuous: failed after three failures in a row, online again after three successes', () => {
  assert.equal(play(CONTINUOUS, [ONLINE, FAILED, PORTAL, FAILED, FAILED, ONLINE, ONLINE, ONLINE, ONLINE]), [
    'online 16', 'online 1', 'online 4', 'failed 9', 'failed 16', 'failed 1', 'failed 4', 'online 16', 'online 16',
  ]);
});

test('continuous: a failure between successes begins their count anew', () => {
  const outcomes = [...times(3, FAILED), ONLINE, ONLINE, FAILED, ONLINE, ONLINE, ONLINE];
  assert.equal(play(CONTINUOUS, outcomes).map((line) => line.split(' ')[0]), [
    'unknown', 'unknown', 'failed', 'failed', 'failed', 'failed', 'failed', 'failed', 'online',
  ]);
});

test('continuous: a success between failures begins their count anew', () => {
  const outcomes = [ONLINE, FAILED, FAILED, ONLINE, FAILED, FAILED, FAILED];
  assert.equal(play(CONTINUOUS, outcomes).at(-2), 'online 4');
  assert.equal(play(CONTINUOUS, outcomes).at(-1), 'failed 9');
});

test('continuous: a threshold of one acts at once', () => {
  const options = { ...CONTINUOUS, failuresThreshold: 1, successesThreshold: 1 };
  assert.equal(play(options, [FAILED, ONLINE, FAILED]), ['failed 1', 'online 16', 'failed 1']);
});

test('a tick before its time changes nothing, one in time checks', () => {
  const waiting = settle(begin(ONE_SHOT), FAILED, ONE_SHOT, 5000);
  assert.is(nextTickAt(waiting), 6000);
  assert.is(tick(waiting, 5999), waiting);
  assert.is(tick(waiting, 6000).name, 'checking');
  const done = settle(begin(ONE_SHOT), ONLINE, ONE_SHOT, 5000);
  assert.is(tick(done, Infinity), done);
});

test('a restart checks at once, begins the series anew and keeps the standing', () => {
  const done = settle(begin(ONE_SHOT), ONLINE, ONE_SHOT, 0);
  const again = restart(done, ONE_SHOT);
  assert.is(again.name, 'checking');
  assert.is(again.standing, 'online');
  assert.equal(play(ONE_SHOT, [FAILED, FAILED], again), ['online 1', 'online 4']);
});

test('a service is online with one family, failed only with all', () => {
  assert.is(combineStandings([]), 'unknown');
  assert.is(combineStandings(['failed']), 'failed');
  assert.is(combineStandings(['failed', 'unknown']), 'unknown');
  assert.is(combineStandings(['failed', 'online']), 'online');
  assert.is(combineStandings(['failed', 'failed']), 'failed');
});

test('whatever happens, a next check is planned within the longest pause, or one-shot has succeeded', () => {
  const outcome = fc.constantFrom(ONLINE, PORTAL, FAILED);
  const options: fc.Arbitrary<MachineOptions> = fc.record({
    mode: fc.constantFrom('one-shot', 'continuous'),
    initialInterval: fc.integer({ min: 1, max: 12 }),
    maxInterval: fc.integer({ min: 12, max: 20 }),
    intervalStyle: fc.constantFrom('geometric', 'fibonacci'),
    failuresThreshold: fc.integer({ min: 1, max: 6 }),
    successesThreshold: fc.integer({ min: 1, max: 6 }),
  });
  fc.assert(fc.property(options, fc.array(outcome, { maxLength: 60 }), (given, outcomes) => {
    let state = begin(given);
    let now = 0;
    for (const each of outcomes) {
      state = settle(state, each, given, now);
      const at = nextTickAt(state);
      if (at === undefined) {
        assert.ok(given.mode === 'one-shot' && each.kind === 'online');
        return;
      }
      assert.ok(at > now && at - now <= intervalMs(given.intervalStyle, given.maxInterval));
      now = at;
      state = tick(state, now);
      assert.is(state.name, 'checking');
    }
  }));
});

test.run();
