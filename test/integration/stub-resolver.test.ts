/**
 * The stub resolver on real sockets: dnsmasq behind two links with the same addresses, so that only
 * the binding to a device tells them apart; truncation; a hostile server on TCP.
 */

import { rmSync, writeFileSync } from 'node:fs';
import { test } from 'uvu';
import * as assert from 'uvu/assert';
import { Proxy } from '../../src/dns-backend/proxy/proxy.ts';
import { DeadlineClock } from '../../src/shared/clock.ts';
import { parseIpAddress, type IpAddress } from '../../src/shared/ipaddress.ts';
import { systemRandom } from '../../src/shared/random.ts';
import { createScope } from '../../src/shared/scope.ts';
import { ResolveError, resolveName, type NameQuery } from '../../src/dns/stub-resolver.ts';
import type { Namespace } from '../helpers/namespace.ts';
import { spawnTypeScript } from '../helpers/run-status-server.ts';
import { testSystem } from '../helpers/system.ts';
import { enterNamespaces } from '../helpers/unshare.ts';
import { plugVeth } from './veth.ts';

enterNamespaces('--net');

const SERVER = '10.9.0.2';
const MANY = 60;

const scope = createScope();
const system = testSystem();
const clock = new DeadlineClock(system.bootTimeSource(scope));
const ends = {
  near: ['10.9.0.1/24', 'fd00:9::1/64', 'fe80::8/64'],
  far: [`${SERVER}/24`, 'fd00:9::2/64', 'fe80::9/64'],
};
const left = await plugVeth('left', ends);
const right = await plugVeth('right', ends);
const hostile = await plugVeth('hostile', ends);
await Promise.all([startNameServer(left, '192.0.2.1'), startNameServer(right, '192.0.2.2')]);

async function startNameServer(namespace: Namespace, address: string): Promise<void> {
  const hosts = Array.from({ length: MANY }, (_, index) => `10.1.0.${index} many.example\n`).join('');
  // A file for each: one is read while the other is written.
  const file = `/tmp/causeway-hosts-${process.pid}-${address}`;
  writeFileSync(namespace.path(file), hosts);
  process.once('exit', () => rmSync(file, { force: true }));
  const server = namespace.spawn([
    'dnsmasq', '--no-daemon', '--conf-file=/dev/null', '--no-resolv', '--no-hosts',
    `--addn-hosts=${file}`,
    '--interface=far0', '--bind-interfaces',
    `--host-record=host.example,${address},2001:db8::1`, '--cname=www.example,alias.example',
    '--cname=alias.example,host.example', '--local=/example/',
  ]);
  await server.waitForLine((line) => /read .*causeway-hosts-/.test(line));
}

function ip(text: string): IpAddress {
  const address = parseIpAddress(text);
  if (address === undefined) throw new Error(`${text} is no address`);
  return address;
}

async function ask(name: string, query: Partial<NameQuery> = {}): Promise<string> {
  const asked: NameQuery = { servers: [ip(SERVER)], device: 'left', families: [4], ...query };
  try {
    const env = { system, clock, random: systemRandom };
    return (await resolveName(name, asked, env, scope.signal)).join(' ');
  } catch (error) {
    if (error instanceof ResolveError) return error.failure;
    throw error;
  }
}

test('the question goes through the device, whatever the routes say', async () => {
  assert.is(await ask('host.example', { device: 'left' }), '192.0.2.1');
  assert.is(await ask('host.example', { device: 'right' }), '192.0.2.2');
});

test('servers are reached over IPv6, link-local addresses included', async () => {
  assert.is(await ask('host.example', { servers: [ip('fd00:9::2')], device: 'right' }), '192.0.2.2');
  assert.is(await ask('host.example', { servers: [ip('fe80::9')], device: 'left' }), '192.0.2.1');
});

test('so does the proxy, and programs through it', async () => {
  const own = scope.child();
  const env = { system, clock, random: systemRandom, linkName: () => 'left', isRebindingStopped: false };
  const proxy = new Proxy(env, own);
  const links = [{ ifindex: 2, nameservers: [{ address: ip('fe80::9') }], domains: [] }];
  proxy.configure({ links, defaultIfindex: 2, fallbackNameservers: [] });
  const port = await proxy.serve({ address: ip('127.0.0.1'), port: 0, device: 'lo' }, own);
  const asked = { servers: [{ address: ip('127.0.0.1'), port }], device: 'lo' };
  assert.is(await ask('host.example', asked), '192.0.2.1');
  await own.close();
});

test('aliases, families, negative answers', async () => {
  assert.is(await ask('www.example'), '192.0.2.1');
  assert.is(await ask('WWW.example', { families: [6, 4] }), '2001:db8::1 192.0.2.1');
  assert.is(await ask('nothing.example'), 'noSuchName');
  assert.is(await ask('many.example', { families: [6] }), 'noAddress');
  assert.is(await ask('elsewhere.test'), 'refused');
});

test('a truncated answer is fetched over TCP, through the device as well', async () => {
  const addresses = (await ask('many.example')).split(' ');
  assert.is(addresses.length, 16);
  assert.ok(addresses.every((address) => address.startsWith('10.1.0.')));
});

test('nobody at the port, no route, no device: told at once', async () => {
  assert.is(await ask('host.example', { port: 54 }), 'unreachable');
  assert.is(await ask('host.example', { servers: [ip('2001:db8::1')] }), 'unreachable');
  assert.is(await ask('host.example', { device: 'nothing' }), 'unreachable');
});

test('a dead server beside a good one costs nothing', async () => {
  const startedMs = clock.now();
  assert.is(await ask('host.example', { servers: [ip('10.9.0.77'), ip(SERVER)] }), '192.0.2.1');
  assert.ok(clock.now() - startedMs < 400, 'no retry was waited for');
});

test('a server that misbehaves on TCP is bounded in time', async () => {
  const server = await spawnTypeScript(hostile, 'test/integration/stub-resolver-server.ts', [SERVER]);
  await server.waitForLine((line) => line === 'listening');
  const asked = { device: 'hostile', timeoutMs: 600 };
  assert.is(await ask('silent.example', asked), 'timeout');
  assert.is(await ask('closed.example', asked), 'refused');
  assert.is(await ask('half.example', asked), 'refused');
  assert.is(await ask('short.example', asked), 'refused');
  assert.is(await ask('empty.example', asked), 'noAddress');
  // And the next good question is answered as ever.
  assert.is(await ask('host.example'), '192.0.2.1');
});

test.after(async () => {
  assert.equal(clock.pending(), []);
  await Promise.all([scope.close(), left.close(), right.close(), hostile.close()]);
});

test.run();
