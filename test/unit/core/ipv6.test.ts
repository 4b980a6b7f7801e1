/**
 * Services with two families: what state, properties, routes and name servers they amount to. What was
 * written down is used, so that nothing leaves the process.
 */

import { test } from 'uvu';
import * as assert from 'uvu/assert';
import { LONGEST_HURRY_MS } from '../../../src/shared/leisure.ts';
import { serviceInterface } from '../../../src/dbus/interfaces/service.ts';
import { Variant } from '../../../src/dbus/signature.ts';
import { parseIpAddress } from '../../../src/shared/ipaddress.ts';
import { coreBench, type CoreBench, type CoreBenchOptions } from '../../helpers/core-bench.ts';
import { FakeNetwork } from '../../helpers/fake-network.ts';
import { withScope, type TestContext } from '../../helpers/with-scope.ts';
import { FakeDhcpLink } from '../dhcp/fake-link.ts';
import { replyTo } from '../dhcp/life.ts';

const MAC = Uint8Array.of(2, 0, 0, 0, 0, 1);
const SERVICE = 'ethernet_020000000001_cable';
const IPV4 = [
  'IPv4.method=manual', 'IPv4.netmask_prefixlen=24', 'IPv4.local_address=192.0.2.10', 'IPv4.gateway=192.0.2.1',
];
const IPV6 = [
  'IPv6.method=manual', 'IPv6.netmask_prefixlen=64', 'IPv6.local_address=2001:db8::10', 'IPv6.gateway=fe80::1',
];

async function plugged(context: TestContext, ...keys: string[]): Promise<CoreBench> {
  return plug(context, { mainConf: 'OnlineCheckMode=none\nUseGatewaysAsTimeservers=true' }, keys);
}

async function plug(context: TestContext, options: CoreBenchOptions, keys: readonly string[]): Promise<CoreBench> {
  const text = [`[${SERVICE}]`, 'AutoConnect=true', 'Nameservers=192.0.2.53;2001:db8::53;', ...keys, ''].join('\n');
  const files = { [`${SERVICE}/settings`]: text };
  const bench = await coreBench(context, { ...options, files });
  bench.parameters.set('net/ipv6/conf/eth0/disable_ipv6', '0');
  bench.parameters.set('net/ipv6/conf/eth0/accept_ra', '1');
  bench.kernel.addLink({ name: 'eth0', hardwareAddress: MAC });
  await bench.settled();
  bench.kernel.setCarrier('eth0', true);
  await bench.settled();
  return bench;
}

/** The end of duplicate address detection. */
async function detected({ kernel, settled }: CoreBench, isDuplicate = false): Promise<void> {
  const ifindex = kernel.mirror.linkByName('eth0')?.ifindex ?? 0;
  const address = parseIpAddress('2001:db8::10');
  if (address === undefined) throw new Error('no address');
  kernel.finishDetection({ ifindex, address, prefixLength: 64 }, isDuplicate);
  await settled();
}

async function properties({ client }: CoreBench): Promise<Record<string, unknown>> {
  const service = client.proxy(serviceInterface, 'net.connman', `/net/connman/service/${SERVICE}`);
  return Object.fromEntries([...(await service.GetProperties())].map(([key, value]) => [key, plain(value)]));
}

function plain(value: unknown): unknown {
  if (value instanceof Variant) return plain(value.value);
  return value instanceof Map ? Object.fromEntries([...value].map(([key, each]) => [key, plain(each)])) : value;
}

test('one family is enough to be ready, whichever it is', withScope(async (context) => {
  const bench = await plugged(context, 'IPv4.method=off', ...IPV6);
  assert.is((await properties(bench))['State'], 'configuration');
  await detected(bench);
  const told = await properties(bench);
  assert.is(told['State'], 'ready');
  assert.equal(told['IPv4'], {});
  assert.equal(told['IPv6'], {
    Method: 'manual', Address: '2001:db8::10', PrefixLength: 64, Gateway: 'fe80::1', Privacy: 'disabled',
  });
  assert.equal(Object.keys(Object(told['IPv6'])), ['Method', 'Address', 'PrefixLength', 'Gateway', 'Privacy']);
  assert.equal(told['Nameservers'], ['2001:db8::53'], 'the other cannot be reached');
  assert.equal(bench.dns.current?.links[0]?.nameservers.map(({ address }) => String(address)), ['2001:db8::53']);
}));

test('the second family joins the first, and goes without it', withScope(async (context) => {
  const bench = await plugged(context, ...IPV4, ...IPV6);
  assert.is((await properties(bench))['State'], 'ready');
  assert.equal((await properties(bench))['Nameservers'], ['192.0.2.53']);
  bench.signals.length = 0;
  await detected(bench);
  assert.equal(bench.signals.map((line) => line.split(' ')[2]), ['IPv6', 'Nameservers'], 'and nothing else');
  assert.equal((await properties(bench))['Nameservers'], ['192.0.2.53', '2001:db8::53']);
  const ifindex = bench.kernel.mirror.linkByName('eth0')?.ifindex;
  bench.core.services.list[0]?.configure({ ipv4: { method: 'off' } });
  await bench.settled();
  assert.is((await properties(bench))['State'], 'ready');
  assert.equal((await properties(bench))['IPv4'], {});
  const defaults = bench.kernel.mirror.routesOf(ifindex ?? 0).filter(({ destination }) => destination === undefined);
  assert.equal(defaults.map(({ family, metric }) => [family, metric]), [[6, 512]]);
}));

test('an address that another host has costs IPv6, and the service where it has no more', withScope(async (context) => {
  const both = await plugged(context, ...IPV4, ...IPV6);
  await detected(both, true);
  assert.is((await properties(both))['State'], 'ready');
  assert.equal((await properties(both))['IPv6'], {});
  const alone = await plugged(context, 'IPv4.method=off', ...IPV6);
  await detected(alone, true);
  const { State: state, Error: error } = await properties(alone);
  assert.equal([state, error], ['failure', 'connect-failed']);
}));

test('a cable that is not connected by itself is not configured by the kernel either', withScope(async (context) => {
  const bench = await plugged(context, ...IPV4, 'AutoConnect=false');
  assert.is((await properties(bench))['State'], 'idle');
  assert.is(bench.parameters.get('net/ipv6/conf/eth0/accept_ra'), '0');
  bench.core.services.list[0]?.setAutoconnect(true);
  await bench.settled();
  assert.is((await properties(bench))['State'], 'ready');
  assert.is(bench.parameters.get('net/ipv6/conf/eth0/accept_ra'), '2');
  bench.kernel.removeLink('eth0');
  await bench.settled();
  assert.is(bench.parameters.get('net/ipv6/conf/eth0/accept_ra'), '1', 'given back as it was');
}));

test('UseGatewaysAsTimeservers takes the gateway of IPv6 where IPv4 has none', withScope(async (context) => {
  const bench = await plugged(context, 'IPv4.method=off', ...IPV6, 'Timeservers=ntp.test;');
  await detected(bench);
  assert.equal((await properties(bench))['Timeservers'], ['ntp.test', 'fe80::1']);
}));

test('nothing of IPv6 is set while IPv4 is in a hurry', withScope(async (context) => {
  const bench = await plugged(context, 'IPv4.method=dhcp', ...IPV6);
  const accepts = (): string | undefined => bench.parameters.get('net/ipv6/conf/eth0/accept_ra');
  assert.is(accepts(), '1', 'as it was');
  await context.clock.advance(LONGEST_HURRY_MS - 1);
  assert.is(accepts(), '1', 'nobody answers, but soon might');
  await context.clock.advance(1);
  assert.is(accepts(), '0', 'as configured');
}));

test('nor while the answer to its check may come soon', withScope(async (context) => {
  const { clock, scope } = context;
  const link = new FakeDhcpLink();
  const silent = new FakeNetwork(clock, () => bench.kernel, scope);
  silent.isSilent = true;
  const system = { ...silent.system, packet: link.system.packet, udp: link.system.udp };
  const options = { mainConf: 'OnlineCheckIPv4URL=http://192.0.2.80/', system };
  const bench = await plug(context, options, ['IPv4.method=dhcp', ...IPV6]);
  const accepts = (): string | undefined => bench.parameters.get('net/ipv6/conf/eth0/accept_ra');
  await clock.advance(LONGEST_HURRY_MS - 1);
  for (const type of ['offer', 'ack'] as const) {
    const sent = link.sent.at(-1);
    if (sent !== undefined) link.reply(replyTo(sent.message, type));
    await bench.settled();
  }
  assert.is((await properties(bench))['State'], 'ready');
  await clock.advance(LONGEST_HURRY_MS - 1);
  assert.is(accepts(), '1');
  await clock.advance(1);
  assert.is(accepts(), '0');
}));

test('off is off in the kernel, and given back with the device', withScope(async (context) => {
  const bench = await plugged(context, ...IPV4, 'IPv6.method=off');
  const isOff = (): string | undefined => bench.parameters.get('net/ipv6/conf/eth0/disable_ipv6');
  assert.is(isOff(), '1');
  assert.equal((await properties(bench))['IPv6.Configuration'], { Method: 'off' });
  bench.kernel.removeLink('eth0');
  await bench.settled();
  assert.is(isOff(), '0');
}));

test.run();
