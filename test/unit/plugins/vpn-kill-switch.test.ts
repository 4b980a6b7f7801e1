/**
 * Kill switches of several connections: one does not undo another, and what an earlier daemon closed
 * goes when nobody wants it.
 */

import { test } from 'uvu';
import * as assert from 'uvu/assert';
import { ConnectionSwitch } from '../../../plugins/vpn/connection-switch.ts';
import { KillSwitches, type Opening } from '../../../plugins/vpn/kill-switch.ts';
import { serversOf } from '../../../plugins/vpn/properties.ts';
import { variant, type Variant } from '../../../src/dbus/signature.ts';
import type { Rule } from '../../../src/netlink/rule/rule.ts';
import { hostOf, type LookUp } from '../../../plugins/vpn/server-name.ts';
import { parseIpAddress, type IpAddress } from '../../../src/shared/ipaddress.ts';
import { CABLE, coreBench, plugCable, staticCable } from '../../helpers/core-bench.ts';
import { fakeKernel, type FakeKernel } from '../../helpers/fake-kernel.ts';
import { withScope } from '../../helpers/with-scope.ts';

const TABLE = 0x42_ffff;
const FREE = { confine: () => undefined };
const [ONE, TWO] = ['192.0.2.1', '192.0.2.2'].map(parseIpAddress);

async function shown(kernel: FakeKernel): Promise<{ rules: string[]; ways: (number | undefined)[] }> {
  const rules = await kernel.rule.list(4);
  const routes = await kernel.route.list(4, TABLE);
  return {
    rules: rules.map(({ priority, destination }) => `${priority} ${destination?.address ?? 'all'}`).sort(),
    ways: routes.map(({ ifindex }) => ifindex).sort((one = Infinity, other = Infinity) => one - other),
  };
}

async function withTunnels(): Promise<FakeKernel> {
  const kernel = fakeKernel();
  for (const name of ['vpn0', 'vpn1']) await kernel.link.add({ kind: 'dummy', name });
  for (const link of kernel.mirror.links.values()) await kernel.link.setUp(link.ifindex);
  return kernel;
}

const opening = (server: IpAddress | undefined, ifindex?: number): Opening => ({
  servers: server === undefined ? [] : [server], inquiries: [], outside: undefined, ifindex,
});

test('two at once', async () => {
  const kernel = await withTunnels();
  const [first, second] = ['vpn0', 'vpn1'].map((name) => kernel.mirror.linkByName(name)?.ifindex);
  const asked: (readonly number[] | undefined)[] = [];
  const switches = new KillSwitches(kernel, { confine: (links) => void asked.push(links) });
  // Both asked for in one turn: neither waits for the other.
  await Promise.all([
    switches.close('one', opening(ONE, first)),
    switches.close('two', opening(TWO)),
  ]);
  const both = ['31000 192.0.2.1', '31000 192.0.2.2', '31003 all'];
  assert.equal(await shown(kernel), { rules: both, ways: [first, undefined, undefined] });
  await switches.close('two', opening(TWO, second));
  assert.equal(await shown(kernel), { rules: both, ways: [first, second, undefined, undefined] });
  await switches.open('one');
  assert.equal(await shown(kernel), { rules: ['31000 192.0.2.2', '31003 all'], ways: [second, undefined] });
  await switches.open('one');
  await switches.close('two', opening(TWO));
  assert.equal(await shown(kernel), { rules: ['31000 192.0.2.2', '31003 all'], ways: [undefined] }, 'nothing leaves');
  await switches.open('two');
  assert.equal(await shown(kernel), { rules: [], ways: [] });
});

test('what a daemon before this one closed', async () => {
  const kernel = await withTunnels();
  await new KillSwitches(kernel, FREE).close('gone', opening(ONE));
  const asked: (readonly number[] | undefined)[] = [];
  const switches = new KillSwitches(kernel, { confine: (links) => void asked.push(links) });
  await switches.inherit();
  assert.equal(asked, [[]], 'nobody is asked before it is known whose it is');
  assert.equal(['gone', 'here'].map((ident) => switches.isClosed(ident)), [true, false], 'it is known whose it was');
  await switches.close('here', opening(TWO));
  await switches.inherit();
  assert.is(asked.length, 2);
  await switches.retain(new Set(['here']));
  assert.equal(await shown(kernel), { rules: ['31000 192.0.2.2', '31003 all'], ways: [undefined] });
  assert.equal(['gone', 'here'].map((ident) => switches.isClosed(ident)), [false, true]);
  await switches.retain(new Set());
  assert.equal(await shown(kernel), { rules: [], ways: [] });
  assert.not.ok(switches.isClosed('here'));
});

test('who may be asked about a name: one server, from one address and from ports that are root\'s', async () => {
  const kernel = await withTunnels();
  const [source, server] = ['198.51.100.2', '198.51.100.53'].map(parseIpAddress);
  if (source === undefined || server === undefined) throw new Error('no addresses');
  const ports = { first: 512, last: 1023 };
  const [its, inquiries] = [{ first: 53, last: 53 }, [{ source, ports, server, port: 53 }]];
  const switches = new KillSwitches(kernel, FREE);
  await switches.close('named', { servers: [server, server], inquiries, outside: undefined, ifindex: undefined });
  const rules = (await kernel.rule.list(4)).filter(({ priority }) => priority === 31_000);
  const shownOf = (rule: Rule) => [rule.source, rule.destination].map((each) => String(each?.address));
  const described = rules.map((rule) => [...shownOf(rule), rule.sourcePorts, rule.destinationPorts]);
  assert.equal(described, [
    ['undefined', '198.51.100.53', undefined, undefined],
    ['198.51.100.2', '198.51.100.53', ports, its],
    ['198.51.100.2', '198.51.100.53', its, ports],
  ]);
  await switches.close('named', opening(ONE));
  assert.equal((await shown(kernel)).rules, ['31000 192.0.2.1', '31003 all']);
});

test('neighbours find us, and programs do not find them', async () => {
  const kernel = await withTunnels();
  const [address, other] = ['198.51.100.2', '198.51.100.3'].map(parseIpAddress);
  if (address === undefined || other === undefined) throw new Error('no addresses');
  const switches = new KillSwitches(kernel, FREE);
  await switches.close('one', { ...opening(ONE), outside: { address, prefixLength: 24 } });
  const rules = await kernel.rule.list(4);
  const described = rules.map(({ priority, source, destination: to, ipProtocol, table }) => {
    return [priority, String(source?.address), String(to?.address), to?.prefixLength, ipProtocol, table];
  });
  assert.equal(described, [
    [31_000, 'undefined', '192.0.2.1', 32, undefined, 254],
    ...[1, 6, 17, 33, 132, 136].map((number) => [31_001, 'undefined', 'undefined', undefined, number, TABLE]),
    [31_002, '198.51.100.2', '198.51.100.0', 24, undefined, 254],
    [31_003, 'undefined', 'undefined', undefined, undefined, TABLE],
  ]);
  assert.is((await kernel.rule.list(6)).length, 1, 'IPv6 asks otherwise (RFC 4861)');
  const before = (await shown(kernel)).rules;
  await switches.close('one', { ...opening(ONE), outside: { address: other, prefixLength: 24 } });
  assert.equal((await shown(kernel)).rules, before, 'those of the old address are gone');
  await switches.open('one');
  assert.equal((await shown(kernel)).rules, []);
});

test('the servers of a connection', () => {
  const properties = new Map([
    ['Host', 'vpn.test'], ['WireGuard.PublicKey', 'x'], ['WireGuard.Peer.a.Endpoint', '192.0.2.1:51820'],
    ['WireGuard.Peer.b.PublicKey', 'y'], ['WireGuard.Peer.b.Endpoint', 'vpn.test'],
  ].map(([key = '', value = '']): [string, Variant] => [key, variant('s', value)]));
  assert.equal(serversOf(properties), ['vpn.test', '192.0.2.1:51820']);
  assert.equal(serversOf(new Map()), []);
});

test('the host in what connections have', () => {
  const hosts = ['https://vpn.test:8443/group', 'vpn.test:4443', '192.0.2.1:443', '[fd00::1]:51820', 'fd00::1', ''];
  assert.equal(hosts.map(hostOf), ['vpn.test', 'vpn.test', '192.0.2.1', 'fd00::1', 'fd00::1', '']);
});

test('nobody is asked before it closes; what is learnt is kept when nobody answers, and taken back',
  withScope(async (context) => {
    const files = staticCable('Nameservers=192.0.2.53;2001:db8::53;');
    const bench = await coreBench(context, { mainConf: 'OnlineCheckMode=none', files });
    const { core, kernel } = bench;
    await plugCable(bench);
    const transport = core.services.get(CABLE);
    const log: string[] = [];
    let answer: IpAddress | undefined = ONE;
    const names: LookUp = {
      inquiries: (service) => core.names.inquiries(service),
      async resolve(name) {
        log.push(`${name}? ${(await shown(kernel)).rules.join(', ')}`);
        if (answer === undefined) throw new Error('silence');
        return [answer];
      },
      tell: (name, addresses) => void log.push(`${name} is ${addresses.join()}`),
    };
    const parts = { names, clock: core.clock, killSwitches: new KillSwitches(kernel, FREE) };
    const one = new ConnectionSwitch('one', parts, context.scope);
    const now = { isWanted: true, hosts: ['vpn.test:443'], transport, tunnel: undefined };
    await one.apply(now);
    const guarded = '31001 all, 31001 all, 31001 all, 31001 all, 31001 all, 31001 all';
    const closed = `31000 192.0.2.53, 31000 192.0.2.53, ${guarded}, 31002 192.0.2.0, 31003 all`;
    assert.equal(log.splice(0), [`vpn.test? ${closed}`, 'vpn.test is 192.0.2.1'], 'no IPv6 address of ours');
    assert.equal((await shown(kernel)).rules, ['31000 192.0.2.1', ...closed.split(', ')]);
    await one.apply(now);
    assert.equal(log, [], 'not each time');
    answer = undefined;
    await one.apply(now, true);
    assert.equal(log.splice(0), [`vpn.test? 31000 192.0.2.1, ${closed}`, 'vpn.test is 192.0.2.1']);
    answer = TWO;
    await context.clock.advance(20_000);
    assert.equal(log.splice(0).at(-1), 'vpn.test is 192.0.2.2', 'a server that moves is followed');
    assert.equal((await shown(kernel)).rules, ['31000 192.0.2.2', ...closed.split(', ')]);
    const both = { ...now, hosts: ['vpn.test:443', 'other.test'] };
    await one.apply(both, true);
    const questions = log.splice(0).filter((line) => !line.includes(' is ')).map((line) => line.split('?')[0]);
    assert.equal(questions, ['vpn.test', 'other.test'], 'each of several');
    await one.apply({ ...both, transport: undefined });
    await one.apply(both);
    assert.equal(log.splice(0).length, 4, 'and again from elsewhere');
    await one.apply(now);
    assert.equal(log.splice(0), ['other.test is '], 'what is no server any more is forgotten');
    await one.apply({ ...now, isWanted: false });
    await context.clock.advance(60_000);
    assert.equal([log, (await shown(kernel)).rules], [['vpn.test is '], []]);
  }));

test.run();
