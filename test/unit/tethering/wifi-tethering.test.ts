/** Tethering of technology wifi, from the client's calls to the supplicant's: what is set, refused, shown and kept. */

import { test } from 'uvu';
import * as assert from 'uvu/assert';
import { causewayTechnologyInterface } from '../../../src/dbus/interfaces/causeway-technology.ts';
import { managerInterface } from '../../../src/dbus/interfaces/manager.ts';
import { propertiesInterface } from '../../../src/dbus/interfaces/freedesktop.ts';
import { technologyInterface } from '../../../src/dbus/interfaces/technology.ts';
import { SystemError } from '../../../src/shared/errors.ts';
import { variant, type Variant } from '../../../src/dbus/signature.ts';
import type { CoreBenchOptions } from '../../helpers/core-bench.ts';
import { FakeRfkill, RFKILL } from '../../helpers/fake-rfkill.ts';
import type { FakeAccessPoint } from '../../helpers/fake-supplicant.ts';
import { groupOf, storedNetwork, type WifiBench, wifiBench } from '../../helpers/wifi-bench.ts';
import { type TestContext, withScope } from '../../helpers/with-scope.ts';

const PATH = '/net/connman/technology/wifi';
const KEY = 'long enough';
const HOME = groupOf('home', 'psk');
const HOME_AP = { ssid: 'home', keyManagements: ['wpa-psk'], secret: KEY, frequencyMhz: 2437 };
const FAVORITE = storedNetwork(HOME, [
  'Favorite=true', 'AutoConnect=true', `Passphrase=${KEY}`, 'Modified=2026-01-01T00:00:00Z', 'SSID=686f6d65',
]);
const STORED = `[global]
OfflineMode=false

[WiFi]
Enable=true
Tethering=true
Tethering.Identifier=ours
Tethering.Passphrase=long enough
Tethering.Freq=2437
`;

const set = (bench: WifiBench, name: string, value: Variant): Promise<void> =>
  bench.client.proxy(technologyInterface, 'net.connman', PATH).SetProperty({ name, value });
const tether = (bench: WifiBench, isOn: boolean): Promise<void> => set(bench, 'Tethering', variant('b', isOn));
const codeOf = (promise: Promise<unknown>): Promise<string> =>
  promise.then(() => 'success', (error: Error) => error.name.replace('net.connman.Error.', ''));
const property = async (bench: WifiBench, name: string): Promise<unknown> =>
  (await bench.client.proxy(technologyInterface, 'net.connman', PATH).GetProperties()).get(name)?.value;
const ours = (bench: WifiBench, name: string, value: string): Promise<void> =>
  bench.client.proxy(propertiesInterface, 'net.connman', PATH).Set({
    interface_name: causewayTechnologyInterface.name, property_name: name, value: variant('s', value),
  });

/** On a kernel without nl80211: whatever the radio, it is a station or an access point. Nothing leaves the process. */
function bareBench(
  context: TestContext, air: Record<string, FakeAccessPoint>, options: CoreBenchOptions = {},
): Promise<WifiBench> {
  const none = (): never => {
    throw new SystemError('EPERM', 1, 'socket', 'not on the bench');
  };
  return wifiBench(context, air, { ...options, system: { netlink: none, packet: none, udp: none } });
}

async function configured(bench: WifiBench): Promise<void> {
  await set(bench, 'TetheringIdentifier', variant('s', 'ours'));
  await set(bench, 'TetheringPassphrase', variant('s', KEY));
}

test('what may be set, and how it is kept', withScope(async (context) => {
  const bench = await bareBench(context, {});
  assert.is(await property(bench, 'TetheringFreq'), 0);
  assert.is(await property(bench, 'TetheringIdentifier'), undefined);
  const refused: [string, Variant, string][] = [
    ['TetheringIdentifier', variant('s', ''), 'InvalidArguments'],
    ['TetheringIdentifier', variant('s', 'é'.repeat(17)), 'InvalidArguments'],
    ['TetheringIdentifier', variant('b', true), 'InvalidArguments'],
    ['TetheringPassphrase', variant('s', 'short'), 'PassphraseRequired'],
    ['TetheringPassphrase', variant('s', 'x'.repeat(64)), 'PassphraseRequired'],
    ['TetheringFreq', variant('s', '2437'), 'InvalidArguments'],
    ['Tethering', variant('s', 'on'), 'InvalidArguments'],
    ['Tethering', variant('b', false), 'AlreadyDisabled'],
    ['Tethering', variant('b', true), 'InvalidArguments'],
  ];
  for (const [name, value, code] of refused) assert.is(await codeOf(set(bench, name, value)), code, name);
  await set(bench, 'TetheringIdentifier', variant('s', 'ours'));
  assert.is(await codeOf(tether(bench, true)), 'InvalidArguments');
  await set(bench, 'TetheringPassphrase', variant('s', 'tab\tand é'));
  assert.is(await property(bench, 'TetheringFreq'), 2412);
  await set(bench, 'TetheringFreq', variant('i', -1));
  await set(bench, 'TetheringFreq', variant('i', 2437));
  await bench.settled();
  const lines = (bench.files.get('settings') ?? '').split('[WiFi]\n')[1]?.split('\n');
  assert.equal(lines?.slice(0, 5), [
    'Enable=true', 'Tethering=false', 'Tethering.Identifier=ours', 'Tethering.Freq=2437',
    'Tethering.Passphrase=tab\\\\tand \\\\303\\\\251',
  ]);
  assert.equal(bench.signals.filter((line) => line.startsWith('Technology wifi Tethering')), [
    'Technology wifi TetheringIdentifier "ours"', 'Technology wifi TetheringPassphrase "tab\\tand é"',
    'Technology wifi TetheringFreq 2437',
  ]);
}));

test('an access point takes the place of the station, which comes back', withScope(async (context) => {
  const bench = await bareBench(context, { ap: HOME_AP }, { files: FAVORITE });
  await bench.settled();
  assert.is(bench.state(HOME)[0], 'ready');
  await configured(bench);
  bench.supplicant.calls.length = 0;
  await tether(bench, true);
  assert.is(await property(bench, 'Tethering'), true);
  assert.equal(bench.state(HOME), [undefined, undefined]);
  // Whether the block goes before its interface does, with it, does not matter.
  assert.equal(bench.supplicant.calls.filter((call) => call !== 'RemoveNetwork'), [
    'Disconnect', 'RemoveInterface', 'CreateInterface tether', 'AddNetwork', 'SelectNetwork',
  ]);
  const block = bench.supplicant.blocks.at(-1);
  const text = (value: unknown): unknown => (value instanceof Uint8Array ? Buffer.from(value).toString() : value);
  assert.equal([...block ?? []].map(([key, { value }]) => [key, text(value)]), [
    ['mode', 2], ['ssid', 'ours'], ['frequency', 2412], ['psk', KEY], ['pairwise', 'CCMP'],
    ['group', 'CCMP'], ['proto', 'RSN'], ['ieee80211w', 1], ['key_mgmt', 'WPA-PSK SAE'],
  ]);
  assert.is(bench.kernel.mirror.linkByName('wlan0')?.master, bench.kernel.mirror.linkByName('tether')?.ifindex);
  const bridge = bench.kernel.mirror.linkByName('tether')?.ifindex ?? 0;
  assert.equal(bench.kernel.mirror.addressesOf(bridge).map(({ address }) => String(address)), ['192.168.0.1']);
  const technology = bench.client.proxy(technologyInterface, 'net.connman', PATH);
  assert.is(await codeOf(technology.Scan()), 'Failed');
  assert.is(await codeOf(tether(bench, true)), 'AlreadyEnabled');
  bench.supplicant.calls.length = 0;
  await tether(bench, false);
  await bench.settled();
  assert.is(await property(bench, 'Tethering'), false);
  assert.equal(bench.supplicant.calls.slice(0, 2), ['RemoveInterface', 'CreateInterface']);
  assert.equal(bench.state(HOME), ['ready', undefined]);
  assert.is(bench.kernel.mirror.linkByName('tether'), undefined);
}));

test('clients are listed, and told of together', withScope(async (context) => {
  const bench = await bareBench(context, {});
  const manager = bench.client.proxy(managerInterface, 'net.connman', '/');
  await configured(bench);
  await tether(bench, true);
  bench.supplicant.station('02:00:00:00:00:01', true);
  bench.supplicant.station('02:00:00:00:00:02', true);
  await bench.settled();
  assert.equal(await manager.GetTetheringClients(), ['02:00:00:00:00:01', '02:00:00:00:00:02']);
  await context.clock.advance(100);
  bench.supplicant.station('02:00:00:00:00:01', false);
  await bench.settled();
  await tether(bench, false);
  await context.clock.advance(100);
  await bench.settled();
  assert.equal(bench.signals.filter((line) => line.includes('TetheringClientsChanged')), [
    'Manager TetheringClientsChanged ["02:00:00:00:00:01","02:00:00:00:00:02"] []',
    'Manager TetheringClientsChanged [] ["02:00:00:00:00:01","02:00:00:00:00:02"]',
  ]);
  assert.equal(await manager.GetTetheringClients(), []);
}));

test('a radio that cannot: the station comes back, and users are told', withScope(async (context) => {
  const bench = await bareBench(context, { ap: HOME_AP }, { files: FAVORITE });
  await configured(bench);
  bench.supplicant.canBeAccessPoint = false;
  assert.is(await codeOf(tether(bench, true)), 'Failed');
  await bench.settled();
  assert.is(await property(bench, 'Tethering'), false);
  assert.is(bench.state(HOME)[0], 'ready');
  assert.ok(bench.files.get('settings')?.includes('\nTethering=false\n'));
  const explained = await bench.client.proxy(causewayTechnologyInterface, 'net.connman', PATH).Explain();
  const text = explained.find((finding) => finding.get('About')?.value === 'tethering')?.get('Text')?.value;
  assert.match(String(text), /^Tethering is off: the radio does not start an access point\. .*connmanctl tether wifi/);
}));

test('without power, and with the power gone', withScope(async (context) => {
  const bench = await bareBench(context, {});
  await configured(bench);
  await tether(bench, true);
  bench.supplicant.calls.length = 0;
  await set(bench, 'Powered', variant('b', false));
  await bench.settled();
  const told = bench.signals.filter((line) => /^Technology wifi (Tethering|Powered) false/.test(line));
  assert.equal(told, ['Technology wifi Tethering false', 'Technology wifi Powered false']);
  assert.equal(bench.supplicant.calls, ['RemoveInterface']);
  assert.is(await codeOf(tether(bench, true)), 'PermissionDenied');
  await set(bench, 'Powered', variant('b', true));
  await bench.settled();
  assert.is(await property(bench, 'Tethering'), false);
}));

test('main.conf says which technologies may be', withScope(async (context) => {
  const bench = await bareBench(context, {}, { mainConf: 'TetheringTechnologies=bluetooth' });
  await configured(bench);
  assert.is(await codeOf(tether(bench, true)), 'NotSupported');
}));

test('persistent: on again after a start, a radio turned off and on, and a failure', withScope(async (context) => {
  const bench = await bareBench(context, {}, { mainConf: 'PersistentTetheringMode=true', files: { settings: STORED } });
  await context.clock.advance(0);
  await bench.settled();
  assert.is(await property(bench, 'Tethering'), true);
  assert.is(bench.supplicant.blocks.at(-1)?.get('frequency')?.value, 2437);
  await set(bench, 'Powered', variant('b', false));
  bench.supplicant.canBeAccessPoint = false;
  await set(bench, 'Powered', variant('b', true));
  await context.clock.advance(0);
  await bench.settled();
  assert.is(await property(bench, 'Tethering'), false);
  bench.supplicant.canBeAccessPoint = true;
  await context.clock.advance(10_000);
  await bench.settled();
  assert.is(await property(bench, 'Tethering'), true);
  await tether(bench, false);
  await context.clock.advance(600_000);
  await bench.settled();
  assert.is(await property(bench, 'Tethering'), false);
}));

test('persistent: on again where a switch has power before the device', withScope(async (context) => {
  const rfkill = new FakeRfkill();
  rfkill.add(RFKILL.wifi);
  const bench = await bareBench(context, {}, {
    rfkill, mainConf: 'PersistentTetheringMode=true', files: { settings: STORED },
  });
  await context.clock.advance(0);
  await bench.settled();
  assert.is(await property(bench, 'Tethering'), true);
}));

test('stored, but not persistent: off after a start, and what was left is gone', withScope(async (context) => {
  const links = [{ name: 'tether', kind: 'bridge' }];
  const bench = await bareBench(context, {}, { files: { settings: STORED }, links });
  await context.clock.advance(60_000);
  await bench.settled();
  assert.is(bench.kernel.mirror.linkByName('tether'), undefined);
  assert.is(await property(bench, 'Tethering'), false);
  assert.is(await property(bench, 'TetheringPassphrase'), KEY);
}));

test('the protection a user chooses', withScope(async (context) => {
  const bench = await bareBench(context, {});
  await configured(bench);
  const managements: unknown[] = [];
  for (const security of ['none', 'psk', 'sae']) {
    await ours(bench, 'TetheringSecurity', security);
    await tether(bench, true);
    managements.push(bench.supplicant.blocks.at(-1)?.get('key_mgmt')?.value);
    await tether(bench, false);
  }
  assert.equal(managements, ['NONE', 'WPA-PSK', 'SAE']);
  assert.is(await codeOf(ours(bench, 'TetheringSecurity', 'wep')), 'InvalidArguments');
}));

test('the country a user says, or the time zone is in', withScope(async (context) => {
  const mainConf = 'RegdomFollowsTimezone=true';
  const bench = await bareBench(context, {}, { mainConf, zoneCountry: 'DE' });
  await bench.settled();
  const told = (): string[] => bench.supplicant.calls.filter((call) => call.startsWith('Country'));
  assert.equal(told(), ['Country DE']);
  await ours(bench, 'Country', 'SE');
  assert.is(await codeOf(ours(bench, 'Country', 'Sweden')), 'InvalidArguments');
  await ours(bench, 'Country', '');
  assert.equal(told(), ['Country DE', 'Country SE', 'Country DE']);
}));

test.run();
