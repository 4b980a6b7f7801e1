/** When a link counts as dead and what is done about it: states and times in, actions out. */

import { test } from 'uvu';
import * as assert from 'uvu/assert';
import {
  type Health, type HealthAction, nextTickAt, stepStates, stepTime, WELL,
} from '../../../src/dead-link/machine.ts';
import type { NeighbourState } from '../../../src/netlink/neighbour/neighbour.ts';

/** Plays states by the second they come at, with ticks when they are due; what was done, by the second. */
function play(states: Readonly<Record<number, readonly NeighbourState[]>>, seconds: number): string[] {
  let health: Health = WELL;
  const done: string[] = [];
  const take = (second: number, next: { health: Health; action: HealthAction }): void => {
    health = next.health;
    if (next.action !== undefined) done.push(`${second} ${next.action}`);
  };
  for (let second = 0; second <= seconds; second++) {
    const now = second * 1000;
    const came = states[second];
    if (came !== undefined) take(second, stepStates(health, came, now));
    const tickAt = nextTickAt(health);
    if (tickAt !== undefined && tickAt <= now) take(second, stepTime(health, now));
  }
  return done;
}

test('a gateway that answers, or has not been heard of, is left alone', () => {
  assert.equal(play({ 0: ['reachable'], 1: ['delay'], 2: ['probe'], 3: ['reachable'] }, 1000), []);
  assert.equal(play({ 0: ['none'] }, 1000), []);
  assert.equal(play({ 0: [] }, 1000), []);
  assert.equal(play({ 0: ['permanent'], 10: ['noarp'] }, 1000), []);
});

test('one that nobody has spoken to for two minutes is asked, for as long as that lasts', () => {
  assert.equal(play({ 10: ['stale'] }, 400), ['130 ask', '250 ask', '370 ask']);
  assert.equal(play({ 10: ['stale'], 100: ['reachable'], 110: ['stale'] }, 240), ['230 ask']);
});

test('one that does not answer: joined anew at once, then ever later, asked in between', () => {
  const failing = Object.fromEntries(Array.from({ length: 400 }, (_, index) => [index * 10, ['failed'] as const]));
  const revivals = play(failing, 3990).filter((line) => line.endsWith('revive'));
  const seconds = revivals.map((line) => Number.parseInt(line, 10));
  assert.equal(seconds, [0, 30, 90, 210, 450, 930, 1530, 2130, 2730, 3330, 3930]);
  assert.equal(play({ 0: ['failed'] }, 100), ['0 revive', '30 ask', '60 ask', '90 ask']);
});

test('one that answers again is well, and the next failure is as the first', () => {
  assert.equal(play({ 0: ['failed'], 5: ['reachable'], 10: ['failed'] }, 20), ['0 revive', '10 revive']);
});

test('a link is dead when no gateway of either family answers', () => {
  assert.equal(play({ 0: ['failed', 'reachable'], 1: ['failed', 'stale'], 2: ['failed', 'none'] }, 100), []);
  assert.equal(play({ 0: ['failed', 'failed'] }, 10), ['0 revive']);
});

test.run();
