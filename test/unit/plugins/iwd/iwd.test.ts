/** The same Wi-Fi core over iwd: what is listed, joined, refused, lost, and who has the radio. */

import { readFileSync } from 'node:fs';
import { test } from 'uvu';
import * as assert from 'uvu/assert';
import { iwd } from '../../../../plugins/iwd/iwd.ts';
import { DBusError } from '../../../../src/dbus/errors.ts';
import { causewayServiceInterface } from '../../../../src/dbus/interfaces/causeway-service.ts';
import { propertiesInterface } from '../../../../src/dbus/interfaces/freedesktop.ts';
import { technologyInterface } from '../../../../src/dbus/interfaces/technology.ts';
import { variant } from '../../../../src/dbus/signature.ts';
import { formatHex } from '../../../../src/shared/bytes.ts';
import { fakeIwd, type FakeIwdOptions } from '../../../helpers/fake-iwd.ts';
import { FakeNl80211 } from '../../../helpers/fake-nl80211.ts';
import {
  AIR, CAFE, FAVORITE, HOME, type IwdBench, iwdBench, NAME, NO_KERNEL, SECRET, settled,
  stateDirectory,
} from '../../../helpers/iwd-bench.ts';
import { groupOf, storedNetwork, type WifiBench, wifiBench, wifiIdentifier } from '../../../helpers/wifi-bench.ts';
import { type TestContext, withScope } from '../../../helpers/with-scope.ts';

/** For what the file system brings. */
async function until(holds: () => boolean): Promise<void> {
  while (!holds()) await new Promise((resolve) => setTimeout(resolve, 5));
}

const PERMANENT = '02000000000a';

const properties = ({ client }: WifiBench, group: string) =>
  client.proxy(propertiesInterface, 'net.connman', `/net/connman/service/${wifiIdentifier(group)}`);

const choice = (property_name: string, value: string) =>
  ({ interface_name: causewayServiceInterface.name, property_name, value: variant('s', value) });

const codeOf = (promise: Promise<unknown>): Promise<string> =>
  promise.then(() => 'success', (error: Error) => error.name);

const FAILED = 'net.connman.Error.Failed';
const IWD_NAME = 'net.connman.iwd';

test('networks have the identifiers they have over wpa_supplicant', withScope(async (context) => {
  const { bench } = await iwdBench(context, { files: storedNetwork(HOME) });
  const listed = bench.core.services.list.map(({ identifier, strength }) => [identifier, strength]);
  assert.equal(listed, [
    [wifiIdentifier(HOME), 75], [wifiIdentifier(groupOf('cafe', 'none')), 60],
  ]);
}));

test('joined with what the user says, which iwd does not use by itself', withScope(async (context) => {
  const { bench, daemon } = await iwdBench(context, { files: storedNetwork(HOME) });
  bench.agent.answer = { Passphrase: SECRET };
  await bench.service(HOME).Connect();
  await settled(bench);
  assert.equal(bench.state(HOME), ['ready', undefined]);
  assert.equal(daemon.calls, [`Connect ${NAME}`, `RequestPassphrase ${SECRET}`]);
  assert.is(daemon.autoconnects.get(NAME), false);
  bench.core.sleep.begin();
  const settings = bench.files.get(`${wifiIdentifier(HOME)}/settings`) ?? '';
  assert.match(settings, `Passphrase=${SECRET}`);
  assert.match(settings, 'Frequency=2412');
  await bench.service(HOME).Disconnect();
  await settled(bench);
  assert.is(daemon.calls.at(-1), 'Disconnect');
}));

test('a wrong key, then the right one', withScope(async (context) => {
  const { bench, daemon } = await iwdBench(context, { files: storedNetwork(HOME) });
  bench.agent.answer = { Passphrase: 'not the one' };
  assert.is(await codeOf(bench.service(HOME).Connect()), FAILED);
  assert.ok(bench.agent.heard.includes(`ReportError ${wifiIdentifier(HOME)} invalid-key`));
  bench.agent.answer = { Passphrase: SECRET };
  await bench.service(HOME).Connect();
  assert.is(bench.state(HOME)[0], 'ready');
  assert.is(daemon.autoconnects.size, 1);
}));

test('a favourite is connected by the core, and again when the link is lost', withScope(async (context) => {
  const { bench, daemon } = await iwdBench(context, { files: FAVORITE });
  assert.equal(bench.state(HOME), ['ready', undefined]);
  await context.clock.advance(60_000);
  bench.signals.length = 0;
  daemon.lose();
  await settled(bench);
  assert.equal(bench.state(HOME), ['ready', undefined]);
  assert.ok(bench.signals.some((line) => line.endsWith('State "idle"')));
}));

test('sent away just after it was let in, it asks once more', withScope(async (context) => {
  const { bench, daemon } = await iwdBench(context, { files: FAVORITE });
  bench.signals.length = 0;
  daemon.lose();
  await settled(bench);
  assert.equal(bench.state(HOME), ['ready', undefined]);
  assert.not.ok(bench.signals.some((line) => line.endsWith('State "idle"')));
  daemon.lose();
  await settled(bench);
  assert.ok(bench.signals.some((line) => line.endsWith('State "idle"')));
}));

test('what iwd keeps is enough, and is taken over', withScope(async (context) => {
  const directory = stateDirectory(context);
  const { bench, daemon } = await iwdBench(context, { files: storedNetwork(HOME), directory });
  bench.agent.answer = { Passphrase: SECRET };
  await bench.service(HOME).Connect();
  await bench.service(HOME).Disconnect();
  await settled(bench);
  const service = bench.core.services.get(wifiIdentifier(HOME));
  service?.record.keep({ Passphrase: undefined });
  bench.agent.heard.length = 0;
  await bench.service(HOME).Connect();
  assert.equal(bench.agent.heard, []);
  assert.is(daemon.calls.at(-1), `Connect ${NAME}`);
  bench.core.sleep.begin();
  assert.match(bench.files.get(`${wifiIdentifier(HOME)}/settings`) ?? '', `Passphrase=${SECRET}`);
}));

test('a service that is removed is forgotten by iwd as well', withScope(async (context) => {
  const { bench, daemon } = await iwdBench(context, { files: FAVORITE });
  await bench.service(HOME).Remove();
  await settled(bench);
  assert.ok(daemon.calls.includes(`Forget ${NAME}`));
  assert.is(daemon.autoconnects.size, 0);
}));

test('removed and connected at once, it is asked for anew', withScope(async (context) => {
  const { bench, daemon } = await iwdBench(context, { files: storedNetwork(HOME) });
  bench.agent.answer = { Passphrase: SECRET };
  await bench.service(HOME).Connect();
  await bench.service(HOME).Disconnect();
  const removed = bench.service(HOME).Remove();
  await Promise.all([removed, bench.service(HOME).Connect()]);
  const asked = daemon.calls.filter((call) => call.startsWith('RequestPassphrase'));
  assert.is(asked.length, 2);
}));

test('what somebody else has iwd join is taken over', withScope(async (context) => {
  const { bench, daemon } = await iwdBench(context, { files: storedNetwork(HOME) });
  daemon.joinForSomebody(NAME);
  await settled(bench);
  assert.equal(bench.state(HOME), ['ready', undefined]);
}));

test('the strength is that of the access point in use', withScope(async (context) => {
  const { bench, daemon } = await iwdBench(context, { files: FAVORITE });
  const strength = (): number | undefined => bench.core.services.get(wifiIdentifier(HOME))?.strength;
  assert.is(strength(), 70);
  daemon.hear(-77);
  await settled(bench);
  assert.is(strength(), 43);
}));

const HIDDEN = { [NAME]: { secret: SECRET, signalDbm: -50, isHidden: true } };

test('a hidden network is called by the name the user says', withScope(async (context) => {
  const directory = stateDirectory(context);
  const { bench, daemon } = await iwdBench(context, {
    files: storedNetwork(HOME), directory, air: HIDDEN,
  });
  const hidden = 'hidden_managed_psk';
  assert.equal(bench.core.services.list.map(({ identifier }) => identifier), [wifiIdentifier(hidden)]);
  bench.agent.answer = { Name: 'elsewhere', Passphrase: SECRET };
  assert.is(await codeOf(bench.service(hidden).Connect()), FAILED);
  assert.is(daemon.calls.at(-1), `Forget ${Buffer.from('elsewhere').toString('hex')}_psk`);
  bench.agent.answer = { Name: 'home', Passphrase: SECRET };
  await bench.service(hidden).Connect();
  assert.equal(bench.state(HOME), ['ready', undefined]);
  assert.match(readFileSync(`${directory}/home.psk`, 'utf8'), 'Hidden=true');
  bench.core.sleep.begin();
  assert.match(bench.files.get(`${wifiIdentifier(HOME)}/settings`) ?? '', 'Hidden=true');
}));

test('the nameless half of a pair for OWE is no hidden network', withScope(async (context) => {
  const made: { bench?: WifiBench } = {};
  const kernel = homeKernel(() => made.bench);
  const pair = [221, 4, 0x50, 0x6f, 0x9a, 0x1c];
  kernel.heard = [{ ssid: '', address: Uint8Array.of(2, 0, 0, 0, 0, 1), frequencyMhz: 2437, elements: pair }];
  const { bench } = await iwdBench(context, {
    system: { netlink: kernel.netlink }, air: { [CAFE]: { signalDbm: -50, isHidden: true } },
  });
  made.bench = bench;
  assert.equal(bench.core.services.list.length, 0);
  kernel.finishScan([]);
  await context.clock.advance(61_000);
  await bench.client.proxy(technologyInterface, 'net.connman', '/net/connman/technology/wifi').Scan();
  assert.equal(bench.core.services.list.map(({ identifier }) => identifier), [wifiIdentifier('hidden_managed_none')]);
}));

test('a hidden favourite is found without a profile of iwd\'s', withScope(async (context) => {
  const directory = stateDirectory(context);
  const stored = ['SSID=686f6d65', 'Hidden=true', 'Favorite=true', 'AutoConnect=true', `Passphrase=${SECRET}`];
  const { bench } = await iwdBench(context, { files: storedNetwork(HOME, stored), directory, air: HIDDEN });
  await until(() => bench.state(HOME)[0] === 'ready');
}));

test('a hidden network is found soon after a file has named it', withScope(async (context) => {
  const directory = stateDirectory(context);
  const { bench } = await iwdBench(context, { files: storedNetwork(HOME), directory, air: HIDDEN });
  // By now the next look would be minutes away.
  await context.clock.advance(600_000);
  bench.put('home.config', `[service_home]\nType=wifi\nName=home\nHidden=true\nPassphrase=${SECRET}\nIPv6=off\n`);
  await settled(bench);
  await context.clock.advance(3_000);
  await until(() => bench.core.services.get(wifiIdentifier(HOME))?.isImmutable === true);
}));

const EAP = groupOf('work', 'ieee8021x');
const WORK = '776f726b_8021x';
const WORK_CONFIG = [
  '[service_work]', 'Type=wifi', 'Name=work', 'EAP=peap', 'Phase2=MSCHAPV2', 'Identity=me', `Passphrase=${SECRET}`, '',
].join('\n');

test('802.1X of a file becomes a profile without the password, gone with it', withScope(async (context) => {
  const directory = stateDirectory(context);
  const { bench, daemon } = await iwdBench(context, {
    files: { 'work.config': WORK_CONFIG }, directory,
    air: { [WORK]: { secret: SECRET, signalDbm: -50 } },
  });
  await until(() => daemon.calls.includes(`RequestUserPassword ${SECRET}`));
  await settled(bench);
  assert.equal(daemon.calls, [`Connect ${WORK}`, `RequestUserPassword ${SECRET}`]);
  assert.is(daemon.autoconnects.get(WORK), false);
  bench.put('work.config');
  await settled(bench);
  assert.ok(daemon.calls.includes(`Forget ${WORK}`));
}));

test('802.1X without a file of ours: iwd\'s own profile, or nothing', withScope(async (context) => {
  const { bench, daemon } = await iwdBench(context, { air: { [WORK]: { secret: SECRET, signalDbm: -50 } } });
  assert.is(await codeOf(bench.service(EAP).Connect()), 'net.connman.Error.InvalidArguments');
  assert.equal(daemon.calls, []);
}));

test('a scan says why it cannot be made', withScope(async (context) => {
  const { bench, daemon } = await iwdBench(context);
  const wifi = bench.core.technologies.get('wifi');
  const technology = bench.client.proxy(technologyInterface, 'net.connman', '/net/connman/technology/wifi');
  await technology.Scan();
  assert.is(wifi?.lastScan?.trouble, undefined);
  daemon.scanError = new DBusError('net.connman.iwd.Failed', 'Operation failed');
  assert.is(await codeOf(technology.Scan()), FAILED);
  assert.equal([wifi?.lastScan?.trouble, wifi?.lastScan?.detail], ['refused', 'Operation failed']);
}));

test('off and on again', withScope(async (context) => {
  const { bench, daemon } = await iwdBench(context, { files: FAVORITE });
  const wifi = bench.core.technologies.get('wifi');
  await wifi?.setPowered(false);
  assert.is(daemon.isPowered, false);
  assert.is(bench.core.services.list.length, 0);
  await wifi?.setPowered(true);
  await settled(bench);
  assert.equal([daemon.isPowered, bench.state(HOME)[0]], [true, 'ready']);
}));

/** WPS: version 1.0, configured. */
const WPS = [221, 14, 0, 0x50, 0xf2, 4, 0x10, 0x4a, 0, 1, 0x10, 0x10, 0x44, 0, 1, 2];

/** A kernel that hears `home` of AIR. */
function homeKernel(bench: () => WifiBench | undefined): FakeNl80211 {
  const kernel = new FakeNl80211(() => [...(bench()?.core.interfaces.managed ?? [])].at(-1)?.link.ifindex ?? 0);
  kernel.heard = [{ ssid: 'home', address: Uint8Array.of(2, 0, 0, 0, 0, 1), frequencyMhz: 2437, elements: WPS }];
  return kernel;
}

test('what the kernel heard: WPS, which is then joined by, and its key is kept', withScope(async (context) => {
  const kernel = homeKernel(() => undefined);
  const { bench, daemon } = await iwdBench(context, {
    files: storedNetwork(HOME), directory: stateDirectory(context), system: { netlink: kernel.netlink },
    air: { [NAME]: { secret: SECRET, signalDbm: -45, isPushed: true } },
  });
  assert.equal(bench.core.services.get(wifiIdentifier(HOME))?.network.security, ['psk', 'wps']);
  bench.agent.answer = { WPS: '12345670' };
  await bench.service(HOME).Connect();
  assert.equal(daemon.calls, ['StartPin 12345670']);
  bench.core.sleep.begin();
  assert.match(bench.files.get(`${wifiIdentifier(HOME)}/settings`) ?? '', `Passphrase=${SECRET}`);
}));

test('what the kernel heard is kept while a scan goes on from band to band', withScope(async (context) => {
  const made: { bench?: WifiBench } = {};
  const kernel = homeKernel(() => made.bench);
  const { bench } = await iwdBench(context, { files: storedNetwork(HOME), system: { netlink: kernel.netlink } });
  made.bench = bench;
  const words = () => bench.core.services.get(wifiIdentifier(HOME))?.network.security;
  const scan = () => bench.client.proxy(technologyInterface, 'net.connman', '/net/connman/technology/wifi').Scan();
  kernel.finishScan([]);
  await scan();
  assert.equal(words(), ['psk', 'wps']);
  await context.clock.advance(61_000);
  await scan();
  assert.equal(words(), ['psk']);
}));

test('a failure is the key\'s where the kernel tells so, else not', withScope(async (context) => {
  const made: { bench?: WifiBench } = {};
  const kernel = homeKernel(() => made.bench);
  const options = { files: storedNetwork(HOME), system: { netlink: kernel.netlink } };
  const { bench, daemon } = await iwdBench(context, options);
  made.bench = bench;
  bench.agent.answer = { Passphrase: 'not the one' };
  const tryOnce = async (tell: () => void): Promise<string | undefined> => {
    bench.agent.heard.length = 0;
    daemon.onConnecting = tell;
    await codeOf(bench.service(HOME).Connect());
    return bench.agent.heard.find((line) => line.startsWith('ReportError'))?.split(' ').at(-1);
  };
  assert.is(await tryOnce(() => kernel.disconnect(15, true)), 'invalid-key');
  assert.is(await tryOnce(() => kernel.authenticate(3, 2, 1)), 'invalid-key');
  assert.is(await tryOnce(() => kernel.disconnect(4, false)), 'connect-failed');
  assert.is(await tryOnce(() => undefined), 'connect-failed');
  daemon.onConnecting = () => kernel.disconnect(15, true);
  daemon.air.delete(CAFE);
  await codeOf(bench.service(groupOf('cafe', 'none')).Connect());
  assert.is(bench.state(groupOf('cafe', 'none'))[1], 'connect-failed', 'there is no key');
}));

test('the access point in use goes on on another channel', withScope(async (context) => {
  const made: { bench?: WifiBench } = {};
  const kernel = homeKernel(() => made.bench);
  const { bench } = await iwdBench(context, { files: FAVORITE, system: { netlink: kernel.netlink } });
  made.bench = bench;
  const point = () => bench.core.services.get(wifiIdentifier(HOME))?.network.point;
  assert.equal(point(), { bssid: '02:00:00:00:00:01', frequencyMhz: 2412 });
  kernel.switchChannel(2462);
  await settled(bench);
  assert.equal(point(), { bssid: '02:00:00:00:00:01', frequencyMhz: 2462 });
}));

test('a band or an access point cannot be chosen, and it says so', withScope(async (context) => {
  const { bench } = await iwdBench(context, { files: storedNetwork(HOME) });
  const choose = (name: string, value: string): Promise<string> =>
    codeOf(properties(bench, HOME).Set(choice(name, value)));
  assert.is(await choose('Band', '5'), 'net.connman.Error.NotSupported');
  assert.is(await choose('BSSID', '02:00:00:00:00:01'), 'net.connman.Error.NotSupported');
  assert.is(await choose('MACAddressPolicy', 'random'), 'success');
}));

test('a network has an address of its own, the same each time', withScope(async (context) => {
  const files = { ...FAVORITE, ...storedNetwork(groupOf('cafe', 'none'), ['Favorite=true', 'AutoConnect=false']) };
  const { bench } = await iwdBench(context, { files });
  const addressOf = (): string => formatHex(bench.kernel.mirror.linkByName('wlan0')?.hardwareAddress ?? Buffer.of());
  const rejoin = async (group: string): Promise<string> => {
    await bench.service(group).Disconnect().catch(() => undefined);
    await bench.service(group).Connect();
    assert.is(bench.state(group)[0], 'ready');
    return addressOf();
  };
  assert.is(await rejoin(HOME), PERMANENT);
  await properties(bench, HOME).Set(choice('MACAddressPolicy', 'random'));
  const own = await rejoin(HOME);
  assert.match(own, /^.[26ae]/);
  assert.is.not(own, PERMANENT);
  assert.is(await rejoin(groupOf('cafe', 'none')), PERMANENT);
  assert.is(await rejoin(HOME), own);
  bench.kernel.failNext('link.setHardwareAddress', 'EOPNOTSUPP');
  await properties(bench, HOME).Set(choice('MACAddressPolicy', 'permanent'));
  await bench.service(HOME).Disconnect();
  assert.is(await codeOf(bench.service(HOME).Connect()), FAILED);
  assert.is(await rejoin(HOME), PERMANENT, 'it is on again');
}));

test('started by the bus a second after the start where nobody else has the radios', withScope(async (context) => {
  const bench = await wifiBench(context, {}, { system: NO_KERNEL });
  await bench.supplicant.stop();
  await settled(bench);
  await iwd.start(bench.core, context.scope);
  await settled(bench);
  assert.is(bench.core.technologies.isServed('wifi'), false);
  const pending = () => context.clock.pending().map(({ name }) => name).filter((name) => name.includes(IWD_NAME));
  assert.equal(pending(), [`start ${IWD_NAME}`]);
  await context.clock.advance(1_000);
  assert.equal(pending(), []);
}));

test('iwd before wpa_supplicant while it runs, wpa_supplicant after it', withScope(async (context) => {
  const { bench, daemon } = await bothBench(context);
  assert.is(bench.supplicant.calls.at(-1), 'RemoveInterface');
  assert.is(bench.state(HOME)[0], 'ready');
  assert.ok(daemon.calls.includes(`Connect ${NAME}`));
  const before = bench.supplicant.blocks.length;
  await daemon.stop();
  await settled(bench);
  assert.is(bench.state(HOME)[0], 'ready');
  assert.is(bench.supplicant.blocks.length, before + 1);
}));

test('a radio that iwd leaves alone is wpa_supplicant\'s', withScope(async (context) => {
  const { bench, daemon } = await bothBench(context, { interfaceName: 'wlan7' });
  assert.is(bench.state(HOME)[0], undefined);
  await context.clock.advance(5_000);
  await settled(bench);
  assert.is(bench.state(HOME)[0], 'ready');
  assert.equal(daemon.calls, []);
}));

async function bothBench(context: TestContext, options: FakeIwdOptions = {}): Promise<IwdBench> {
  const bench = await wifiBench(context, {
    ap: { ssid: 'home', keyManagements: ['wpa-psk'], secret: SECRET },
  }, { files: FAVORITE, system: NO_KERNEL });
  await iwd.start(bench.core, context.scope);
  await settled(bench);
  assert.is(bench.state(HOME)[0], 'ready');
  const daemon = await fakeIwd((scope) => bench.connect(scope), context.scope, AIR, options);
  await settled(bench);
  return { bench, daemon };
}

test('a name beyond ASCII, which iwd spells oddly in paths', withScope(async (context) => {
  const name = Buffer.from('caf\u00e9').toString('hex');
  const group = `${name}_managed_psk`;
  const { bench, daemon } = await iwdBench(context, {
    files: storedNetwork(group), directory: stateDirectory(context),
    air: { [`${name}_psk`]: { secret: SECRET, signalDbm: -50 } },
  });
  assert.equal(bench.core.services.list.map((each) => [each.identifier, each.name]), [
    [wifiIdentifier(group), 'caf\u00e9'],
  ]);
  bench.agent.answer = { Passphrase: SECRET };
  await bench.service(group).Connect();
  assert.equal(bench.state(group), ['ready', undefined]);
  await bench.service(group).Remove();
  await settled(bench);
  assert.ok(daemon.calls.includes(`Forget ${name}_psk`));
}));

test('WEP is none of iwd\'s: shown, refused, and in nobody\'s way', withScope(async (context) => {
  const old = groupOf('old', 'wep');
  const files = { ...FAVORITE, ...storedNetwork(old, ['Favorite=true', 'AutoConnect=true', 'Passphrase=abcde']) };
  const air = { ...AIR, '6f6c64_wep': { signalDbm: -30 } };
  const { bench, daemon } = await iwdBench(context, { files, air });
  await settled(bench);
  assert.equal(bench.core.services.get(wifiIdentifier(old))?.network.security, ['wep']);
  assert.equal([bench.state(old), bench.state(HOME)[0]], [['failure', 'connect-failed'], 'ready']);
  assert.is(await codeOf(bench.service(old).Connect()), 'net.connman.Error.NotSupported');
  assert.equal(daemon.calls.filter((call) => call.includes('_wep')), []);
}));

test('networks with odd paths are none', withScope(async (context) => {
  const odd = { signalDbm: -40 };
  const air = { '68_hotspot': odd, '686_psk': odd, 'zz_open': odd, [`${'61'.repeat(33)}_open`]: odd };
  const { bench } = await iwdBench(context, { air });
  assert.equal(bench.core.services.list.length, 0);
}));

test('an access point in place of the station, which comes back', withScope(async (context) => {
  const { bench, daemon } = await iwdBench(context, { files: FAVORITE });
  await settled(bench);
  assert.is(bench.state(HOME)[0], 'ready');
  const technology = bench.client.proxy(technologyInterface, 'net.connman', '/net/connman/technology/wifi');
  await technology.SetProperty({ name: 'TetheringIdentifier', value: variant('s', 'ours') });
  await technology.SetProperty({ name: 'TetheringPassphrase', value: variant('s', 'long enough') });
  daemon.calls.length = 0;
  await technology.SetProperty({ name: 'Tethering', value: variant('b', true) });
  assert.equal(daemon.calls.filter((call) => /^(Mode|Start)/.test(call)), ['Mode ap', 'Start ours long enough']);
  assert.is(bench.core.services.list.length, 0);
  await technology.SetProperty({ name: 'Tethering', value: variant('b', false) });
  await settled(bench);
  assert.ok(daemon.calls.includes('Mode station'));
  assert.is(bench.state(HOME)[0], 'ready');
}));

test('iwd dies as an access point and comes back: so does the access point', withScope(async (context) => {
  const { bench, daemon } = await iwdBench(context, { files: FAVORITE, mainConf: 'PersistentTetheringMode=true\n' });
  const technology = bench.client.proxy(technologyInterface, 'net.connman', '/net/connman/technology/wifi');
  const tethering = async (): Promise<unknown> => (await technology.GetProperties()).get('Tethering')?.value;
  const becomes = async (isTethering: boolean): Promise<void> => {
    while ((await tethering().catch(() => false)) !== isTethering) await settled(bench);
  };
  await technology.SetProperty({ name: 'TetheringIdentifier', value: variant('s', 'ours') });
  await technology.SetProperty({ name: 'TetheringPassphrase', value: variant('s', 'long enough') });
  await technology.SetProperty({ name: 'Tethering', value: variant('b', true) });
  await daemon.stop();
  await bench.supplicant.stop();
  await becomes(false);
  const next = await fakeIwd((scope) => bench.connect(scope), context.scope, AIR);
  await settled(bench);
  await context.clock.advance(20_000);
  await becomes(true);
  assert.equal(next.calls.filter((call) => /^(Mode|Start)/.test(call)), ['Mode ap', 'Start ours long enough']);
  await technology.SetProperty({ name: 'Powered', value: variant('b', false) });
  await becomes(false);
  await technology.SetProperty({ name: 'Powered', value: variant('b', true) });
  await settled(bench);
  await context.clock.advance(20_000);
  await becomes(true);
  await technology.SetProperty({ name: 'Tethering', value: variant('b', false) });
  await settled(bench);
  assert.is(bench.state(HOME)[0], 'ready');
}));

test.run();
