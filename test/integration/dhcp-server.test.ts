/**
 * The DHCPv4 server against other people's clients, udhcpc of busybox and dhclient of ISC, over a
 * veth pair whose checksums are left to "hardware", with real sockets: addresses, renewal by
 * unicast, release, a known client's return, and one that asks for what another has.
 */

import { writeFileSync } from 'node:fs';
import { test } from 'uvu';
import * as assert from 'uvu/assert';
import { type DhcpServer, startDhcpServer } from '../../src/dhcp/server.ts';
import { formatHex } from '../../src/shared/bytes.ts';
import { DeadlineClock, nodeTimeSource } from '../../src/shared/clock.ts';
import { type IpAddress, parseIpv4 } from '../../src/shared/ipaddress.ts';
import { createScope } from '../../src/shared/scope.ts';
import { output } from '../helpers/child.ts';
import type { Namespace } from '../helpers/namespace.ts';
import { fetchPeers } from '../helpers/peers.ts';
import { testSystem } from '../helpers/system.ts';
import { enterNamespaces } from '../helpers/unshare.ts';
import { plugVeth } from './veth.ts';

const layer = await fetchPeers(['busybox-static', 'isc-dhcp-client']);
enterNamespaces('--net');

const scope = createScope();
let far: Namespace;
let server: DhcpServer;

const ip = (text: string): IpAddress => {
  const address = parseIpv4(text);
  if (address === undefined) throw new Error(`${text} is no address`);
  return address;
};
const leases = (): string[] =>
  server.leases.map(({ address, hostname }) => [String(address), hostname].join(' ').trim());

test.before(async () => {
  far = await plugVeth('eth0', { near: ['192.0.2.1/24'], far: [] });
  const ifindex = Number((await output(['ip', '-o', 'link', 'show', 'eth0'])).split(':')[0]);
  server = startDhcpServer({
    ifindex, name: 'eth0', address: ip('192.0.2.1'), prefixLength: 24, first: ip('192.0.2.10'), last: ip('192.0.2.13'),
    leaseSec: 120, router: ip('192.0.2.1'), nameservers: [ip('192.0.2.1'), ip('192.0.2.53')], mtu: 1400,
  }, { system: testSystem(), clock: new DeadlineClock(nodeTimeSource()) }, scope);
  await far.script('mount -t tmpfs tmpfs /mnt');
  const script = '#!/bin/sh\nset >>/mnt/$1\n[ "$1" != bound ] || ip address replace $ip/$mask dev $interface\n';
  writeFileSync(far.path('/mnt/said'), script, { mode: 0o755 });
});

test.after(async () => {
  await scope.close();
  await far.close();
});

const UDHCPC = [`${layer}/usr/bin/busybox`, 'udhcpc', '-i', 'far0', '-s', '/mnt/said', '-f'];
const udhcpc = (...words: readonly string[]): Promise<string> =>
  far.output([...UDHCPC, '-n', '-q', '-t', '10', '-T', '1', ...words]);

test('an address with router, name servers and MTU', async () => {
  await udhcpc('-x', 'hostname:tablet', '-O', 'mtu');
  assert.equal(leases(), ['192.0.2.10 tablet']);
  const said = far.read('/mnt/bound');
  for (const line of ["ip='192.0.2.10'", "mask='24'", "router='192.0.2.1'", "dns='192.0.2.1 192.0.2.53'", "mtu='1400'",
    "lease='120'", "serverid='192.0.2.1'"]) assert.ok(said.includes(line), line);
});

test('the same client has the same address, another one the next', async () => {
  await udhcpc();
  assert.equal(server.leases.length, 1);
  await udhcpc('-x', '0x3d:0102030405');
  assert.equal(leases(), ['192.0.2.10', '192.0.2.11']);
});

test('what another asks for is refused, and it gets one of its own', async () => {
  await udhcpc('-r', '192.0.2.10', '-x', '0x3d:0102030406');
  assert.equal(leases().at(-1), '192.0.2.12');
  assert.equal(new Set(server.leases.map(({ hardwareAddress }) => formatHex(hardwareAddress))).size, 1);
});

test('a lease is renewed by unicast', async () => {
  await far.output(['ip', 'address', 'flush', 'dev', 'far0']);
  const client = far.spawn(UDHCPC);
  await client.waitForLine((line) => line.includes('obtained'));
  client.kill('SIGUSR1');
  await client.waitForLine((line) => line.includes('sending renew to server 192.0.2.1'));
  let obtained = 0;
  await new Promise<void>((resolve) => client.observe((line) => {
    if (line.includes('obtained') && ++obtained === 2) resolve();
  }));
  await client.stop();
  assert.is(server.leases.length, 3);
});

test('ISC gets an address, and gives it back', async () => {
  await far.output(['ip', 'address', 'flush', 'dev', 'far0']);
  const files = ['-sf', '/mnt/isc', '-lf', '/mnt/isc.leases', '-pf', '/mnt/isc.pid'];
  const dhclient = (word: string): Promise<string> =>
    far.output([`${layer}/usr/sbin/dhclient`, '-4', ...files, word, 'far0']);
  const script = '#!/bin/sh\n[ -z "$new_ip_address" ] || ip address replace $new_ip_address/24 dev far0\n';
  writeFileSync(far.path('/mnt/isc'), script, { mode: 0o755 });
  await dhclient('-1');
  assert.is(server.leases.length, 4);
  assert.match(far.read('/mnt/isc.leases'), /fixed-address 192\.0\.2\.13;/);
  await dhclient('-r');
  assert.is(server.leases.length, 3);
});

test.run();
