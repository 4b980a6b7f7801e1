/** The deadline clock on a time source in the test's hand, and Node's time source itself. */

import fc from 'fast-check';
import { test } from 'uvu';
import * as assert from 'uvu/assert';
import { DeadlineClock, nodeTimeSource } from '../../../src/shared/clock.ts';
import { setLogSink } from '../../../src/shared/log.ts';
import { createScope } from '../../../src/shared/scope.ts';
import { ManualTimeSource } from '../../helpers/fake-clock.ts';
import { withScope } from '../../helpers/with-scope.ts';

test(
  'fires once, at its time, and asks to be woken for the earliest only',
  withScope(async ({ scope }) => {
    const source = new ManualTimeSource();
    const clock = new DeadlineClock(source);
    const seen: string[] = [];
    clock.after('late', 50, scope, () => void seen.push('late'));
    assert.is(source.wantedAt, 1050);
    clock.after('early', 20, scope, () => void seen.push('early'));
    assert.is(source.wantedAt, 1020);
    assert.equal(clock.pending(), [{ name: 'early', inMs: 20 }, { name: 'late', inMs: 50 }]);
    source.jump(20);
    source.wake();
    assert.equal(seen, ['early']);
    assert.is(source.wantedAt, 1050);
    source.jump(100);
    source.wake();
    assert.equal(seen, ['early', 'late']);
    assert.is(source.wantedAt, undefined);
    assert.equal(clock.pending(), []);
  }),
);

test(
  'waking early fires nothing and asks again',
  withScope(({ scope }) => {
    const source = new ManualTimeSource();
    const clock = new DeadlineClock(source);
    clock.after('timer', 10, scope, () => assert.unreachable());
    source.jump(9);
    source.wake();
    assert.is(source.wantedAt, 1010);
  }),
);

test(
  'equal deadlines fire in the order they were set',
  withScope(async ({ scope, clock }) => {
    const seen: number[] = [];
    for (let index = 0; index < 100; index++) clock.after(`timer ${index}`, 5, scope, () => void seen.push(index));
    await clock.advance(5);
    assert.equal(seen, Array.from({ length: 100 }, (_, index) => index));
  }),
);

test(
  'closing the scope takes the timer away',
  withScope(async ({ scope, clock }) => {
    const own = scope.child();
    clock.after('timer', 5, own, () => assert.unreachable());
    clock.alarm('alarm', own, () => assert.unreachable()).set(clock.now() + 5);
    await own.close();
    assert.equal(clock.pending(), []);
    clock.after('too late', 5, own, () => assert.unreachable());
    await clock.advance(10);
  }),
);

test(
  'one timer may take another away that is due as well',
  withScope(async ({ scope, clock }) => {
    const own = scope.child();
    clock.after('first', 5, scope, () => void own.close());
    clock.after('second', 5, own, () => assert.unreachable());
    await clock.advance(5);
  }),
);

test(
  'an alarm is set again, cleared, and dead with its scope',
  withScope(async ({ scope, clock }) => {
    const own = scope.child();
    let fired = 0;
    const alarm = clock.alarm('alarm', own, () => void fired++);
    alarm.set(clock.now() + 10);
    alarm.set(clock.now() + 20);
    await clock.advance(19);
    assert.is(fired, 0);
    await clock.advance(1);
    assert.is(fired, 1);
    alarm.set(clock.now() + 10);
    alarm.set(undefined);
    await clock.advance(100);
    assert.is(fired, 1);
    await own.close();
    alarm.set(clock.now() + 1);
    assert.equal(clock.pending(), []);
  }),
);

test(
  'an alarm that sets itself to the past does not hold the loop',
  withScope(async ({ scope }) => {
    const source = new ManualTimeSource();
    const clock = new DeadlineClock(source);
    let fired = 0;
    const alarm = clock.alarm('alarm', scope, () => {
      fired++;
      alarm.set(clock.now() - 1);
    });
    alarm.set(clock.now());
    source.wake();
    assert.is(fired, 1);
    assert.ok(source.wantedAt !== undefined && source.wantedAt > clock.now() && source.wantedAt < clock.now() + 1);
    alarm.set(undefined);
  }),
);

test(
  'a timer that throws is logged and stops no other',
  withScope(async ({ scope, clock }) => {
    const lines: string[] = [];
    const before = setLogSink((_level, line) => void lines.push(line));
    let fired = 0;
    clock.after('broken', 1, scope, () => {
      throw new Error('no');
    });
    clock.after('sound', 1, scope, () => void fired++);
    await clock.advance(1);
    setLogSink(before);
    assert.is(fired, 1);
    assert.match(lines.join(), /timer broken failed: Error: no/);
  }),
);

test(
  'a deadline aborts with OperationTimeout',
  withScope(async ({ scope, clock }) => {
    const signal = clock.deadline('deadline', 10, new AbortController().signal, scope);
    await clock.advance(9);
    assert.not(signal.aborted);
    await clock.advance(1);
    assert.is(signal.reason.code, 'OperationTimeout');
    assert.equal(clock.pending(), []);
  }),
);

test(
  'a deadline aborts with its signal, and the timer goes',
  withScope(({ scope, clock }) => {
    const controller = new AbortController();
    const signal = clock.deadline('deadline', 10, controller.signal, scope);
    controller.abort('enough');
    assert.is(signal.reason, 'enough');
    assert.equal(clock.pending(), []);
    assert.is(clock.deadline('deadline', 10, controller.signal, scope).reason, 'enough');
    assert.equal(clock.pending(), []);
  }),
);

test(
  'a deadline whose scope closes neither fires nor follows',
  withScope(async ({ scope, clock }) => {
    const own = scope.child();
    const controller = new AbortController();
    const signal = clock.deadline('deadline', 10, controller.signal, own);
    await own.close();
    controller.abort();
    await clock.advance(20);
    assert.not(signal.aborted);
  }),
);

test('fires in order whatever is set, moved and cleared', async () => {
  const step = fc.record({ alarm: fc.nat(9), at: fc.option(fc.nat(100), { nil: undefined }) });
  await fc.assert(
    fc.asyncProperty(fc.array(step, { maxLength: 60 }), async (steps) => {
      const scope = createScope();
      const source = new ManualTimeSource();
      const clock = new DeadlineClock(source);
      const fired: number[] = [];
      const wanted = new Map<number, number>();
      const alarms = Array.from({ length: 10 }, (_, index) => {
        return clock.alarm(`${index}`, scope, () => void fired.push(index));
      });
      for (const { alarm, at } of steps) {
        alarms[alarm]?.set(at === undefined ? undefined : 1000 + at);
        if (at === undefined) wanted.delete(alarm);
        else wanted.set(alarm, at);
      }
      const earliest = wanted.size === 0 ? undefined : 1000 + Math.min(...wanted.values());
      assert.is(source.wantedAt, earliest);
      source.jump(100);
      if (earliest !== undefined) source.wake();
      assert.equal(new Set(fired), new Set(wanted.keys()));
      assert.is(fired.length, wanted.size);
      const times = fired.map((index) => wanted.get(index) ?? -1);
      assert.equal(times, [...times].sort((one, other) => one - other));
      await scope.close();
    }),
  );
});

test("Node's time wakes no earlier than asked, and can be told off", async () => {
  const source = nodeTimeSource();
  const wokenAt = new Promise<number>((resolve) => {
    source.onWake = () => resolve(source.now());
  });
  const at = source.now() + 5.5;
  source.wakeAt(source.now() + 1e12);
  source.wakeAt(at);
  assert.ok((await wokenAt) >= at - 1);
  source.onWake = () => assert.unreachable();
  source.wakeAt(source.now() + 1);
  source.wakeAt(undefined);
  assert.ok(Math.abs(source.wallTime().getTime() - Date.now()) < 1000);
});

test.run();
