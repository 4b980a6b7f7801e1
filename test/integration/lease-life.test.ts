/**
 * A lease's life in the whole daemon, with udhcpd, which grants leases of seconds and falls silent.
 */

import { writeFileSync } from 'node:fs';
import { test } from 'uvu';
import * as assert from 'uvu/assert';
import type { Child } from '../helpers/child.ts';
import { isAddress, serveNames, withNetwork } from '../helpers/dhcp-networks.ts';
import { until } from '../helpers/patience.ts';
import type { Uplink } from '../helpers/uplinks.ts';
import { isProperty, startDaemon } from '../helpers/wired.ts';

const isOnline = isProperty('Manager', 'State', 'online');
const LEASE_SEC = 12;

test('udhcpd: renewed while it answers, lost on time when it does not, had again when it is back', () =>
  withNetwork({ peers: ['udhcpd'] }, async (cell, uplink) => {
    const server = await startUdhcpd(uplink);
    await startDaemon(cell);
    const since = await uplink.plug();
    const bound = await cell.log.wait('an address', isAddress(true), { since });
    await cell.log.wait('online', isOnline, { since });
    await server.waitForLine((line) => line.includes('sending ACK'));
    // Half the lease later it is renewed by unicast: the same address, for longer.
    await until('the renewal', () => (server.text.match(/sending ACK/g) ?? []).length >= 2);
    const renewedAt = performance.now();
    assert.equal(cell.log.since(bound.at + 1).filter(isAddress(false)), []);
    const address = await cell.device.output(['ip', '-4', '-o', 'address', 'show', 'dev', 'eth0']);
    assert.match(address, / valid_lft \d+sec /, 'the kernel knows of its end');
    await server.stop();
    const lost = await cell.log.wait('the address to go', isAddress(false), { since: renewedAt });
    const heldSec = (lost.at - renewedAt) / 1000;
    // What was left of the first lease would have been half of it; either may be noticed late.
    assert.ok(heldSec > 0.6 * LEASE_SEC, `held for ${heldSec} s`);
    await cell.log.wait('configuration', isProperty('Service', 'State', 'configuration'), { since: renewedAt });
    assert.is(await cell.device.output(['ip', '-4', 'route']), '', 'its routes are gone, too');
    const backAt = performance.now();
    await startUdhcpd(uplink);
    await cell.log.wait('online again', isOnline, { since: backAt });
  }));

async function startUdhcpd({ namespace, port }: Uplink): Promise<Child> {
  writeFileSync(namespace.path('/run/udhcpd.conf'), `start 10.80.0.20
end 10.80.0.30
interface ${port}
lease_file /run/udhcpd.leases
pidfile /run/udhcpd.pid
min_lease 10
option subnet 255.255.255.0
option router 10.80.0.1
option dns 10.80.0.1
option lease ${LEASE_SEC}
`);
  await namespace.output(['sh', '-c', 'touch /run/udhcpd.leases']);
  serveNames({ namespace, port });
  const server = namespace.spawn(['udhcpd', '-f', '/run/udhcpd.conf']);
  await server.waitForLine((line) => line.includes('started'));
  return server;
}

test.run();
