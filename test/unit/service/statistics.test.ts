/** What a service has carried: differences of its link's counters, and time. */

import { test } from 'uvu';
import * as assert from 'uvu/assert';
import { NO_USAGE, Statistics, type Traffic } from '../../../src/service/statistics.ts';

const traffic = (rxBytes: number, txBytes = 0): Traffic => {
  const { timeSec: _, ...none } = NO_USAGE;
  return { ...none, rxBytes, txBytes };
};

test('counts from when it was connected, home and roaming apart', () => {
  const statistics = new Statistics();
  statistics.update(traffic(50), 0, 'home');
  assert.equal(statistics.home, NO_USAGE, 'nothing while not connected');
  statistics.begin(traffic(100), 1000);
  statistics.update(traffic(130, 7), 4500, 'home');
  assert.equal(statistics.home, { ...NO_USAGE, rxBytes: 30, txBytes: 7, timeSec: 3 });
  statistics.update(traffic(131, 7), 5100, 'roaming');
  assert.equal(statistics.home, { ...NO_USAGE, rxBytes: 30, txBytes: 7, timeSec: 3 });
  assert.equal(statistics.roaming, { ...NO_USAGE, rxBytes: 1, timeSec: 1 }, 'the half second before counts too');
  statistics.end();
  statistics.update(traffic(500), 90_000, 'home');
  assert.is(statistics.home.rxBytes, 30);
  statistics.begin(traffic(500), 100_000);
  statistics.update(traffic(501), 100_000, 'home');
  assert.is(statistics.home.rxBytes, 31, 'a later connection adds to it');
});

test('a driver that counts from zero again takes nothing away', () => {
  const statistics = new Statistics();
  statistics.begin(traffic(1000), 0);
  statistics.update(traffic(40), 0, 'home');
  assert.is(statistics.home.rxBytes, 40);
});

test('32 bits wrap around, and reset begins anew', () => {
  const statistics = new Statistics();
  statistics.begin(traffic(0), 0);
  statistics.update(traffic(2 ** 32 + 5), 2000, 'home');
  assert.equal(statistics.home, { ...NO_USAGE, rxBytes: 5, timeSec: 2 });
  statistics.reset();
  assert.equal(statistics.home, NO_USAGE);
  statistics.update(traffic(2 ** 32 + 6), 3000, 'home');
  assert.equal(statistics.home, { ...NO_USAGE, rxBytes: 1, timeSec: 1 });
});

test('without a sample time counts on, and the next sample is the first', () => {
  const statistics = new Statistics();
  statistics.begin(undefined, 0);
  statistics.update(undefined, 1000, 'home');
  statistics.update(traffic(70), 2000, 'home');
  statistics.update(traffic(71), 2000, 'home');
  assert.equal(statistics.home, { ...NO_USAGE, rxBytes: 1, timeSec: 2 });
});

test.run();
