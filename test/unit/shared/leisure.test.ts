/** What can wait: its order, how long a hurry lasts, and what becomes of it when somebody leaves. */

import { test } from 'uvu';
import * as assert from 'uvu/assert';
import { Leisure, LONGEST_HURRY_MS } from '../../../src/shared/leisure.ts';
import { withScope } from '../../helpers/with-scope.ts';

test('without a hurry everything is done at once', withScope(({ scope, clock }) => {
  const leisure = new Leisure(clock, scope);
  let count = 0;
  leisure.do(scope, () => count++);
  assert.is(count, 1);
}));

test('in a hurry it waits for the last one to end, and comes in order, each in its turn', withScope(async (context) => {
  const { scope, clock } = context;
  const leisure = new Leisure(clock, scope);
  const done: string[] = [];
  const [one, other] = [leisure.hurry(scope), leisure.hurry(scope)];
  leisure.do(scope, () => {
    done.push('first');
    leisure.do(scope, () => void done.push('third'));
  });
  leisure.do(scope, () => void done.push('second'));
  void one.close();
  await clock.advance(1);
  assert.equal(done, []);
  void other.close();
  assert.equal(done, [], 'not in the turn of whoever hurried');
  await clock.advance(1);
  assert.equal(done, ['first', 'second', 'third']);
  leisure.do(scope, () => void done.push('fourth'));
  assert.is(done.at(-1), 'fourth');
}));

test('a hurry lasts only so long, and ends with its scope', withScope(async ({ scope, clock }) => {
  const leisure = new Leisure(clock, scope);
  const done: string[] = [];
  leisure.hurry(scope);
  leisure.do(scope, () => void done.push('long'));
  await clock.advance(LONGEST_HURRY_MS - 1);
  assert.equal(done, []);
  await clock.advance(1);
  assert.equal(done, ['long']);
  const own = scope.child();
  leisure.hurry(own);
  leisure.do(scope, () => void done.push('left'));
  await own.close();
  await clock.advance(1);
  assert.equal(done, ['long', 'left']);
}));

test('what has closed is not done any more, and the end does the rest at once', withScope(async ({ scope, clock }) => {
  const leisure = new Leisure(clock, scope);
  const done: string[] = [];
  leisure.hurry(scope);
  const own = scope.child();
  leisure.do(own, () => void done.push('closed'));
  leisure.do(scope, () => void done.push('rest'));
  await own.close();
  leisure.finish();
  assert.equal(done, ['rest']);
}));

test.run();
