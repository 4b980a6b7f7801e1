/** What users choose of Wi-Fi networks beyond ConnMan: band, access point, the address we are known by. */

import { test } from 'uvu';
import * as assert from 'uvu/assert';
import { causewayServiceInterface } from '../../../../src/dbus/interfaces/causeway-service.ts';
import { propertiesInterface } from '../../../../src/dbus/interfaces/freedesktop.ts';
import { variant } from '../../../../src/dbus/signature.ts';
import { formatHex } from '../../../../src/shared/bytes.ts';
import { groupOf, storedNetwork, type WifiBench, wifiBench, wifiIdentifier } from '../../../helpers/wifi-bench.ts';
import { withScope } from '../../../helpers/with-scope.ts';

const SECRET = 'rigsecret';
const HOME = groupOf('home', 'psk');
const WORK = groupOf('work', 'psk');
const HOME_AP = { ssid: 'home', keyManagements: ['wpa-psk'], secret: SECRET };
const NEAR = { ...HOME_AP, frequencyMhz: 2437, signalDbm: -40, bssid: Uint8Array.of(2, 0, 0, 0, 0, 1) };
const FAR = { ...HOME_AP, frequencyMhz: 5180, signalDbm: -70, bssid: Uint8Array.of(2, 0, 0, 0, 0, 2) };
const WORK_AP = { ...HOME_AP, ssid: 'work' };
const known = (group: string, ssid: string) => storedNetwork(group, [
  'Favorite=true', 'AutoConnect=false', `Passphrase=${SECRET}`, `SSID=${Buffer.from(ssid).toString('hex')}`,
]);
const KNOWN = { ...known(HOME, 'home'), ...known(WORK, 'work') };
const PERMANENT = '02000000000a';

const properties = ({ client }: WifiBench, group: string) =>
  client.proxy(propertiesInterface, 'net.connman', `/net/connman/service/${wifiIdentifier(group)}`);

async function choose(bench: WifiBench, group: string, property_name: string, value: string): Promise<string> {
  const set = { interface_name: causewayServiceInterface.name, property_name, value: variant('s', value) };
  return properties(bench, group).Set(set).then(() => 'chosen', (error: Error) => error.name);
}

async function chosen(bench: WifiBench, group: string): Promise<Record<string, unknown>> {
  const all = await properties(bench, group).GetAll({ interface_name: causewayServiceInterface.name });
  return Object.fromEntries(['Band', 'BSSID', 'MACAddressPolicy'].map((name) => [name, all.get(name)?.value]));
}

async function rejoin(bench: WifiBench, group: string): Promise<void> {
  await bench.service(group).Disconnect().catch(() => undefined);
  await bench.service(group).Connect();
  await bench.settled();
}

const addressOf = ({ kernel }: WifiBench): string =>
  formatHex(kernel.mirror.linkByName('wlan0')?.hardwareAddress ?? new Uint8Array());

test('a band or an access point is kept to, as long as it is heard', withScope(async (context) => {
  const bench = await wifiBench(context, { near: NEAR, far: FAR }, { files: KNOWN });
  const asked = (): unknown[] => {
    const block = bench.supplicant.blocks.at(-1);
    return [block?.get('bssid')?.value, String(block?.get('freq_list')?.value).split(' ').includes('5180')];
  };
  assert.equal(await chosen(bench, HOME), { Band: 'auto', BSSID: 'auto', MACAddressPolicy: 'auto' });
  await rejoin(bench, HOME);
  assert.equal(asked(), [undefined, false]);
  assert.is(await choose(bench, HOME, 'Band', '5'), 'chosen');
  await rejoin(bench, HOME);
  assert.equal(asked(), [undefined, true]);
  assert.is(await choose(bench, HOME, 'BSSID', '02:00:00:00:00:01'), 'chosen');
  await rejoin(bench, HOME);
  assert.equal(asked(), ['02:00:00:00:00:01', false]);
  bench.supplicant.vanish('near');
  await bench.settled();
  await rejoin(bench, HOME);
  assert.equal(asked(), [undefined, true]);
  assert.is(await choose(bench, HOME, 'Band', 'any'), 'chosen');
  assert.is(await choose(bench, HOME, 'BSSID', 'auto'), 'chosen');
  assert.equal(await chosen(bench, HOME), { Band: 'auto', BSSID: 'auto', MACAddressPolicy: 'auto' });
}));

test('what is no band, address or policy is refused', withScope(async (context) => {
  const bench = await wifiBench(context, { near: NEAR }, { files: KNOWN });
  const wrong = [['Band', '7'], ['BSSID', '02:00'], ['MACAddressPolicy', 'any'], ['MACAddressPolicy', 'stable']];
  for (const [name = '', value = ''] of wrong) {
    assert.is(await choose(bench, HOME, name, value), 'net.connman.Error.InvalidArguments', name);
  }
}));

test('the access point in use is told', withScope(async (context) => {
  const bench = await wifiBench(context, { near: NEAR, far: FAR }, { files: KNOWN });
  const point = async (): Promise<unknown[]> => {
    const all = await properties(bench, HOME).GetAll({ interface_name: causewayServiceInterface.name });
    const told = all.get('AccessPoint')?.as('a{sv}');
    return [told?.get('BSSID')?.value, told?.get('Frequency')?.value];
  };
  assert.equal(await point(), ['02:00:00:00:00:01', 2437]);
  await rejoin(bench, HOME);
  bench.supplicant.roam('far');
  await bench.settled();
  assert.equal(await point(), ['02:00:00:00:00:02', 5180]);
}));

test('a network has an address of its own, the same each time', withScope(async (context) => {
  const bench = await wifiBench(context, { near: NEAR, work: WORK_AP }, { files: KNOWN });
  assert.is(await choose(bench, HOME, 'MACAddressPolicy', 'random'), 'chosen');
  await rejoin(bench, HOME);
  const own = addressOf(bench);
  assert.match(own, /^.[26ae]/);
  assert.is.not(own, PERMANENT);
  assert.is(bench.state(HOME)[0], 'ready', 'the service is the one it was');
  await rejoin(bench, WORK);
  assert.equal([addressOf(bench), bench.state(WORK)[0]], [PERMANENT, 'ready']);
  await choose(bench, WORK, 'MACAddressPolicy', 'random');
  await rejoin(bench, WORK);
  assert.ok(![own, PERMANENT].includes(addressOf(bench)));
  await rejoin(bench, HOME);
  assert.is(addressOf(bench), own);
}));

test('after a restart of the daemon the radio is still known by its own address', withScope(async (context) => {
  const before = await wifiBench(context, { near: NEAR }, { files: KNOWN, mainConf: 'MACAddressPolicy=random\n' });
  await rejoin(before, HOME);
  const [address, own] = [addressOf(before), before.files.get('causeway/services') ?? ''];
  assert.match(own, address);
  const after = await wifiBench(context, { near: NEAR }, {
    files: { ...KNOWN, 'causeway/services': own }, radioAddress: Buffer.from(address, 'hex'),
  });
  assert.is(after.state(HOME)[0], 'idle', 'its service has the identifier it had');
  await rejoin(after, HOME);
  assert.is(addressOf(after), PERMANENT, 'with no policy it is given back');
  const foreign = await wifiBench(context, { near: NEAR }, { radioAddress: Buffer.from('06aabbccddee', 'hex') });
  assert.equal([...foreign.core.services.list].map(({ identifier }) => identifier), [`wifi_06aabbccddee_${HOME}`]);
}));

test('whatever is chosen while the address changes, what was chosen last is joined', withScope(async (context) => {
  const bench = await wifiBench(context, { near: NEAR, work: WORK_AP }, { files: KNOWN });
  await choose(bench, HOME, 'MACAddressPolicy', 'random');
  for (let turns = 0; turns < 30; turns++) {
    await rejoin(bench, HOME);
    const other = bench.service(WORK).Connect().catch(() => undefined);
    for (let turn = 0; turn < turns; turn++) await new Promise(setImmediate);
    const joined = bench.service(HOME).Connect().then(() => 'joined', (error: Error) => error.name);
    await bench.settled();
    await context.clock.advance(12_000);
    await bench.settled();
    await other;
    assert.is(await Promise.race([joined, Promise.resolve('nothing')]), 'joined', `after ${turns} turns`);
    assert.equal([bench.state(HOME)[0], bench.state(WORK)[0]], ['ready', 'idle'], `after ${turns} turns`);
  }
}));

test('a driver that takes no other address: not joined with our own instead', withScope(async (context) => {
  const bench = await wifiBench(context, { near: NEAR }, { files: KNOWN, mainConf: 'MACAddressPolicy=random\n' });
  bench.kernel.failNext('link.setHardwareAddress', 'EOPNOTSUPP');
  await bench.service(HOME).Connect().catch(() => undefined);
  await bench.settled();
  assert.equal(bench.supplicant.blocks.length, 0);
  assert.is(bench.kernel.mirror.linkByName('wlan0')?.isUp, true, 'it is up again');
}));

test('a file decides', withScope(async (context) => {
  const lines = ['[service_home]', 'Type=wifi', 'Name=home', `Passphrase=${SECRET}`, 'IPv4=192.0.2.10/24', 'IPv6=off'];
  const file = [...lines, 'Band=5', 'MACAddressPolicy=random', 'AutoConnect=false', ''].join('\n');
  const bench = await wifiBench(context, { near: NEAR, far: FAR }, { files: { 'home.config': file } });
  await rejoin(bench, HOME);
  assert.match(String(bench.supplicant.blocks.at(-1)?.get('freq_list')?.value), / 5180 |^5180 /);
  assert.is.not(addressOf(bench), PERMANENT);
}));

test.run();
