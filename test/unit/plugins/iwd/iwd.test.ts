/** The same Wi-Fi core over iwd: what is listed, joined, refused, lost, and who has the radio. */

import { test } from 'uvu';
import * as assert from 'uvu/assert';
import { iwd } from '../../../../plugins/iwd/iwd.ts';
import { fakeIwd, type FakeIwd, type FakeIwdNetwork } from '../../../helpers/fake-iwd.ts';
import { groupOf, storedNetwork, type WifiBench, wifiBench, wifiIdentifier } from '../../../helpers/wifi-bench.ts';
import { type TestContext, withScope } from '../../../helpers/with-scope.ts';

const SECRET = 'rigsecret';
const HOME = groupOf('home', 'psk');
const NAME = '686f6d65_psk';
const AIR = { [NAME]: { secret: SECRET, signalDbm: -45 }, '63616665_open': { signalDbm: -60 } };
const FAVORITE = storedNetwork(HOME, ['Favorite=true', 'AutoConnect=true', `Passphrase=${SECRET}`]);

async function iwdBench(
  context: TestContext, files: Record<string, string>, air: Record<string, FakeIwdNetwork> = AIR,
): Promise<{ bench: WifiBench; daemon: FakeIwd }> {
  const bench = await wifiBench(context, {}, { files });
  const daemon = await fakeIwd((scope) => bench.connect(scope), context.scope, air);
  await iwd.start(bench.core, context.scope);
  await bench.settled();
  return { bench, daemon };
}

const codeOf = (promise: Promise<unknown>): Promise<string> =>
  promise.then(() => 'success', (error: Error) => error.name);

test('networks have the identifiers they have over wpa_supplicant', withScope(async (context) => {
  const { bench } = await iwdBench(context, storedNetwork(HOME));
  const listed = bench.core.services.list.map(({ identifier, strength }) => [identifier, strength]);
  assert.equal(listed, [
    [wifiIdentifier(HOME), 75], [wifiIdentifier(groupOf('cafe', 'none')), 60],
  ]);
}));

test('joined with what the user says, which iwd does not use by itself', withScope(async (context) => {
  const { bench, daemon } = await iwdBench(context, storedNetwork(HOME));
  bench.agent.answer = { Passphrase: SECRET };
  await bench.service(HOME).Connect();
  await bench.settled();
  assert.equal(bench.state(HOME), ['ready', undefined]);
  assert.equal(daemon.calls, [`Connect ${NAME}`, `RequestPassphrase ${SECRET}`]);
  assert.is(daemon.autoconnects.get(NAME), false);
  bench.core.sleep.begin();
  assert.ok(bench.files.get(`${wifiIdentifier(HOME)}/settings`)?.includes(`Passphrase=${SECRET}`));
  await bench.service(HOME).Disconnect();
  await bench.settled();
  assert.is(daemon.calls.at(-1), 'Disconnect');
}));

test('a wrong key, then the right one', withScope(async (context) => {
  const { bench, daemon } = await iwdBench(context, storedNetwork(HOME));
  bench.agent.answer = { Passphrase: 'not the one' };
  assert.is(await codeOf(bench.service(HOME).Connect()), 'net.connman.Error.Failed');
  assert.ok(bench.agent.heard.includes(`ReportError ${wifiIdentifier(HOME)} invalid-key`));
  bench.agent.answer = { Passphrase: SECRET };
  await bench.service(HOME).Connect();
  assert.is(bench.state(HOME)[0], 'ready');
  assert.is(daemon.autoconnects.size, 1);
}));

test('a favourite is connected by the core, and again when the link is lost', withScope(async (context) => {
  const { bench, daemon } = await iwdBench(context, FAVORITE);
  assert.equal(bench.state(HOME), ['ready', undefined]);
  bench.signals.length = 0;
  daemon.lose();
  await bench.settled();
  assert.equal(bench.state(HOME), ['ready', undefined]);
  assert.ok(bench.signals.some((line) => line.endsWith('State "idle"')));
}));

test('iwd before wpa_supplicant while it runs, wpa_supplicant after it', withScope(async (context) => {
  const bench = await wifiBench(context, {
    ap: { ssid: 'home', keyManagements: ['wpa-psk'], secret: SECRET },
  }, { files: FAVORITE });
  await iwd.start(bench.core, context.scope);
  await bench.settled();
  assert.is(bench.state(HOME)[0], 'ready');
  const daemon = await fakeIwd((scope) => bench.connect(scope), context.scope, AIR);
  await bench.settled();
  assert.is(bench.supplicant.calls.at(-1), 'RemoveInterface');
  assert.is(bench.state(HOME)[0], 'ready');
  assert.ok(daemon.calls.includes(`Connect ${NAME}`));
  const before = bench.supplicant.blocks.length;
  await daemon.stop();
  await bench.settled();
  assert.is(bench.state(HOME)[0], 'ready');
  assert.is(bench.supplicant.blocks.length, before + 1);
}));

test('networks with odd paths are none', withScope(async (context) => {
  const odd = { signalDbm: -40 };
  const air = { '68_hotspot': odd, '686_psk': odd, 'zz_open': odd, [`${'61'.repeat(33)}_open`]: odd };
  const { bench } = await iwdBench(context, {}, air);
  assert.equal(bench.core.services.list.length, 0);
}));

test.run();
