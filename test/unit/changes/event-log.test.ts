/**
 * The record of changes is bounded, in number and in what a network can put into one.
 */

import { test } from 'uvu';
import * as assert from 'uvu/assert';
import type { Change } from '../../../src/changes/changes.ts';
import { changeDictionary } from '../../../src/changes/dbus.ts';
import { EventLog } from '../../../src/changes/event-log.ts';
import { Emitter } from '../../../src/shared/emitter.ts';
import { coreBench } from '../../helpers/core-bench.ts';
import { withScope } from '../../helpers/with-scope.ts';

test('the oldest goes first', withScope(async ({ scope }) => {
  const happened = new Emitter<Change>();
  const log = new EventLog({ happened }, scope);
  const told: string[] = [];
  log.logged.observe(scope, ({ values }) => told.push(String(values['State'])));
  for (let index = 0; index < 1200; index++) {
    happened.emit({ kind: 'state', at: new Date(index), values: { State: `s${index}` } });
  }
  assert.equal([log.last(0).length, told.length], [500, 1200]);
  assert.equal(log.last(2).map(({ values }) => values['State']), ['s1198', 's1199']);
  assert.is(log.last(0)[0]?.values['State'], 's700');
  await Promise.resolve();
}));

test('long texts are cut, what is undefined is not told, times are microseconds', withScope(async (context) => {
  const { core } = await coreBench(context);
  const log = new EventLog(core.changes, context.scope);
  core.changes.report('check', { Detail: 'x'.repeat(100_000), URL: undefined, Seconds: 5, Powered: true });
  const [change] = log.last(1);
  if (change === undefined) throw new Error('nothing is logged');
  const dictionary = changeDictionary(change);
  assert.equal([...dictionary.keys()], ['Time', 'Kind', 'Detail', 'Seconds', 'Powered']);
  assert.is(dictionary.get('Detail')?.as('s')?.length, 301);
  assert.is(dictionary.get('Seconds')?.as('d'), 5);
  assert.is(dictionary.get('Time')?.as('x'), BigInt(context.clock.wallTime().getTime()) * 1000n);
}));

test.run();
