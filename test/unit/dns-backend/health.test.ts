/** A server's health: how long it is waited for, and when it is left alone. */

import { test } from 'uvu';
import * as assert from 'uvu/assert';
import { Health } from '../../../src/dns-backend/proxy/health.ts';

test('patience follows what a server needs, within bounds', () => {
  const health = new Health();
  assert.is(health.patienceMs, 300);
  for (let count = 0; count < 50; count++) health.answered(2);
  assert.is(health.patienceMs, 100);
  for (let count = 0; count < 50; count++) health.answered(150);
  assert.ok(health.patienceMs > 150 && health.patienceMs < 300, `${health.patienceMs}`);
  for (let count = 0; count < 50; count++) health.answered(5000);
  assert.is(health.patienceMs, 800);
});

test('pauses double, one at a time, up to half a minute', () => {
  const health = new Health();
  const pauses: number[] = [];
  let nowMs = 0;
  for (let round = 0; round < 8; round++) {
    health.failed(nowMs, true);
    // What else was under way says nothing new.
    health.failed(nowMs, true);
    health.late(nowMs);
    const since = nowMs;
    while (health.isPaused(nowMs)) nowMs += 100;
    pauses.push((nowMs - since) / 1000);
  }
  assert.equal(pauses, [1, 2, 4, 8, 16, 30, 30, 30]);
  health.answered(1);
  assert.not.ok(health.isSilent);
});

test('one late answer is none, an honest refusal is a sign of life', () => {
  const health = new Health();
  health.late(0);
  assert.not.ok(health.isSilent);
  health.failed(1, false);
  health.late(2);
  assert.not.ok(health.isSilent);
});

test('a silent server is tried by one question at a time', () => {
  const health = new Health();
  health.failed(0, true);
  assert.not.ok(health.isPaused(1000));
  health.asking(1000);
  assert.ok(health.isPaused(1001));
  health.late(2000);
  assert.ok(health.isPaused(3999));
  health.asking(4000);
  assert.ok(health.isPaused(4001));
  health.answered(5);
  assert.not.ok(health.isPaused(4006));
});

test.run();
