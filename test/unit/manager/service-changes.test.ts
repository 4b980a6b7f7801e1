/** When ServicesChanged goes out and what it carries. */

import { test } from 'uvu';
import * as assert from 'uvu/assert';
import { ServiceChanges } from '../../../src/manager/service-changes.ts';
import { FakeClock } from '../../helpers/fake-clock.ts';
import { createScope } from '../../../src/shared/scope.ts';

function start() {
  const clock = new FakeClock();
  const scope = createScope();
  const sent: { at: number; added: string[]; removed: string[] }[] = [];
  const began = clock.now();
  const changes = new ServiceChanges<string>('ServicesChanged', clock, scope, (added, removed) => {
    sent.push({ at: clock.now() - began, added: [...added], removed: [...removed] });
  });
  return { clock, scope, sent, changes };
}

test('after quiet the first change goes out at the end of its turn', async () => {
  const { sent, changes, scope } = start();
  changes.add('a');
  changes.add('b');
  assert.equal(sent, []);
  await Promise.resolve();
  assert.equal(sent, [], 'what else is told at the end of a turn comes first');
  await Promise.resolve();
  assert.equal(sent, [{ at: 0, added: ['a', 'b'], removed: [] }]);
  await scope.close();
});

test('what follows within 100 ms is gathered into one', async () => {
  const { clock, sent, changes, scope } = start();
  changes.add('a');
  await clock.advance(10);
  changes.add('b');
  await clock.advance(50);
  changes.trigger();
  await clock.advance(39);
  assert.is(sent.length, 1);
  await clock.advance(1);
  assert.equal(sent[1], { at: 100, added: ['b'], removed: [] });
  await scope.close();
});

test('gone within the interval is removed, back within it is new', async () => {
  const { clock, sent, changes, scope } = start();
  changes.trigger();
  await clock.advance(1);
  changes.add('a');
  changes.remove('a');
  changes.remove('b');
  changes.add('b');
  await clock.advance(100);
  assert.equal(sent[1], { at: 100, added: ['b'], removed: ['a'] });
  await scope.close();
});

test('flush tells at once what is due, and nothing when nothing is', async () => {
  const { clock, sent, changes, scope } = start();
  changes.flush();
  changes.add('a');
  changes.flush();
  await clock.advance(200);
  assert.equal(sent, [{ at: 0, added: ['a'], removed: [] }]);
  await scope.close();
});

test.run();
