/**
 * What stands in the kernel for one, two and three services, and that no change of the default
 * passes through a moment without a default route.
 */

import { test } from 'uvu';
import * as assert from 'uvu/assert';
import { Gateways, type GatewayNeeds } from '../../src/gateway.ts';
import { lowPriorityMetric, sourceTable } from '../../src/gateway/routes.ts';
import { parseIpAddress, type IpAddress } from '../../src/shared/ipaddress.ts';
import { setLogSink } from '../../src/shared/log.ts';
import { createScope } from '../../src/shared/scope.ts';
import { fakeKernel, type FakeKernel } from '../helpers/fake-kernel.ts';

setLogSink(() => undefined);

function ip(text: string): IpAddress {
  const address = parseIpAddress(text);
  if (address === undefined) throw new Error(`${text} is no address`);
  return address;
}

interface Network {
  readonly address: string;
  readonly gateway?: string;
  readonly hosts?: readonly string[];
  readonly prefixLength?: number;
}

async function plug(kernel: FakeKernel, name: string, network: Network): Promise<GatewayNeeds> {
  const { address, gateway, hosts = [], prefixLength = 24 } = network;
  const { ifindex } = kernel.addLink({ name, isUp: true, hasCarrier: true });
  const subnet = { address: ip(address), prefixLength };
  await kernel.address.add({ ifindex, ...subnet });
  return {
    ifindex,
    family: 4,
    subnets: [subnet],
    hosts: hosts.map(ip),
    routes: [],
    ...(gateway !== undefined && { gateway: ip(gateway) }),
  };
}

const owner = (identifier: string) => ({ identifier, family: 4 as const });

function main(kernel: FakeKernel): string[] {
  const ours = [...kernel.mirror.routes.values()].filter(({ protocol }) => protocol !== 2);
  return ours.map(({ destination, gateway, ifindex, metric }) => {
    const to = destination === undefined ? 'default' : String(destination.address);
    return `${to}${gateway === undefined ? '' : ` via ${gateway}`} dev ${ifindex}${metric === undefined ? '' : ' low'}`;
  }).sort();
}

async function table(kernel: FakeKernel, ifindex: number): Promise<string[]> {
  const routes = await kernel.route.list(4, sourceTable(ifindex));
  return routes.map(({ destination, gateway = 'link' }) => `${destination?.address ?? 'default'} ${gateway}`).sort();
}

async function rules(kernel: FakeKernel): Promise<string[]> {
  await new Promise(setImmediate); // rules follow the routes
  const list = await kernel.rule.list(4);
  return list.map(
    ({ source, suppressPrefixLength }) => `${source?.address ?? 'all'}${suppressPrefixLength === 0 ? ' known' : ''}`,
  ).sort();
}

/** Default routes after every event from now on. */
function watchDefaults(kernel: FakeKernel): number[] {
  const counts: number[] = [];
  kernel.mirror.routeChanged.observe(createScope(), () => {
    counts.push([...kernel.mirror.routes.values()].filter(({ destination }) => destination === undefined).length);
  });
  return counts;
}

test('one service needs no rules', async () => {
  const kernel = fakeKernel();
  const gateways = new Gateways(kernel);
  const one = await plug(
    kernel, 'eth0', { address: '192.0.2.10', gateway: '192.0.2.1', hosts: ['192.0.2.53', '203.0.113.53'] },
  );
  await gateways.set(owner('one'), one);
  assert.equal(main(kernel), ['192.0.2.1 dev 2', '203.0.113.53 via 192.0.2.1 dev 2', 'default via 192.0.2.1 dev 2']);
  assert.equal(await rules(kernel), []);
  await gateways.remove(owner('one'));
  assert.equal(main(kernel), []);
});

test('of two, each answers by its own link, and the default changes without a gap', async () => {
  const kernel = fakeKernel();
  const gateways = new Gateways(kernel);
  const one = await plug(kernel, 'eth0', { address: '192.0.2.10', gateway: '192.0.2.1' });
  const two = await plug(kernel, 'eth1', { address: '198.51.100.10', gateway: '198.51.100.1' });
  await Promise.all([gateways.set(owner('one'), one), gateways.set(owner('two'), two)]);
  const first = [
    '192.0.2.1 dev 2', '198.51.100.1 dev 3 low', 'default via 192.0.2.1 dev 2', 'default via 198.51.100.1 dev 3 low',
  ];
  assert.equal(main(kernel), first);
  assert.equal(
    await rules(kernel), ['192.0.2.10', '192.0.2.10 known', '198.51.100.10', '198.51.100.10 known', 'all known'],
  );
  assert.equal(await table(kernel, two.ifindex), ['198.51.100.0 link', 'default 198.51.100.1']);

  const counts = watchDefaults(kernel);
  await gateways.setDefault('two');
  const second = [
    '192.0.2.1 dev 2 low', '198.51.100.1 dev 3', 'default via 192.0.2.1 dev 2 low', 'default via 198.51.100.1 dev 3',
  ];
  assert.equal(main(kernel), second);
  await gateways.setDefault('one');
  assert.equal(main(kernel), first);
  assert.ok(counts.every((count) => count > 0), `${counts}`);

  await gateways.remove(owner('two'));
  assert.equal(main(kernel), ['192.0.2.1 dev 2', 'default via 192.0.2.1 dev 2']);
  assert.equal(await rules(kernel), []);
  assert.equal(await table(kernel, one.ifindex), []);
});

test('a link-local address beside another is answered by its link, and leads nowhere else', async () => {
  const kernel = fakeKernel();
  const gateways = new Gateways(kernel);
  const beside = { address: ip('169.254.7.9'), prefixLength: 16 };
  const one = await plug(kernel, 'eth0', { address: '192.0.2.10', gateway: '192.0.2.1' });
  const two = await plug(kernel, 'eth1', { address: '198.51.100.10', gateway: '198.51.100.1' });
  await gateways.set(owner('one'), { ...one, subnets: [...one.subnets, beside] });
  await gateways.set(owner('two'), two);
  assert.equal((await rules(kernel)).filter((rule) => rule.startsWith('169')), ['169.254.7.9 known']);
  assert.equal(await table(kernel, one.ifindex), ['169.254.0.0 link', '192.0.2.0 link', 'default 192.0.2.1']);
});

test('two in one subnet keep their gateway apart', async () => {
  const kernel = fakeKernel();
  const gateways = new Gateways(kernel);
  const one = await plug(kernel, 'eth0', { address: '192.0.2.10', gateway: '192.0.2.1' });
  const two = await plug(kernel, 'eth1', { address: '192.0.2.11', gateway: '192.0.2.1' });
  await gateways.set(owner('one'), one);
  await gateways.set(owner('two'), two);
  const expected = [
    '192.0.2.1 dev 2', '192.0.2.1 dev 3 low', 'default via 192.0.2.1 dev 2', 'default via 192.0.2.1 dev 3 low',
  ];
  assert.equal(main(kernel), expected);
  await gateways.setDefault('two');
  await gateways.remove(owner('one'));
  assert.equal(main(kernel), ['192.0.2.1 dev 3', 'default via 192.0.2.1 dev 3']);
});

test('a default without a gateway leaves the default route to the other', async () => {
  const kernel = fakeKernel();
  const gateways = new Gateways(kernel);
  await gateways.set(owner('one'), await plug(kernel, 'eth0', { address: '192.0.2.10' }));
  await gateways.set(owner('two'), await plug(kernel, 'eth1', { address: '198.51.100.10', gateway: '198.51.100.1' }));
  assert.equal(main(kernel), ['198.51.100.1 dev 3 low', 'default via 198.51.100.1 dev 3 low']);
  await gateways.setDefault('two');
  await gateways.setDefault('one');
  assert.equal(main(kernel), ['198.51.100.1 dev 3 low', 'default via 198.51.100.1 dev 3 low']);
});

test('an address of its own network alone, whose gateway is the name server too', async () => {
  const kernel = fakeKernel();
  const gateways = new Gateways(kernel);
  const needs = await plug(
    kernel, 'eth0', { address: '192.0.2.10', prefixLength: 32, gateway: '192.0.2.1', hosts: ['192.0.2.1'] },
  );
  await gateways.set(owner('one'), needs);
  assert.equal(main(kernel), ['192.0.2.1 dev 2', 'default via 192.0.2.1 dev 2']);
});

test('setting again puts back what others removed', async () => {
  const kernel = fakeKernel();
  const gateways = new Gateways(kernel);
  const one = await plug(kernel, 'eth0', { address: '192.0.2.10', gateway: '192.0.2.1' });
  await gateways.set(owner('one'), one);
  await kernel.route.remove({ family: 4, ifindex: one.ifindex, gateway: ip('192.0.2.1') });
  await gateways.set(owner('one'), one);
  assert.equal(main(kernel), ['192.0.2.1 dev 2', 'default via 192.0.2.1 dev 2']);
  await gateways.set(owner('one'), { ...one, gateway: ip('192.0.2.2') });
  assert.equal(main(kernel), ['192.0.2.2 dev 2', 'default via 192.0.2.2 dev 2'], 'the old host route is gone');
});

test('the rules of an earlier daemon stay until their service is back', async () => {
  const kernel = fakeKernel();
  const before = new Gateways(kernel);
  const one = await plug(kernel, 'eth0', { address: '192.0.2.10', gateway: '192.0.2.1' });
  const two = await plug(kernel, 'eth1', { address: '198.51.100.10', gateway: '198.51.100.1' });
  await before.set(owner('one'), one);
  await before.set(owner('two'), two);
  const held = await rules(kernel);
  before.abandon(owner('one'));
  before.abandon(owner('two'));
  assert.equal(await rules(kernel), held);

  const gateways = new Gateways(kernel);
  await gateways.inherit();
  await gateways.set(owner('one'), one);
  assert.equal(await rules(kernel), held);
  await gateways.set(owner('two'), two);
  assert.equal(await rules(kernel), held);
  await gateways.remove(owner('two'));
  assert.equal(await rules(kernel), []);
});

test('another is the default after a restart: no route of the earlier daemon stays in the old role', async () => {
  const kernel = fakeKernel();
  const before = new Gateways(kernel);
  const one = await plug(kernel, 'eth0', { address: '192.0.2.10', gateway: '192.0.2.1' });
  const two = await plug(kernel, 'eth1', { address: '198.51.100.10', gateway: '198.51.100.1' });
  await before.set(owner('one'), one);
  await before.set(owner('two'), two);
  const first = main(kernel);
  before.abandon(owner('one'));
  before.abandon(owner('two'));

  const counts = watchDefaults(kernel);
  const gateways = new Gateways(kernel);
  await gateways.inherit();
  await gateways.set(owner('two'), two);
  await gateways.set(owner('one'), one);
  assert.equal(main(kernel), [
    '192.0.2.1 dev 2 low', '198.51.100.1 dev 3', 'default via 192.0.2.1 dev 2 low', 'default via 198.51.100.1 dev 3',
  ]);
  await gateways.setDefault('one');
  assert.equal(main(kernel), first);
  assert.ok(counts.every((count) => count > 0), `${counts}`);
  await gateways.remove(owner('two'));
  await gateways.set(owner('two'), two);
  assert.equal(main(kernel), first, 'what was taken over is not removed twice');
});

test('rules of addresses that are gone are removed at start', async () => {
  const kernel = fakeKernel();
  const source = { address: ip('203.0.113.9'), prefixLength: 32 };
  await kernel.rule.add({ family: 4, priority: 31_992, source, table: sourceTable(7) });
  await new Gateways(kernel).inherit();
  assert.equal(await rules(kernel), []);
});

test('a kernel without rules still routes', async () => {
  const kernel = fakeKernel();
  const gateways = new Gateways(kernel);
  kernel.failNext('rule.add', 'EOPNOTSUPP', 9);
  await gateways.set(owner('one'), await plug(kernel, 'eth0', { address: '192.0.2.10', gateway: '192.0.2.1' }));
  const two = await plug(kernel, 'eth1', { address: '198.51.100.10', gateway: '198.51.100.1' });
  await gateways.set(owner('two'), two);
  assert.is(main(kernel).length, 4);
  assert.equal(await table(kernel, two.ifindex), []);
});

test('a route the kernel refuses is told with its reason', async () => {
  const kernel = fakeKernel();
  const gateways = new Gateways(kernel);
  const one = await plug(kernel, 'eth0', { address: '192.0.2.10', gateway: '192.0.2.1' });
  kernel.failNext('route.replace', 'EPERM');
  try {
    await gateways.set(owner('one'), one);
    assert.unreachable();
  } catch (error) {
    assert.match(String(error), /route 192\.0\.2\.1\/32 dev 2 metric 0 cannot be added/);
  }
});

const IPV6 = { identifier: 'one', family: 6 } as const;

async function announced(kernel: FakeKernel, name: string, network: string): Promise<GatewayNeeds> {
  const { ifindex } = kernel.addLink({ name, isUp: true, hasCarrier: true });
  const subnet = { address: ip(`${network}::a`), prefixLength: 64 };
  await kernel.address.add({ ifindex, ...subnet });
  const gateway = ip('fe80::1');
  const routes = [{ destination: { address: ip('2001:db8:7::'), prefixLength: 48 }, gateway }];
  const hosts = [ip('2001:db8:f::53'), ip('fe80::53'), ip('192.0.2.53')];
  return { ifindex, family: 6, subnets: [subnet], hosts, routes, gateway };
}

test('IPv6: before the kernel’s routes to routers, and behind them where another is the default', async () => {
  const kernel = fakeKernel();
  const gateways = new Gateways(kernel);
  const needs = await announced(kernel, 'eth0', '2001:db8:1');
  await gateways.set(IPV6, needs);
  const told = (): string[] => [...kernel.mirror.routes.values()]
    .filter(({ protocol }) => protocol !== 2)
    .map(({ destination, gateway, metric, onlink }) =>
      `${destination?.address ?? 'default'} via ${gateway} ${metric}${onlink === true ? ' onlink' : ''}`);
  assert.equal(told().toSorted(), [
    '2001:db8:7:: via fe80::1 512', '2001:db8:f::53 via fe80::1 512', 'default via fe80::1 512',
  ]);
  await gateways.setDefault('other');
  const low = lowPriorityMetric(needs.ifindex);
  assert.ok(told().every((route) => route.endsWith(` ${low}`)), told().join('; '));
  await gateways.remove(IPV6);
  assert.equal(told(), []);
});

test('IPv6: packets from any address of a network take its link', async () => {
  const kernel = fakeKernel();
  const gateways = new Gateways(kernel);
  const one = await announced(kernel, 'eth0', '2001:db8:1');
  await gateways.set(IPV6, one);
  await gateways.set({ identifier: 'two', family: 6 }, await announced(kernel, 'eth1', '2001:db8:2'));
  const found = await kernel.rule.list(6);
  const sources = found.flatMap(({ source }) => (source === undefined ? [] : [source]));
  assert.equal(sources.map(({ address, prefixLength }) => `${address}/${prefixLength}`), [
    '2001:db8:1::/64', '2001:db8:1::/64', '2001:db8:2::/64', '2001:db8:2::/64',
  ]);
  const own = await kernel.route.list(6, sourceTable(one.ifindex));
  assert.equal(own.map(({ destination, source }) => `${destination?.address ?? 'default'} ${source ?? ''}`.trim()), [
    '2001:db8:1::', '2001:db8:7::', 'default',
  ]);
});

test('IPv6: an earlier daemon’s way to a router that is gone goes too', async () => {
  const kernel = fakeKernel();
  const needs = await announced(kernel, 'eth0', '2001:db8:1');
  const stale = { family: 6 as const, ifindex: needs.ifindex, gateway: ip('fe80::dead') };
  await kernel.route.add({ ...stale, metric: 512 });
  await kernel.route.add({ ...stale, metric: 77 });
  const { gateway, ...alone } = needs;
  assert.ok(gateway !== undefined);
  await new Gateways(kernel).set(IPV6, alone);
  const defaults = [...kernel.mirror.routes.values()].filter(({ destination }) => destination === undefined);
  assert.equal(defaults.map(({ metric }) => metric), [77], 'what others have made stays');
});

test("ConnMan's metric", () => {
  assert.is(lowPriorityMetric(3), 4294964223);
  assert.is(lowPriorityMetric(2 ** 22), 2 ** 20);
});

test.run();
