/** iwd that comes to no end of what it was told: waited for, left, and turned off and on. */

import { test } from 'uvu';
import * as assert from 'uvu/assert';
import { CAFE, FAVORITE, HOME, iwdBench, NAME, SECRET, settled, stateDirectory } from '../../../helpers/iwd-bench.ts';
import { groupOf, storedNetwork } from '../../../helpers/wifi-bench.ts';
import { withScope } from '../../../helpers/with-scope.ts';

const CAFE_GROUP = groupOf('cafe', 'none');

test('a join that another overtakes is let come to its end before iwd is to leave', withScope(async (context) => {
  const { bench, daemon } = await iwdBench(context, { files: FAVORITE });
  for (let turns = 0; turns < 12; turns++) {
    await bench.service(CAFE_GROUP).Disconnect().catch(() => undefined);
    for (let turn = 0; turn < turns; turn++) await new Promise(setImmediate);
    const joined = bench.service(CAFE_GROUP).Connect().catch(() => undefined);
    await settled(bench);
    await bench.service(HOME).Connect();
    await joined;
    await settled(bench);
    assert.is(bench.state(HOME)[0], 'ready', `after ${turns} turns: ${daemon.calls.slice(-6).join()}`);
  }
}));

test('a hidden name is called when iwd has left what it was joining', withScope(async (context) => {
  const { bench, daemon } = await iwdBench(context, {
    files: storedNetwork(HOME), directory: stateDirectory(context),
    air: { [CAFE]: { signalDbm: -40 }, [NAME]: { secret: SECRET, signalDbm: -50, isHidden: true } },
  });
  let answer = (): void => undefined;
  const asked = new Promise<void>((resolve) => (answer = resolve));
  daemon.onConnecting = () => asked;
  const overtaken = bench.service(CAFE_GROUP).Connect().catch(() => undefined);
  await settled(bench);
  bench.agent.answer = { Name: 'home', Passphrase: SECRET };
  const joined = bench.service('hidden_managed_psk').Connect();
  await settled(bench);
  answer();
  await Promise.all([joined, overtaken]);
  assert.equal(bench.state(HOME), ['ready', undefined]);
}));

test('a join without an end is given up, the device turned off and on, and all is well', withScope(async (context) => {
  const { bench, daemon } = await iwdBench(context, { files: FAVORITE });
  await context.clock.advance(60_000);
  daemon.hangs = 1;
  daemon.lose();
  await settled(bench);
  assert.is(bench.state(HOME)[0], 'association');
  for (const limitMs of [30_000, 3_000, 10_000]) {
    await context.clock.advance(limitMs);
    await settled(bench);
  }
  await context.clock.advance(10_000);
  await settled(bench);
  assert.is(bench.state(HOME)[0], 'ready');
  assert.is(daemon.calls.at(-1), `Connect ${NAME}`);
}));

test.run();
