/** Waiting that a signal ends. */

import { test } from 'uvu';
import * as assert from 'uvu/assert';
import { unlessAborted } from '../../../src/shared/abort.ts';

const never = new Promise<never>(() => undefined);

test('what comes in time is brought, well or ill', async () => {
  const { signal } = new AbortController();
  assert.is(await unlessAborted(Promise.resolve(7), signal), 7);
  assert.is(await unlessAborted(Promise.reject(new Error('no')), signal).catch(String), 'Error: no');
});

test('a signal that is aborted, before or meanwhile, ends it with its reason', async () => {
  assert.is(await unlessAborted(never, AbortSignal.abort('before')).catch(String), 'before');
  const controller = new AbortController();
  const waiting = unlessAborted(never, controller.signal).catch(String);
  controller.abort('meanwhile');
  assert.is(await waiting, 'meanwhile');
});

test('what fails too late is nobody\'s error', async () => {
  const late = new Promise<never>((_, reject) => setImmediate(() => reject(new Error('late'))));
  assert.is(await unlessAborted(late, AbortSignal.abort('before')).catch(String), 'before');
  await new Promise(setImmediate);
});

test.run();
