/** Scans that cannot be made say why, in a word for programs. */

import { test } from 'uvu';
import * as assert from 'uvu/assert';
import { causewayTechnologyInterface } from '../../../../src/dbus/interfaces/causeway-technology.ts';
import { propertiesInterface } from '../../../../src/dbus/interfaces/freedesktop.ts';
import { technologyInterface } from '../../../../src/dbus/interfaces/technology.ts';
import { variant } from '../../../../src/dbus/signature.ts';
import { FakeRfkill, RFKILL } from '../../../helpers/fake-rfkill.ts';
import { groupOf, storedNetwork, type WifiBench, wifiBench } from '../../../helpers/wifi-bench.ts';
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

const AUTOCONNECT = storedNetwork(HOME, [
  'SSID=686f6d65', 'Frequency=2412', 'Favorite=true', 'AutoConnect=true', 'Passphrase=rigsecret',
]);
const KNOWN = { files: storedNetwork(HOME, ['Favorite=true', 'AutoConnect=false', 'Passphrase=rigsecret']) };

test('before a join the network is looked for where it was heard, unless that was just now', withScope(
  async (context) => {
    const air = { ap: { ...HOME_AP, frequencyMhz: 2437 }, other: { ...HOME_AP, frequencyMhz: 5180 } };
    const bench = await wifiBench(context, air, KNOWN);
    const { supplicant } = bench;
    const connect = async (): Promise<string[]> => {
      supplicant.calls.length = 0;
      await bench.service(HOME).Connect();
      await bench.settled();
      const calls = [...supplicant.calls];
      await bench.service(HOME).Disconnect();
      return calls;
    };
    // Three seconds until it looks by itself, and five more.
    const later = async (): Promise<void> => {
      await bench.settled();
      await context.clock.advance(3_000);
      await bench.settled();
      await context.clock.advance(5_000);
    };
    const joining = ['AddNetwork', 'SelectNetwork'];
    await technologyOf(bench).Scan();
    assert.equal(await connect(), joining, 'what was just heard is known to the supplicant');
    await later();
    assert.equal(await connect(), ['Scan active home 2437 5180', ...joining]);
    await later();
    supplicant.scanRefusal = 'Scan request rejected';
    assert.equal(await connect(), ['Scan active home 2437 5180', ...joining], 'busy: it is joined all the same');
    supplicant.scanRefusal = undefined;
    await later();
    supplicant.isScanningFast = false;
    const slow = connect();
    await bench.settled();
    await context.clock.advance(4_000);
    assert.equal(await slow, ['Scan active home 2437 5180', ...joining], 'nor is a scan waited for that does not end');
  },
));

test('what others looked for says nothing of where the network is', withScope(async (context) => {
  const bench = await wifiBench(context, { ap: HOME_AP }, KNOWN);
  const { supplicant } = bench;
  const joins = async (): Promise<boolean> => {
    supplicant.calls.length = 0;
    await bench.service(HOME).Connect();
    await bench.settled();
    const hasLooked = supplicant.calls.includes('Scan active home 2412');
    await bench.service(HOME).Disconnect();
    await bench.settled();
    return hasLooked;
  };
  await technologyOf(bench).Scan();
  assert.is(await joins(), false);
  supplicant.beginScan();
  supplicant.finishScan();
  await bench.settled();
  assert.is(await joins(), true, 'the supplicant joins from the last one alone');
  assert.is(await joins(), false, 'our own look');
}));

test('a search that nobody waits for gives way to a join', withScope(async (context) => {
  const bench = await wifiBench(context, { ap: HOME_AP }, KNOWN);
  const { supplicant } = bench;
  await bench.service(HOME).Connect();
  await bench.settled();
  await bench.service(HOME).Disconnect();
  await bench.settled();
  supplicant.isScanningFast = false;
  const joins = async (): Promise<string[]> => {
    supplicant.calls.length = 0;
    const joining = bench.service(HOME).Connect();
    await bench.settled();
    supplicant.finishScan();
    await joining;
    const calls = supplicant.calls.filter((call) => /Scan/.test(call));
    await bench.service(HOME).Disconnect();
    await bench.settled();
    return calls;
  };
  await context.clock.advance(3_000);
  await bench.settled();
  assert.equal(await joins(), ['AbortScan', 'Scan active home 2412'], 'our own, in the background');
  supplicant.beginScan();
  await bench.settled();
  assert.equal(await joins(), ['AbortScan', 'Scan active home 2412'], 'the supplicant\'s');
  supplicant.canAbortScans = false;
  supplicant.beginScan();
  await bench.settled();
  supplicant.calls.length = 0;
  await bench.service(HOME).Connect();
  assert.equal(
    supplicant.calls, ['AbortScan', 'AddNetwork', 'SelectNetwork'], 'a driver that cannot end it: that will do',
  );
}));

test('left out while the machine slept: joined anew where it is, without any wait', withScope(async (context) => {
  const bench = await wifiBench(context, { ap: HOME_AP }, { files: AUTOCONNECT });
  const { supplicant, core } = bench;
  await bench.settled();
  assert.is(bench.state(HOME)[0], 'ready');
  await context.clock.advance(60_000);
  core.sleep.begin();
  supplicant.calls.length = 0;
  supplicant.kick(3);
  supplicant.beginScan();
  core.sleep.end();
  await bench.settled();
  assert.is(bench.state(HOME)[0], 'ready');
  assert.equal(supplicant.calls, [
    'Disconnect', 'RemoveNetwork', 'AbortScan', 'Scan active home 2412', 'AddNetwork', 'SelectNetwork',
  ]);
}));

test('users hear everything, also while known networks are looked for', withScope(async (context) => {
  const bench = await wifiBench(context, { ap: HOME_AP, other: { ssid: 'unknown' } }, { files: AUTOCONNECT });
  const { supplicant } = bench;
  await bench.settled();
  supplicant.isScanningFast = false;
  supplicant.vanish('ap');
  await bench.settled();
  supplicant.calls.length = 0;
  await context.clock.advance(2_000);
  await bench.settled();
  assert.equal(supplicant.calls, ['Scan active home 2412']);
  const heard = technologyOf(bench).Scan({}, { timeoutMs: 60_000 }).then(() => 'done');
  await bench.settled();
  assert.equal(supplicant.calls, ['Scan active home 2412'], 'one after the other');
  supplicant.finishScan();
  await bench.settled();
  assert.equal(supplicant.calls, ['Scan active home 2412', 'Scan active']);
  supplicant.finishScan();
  assert.is(await heard, 'done');
}));

test('who changes their mind while the radio listens joins the other, and only that', withScope(async (context) => {
  const work = groupOf('work', 'psk');
  const files = {
    ...KNOWN.files, ...storedNetwork(work, ['Favorite=true', 'AutoConnect=false', 'Passphrase=rigsecret']),
  };
  const bench = await wifiBench(context, { ap: HOME_AP, other: { ...HOME_AP, ssid: 'work' } }, { files });
  const { supplicant } = bench;
  await context.clock.advance(3_000);
  await bench.settled();
  await context.clock.advance(5_000);
  supplicant.isScanningFast = false;
  supplicant.calls.length = 0;
  const first = errorOf(bench.service(HOME).Connect());
  await bench.settled();
  const second = errorOf(bench.service(work).Connect());
  await bench.settled();
  supplicant.finishScan();
  await bench.settled();
  supplicant.finishScan();
  assert.is(await second, 'done');
  assert.match(await first, 'OperationAborted');
  assert.is(supplicant.calls.filter((call) => call === 'SelectNetwork').length, 1);
  assert.equal(supplicant.calls.slice(supplicant.calls.indexOf('SelectNetwork')), ['SelectNetwork']);
  assert.equal([bench.state(HOME)[0], bench.state(work)[0]], ['idle', 'ready']);
}));

test('gone for long, it is looked for where it was, and no more once it is heard', withScope(async (context) => {
  const air = { ap: HOME_AP, other: { ssid: 'unknown' } };
  const bench = await wifiBench(context, air, { files: AUTOCONNECT });
  const { supplicant } = bench;
  await bench.settled();
  supplicant.vanish('ap');
  await bench.settled();
  const searches = async (seconds: number): Promise<number> => {
    supplicant.calls.length = 0;
    for (let second = 0; second < seconds; second++) {
      await context.clock.advance(1_000);
      await bench.settled();
    }
    return supplicant.calls.filter((call) => call === 'Scan active home 2412').length;
  };
  const first = await searches(30);
  assert.ok(first >= 12 && first <= 15, `${first} in the first half minute`);
  await searches(900);
  const late = await searches(300);
  assert.ok(late >= 5 && late <= 6, `${late} in five minutes after a quarter of an hour`);
  supplicant.air.set('ap', HOME_AP);
  await searches(60);
  assert.equal(bench.state(HOME), ['ready', undefined]);
  await bench.service(HOME).Disconnect();
  await bench.settled();
  assert.is(await searches(60), 0, 'what is heard is not looked for');
}));

test('a driver that takes no names: nothing to search for ends no other scan', withScope(async (context) => {
  const air = { ap: HOME_AP, other: { ssid: 'x' } };
  const bench = await wifiBench(context, air, { files: AUTOCONNECT, maxScanSsids: 0 });
  const { supplicant } = bench;
  await bench.settled();
  supplicant.vanish('ap');
  await bench.settled();
  await context.clock.advance(2_500);
  await bench.settled();
  supplicant.calls.length = 0;
  await context.clock.advance(60_000);
  await bench.settled();
  assert.ok(supplicant.calls.some((call) => call.startsWith('Scan')), supplicant.calls.join());
}));

test('after sleep: what is known is looked for, unless it is joined still', withScope(async (context) => {
  const bench = await wifiBench(context, { ap: HOME_AP }, { files: AUTOCONNECT });
  const { supplicant, core: { sleep } } = bench;
  await bench.settled();
  assert.equal(bench.state(HOME), ['ready', undefined]);
  supplicant.calls.length = 0;
  sleep.end();
  await bench.settled();
  assert.equal(supplicant.calls, []);
  await bench.service(HOME).Disconnect();
  await bench.settled();
  supplicant.calls.length = 0;
  sleep.end();
  await bench.settled();
  assert.equal(supplicant.calls, ['Scan active home 2412']);
}));

test.run();
