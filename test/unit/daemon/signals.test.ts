/** Signals, sent by this process to itself. */

import { test } from 'uvu';
import * as assert from 'uvu/assert';
import { handleSignals } from '../../../src/daemon/signals.ts';
import { createScope } from '../../../src/shared/scope.ts';

// Signals reach the loop by a pipe: a later one of another kind proves that the earlier arrived.
async function arrived(): Promise<void> {
  const heard = new Promise<void>((resolve) => process.once('SIGWINCH', () => resolve()));
  const alive = setTimeout(() => undefined, 10_000);
  process.kill(process.pid, 'SIGWINCH');
  await heard;
  clearTimeout(alive);
}

test('the first request to end counts, reloads as often as they come', async () => {
  const scope = createScope();
  const seen: string[] = [];
  handleSignals({ terminate: (signal) => seen.push(signal), reload: () => seen.push('reload') }, scope);
  for (const signal of ['SIGHUP', 'SIGUSR1', 'SIGINT', 'SIGTERM', 'SIGINT', 'SIGHUP'] as const) {
    process.kill(process.pid, signal);
    await arrived();
  }
  assert.equal(seen, ['reload', 'SIGINT', 'reload']);
  const others = ['SIGHUP', 'SIGINT', 'SIGTERM', 'SIGUSR1'].map((signal) => process.listenerCount(signal));
  assert.equal(others, [1, 1, 1, 1]);
  await scope.close();
  assert.is(process.listenerCount('SIGTERM'), 0);
});

test.run();
