/**
 * Keys that worked and are refused, over iwd: FavoriteMaxRetries, IgnoreInvalidKey, AutoResetFailureTimeout; access
 * points that do not answer.
 */

import { test } from 'uvu';
import * as assert from 'uvu/assert';
import { FakeNl80211 } from '../../../helpers/fake-nl80211.ts';
import { AIR, HOME, type IwdBench, iwdBench, NAME, SECRET, settled } from '../../../helpers/iwd-bench.ts';
import { storedNetwork, type WifiBench } from '../../../helpers/wifi-bench.ts';
import { type TestContext, withScope } from '../../../helpers/with-scope.ts';

const FILES = storedNetwork(HOME, ['Favorite=true', 'AutoConnect=false', `Passphrase=${SECRET}`]);

/** An access point that takes another key, and what the kernel tells. */
async function refusedBench(
  context: TestContext, mainConf: string, tell = (kernel: FakeNl80211): void => kernel.disconnect(15, true),
): Promise<IwdBench> {
  const made: { bench?: WifiBench } = {};
  const kernel = new FakeNl80211(() => [...(made.bench?.core.interfaces.managed ?? [])].at(-1)?.link.ifindex ?? 0);
  const both = await iwdBench(context, {
    files: FILES, mainConf, system: { netlink: kernel.netlink },
    air: { ...AIR, [NAME]: { secret: 'another one', signalDbm: -45 } },
  });
  made.bench = both.bench;
  both.daemon.onConnecting = () => tell(kernel);
  return both;
}

test('FavoriteMaxRetries: refused so often, a stored key counts as wrong', withScope(async (context) => {
  for (const maxRetries of [1, 2, 4]) {
    const { bench, daemon } = await refusedBench(context, `FavoriteMaxRetries=${maxRetries}\n`);
    await bench.service(HOME).Connect().catch(() => undefined);
    assert.is(bench.state(HOME)[1], 'invalid-key');
    assert.is(daemon.calls.filter((call) => call.startsWith('Connect')).length, maxRetries);
    await bench.stopDaemon();
    await daemon.stop();
  }
}));

test('IgnoreInvalidKey and AutoResetFailureTimeout: tried again after a while', withScope(async (context) => {
  const { bench, daemon } = await refusedBench(context, 'AutoResetFailureTimeout=7\nIgnoreInvalidKey=true\n');
  bench.core.services.list.find(({ isFavorite }) => isFavorite)?.setAutoconnect(true);
  await settled(bench);
  assert.equal(bench.state(HOME), ['failure', 'connect-failed']);
  daemon.onConnecting = () => undefined;
  daemon.air.set(NAME, { secret: SECRET, signalDbm: -45 });
  await context.clock.advance(7_000);
  await settled(bench);
  assert.equal([bench.state(HOME), bench.agent.heard], [['ready', undefined], []]);
}));

test('an access point that did not answer is asked once more', withScope(async (context) => {
  const { bench, daemon } = await refusedBench(context, '', (kernel) => kernel.stayMute());
  const connects = (): number => daemon.calls.filter((call) => call.startsWith('Connect')).length;
  await bench.service(HOME).Connect().catch(() => undefined);
  assert.equal([bench.state(HOME)[1], connects()], ['connect-failed', 2]);
  const mute = daemon.onConnecting;
  daemon.onConnecting = () => {
    void mute();
    daemon.onConnecting = () => undefined;
    daemon.air.set(NAME, { secret: SECRET, signalDbm: -45 });
  };
  await bench.service(HOME).Connect();
  assert.equal([bench.state(HOME)[0], connects()], ['ready', 4]);
}));

test.run();
