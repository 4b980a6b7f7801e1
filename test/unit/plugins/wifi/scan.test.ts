/** Scans that cannot be made say why, in a word for programs. */

import { test } from 'uvu';
import * as assert from 'uvu/assert';
import { causewayTechnologyInterface } from '../../../../src/dbus/interfaces/causeway-technology.ts';
import { propertiesInterface } from '../../../../src/dbus/interfaces/freedesktop.ts';
import { technologyInterface } from '../../../../src/dbus/interfaces/technology.ts';
import { variant } from '../../../../src/dbus/signature.ts';
import { FakeRfkill, RFKILL } from '../../../helpers/fake-rfkill.ts';
import { groupOf, type WifiBench, wifiBench } from '../../../helpers/wifi-bench.ts';
import { withScope } from '../../../helpers/with-scope.ts';

const HOME = groupOf('home', 'psk');
const HOME_AP = { ssid: 'home', keyManagements: ['wpa-psk'], secret: 'rigsecret' };
const PATH = '/net/connman/technology/wifi';

const technologyOf = ({ client }: WifiBench) => client.proxy(technologyInterface, 'net.connman', PATH);

const errorOf = (scan: Promise<unknown>): Promise<string> =>
  scan.then(() => 'done', (error: Error) => `${error.name.replace('net.connman.Error.', '')}: ${error.message}`);

async function lastScan({ client }: WifiBench): Promise<Record<string, unknown>> {
  const properties = client.proxy(propertiesInterface, 'net.connman', PATH);
  const property = { interface_name: causewayTechnologyInterface.name, property_name: 'LastScan' };
  const facts = (await properties.Get(property)).as('a{sv}') ?? new Map();
  const { Timestamp, ...rest } = Object.fromEntries([...facts].map(([key, { value }]) => [key, value]));
  assert.is(typeof Timestamp, facts.size === 0 ? 'undefined' : 'bigint');
  return rest;
}

// The technology stays with its switch, whatever becomes of its adapter.
function withSwitch(): FakeRfkill {
  const rfkill = new FakeRfkill();
  rfkill.add(RFKILL.wifi);
  return rfkill;
}

test('one that was made, and none yet', withScope(async (context) => {
  const bench = await wifiBench(context, { ap: HOME_AP });
  assert.equal(await lastScan(bench), {});
  await technologyOf(bench).Scan();
  assert.equal(await lastScan(bench), { Outcome: 'done' });
}));

test('off', withScope(async (context) => {
  const bench = await wifiBench(context, { ap: HOME_AP });
  await technologyOf(bench).SetProperty({ name: 'Powered', value: variant('b', false) });
  assert.is(await errorOf(technologyOf(bench).Scan()), 'NoCarrier: No carrier');
  assert.equal(await lastScan(bench), { Outcome: 'failed', Reason: 'off', Detail: 'No carrier' });
}));

test('blocked by somebody else; without an adapter', withScope(async (context) => {
  const rfkill = new FakeRfkill();
  const index = rfkill.add(RFKILL.wifi);
  const bench = await wifiBench(context, { ap: HOME_AP }, { rfkill });
  const turn = async (): Promise<void> => {
    await bench.settled();
    await context.clock.advance(600);
    await bench.settled();
  };
  await turn();
  rfkill.set(index, { soft: true });
  await turn();
  assert.is(await errorOf(technologyOf(bench).Scan()), 'NoCarrier: No carrier');
  assert.is((await lastScan(bench))['Reason'], 'soft-blocked');
  await technologyOf(bench).SetProperty({ name: 'Powered', value: variant('b', true) });
  await turn();
  assert.is(rfkill.isSoftBlocked(index), false, 'who turns it on frees it');
  await technologyOf(bench).Scan();
  assert.equal(await lastScan(bench), { Outcome: 'done' });
  bench.kernel.removeLink('wlan0');
  await turn();
  assert.is(await errorOf(technologyOf(bench).Scan()), 'NotSupported: Not supported');
  assert.is((await lastScan(bench))['Reason'], 'no-device');
}));

test('the adapter goes meanwhile', withScope(async (context) => {
  const bench = await wifiBench(context, { ap: HOME_AP }, { rfkill: withSwitch() });
  bench.supplicant.isScanningFast = false;
  const scanning = errorOf(technologyOf(bench).Scan({}, { timeoutMs: 60_000 }));
  await bench.settled();
  bench.kernel.removeLink('wlan0');
  await bench.settled();
  await context.clock.advance(30_000);
  await bench.settled();
  assert.is(await scanning, 'NoCarrier: No carrier');
  assert.is((await lastScan(bench))['Reason'], 'gone');
}));

test('a network is being joined', withScope(async (context) => {
  const bench = await wifiBench(context, { ap: { ...HOME_AP, refusal: 'deaf' } });
  bench.agent.answer = { Passphrase: 'rigsecret' };
  const joining = errorOf(bench.service(HOME).Connect());
  await bench.settled();
  assert.is(await errorOf(technologyOf(bench).Scan()), 'Failed: Device or resource busy');
  assert.is((await lastScan(bench))['Reason'], 'busy');
  await bench.service(HOME).Disconnect();
  assert.match(await joining, 'OperationAborted');
}));

test('the driver refuses, in its own words', withScope(async (context) => {
  const bench = await wifiBench(context, { ap: HOME_AP });
  bench.supplicant.scanRefusal = 'Scan trigger failed: Operation not supported';
  assert.is(await errorOf(technologyOf(bench).Scan()), 'Failed: Input/output error');
  assert.equal(await lastScan(bench), {
    Outcome: 'failed', Reason: 'refused', Detail: 'Scan trigger failed: Operation not supported',
  });
}));

test('somebody else ends it; nobody ends it', withScope(async (context) => {
  const bench = await wifiBench(context, { ap: HOME_AP });
  bench.supplicant.isScanningFast = false;
  const begin = async (): Promise<{ outcome: Promise<string> }> => {
    const outcome = errorOf(technologyOf(bench).Scan({}, { timeoutMs: 60_000 }));
    await bench.settled();
    return { outcome };
  };
  const aborted = await begin();
  bench.supplicant.finishScan(false);
  assert.is(await aborted.outcome, 'Failed: Input/output error');
  assert.is((await lastScan(bench))['Reason'], 'aborted');
  const endless = await begin();
  await context.clock.advance(30_000);
  assert.is(await endless.outcome, 'OperationTimeout: Operation timeout');
  assert.is((await lastScan(bench))['Reason'], 'timeout');
}));

test.run();
