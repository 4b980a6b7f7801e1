/**
 * Masquerading on a real kernel: what a client of the bridge sends arrives as this machine's, what
 * others have of nftables stays, and what was ours is gone when it is taken back.
 */

import { writeFileSync } from 'node:fs';
import { test } from 'uvu';
import * as assert from 'uvu/assert';
import { masquerade, unmask } from '../../src/firewall/masquerade.ts';
import { createScope } from '../../src/shared/scope.ts';
import { holdNamespace, type Namespace } from '../helpers/namespace.ts';
import { runIp } from '../helpers/netlink-lab.ts';
import { testSystem } from '../helpers/system.ts';
import { enterNamespaces } from '../helpers/unshare.ts';
import { prefix } from '../unit/netlink/captures.ts';

enterNamespaces('--net');

const system = testSystem();
const NETWORK = prefix('192.168.7.0/24');

/** Answers with the address that asked. */
const SERVER = `
const socket = require('dgram').createSocket('udp4');
socket.on('message', (_, from) => socket.send(from.address, from.port, from.address));
socket.bind(7, () => console.log('ready'));`;

/** Asks until it is answered, and prints the answer. */
const CLIENT = `
const socket = require('dgram').createSocket('udp4');
socket.on('message', (answer) => { console.log(String(answer)); process.exit(0); });
const ask = () => socket.send('?', 7, '203.0.113.2');
ask(); setInterval(ask, 500);`;

async function seenAs(client: Namespace): Promise<string> {
  return (await client.output([process.execPath, '-e', CLIENT], { timeoutMs: 30_000 })).trim();
}

test('clients go out as this machine', async () => {
  const scope = createScope();
  const [client, server] = await Promise.all([holdNamespace(), holdNamespace()]);
  try {
    runIp('link', 'set', 'lo', 'up');
    runIp('link', 'add', 'tether', 'type', 'veth', 'peer', 'name', 'eth0', 'netns', String(client.pid));
    runIp('link', 'add', 'up0', 'type', 'veth', 'peer', 'name', 'eth0', 'netns', String(server.pid));
    for (const [name, address] of [['tether', '192.168.7.1/24'], ['up0', '203.0.113.1/24']] as const) {
      runIp('address', 'add', address, 'dev', name);
      runIp('link', 'set', name, 'up');
    }
    await client.script('ip a add 192.168.7.9/24 dev eth0; ip l set eth0 up; ip r add default via 192.168.7.1');
    await server.script('ip a add 203.0.113.2/24 dev eth0; ip l set eth0 up; ip r add default via 203.0.113.1');
    writeFileSync('/proc/sys/net/ipv4/ip_forward', '1');
    const echo = server.spawn([process.execPath, '-e', SERVER]);
    await echo.waitForLine((line) => line === 'ready');
    assert.is(await seenAs(client), '192.168.7.9');
    await masquerade(system, { network: NETWORK, interfaceName: 'tether' }, scope);
    assert.is(await seenAs(client), '203.0.113.1');
    await masquerade(system, { network: NETWORK, interfaceName: 'tether' }, scope);
    assert.is(await seenAs(client), '203.0.113.1');
    await masquerade(system, { network: prefix('192.168.8.0/24'), interfaceName: 'tether' }, scope);
    assert.is(await seenAs(client), '192.168.7.9');
    await unmask(system, scope);
    await unmask(system, scope);
    assert.is(await seenAs(client), '192.168.7.9');
  } finally {
    await Promise.all([client.close(), server.close(), scope.close()]);
  }
});

test.run();
