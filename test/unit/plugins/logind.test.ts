/** Sleep and resume as systemd-logind tells, with a stand-in for it on a bus in memory. */

import { test } from 'uvu';
import * as assert from 'uvu/assert';
import { logind } from '../../../plugins/logind.ts';
import type { Bus, Exported } from '../../../src/dbus/bus.ts';
import { login1ManagerInterface } from '../../../src/dbus/interfaces/login1.ts';
import { createScope, type Scope } from '../../../src/shared/scope.ts';
import { coreBench } from '../../helpers/core-bench.ts';
import { withScope } from '../../helpers/with-scope.ts';

const NAME = 'org.freedesktop.login1';

/** Hands out descriptors from 1000 on. */
async function standIn(bus: Bus, asked: string[], scope: Scope): Promise<Exported<typeof login1ManagerInterface>> {
  const exported = bus.export('/org/freedesktop/login1', login1ManagerInterface, {
    methods: {
      Inhibit: ({ what, mode }) => {
        asked.push(`${what} ${mode}`);
        return 999 + asked.length;
      },
    },
  }, scope);
  await bus.requestName(NAME, scope);
  return exported;
}

test('one inhibitor, let go before sleep and taken again after; a new logind, another', withScope(async (context) => {
  const closed: number[] = [];
  const bench = await coreBench(context, { system: { closeFd: (fd) => void closed.push(fd) } });
  const { core, settled, connect } = bench;
  const told: string[] = [];
  core.sleep.beginning.observe(context.scope, () => told.push(`begins, ${closed.length} closed`));
  core.sleep.ended.observe(context.scope, () => told.push('ended'));
  const own = createScope();
  await logind.start(core, own);
  await settled();
  const asked: string[] = [];
  const first = createScope();
  const manager = await standIn(await connect(first), asked, first);
  await settled();
  assert.equal(asked, ['sleep delay']);

  manager.emit('PrepareForSleep', { start: true });
  await settled();
  assert.equal([told, closed], [['begins, 0 closed'], [1000]], 'what is to be done is done before');
  manager.emit('PrepareForSleep', { start: false });
  await settled();
  assert.equal([told.at(-1), asked.length, closed], ['ended', 2, [1000]]);

  await first.close();
  await settled();
  assert.equal(closed, [1000, 1001]);
  await standIn(await connect(context.scope), asked, context.scope);
  await settled();
  assert.is(asked.length, 3);
  await own.close();
  assert.equal(closed, [1000, 1001, 1002]);
}));

test('without logind nothing happens', withScope(async (context) => {
  const { core, settled } = await coreBench(context);
  const before = context.clock.pending().length;
  await logind.start(core, context.scope);
  await settled();
  assert.is(context.clock.pending().length, before);
}));

test.run();
