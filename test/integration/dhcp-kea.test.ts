/**
 * The whole daemon with kea-dhcp4 as its server: leases that it knows, refuses, and keeps for a DUID.
 */

import { writeFileSync } from 'node:fs';
import { test } from 'uvu';
import * as assert from 'uvu/assert';
import type { Child } from '../helpers/child.ts';
import { addressOf, isAddress, serveNames, withNetwork } from '../helpers/dhcp-networks.ts';
import type { Uplink } from '../helpers/uplinks.ts';
import { isProperty, startDaemon } from '../helpers/wired.ts';

const isOnline = isProperty('Manager', 'State', 'online');

test('kea: a lease known to it is granted at once, and refused after it was moved to another network', () =>
  withNetwork({ peers: ['kea-dhcp4-server'] }, async (cell, uplink) => {
    await startDaemon(cell);
    const since = await uplink.plug();
    const server = await startKea(uplink, '10.80.0'); // it serves only links that are up
    await cell.log.wait('online', isOnline, { since });
    const first = await addressOf(cell);
    assert.match(first, /^10\.80\.0\./);
    const pulledAt = await uplink.unplug();
    await cell.log.wait('the address to go', isAddress(false), { since: pulledAt });
    const againAt = await uplink.plug();
    await cell.log.wait('online again', isOnline, { since: againAt });
    assert.is(await addressOf(cell), first);

    await uplink.unplug();
    await server.stop();
    await uplink.namespace.script(`ip address del 10.80.0.1/24 dev ${uplink.port}
ip address add 10.81.0.1/24 dev ${uplink.port}`);
    const movedAt = await uplink.plug();
    await startKea(uplink, '10.81.0');
    await cell.log.wait('online elsewhere', isOnline, { since: movedAt });
    assert.match(await addressOf(cell), /^10\.81\.0\./);
  }));

test('kea: with DHCPClientIdentifier=duid a machine is known by its DUID (RFC 4361)', () => {
  const files = { '/etc/connman/main.conf': '[General]\nDHCPClientIdentifier=duid\n' };
  return withNetwork({ peers: ['kea-dhcp4-server'], files }, async (cell, uplink) => {
    await startDaemon(cell);
    const since = await uplink.plug();
    await startKea(uplink, '10.80.0', {
      'host-reservation-identifiers': ['duid'],
      reservations: [{ duid: '00:03:00:01:02:00:00:00:00:00', 'ip-address': '10.80.0.50' }],
    });
    await cell.log.wait('online', isOnline, { since });
    assert.match(await addressOf(cell), /^10\.80\.0\.50/);
  });
});

interface KeaOptions {
  readonly 'host-reservation-identifiers'?: readonly string[];
  readonly reservations?: readonly object[];
}

async function startKea(
  { namespace, port }: Uplink, net: string, { reservations = [], ...more }: KeaOptions = {},
): Promise<Child> {
  const configuration = {
    Dhcp4: {
      ...more,
      'interfaces-config': { interfaces: [port] },
      'lease-database': { type: 'memfile', persist: false },
      'valid-lifetime': 600,
      authoritative: true,
      subnet4: [{
        id: 1, subnet: `${net}.0/24`, pools: [{ pool: `${net}.100 - ${net}.120` }], reservations,
        'option-data': [{ name: 'routers', data: `${net}.1` }, { name: 'domain-name-servers', data: `${net}.1` }],
      }],
      loggers: [{ name: 'kea-dhcp4', severity: 'INFO', 'output_options': [{ output: 'stdout' }] }],
    },
  };
  writeFileSync(namespace.path('/run/kea.conf'), JSON.stringify(configuration));
  serveNames({ namespace, port });
  await namespace.output(['mkdir', '-p', '/run/kea']);
  const server = namespace.spawn(
    ['kea-dhcp4', '-c', '/run/kea.conf'], { KEA_PIDFILE_DIR: '/run/kea', KEA_LOCKFILE_DIR: '/run/kea' },
  );
  await server.waitForLine((line) => line.includes('DHCP4_STARTED'));
  return server;
}

test.run();
