/**
 * Writes that wait for their turn, by a clock in the test's hand.
 */

import { test } from 'uvu';
import * as assert from 'uvu/assert';
import { SaveQueue } from '../../../src/service/save-queue.ts';
import { FakeClock, ManualTimeSource } from '../../helpers/fake-clock.ts';
import { withScope } from '../../helpers/with-scope.ts';

test(
  'a write comes half a second later, once, and not when it was taken back',
  withScope(async ({ clock, scope }) => {
    const written: string[] = [];
    const queue = new SaveQueue(clock, scope);
    for (const name of ['one', 'two', 'one']) queue.add(name, () => written.push(name));
    queue.remove('two');
    await clock.advance(499);
    assert.equal(written, []);
    await clock.advance(1);
    assert.equal(written, ['one']);
    queue.add('one', () => written.push('again'));
    await clock.advance(500);
    assert.equal(written, ['one', 'again']);
    assert.equal(clock.pending(), []);
  }),
);

test(
  'all that waits is written at once before the machine sleeps',
  withScope(async ({ clock, scope }) => {
    const written: string[] = [];
    const queue = new SaveQueue(clock, scope);
    for (const name of ['one', 'two']) queue.add(name, () => written.push(name));
    queue.flush();
    assert.equal(written, ['one', 'two']);
    assert.equal(clock.pending(), []);
    queue.flush();
    assert.equal(written, ['one', 'two']);
  }),
);

test(
  'slow writes leave nine tenths of the time to others',
  withScope(async ({ scope }) => {
    const source = new ManualTimeSource();
    const clock = new FakeClock(source);
    const writtenAt: number[] = [];
    const queue = new SaveQueue(clock, scope);
    const start = clock.now();
    for (const name of ['one', 'two', 'three']) {
      queue.add(name, () => {
        writtenAt.push(clock.now() - start);
        source.jump(20); // a disk that takes its time
      });
    }
    await clock.advance(2000);
    assert.equal(writtenAt.map(Math.round), [500, 700, 900]);
  }),
);

test.run();
