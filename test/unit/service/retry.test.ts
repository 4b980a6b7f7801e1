/** When services that failed are tried again. */

import { test } from 'uvu';
import * as assert from 'uvu/assert';
import { retryDelayMs } from '../../../src/service/retry.ts';

test('ever rarer, up to five minutes', () => {
  const delays = [1, 2, 3, 7, 8, 1_000_000].map((failures) =>
    retryDelayMs({ failures, error: 'connect-failed', isWanted: true }, 0));
  assert.equal(delays, [5_000, 10_000, 20_000, 300_000, 300_000, 300_000]);
});

test('a refused key is tried as rarely as can be', () => {
  assert.is(retryDelayMs({ failures: 1, error: 'invalid-key', isWanted: true }, 0), 300_000);
});

test('nobody wants it, unless main.conf does', () => {
  assert.is(retryDelayMs({ failures: 1, error: 'connect-failed', isWanted: false }, 0), undefined);
  assert.is(retryDelayMs({ failures: 9, error: 'invalid-key', isWanted: false }, 30), 30_000);
});

test.run();
