/** A daemon that stops leaves iwd's station as it is, and the next takes it over: no packet is lost. */

import { test } from 'uvu';
import * as assert from 'uvu/assert';
import { CAFE, FAVORITE, HOME, iwdBench, NAME, SECRET } from '../../../helpers/iwd-bench.ts';
import { groupOf, storedNetwork } from '../../../helpers/wifi-bench.ts';
import { withScope } from '../../../helpers/with-scope.ts';

const CAFE_GROUP = groupOf('cafe', 'none');
const favorite = (isAutoconnect: boolean) => ['Favorite=true', `AutoConnect=${isAutoconnect}`];

test('the link stays when the daemon stops', withScope(async (context) => {
  const { bench, daemon } = await iwdBench(context, { files: FAVORITE });
  assert.is(bench.state(HOME)[0], 'ready');
  daemon.calls.length = 0;
  await bench.stopDaemon();
  assert.equal(daemon.calls, []);
}));

test('what is being joined when it stops is left', withScope(async (context) => {
  const { bench, daemon } = await iwdBench(context, { files: storedNetwork(HOME) });
  bench.agent.answer = { Passphrase: SECRET };
  let stopped: Promise<void> | undefined;
  daemon.onConnecting = () => {
    stopped = bench.stopDaemon();
  };
  await bench.service(HOME).Connect().catch(() => undefined);
  await stopped;
  assert.equal(daemon.calls, [`Connect ${NAME}`, `RequestPassphrase ${SECRET}`, 'Disconnect']);
}));

test('what a daemon before joined stays, before better networks, and nothing is asked', withScope(async (context) => {
  const files = { ...FAVORITE, ...storedNetwork(CAFE_GROUP, favorite(true)) };
  const { bench, daemon } = await iwdBench(context, { files, inherited: CAFE });
  assert.equal([bench.state(CAFE_GROUP), bench.state(HOME)[0]], [['ready', undefined], 'idle']);
  assert.equal([daemon.calls, daemon.scans, bench.agent.heard], [[], 0, []]);
}));

test('it stays also where it does not connect by itself: somebody has had it joined', withScope(async (context) => {
  const files = storedNetwork(CAFE_GROUP, favorite(false));
  const { bench, daemon } = await iwdBench(context, { files, inherited: CAFE });
  assert.equal([bench.state(CAFE_GROUP)[0], daemon.calls], ['ready', []]);
}));

test('a network that is to know us by another address is joined anew', withScope(async (context) => {
  const { bench, daemon } = await iwdBench(context, {
    files: FAVORITE, inherited: NAME, mainConf: 'MACAddressPolicy=random\n',
  });
  assert.is(bench.state(HOME)[0], 'ready');
  assert.ok(daemon.calls.includes(`Connect ${NAME}`));
}));

test.run();
