/** Two attempts at one connection: when the second begins, who wins, and what becomes of the other. */

import { test } from 'uvu';
import * as assert from 'uvu/assert';
import type { Scope } from '../../../src/shared/scope.ts';
import { createScope } from '../../../src/shared/scope.ts';
import { connectTwice } from '../../../src/web/connect-twice.ts';
import { FakeClock } from '../../helpers/fake-clock.ts';

interface Attempt {
  readonly scope: Scope;
  succeed(made: string): void;
  fail(error: Error): void;
}

function setUp() {
  const clock = new FakeClock();
  const scope = createScope();
  const attempts: Attempt[] = [];
  const connect = (own: Scope): Promise<string> => new Promise((resolve, reject) => {
    attempts.push({ scope: own, succeed: resolve, fail: reject });
    own.defer(() => reject(new Error('closed')));
  });
  const made = connectTwice(connect, clock, scope).catch((error: Error) => error.message);
  return { clock, scope, attempts, made };
}

test('an answer within half a second needs no second attempt', async () => {
  const { clock, attempts, made, scope } = setUp();
  await clock.advance(499);
  attempts[0]?.succeed('first');
  assert.is(await made, 'first');
  assert.equal(clock.pending(), []);
  await clock.advance(10_000);
  assert.is(attempts.length, 1);
  assert.not.ok(attempts[0]?.scope.signal.aborted, 'the connection stays');
  await scope.close();
  assert.ok(attempts[0]?.scope.signal.aborted);
});

test('the second attempt wins where the first has no answer, and the other way round', async () => {
  for (const winner of [0, 1]) {
    const { clock, attempts, made, scope } = setUp();
    await clock.advance(500);
    assert.is(attempts.length, 2);
    attempts[winner]?.succeed(`number ${winner}`);
    assert.is(await made, `number ${winner}`);
    assert.ok(attempts[1 - winner]?.scope.signal.aborted, 'the other is given up');
    assert.not.ok(attempts[winner]?.scope.signal.aborted);
    await scope.close();
  }
});

test('a failure is an answer', async () => {
  const { clock, attempts, made } = setUp();
  await clock.advance(500);
  attempts[0]?.fail(new Error('refused'));
  assert.is(await made, 'refused');
  assert.ok(attempts.every(({ scope }) => scope.signal.aborted));
  assert.equal(clock.pending(), []);
});

test('the end of the scope is the end of both', async () => {
  const { clock, attempts, made, scope } = setUp();
  await clock.advance(500);
  await scope.close();
  assert.is(await made, 'closed');
  assert.ok(attempts.every((attempt) => attempt.scope.signal.aborted));
  assert.equal(clock.pending(), []);
});

test.run();
