/** The test clock itself: order, settling, suspends, and what `withScope` calls a leak. */

import { test } from 'uvu';
import * as assert from 'uvu/assert';
import { createScope } from '../../../src/shared/scope.ts';
import { FakeClock } from '../../helpers/fake-clock.ts';
import { withScope } from '../../helpers/with-scope.ts';

test('timers fire at their own time and promises settle between them', withScope(async ({ scope, clock }) => {
  const seen: string[] = [];
  clock.after('late', 200, scope, () => void seen.push(`late ${clock.now()}`));
  clock.after('early', 100, scope, () => {
    void Promise.resolve().then(() => {
      seen.push(`promise ${clock.now()}`);
      clock.after('made', 50, scope, () => void seen.push(`made ${clock.now()}`));
    });
  });
  await clock.advance(1000);
  assert.equal(seen, ['promise 1100', 'made 1150', 'late 1200']);
  assert.is(clock.now(), 2000);
  assert.is(clock.wallTime().toISOString(), '2025-01-01T00:00:01.000Z');
}));

test('a suspend fires what came due at its end', withScope(async ({ scope, clock }) => {
  const seen: number[] = [];
  clock.after('one', 100, scope, () => void seen.push(clock.now()));
  clock.after('two', 200, scope, () => void seen.push(clock.now()));
  await clock.suspend(5000);
  assert.equal(seen, [6000, 6000]);
}));

test('what a timer sets to its own moment fires in the same advance', withScope(async ({ scope, clock }) => {
  let count = 0;
  const alarm = clock.alarm('again', scope, () => {
    if (++count < 3) alarm.set(clock.now());
  });
  alarm.set(clock.now() + 100);
  await clock.advance(100);
  assert.is(count, 3);
}));

test('advanceToNext stops at the earliest timer', withScope(async ({ scope, clock }) => {
  clock.after('one', 100, scope, () => undefined);
  assert.ok(await clock.advanceToNext());
  assert.is(clock.now(), 1100);
  assert.not.ok(await clock.advanceToNext());
}));

test('a stepped wall clock leaves boot time alone', () => {
  const clock = new FakeClock();
  clock.stepWallTime(-86_400_000);
  assert.is(clock.now(), 1000);
  assert.is(clock.wallTime().toISOString(), '2024-12-31T00:00:00.000Z');
});

test('withScope fails on a timer that outlives its scope', async () => {
  const other = createScope();
  const leaky = withScope(({ clock }) => clock.after('forgotten', 10, other, () => undefined));
  const error = await leaky().then(() => undefined, (reason: unknown) => reason);
  assert.ok(error instanceof Error && error.message.includes('timers outlive'));
  await other.close();
});

test('withScope fails on anything watched that is still alive', async () => {
  const leaky = withScope(({ watch }) => watch('sockets', () => 1));
  const error = await leaky().then(() => undefined, (reason: unknown) => reason);
  assert.ok(error instanceof Error && error.message.includes('sockets outlive'));
});

test.run();
