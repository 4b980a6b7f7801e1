/** The list of time servers of a service. */

import { test } from 'uvu';
import * as assert from 'uvu/assert';
import { timeserversOf } from '../../../src/clock/timeservers.ts';

const SOURCES = {
  configured: ['c', 'd'], offered: ['d', 'o'], gateway: '192.0.2.1', global: ['g', 'c'], fallback: ['f', 'o'],
};

test('the service’s own, the network’s, the gateway, the global and the fallback ones, each once', () => {
  assert.equal(timeserversOf('auto', SOURCES), ['c', 'd', 'o', '192.0.2.1', 'g', 'f']);
});

test('nothing while the user keeps the time', () => {
  assert.equal(timeserversOf('manual', SOURCES), []);
});

test.run();
