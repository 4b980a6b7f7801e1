/**
 * Wired services from the kernel's event to the client's signal: real objects on a kernel, a bus
 * and a clock in memory. Addresses are static, so nothing leaves the process.
 */

import { test } from 'uvu';
import * as assert from 'uvu/assert';
import { managerInterface } from '../../../src/dbus/interfaces/manager.ts';
import { serviceInterface } from '../../../src/dbus/interfaces/service.ts';
import { technologyInterface } from '../../../src/dbus/interfaces/technology.ts';
import { variant } from '../../../src/dbus/signature.ts';
import { coreBench, type CoreBench } from '../../helpers/core-bench.ts';
import { withScope } from '../../helpers/with-scope.ts';

const MAC = Uint8Array.of(2, 0, 0, 0, 0, 1);
const FIRST = 'ethernet_020000000001_cable';
const SECOND = 'ethernet_020000000002_cable';
const NO_CHECK = 'OnlineCheckMode=none';

function stored(identifier: string, address: string, gateway: string): [string, string] {
  return [
    `${identifier}/settings`,
    [
      `[${identifier}]`,
      'Name=Wired',
      'AutoConnect=true',
      'IPv4.method=manual',
      'IPv4.netmask_prefixlen=24',
      `IPv4.local_address=${address}`,
      `IPv4.gateway=${gateway}`,
      'Nameservers=192.0.2.53;',
      'Domains=lan.test;',
      '',
    ].join('\n'),
  ];
}

const FILES = Object.fromEntries([
  stored(FIRST, '192.0.2.10', '192.0.2.1'),
  stored(SECOND, '198.51.100.10', '198.51.100.1'),
]);

async function plug(bench: CoreBench, name: string, last = 1): Promise<void> {
  const known = bench.kernel.mirror.linkByName(name);
  if (known === undefined)
    bench.kernel.addLink({ name, hardwareAddress: Uint8Array.of(...MAC.subarray(0, 5), last) });
  await bench.settled();
  bench.kernel.setCarrier(name, true);
  await bench.settled();
}

function defaultRoutes({ kernel }: CoreBench): string[] {
  const routes = [...kernel.mirror.routes.values()].filter(({ destination }) => destination === undefined);
  return routes.map(({ gateway, metric }) => `${gateway} ${metric ?? 0}`).sort();
}

/** Of each link, what names are resolved with. */
function resolving({ dns }: CoreBench): unknown {
  const links = dns.current?.links ?? [];
  return links.map(({ nameservers, domains }) => [nameservers.map(({ address }) => `${address}`), domains]);
}

const proxies = ({ client }: CoreBench) => ({
  manager: client.proxy(managerInterface, 'net.connman', '/'),
  technology: client.proxy(technologyInterface, 'net.connman', '/net/connman/technology/ethernet'),
  service: (id: string) => client.proxy(serviceInterface, 'net.connman', `/net/connman/service/${id}`),
});

const codeOf = (promise: Promise<unknown>): Promise<string> =>
  promise.then(
    () => 'success',
    (error: Error) => error.name,
  );

test(
  'a cable becomes a ready service, told in order',
  withScope(async (context) => {
    const bench = await coreBench(context, { mainConf: NO_CHECK, files: FILES });
    await plug(bench, 'eth0');
    const told = bench.signals.map((line) => line.replace(/ \{.*$/, '').replace(/ \[\[.*$/, ''));
    assert.equal(
      told.filter((line) => !line.includes('IPv4')),
      [
        'Manager TechnologyAdded "/net/connman/technology/ethernet"',
        'Technology ethernet Powered true',
        'Manager ServicesChanged',
        `Service ${FIRST} State "ready"`,
        `Service ${FIRST} Domains ["lan.test"]`,
        `Service ${FIRST} Proxy`,
        'Technology ethernet Connected true',
        'Manager State "ready"',
        `Service ${FIRST} Nameservers ["192.0.2.53"]`,
      ].filter((line) => !line.includes('Domains')),
    );
    assert.equal(defaultRoutes(bench), ['192.0.2.1 0']);
    assert.equal(resolving(bench), [[['192.0.2.53'], ['lan.test']]]);
  }),
);

test(
  "the dictionary has ConnMan's keys in ConnMan's order",
  withScope(async (context) => {
    const bench = await coreBench(context, { mainConf: NO_CHECK, files: FILES });
    await plug(bench, 'eth0');
    const properties = await proxies(bench).service(FIRST).GetProperties();
    assert.equal(
      [...properties.keys()],
      [
        'Type',
        'Security',
        'State',
        'Favorite',
        'Immutable',
        'AutoConnect',
        'Name',
        'Ethernet',
        'IPv4',
        'IPv4.Configuration',
        'IPv6',
        'IPv6.Configuration',
        'Nameservers',
        'Nameservers.Configuration',
        'Timeservers',
        'Timeservers.Configuration',
        'Domains',
        'Domains.Configuration',
        'Proxy',
        'Proxy.Configuration',
        'mDNS',
        'mDNS.Configuration',
        'Provider',
      ],
    );
    const [entry] = await proxies(bench).manager.GetServices();
    assert.equal([...(entry?.[1].keys() ?? [])], [...properties.keys()]);
  }),
);

test(
  'a second cable waits behind the first and takes over when that is pulled',
  withScope(async (context) => {
    const bench = await coreBench(context, { mainConf: NO_CHECK, files: FILES });
    await plug(bench, 'eth0', 1);
    await plug(bench, 'eth1', 2);
    const low = 2 ** 32 - 1 - 1024 * (bench.kernel.mirror.linkByName('eth1')?.ifindex ?? 0);
    assert.equal(defaultRoutes(bench), ['192.0.2.1 0', `198.51.100.1 ${low}`]);
    bench.signals.length = 0;
    bench.kernel.setCarrier('eth0', false);
    await bench.settled();
    assert.equal(defaultRoutes(bench), ['198.51.100.1 0']);
    assert.is(bench.core.services.default?.identifier, SECOND);
    assert.ok(bench.signals.includes(`Service ${FIRST} State "disconnect"`));
    assert.ok(bench.signals.includes(`Service ${FIRST} State "idle"`));
    assert.not.ok(
      bench.signals.some((line) => line.startsWith('Manager State')),
      'the machine stayed ready',
    );
    assert.is(
      await codeOf(proxies(bench).service(FIRST).GetProperties()),
      'org.freedesktop.DBus.Error.UnknownObject',
    );
  }),
);

test(
  'reverse path filtering is loose while two are connected',
  withScope(async (context) => {
    const bench = await coreBench(context, { mainConf: NO_CHECK, files: FILES });
    const filter = (): string | undefined => bench.parameters.get('net/ipv4/conf/all/rp_filter');
    await plug(bench, 'eth0', 1);
    assert.is(filter(), '1');
    await plug(bench, 'eth1', 2);
    assert.is(filter(), '2');
    bench.kernel.setCarrier('eth1', false);
    assert.is(filter(), '1');
  }),
);

test(
  'MoveBefore makes the other the default',
  withScope(async (context) => {
    const bench = await coreBench(context, { mainConf: NO_CHECK, files: FILES });
    await plug(bench, 'eth0', 1);
    await plug(bench, 'eth1', 2);
    const { service } = proxies(bench);
    assert.is(
      await codeOf(service(SECOND).MoveBefore({ service: `/net/connman/service/${SECOND}` })),
      'net.connman.Error.InvalidService',
    );
    await service(SECOND).MoveBefore({ service: `/net/connman/service/${FIRST}` });
    await bench.settled();
    assert.is(bench.core.services.default?.identifier, SECOND);
    assert.equal(
      defaultRoutes(bench).filter((route) => route.endsWith(' 0')),
      ['198.51.100.1 0'],
    );
  }),
);

test(
  'a service that is down may be moved to the front without a change of the default',
  withScope(async (context) => {
    const bench = await coreBench(context, { mainConf: NO_CHECK, files: FILES });
    await plug(bench, 'eth0', 1);
    await plug(bench, 'eth1', 2);
    const { service } = proxies(bench);
    await service(SECOND).Disconnect();
    await bench.settled();
    bench.signals.length = 0;
    await service(SECOND).MoveBefore({ service: `/net/connman/service/${FIRST}` });
    await bench.settled();
    assert.is(bench.core.services.default?.identifier, FIRST);
    assert.equal(bench.signals.filter((line) => line.includes('State')), []);
  }),
);

test(
  'Disconnect keeps it down, Connect brings it back',
  withScope(async (context) => {
    const bench = await coreBench(context, { mainConf: NO_CHECK, files: FILES });
    await plug(bench, 'eth0');
    const service = proxies(bench).service(FIRST);
    assert.is(await codeOf(service.Connect()), 'net.connman.Error.AlreadyConnected');
    await service.Disconnect();
    await bench.settled();
    assert.equal(defaultRoutes(bench), []);
    assert.equal([...bench.kernel.mirror.addressesOf(bench.kernel.mirror.linkByName('eth0')?.ifindex ?? 0)], []);
    assert.is(await codeOf(service.Disconnect()), 'net.connman.Error.NotConnected');
    await context.clock.advance(1000);
    assert.is(bench.core.services.get(FIRST)?.state, 'idle');
    await service.Connect();
    await bench.settled();
    assert.is(bench.core.services.get(FIRST)?.state, 'ready');
  }),
);

test(
  'Powered off removes the service, the technology stays; it is remembered',
  withScope(async (context) => {
    const bench = await coreBench(context, { mainConf: NO_CHECK, files: FILES });
    await plug(bench, 'eth0');
    const { technology, manager } = proxies(bench);
    assert.is(
      await codeOf(technology.SetProperty({ name: 'Powered', value: variant('b', true) })),
      'net.connman.Error.AlreadyEnabled',
    );
    await technology.SetProperty({ name: 'Powered', value: variant('b', false) });
    await bench.settled();
    assert.equal(await manager.GetServices(), []);
    assert.is((await manager.GetTechnologies()).length, 1);
    assert.is(bench.kernel.mirror.linkByName('eth0')?.isUp, false);
    assert.match(bench.files.get('settings') ?? '', /\[Wired\]\nEnable=false/);
  }),
);

test(
  'offline mode turns everything off and on again',
  withScope(async (context) => {
    const bench = await coreBench(context, { mainConf: NO_CHECK, files: FILES });
    await plug(bench, 'eth0');
    const { manager } = proxies(bench);
    bench.signals.length = 0;
    await manager.SetProperty({ name: 'OfflineMode', value: variant('b', true) });
    await bench.settled();
    assert.equal(
      bench.signals.filter((line) => /^(Manager|Technology)/.test(line) && !line.includes('ServicesChanged')),
      [
        'Technology ethernet Connected false',
        'Manager State "offline"',
        'Technology ethernet Powered false',
        'Manager OfflineMode true',
      ],
    );
    await manager.SetProperty({ name: 'OfflineMode', value: variant('b', false) });
    bench.kernel.setCarrier('eth0', true);
    await bench.settled();
    assert.is(bench.core.services.get(FIRST)?.state, 'ready');
  }),
);

test(
  'what is powered down is not connected again on the way',
  withScope(async (context) => {
    const bench = await coreBench(context, { mainConf: NO_CHECK, files: FILES });
    await plug(bench, 'eth0');
    bench.signals.length = 0;
    await proxies(bench).technology.SetProperty({ name: 'Powered', value: variant('b', false) });
    await context.clock.advance(100);
    const told = bench.signals.filter((line) => / (State|Powered|ServicesChanged|IPv4|Nameservers) /.test(line));
    assert.equal(told, [
      `Service ${FIRST} State "disconnect"`,
      'Manager State "idle"',
      `Service ${FIRST} State "idle"`,
      `Service ${FIRST} IPv4 {}`,
      `Service ${FIRST} Nameservers []`,
      'Technology ethernet Powered false',
      `Manager ServicesChanged [] ["/net/connman/service/${FIRST}"]`,
    ]);
  }),
);

test(
  'a device that cannot be powered down stays in use',
  withScope(async (context) => {
    const bench = await coreBench(context, { mainConf: NO_CHECK, files: FILES });
    await plug(bench, 'eth0');
    bench.kernel.failNext('link.setDown', 'EIO');
    const { technology } = proxies(bench);
    assert.not.equal(await codeOf(technology.SetProperty({ name: 'Powered', value: variant('b', false) })), 'success');
    await bench.settled();
    assert.is(bench.core.technologies.get('ethernet')?.isPowered, true);
    assert.is(bench.core.services.get(FIRST)?.state, 'ready');
  }),
);

test(
  'other name servers and domains leave the link alone',
  withScope(async (context) => {
    const bench = await coreBench(context, { mainConf: NO_CHECK, files: FILES });
    await plug(bench, 'eth0');
    bench.signals.length = 0;
    bench.kernel.requests.length = 0;
    const { service } = proxies(bench);
    const value = variant('as', ['203.0.113.53', 'bogus']);
    await service(FIRST).SetProperty({ name: 'Nameservers.Configuration', value });
    await service(FIRST).SetProperty({ name: 'Domains.Configuration', value: variant('as', ['other.test']) });
    await bench.settled();
    assert.equal(bench.signals, [
      `Service ${FIRST} Nameservers.Configuration ["203.0.113.53"]`,
      `Service ${FIRST} Nameservers ["203.0.113.53"]`,
      `Service ${FIRST} Domains.Configuration ["other.test"]`,
      `Service ${FIRST} Domains ["other.test"]`,
    ]);
    assert.equal(resolving(bench), [[['203.0.113.53'], ['other.test']]]);
    assert.ok(bench.kernel.requests.every(({ verb }) => verb.startsWith('route.')));
  }),
);

test(
  'without any method it is idle, and with one it connects again',
  withScope(async (context) => {
    const bench = await coreBench(context, { mainConf: NO_CHECK, files: FILES });
    await plug(bench, 'eth0');
    const service = proxies(bench).service(FIRST);
    const set = (name: string, ...texts: [string, string][]): Promise<unknown> => {
      const entries = new Map(texts.map(([key, text]) => [key, variant('s', text)]));
      return service.SetProperty({ name, value: variant('a{sv}', entries) });
    };
    await set('IPv6.Configuration', ['Method', 'off']);
    await set('IPv4.Configuration', ['Method', 'off']);
    await bench.settled();
    assert.is(bench.core.services.get(FIRST)?.state, 'idle');
    assert.is(await codeOf(service.Connect()), 'net.connman.Error.NoCarrier');
    await set('IPv4.Configuration', ['Method', 'manual'], ['Address', '192.0.2.11'], ['Netmask', '255.255.255.0']);
    await bench.settled();
    assert.is(bench.core.services.get(FIRST)?.state, 'ready');
  }),
);

test(
  'a changed address takes effect at once',
  withScope(async (context) => {
    const bench = await coreBench(context, { mainConf: NO_CHECK, files: FILES });
    await plug(bench, 'eth0');
    const entries = { Method: 'manual', Address: '192.0.2.77', Netmask: '255.255.255.128', Gateway: '192.0.2.2' };
    const value = variant('a{sv}', new Map(Object.entries(entries).map(([key, text]) => [key, variant('s', text)])));
    await proxies(bench).service(FIRST).SetProperty({ name: 'IPv4.Configuration', value });
    await bench.settled();
    const addresses = [...bench.kernel.mirror.addressesOf(bench.kernel.mirror.linkByName('eth0')?.ifindex ?? 0)];
    assert.equal(
      addresses.map(({ address, prefixLength }) => `${address}/${prefixLength}`),
      ['192.0.2.77/25'],
    );
    assert.equal(defaultRoutes(bench), ['192.0.2.2 0']);
    assert.match(bench.files.get(`${FIRST}/settings`) ?? '', 'IPv4.local_address=192.0.2.77');
  }),
);

test(
  'a kernel that refuses the address makes the service fail with a reason',
  withScope(async (context) => {
    const bench = await coreBench(context, { mainConf: NO_CHECK, files: FILES });
    bench.kernel.failNext('address.add', 'EACCES');
    await plug(bench, 'eth0');
    const service = bench.core.services.get(FIRST);
    assert.equal([service?.state, service?.error], ['failure', 'connect-failed']);
    await proxies(bench).service(FIRST).ClearProperty({ name: 'Error' });
    await bench.settled();
    assert.equal([service?.state, service?.error], ['ready', undefined], 'it is tried again');
  }),
);

test(
  'a hundred flaps leave nothing behind',
  withScope(async (context) => {
    const bench = await coreBench(context, { mainConf: NO_CHECK, files: FILES });
    await plug(bench, 'eth0');
    await context.clock.advance(1000);
    const before = context.clock.pending().length;
    for (let flap = 0; flap < 100; flap++) {
      bench.kernel.setCarrier('eth0', false);
      if (flap % 2 === 0) await bench.settled();
      bench.kernel.setCarrier('eth0', true);
      if (flap % 3 === 0) await bench.settled();
    }
    await bench.settled();
    await context.clock.advance(1000);
    assert.is(bench.core.services.list.length, 1);
    assert.is(bench.core.services.default?.state, 'ready');
    assert.equal(defaultRoutes(bench), ['192.0.2.1 0']);
    assert.is(context.clock.pending().length, before);
  }),
);

test.run();
