/**
 * Provisioning files in a whole core: created, changed, renamed and deleted while services are
 * there, with a kernel, a bus and files in memory.
 */

import { test } from 'uvu';
import * as assert from 'uvu/assert';
import { serviceInterface } from '../../../src/dbus/interfaces/service.ts';
import { Variant, variant } from '../../../src/dbus/signature.ts';
import { lowPriorityMetric } from '../../../src/gateway/routes.ts';
import { setLogSink } from '../../../src/shared/log.ts';
import { coreBench, type CoreBench } from '../../helpers/core-bench.ts';
import { withScope } from '../../helpers/with-scope.ts';

const FIRST = 'ethernet_020000000001_cable';
const SECOND = 'ethernet_020000000002_cable';
const mainConf = 'OnlineCheckMode=none';

const ENTRY = `Type=ethernet
IPv4=192.0.2.10/24/192.0.2.1
IPv6=off
Nameservers=192.0.2.53
Timeservers=ntp.lab.test
SearchDomains=lab.test
Domain=site.test
mDNS=true
`;
const LAB = `[service_wired]\n${ENTRY}`;
const OTHER = LAB.replace('192.0.2.10/', '192.0.2.11/');

/** The user's own, as stored. */
const OWN = `[${FIRST}]
Name=Wired
AutoConnect=true
IPv4.method=manual
IPv4.netmask_prefixlen=24
IPv4.local_address=192.0.2.77
IPv6.method=off
Nameservers=192.0.2.7;
`;

async function plug(bench: CoreBench, name: string, last: number): Promise<void> {
  bench.kernel.addLink({ name, hardwareAddress: Uint8Array.of(2, 0, 0, 0, 0, last) });
  await bench.settled();
  bench.kernel.setCarrier(name, true);
  await bench.settled();
}

async function put(bench: CoreBench, name: string, text?: string): Promise<void> {
  bench.put(name, text);
  await bench.settled();
}

const proxy = ({ client }: CoreBench, id = FIRST) =>
  client.proxy(serviceInterface, 'net.connman', `/net/connman/service/${id}`);

async function property(bench: CoreBench, name: string, id = FIRST): Promise<unknown> {
  return plain((await proxy(bench, id).GetProperties()).get(name));
}

function addresses({ kernel }: CoreBench, name: string): string[] {
  const ifindex = kernel.mirror.linkByName(name)?.ifindex ?? 0;
  const all = kernel.mirror.addressesOf(ifindex).map(({ address, prefixLength, metric }) => {
    return `${address}/${prefixLength}${metric === undefined ? '' : ` metric ${metric}`}`;
  });
  return all.sort();
}

const codeOf = (promise: Promise<unknown>): Promise<string> =>
  promise.then(() => 'success', (error: Error) => error.name);

test(
  'a service that a file speaks for is immutable, and set up as the file says',
  withScope(async (context) => {
    const bench = await coreBench(context, { mainConf, files: { 'lab.config': LAB } });
    await plug(bench, 'eth0', 1);
    const wanted = {
      State: 'ready',
      Favorite: true,
      Immutable: true,
      IPv4: { Method: 'fixed', Address: '192.0.2.10', Netmask: '255.255.255.0', Gateway: '192.0.2.1' },
      'IPv4.Configuration': { Method: 'fixed', Address: '192.0.2.10', Netmask: '255.255.255.0', Gateway: '192.0.2.1' },
      'IPv6.Configuration': { Method: 'off' },
      Nameservers: ['192.0.2.53'],
      'Nameservers.Configuration': [],
      Timeservers: ['ntp.lab.test'],
      'Timeservers.Configuration': [],
      Domains: ['lab.test'],
      'Domains.Configuration': ['lab.test'],
      'mDNS.Configuration': true,
    };
    const all = new Map([...(await proxy(bench).GetProperties())].map(([key, value]) => [key, plain(value)]));
    assert.equal(Object.fromEntries(Object.keys(wanted).map((key) => [key, all.get(key)])), wanted);
    assert.equal(bench.host, ['site.test']);

    await context.clock.advance(10_000);
    const settings = bench.files.get(`${FIRST}/settings`) ?? '';
    for (const line of ['IPv4.method=fixed', 'IPv4.local_address=192.0.2.10', 'IPv4.netmask_prefixlen=24',
      'IPv4.gateway=192.0.2.1', 'Domains=lab.test;', 'mDNS=true', 'Config.file=lab', 'Config.ident=service_wired']) {
      assert.ok(settings.split('\n').includes(line), `${line} in\n${settings}`);
    }
    assert.not.match(settings, /^Nameservers=/m);
  }),
);

test(
  'of an immutable service only AutoConnect can be set',
  withScope(async (context) => {
    const bench = await coreBench(context, { mainConf, files: { 'lab.config': LAB } });
    await plug(bench, 'eth0', 1);
    const set = (name: string, value = variant('s', 'whatever')) => codeOf(proxy(bench).SetProperty({ name, value }));
    for (const name of ['IPv4', 'IPv6', 'Nameservers', 'Timeservers', 'Domains', 'Proxy', 'mDNS']) {
      assert.is(await set(`${name}.Configuration`), 'net.connman.Error.NotSupported');
    }
    assert.is(await set('Name'), 'net.connman.Error.InvalidProperty');
    assert.is(await codeOf(proxy(bench).Remove()), 'net.connman.Error.NotSupported');
    assert.is(await set('AutoConnect'), 'net.connman.Error.InvalidArguments');
    assert.is(await set('AutoConnect', variant('b', false)), 'success');
    assert.is(await property(bench, 'AutoConnect'), false);
    await context.clock.advance(10_000);
    assert.match(bench.files.get(`${FIRST}/settings`) ?? '', /^AutoConnect=false$/m);
  }),
);

test('what ConnMan has no word for is decided by a file, before users, until it goes', withScope(async (context) => {
  const own = 'NeverDefault=yes\nSendHostname=box\nTakeHostname=no\nMetered=auto\nIPv4.LinkLocal=disabled\n';
  const users = { 'causeway/services': `[${FIRST}]\nMetered=yes\nCheckOnline=no\nSendHostname=mine\n` };
  const bench = await coreBench(context, { mainConf, files: { 'lab.config': LAB + own, ...users } });
  await plug(bench, 'eth0', 1);
  const { choices, ownSettings } = bench.core.services;
  const owner = { identifier: FIRST, type: 'ethernet' };
  const inForce = (): unknown[] => [
    choices.isNeverDefault(owner), choices.isChecked(owner), choices.hostnameFor(owner, 'host'),
    ownSettings.get(FIRST, 'Metered'), choices.isNaming(owner),
  ];
  assert.equal(inForce(), [true, false, 'box', undefined, false]);
  assert.is(bench.core.services.get(FIRST)?.configuration.ipv4.linkLocal, 'disabled');
  assert.throws(() => choices.set(owner, 'SendHostname', 'other'), /Not supported/);
  choices.set(owner, 'CheckOnline', 'auto');
  await put(bench, 'lab.config');
  assert.equal(inForce(), [false, true, 'mine', 'yes', undefined]);
}));

test(
  'a file takes effect when it is made, changed, renamed and deleted; users\' own settings return',
  withScope(async (context) => {
    const bench = await coreBench(context, { mainConf, files: { [`${FIRST}/settings`]: OWN } });
    await plug(bench, 'eth0', 1);
    assert.equal(addresses(bench, 'eth0'), ['192.0.2.77/24']);

    await put(bench, 'lab.config', LAB);
    assert.equal(addresses(bench, 'eth0'), ['192.0.2.10/24']);
    assert.is(await property(bench, 'Immutable'), true);
    assert.ok(bench.signals.includes('Service ethernet_020000000001_cable Immutable true'));
    assert.equal(await property(bench, 'Nameservers.Configuration'), []);

    bench.signals.length = 0;
    await put(bench, 'lab.config', `# looked at\n${LAB}`);
    assert.equal(bench.signals, [], 'nothing has changed');

    await put(bench, 'lab.config', OTHER);
    assert.equal(addresses(bench, 'eth0'), ['192.0.2.11/24']);
    assert.is(await property(bench, 'State'), 'ready');

    bench.signals.length = 0;
    bench.put('lab.config');
    bench.put('yard.config', OTHER);
    await bench.settled();
    assert.equal(addresses(bench, 'eth0'), ['192.0.2.11/24']);
    assert.not.ok(bench.signals.some((line) => line.includes('State')), 'renamed, it stays connected');
    assert.is(await property(bench, 'Immutable'), true);

    await context.clock.advance(10_000);
    const stored = bench.files.get(`${FIRST}/settings`) ?? '';
    assert.match(stored, /local_address=192\.0\.2\.77/, 'the user\'s own stay on disk meanwhile');
    assert.not.match(stored, /Config\.file/);

    await put(bench, 'yard.config');
    assert.is(await property(bench, 'Immutable'), false);
    assert.equal(addresses(bench, 'eth0'), ['192.0.2.77/24']);
    assert.equal(await property(bench, 'Nameservers.Configuration'), ['192.0.2.7']);
    assert.is(await property(bench, 'State'), 'ready');
  }),
);

test(
  'what was stored for a file goes with it',
  withScope(async (context) => {
    const bench = await coreBench(context, { mainConf, files: { 'lab.config': LAB } });
    await plug(bench, 'eth0', 1);
    await context.clock.advance(1000);
    assert.ok(bench.files.has(`${FIRST}/settings`));
    await put(bench, 'lab.config');
    assert.not.ok(bench.files.has(`${FIRST}/settings`));
    assert.equal(await property(bench, 'IPv4.Configuration'), { Method: 'dhcp' });
    assert.is(await property(bench, 'State'), 'configuration', 'it asks for an address at once');
    const mdns = { name: 'mDNS.Configuration', value: variant('b', true) };
    assert.is(await codeOf(proxy(bench).SetProperty(mdns)), 'success');
  }),
);

test(
  'what an earlier daemon stored for a file that has gone is forgotten',
  withScope(async (context) => {
    const gone = OWN.replace('manual', 'fixed') + 'Config.file=lab\nConfig.ident=service_wired\n';
    const files = {
      [`${FIRST}/settings`]: gone,
      [`${SECOND}/settings`]: gone.replaceAll(FIRST, SECOND),
      'lab.config': '[service_other]\nType=gadget\n',
      'ethernet_3_cable/settings': '[ethernet_3_cable]\nConfig.file=lab\nConfig.ident=service_other\n',
    };
    const bench = await coreBench(context, { mainConf, files });
    await plug(bench, 'eth0', 1);
    assert.equal(await property(bench, 'IPv4.Configuration'), { Method: 'dhcp' });
    assert.is(await property(bench, 'Immutable'), false);
    await context.clock.advance(10_000);
    assert.equal([...bench.files.keys()].filter((name) => name.endsWith('/settings')), ['ethernet_3_cable/settings']);
  }),
);

test(
  'entries are for the interface they name, the first that fits counts',
  withScope(async (context) => {
    const files = {
      'a.config': `[service_a]\n${ENTRY}MAC=02:00:00:00:00:02\n`,
      'b.config': `[service_b]\n${ENTRY.replace('192.0.2.10/', '192.0.2.11/')}DeviceName=eth0\n`,
      'c.config': `[service_c]\nType=ethernet\n`,
    };
    const bench = await coreBench(context, { mainConf, files });
    await plug(bench, 'eth0', 1);
    await plug(bench, 'eth1', 2);
    assert.equal([addresses(bench, 'eth0'), addresses(bench, 'eth1')], [['192.0.2.11/24'], ['192.0.2.10/24']]);
    await put(bench, 'a.config');
    assert.equal(await property(bench, 'IPv4.Configuration', SECOND), { Method: 'dhcp' }, 'c.config');
    assert.equal([addresses(bench, 'eth0'), addresses(bench, 'eth1')], [['192.0.2.11/24'], []]);
    assert.is(await property(bench, 'Immutable', SECOND), true);
  }),
);

test(
  'a service that a user left is connected when a file speaks for it',
  withScope(async (context) => {
    const bench = await coreBench(context, { mainConf, files: { [`${FIRST}/settings`]: OWN } });
    await plug(bench, 'eth0', 1);
    await proxy(bench).Disconnect();
    await bench.settled();
    assert.is(await property(bench, 'State'), 'idle');
    await put(bench, 'lab.config', `${LAB}AutoConnect=false\n`);
    assert.equal([await property(bench, 'State'), await property(bench, 'AutoConnect')], ['idle', false]);
    await put(bench, 'lab.config', LAB + 'AutoConnect=true\n');
    assert.is(await property(bench, 'State'), 'ready');
  }),
);

test(
  'mistakes are logged with file and line, and the rest counts',
  withScope(async (context) => {
    const bench = await coreBench(context, { mainConf });
    const lines: string[] = [];
    const before = setLogSink((_, line) => void lines.push(line));
    await put(bench, 'lab.config', `${LAB}Colour=red\nnonsense\n[service_b]\nType=vpn\n`);
    await put(bench, 'l\u00e4b.config', LAB);
    setLogSink(before);
    assert.equal(lines.filter((line) => line.includes('.config')), [
      '/nowhere/lab.config:10: unknown key Colour in [service_wired]',
      '/nowhere/lab.config:11: nonsense: neither a group, nor key=value, nor a comment',
      '/nowhere/lab.config:12: [service_b] is left out',
      '/nowhere/lab.config:13: Type=vpn: one of ethernet, wifi, gadget wanted',
      '"läb.config" is no name for a provisioning file',
    ]);
    await plug(bench, 'eth0', 1);
    assert.equal(addresses(bench, 'eth0'), ['192.0.2.10/24']);
  }),
);

test(
  'a named interface has its address before there is a carrier',
  withScope(async (context) => {
    const named = `${LAB}DeviceName=eth0\n`;
    const bench = await coreBench(context, { mainConf, files: { 'lab.config': named } });
    const { ifindex } = bench.kernel.addLink({ name: 'eth0', hardwareAddress: Uint8Array.of(2, 0, 0, 0, 0, 1) });
    bench.kernel.addLink({ name: 'eth1', hardwareAddress: Uint8Array.of(2, 0, 0, 0, 0, 2) });
    await bench.settled();
    const metric = ` metric ${lowPriorityMetric(ifindex)}`;
    assert.equal([addresses(bench, 'eth0'), addresses(bench, 'eth1')], [[`192.0.2.10/24${metric}`], []]);

    await put(bench, 'lab.config', named.replace('192.0.2.10/', '192.0.2.12/'));
    assert.equal(addresses(bench, 'eth0'), [`192.0.2.12/24${metric}`]);
    bench.kernel.setCarrier('eth0', true);
    await bench.settled();
    assert.equal(addresses(bench, 'eth0'), ['192.0.2.12/24'], 'the service has it');
    assert.is(await property(bench, 'State'), 'ready');
    bench.kernel.setCarrier('eth0', false);
    await bench.settled();
    assert.equal(addresses(bench, 'eth0'), [`192.0.2.12/24${metric}`]);
    await put(bench, 'lab.config', `${LAB}MAC=02:00:00:00:00:01\n`);
    assert.equal(addresses(bench, 'eth0'), [`192.0.2.10/24${metric}`]);
    await put(bench, 'lab.config', LAB);
    assert.equal(addresses(bench, 'eth0'), [], 'for any interface, so for none in particular');
  }),
);

test(
  'an address from before the carrier goes when the service stays idle',
  withScope(async (context) => {
    const files = { 'lab.config': `${LAB}DeviceName=eth0\nAutoConnect=false\n` };
    const bench = await coreBench(context, { mainConf, files });
    await plug(bench, 'eth0', 1);
    assert.is(await property(bench, 'State'), 'idle');
    assert.equal(addresses(bench, 'eth0'), []);
  }),
);

test(
  'a Wi-Fi network is found by name and security, and forgotten with its file',
  withScope(async (context) => {
    const radio = '[service_home]\nType=wifi\nName=home\nPassphrase=12345678\nIPv4=192.0.2.30/24\nIPv6=off\n';
    const files = { settings: '[WiFi]\nEnable=true\n', 'home.config': radio };
    const bench = await coreBench(context, { mainConf, files, devtypes: { wlan0: 'wlan' } });
    bench.core.technologies.register({
      type: 'wifi',
      attach: (device, scope) => ({
        enable: async () => {
          for (const security of ['psk', 'none']) {
            const control = { connect: () => Promise.resolve(), disconnect: () => undefined };
            const group = `686f6d65_managed_${security}`;
            device.addNetwork({ identifier: security, group, name: 'home', control }, scope);
          }
        },
        disable: async () => undefined,
      }),
    }, context.scope);
    bench.kernel.addLink({ name: 'wlan0', hardwareAddress: Uint8Array.of(2, 0, 0, 0, 0, 9) });
    await bench.settled();
    await context.clock.advance(600);
    await bench.settled();
    const [home, open] = ['psk', 'none'].map((security) => `wifi_020000000009_686f6d65_managed_${security}`);
    const shownOf = async (name: string) => [await property(bench, name, home), await property(bench, name, open)];
    assert.equal(await shownOf('Immutable'), [true, false]);
    assert.equal(await shownOf('Favorite'), [true, false]);
    assert.equal(await shownOf('State'), ['ready', 'idle']);
    assert.equal(addresses(bench, 'wlan0'), ['192.0.2.30/24'], 'never before it is joined');
    await put(bench, 'home.config');
    assert.equal(await shownOf('Immutable'), [false, false]);
    assert.equal(await shownOf('Favorite'), [false, false]);
    assert.equal(await shownOf('State'), ['idle', 'idle']);
  }),
);

test.run();

function plain(value: unknown): unknown {
  if (value instanceof Variant) return plain(value.value);
  if (value instanceof Map) return Object.fromEntries([...value].map(([key, each]) => [String(key), plain(each)]));
  return Array.isArray(value) ? value.map(plain) : value;
}
