/**
 * A lease's life in the whole daemon, with servers of three makes: dnsmasq, kea-dhcp4 and udhcpd, of
 * which the latter two grant leases of seconds. Servers that fall silent, refuse, or lie.
 */

import { writeFileSync } from 'node:fs';
import { test } from 'uvu';
import * as assert from 'uvu/assert';
import type { Cell } from '../helpers/cell.ts';
import type { Child } from '../helpers/child.ts';
import type { DnsmasqOptions } from '../helpers/dnsmasq.ts';
import type { CellEvent } from '../helpers/event-log.ts';
import { patience } from '../helpers/patience.ts';
import { makeUplink, STATUS_ADDRESS, type Uplink } from '../helpers/uplinks.ts';
import { isProperty, startDaemon, withWiredCell } from '../helpers/wired.ts';

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
    await waitFor('the renewal', () => (server.text.match(/sending ACK/g) ?? []).length >= 2, 8000);
    const renewedAt = performance.now();
    assert.equal(cell.log.since(bound.at + 1).filter(isAddress(false)), []);
    const address = await cell.device.output(['ip', '-4', '-o', 'address', 'show', 'dev', 'eth0']);
    assert.match(address, / valid_lft \d+sec /, 'the kernel knows of its end');
    await server.stop();
    const lost = await cell.log.wait('the address to go', isAddress(false), { since: renewedAt });
    const heldSec = (lost.at - renewedAt) / 1000;
    assert.ok(heldSec > LEASE_SEC - 1.5 && heldSec < LEASE_SEC + 1, `held for ${heldSec} s`);
    await cell.log.wait('configuration', isProperty('Service', 'State', 'configuration'), { since: renewedAt });
    assert.is(await cell.device.output(['ip', '-4', 'route']), '', 'its routes are gone, too');
    const backAt = performance.now();
    await startUdhcpd(uplink);
    await cell.log.wait('online again', isOnline, { since: backAt });
  }));

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

const LIES: readonly [string, DnsmasqOptions, readonly string[]][] = [
  [
    'a gateway outside the subnet',
    { extra: ['--dhcp-option=3,192.168.99.1'] },
    ['default via 192.168.99.1 dev eth0', '192.168.99.1 dev eth0 scope link'],
  ],
  ['no router', { extra: ['--dhcp-option=3'] }, []],
  [
    'classless routes, which win over the router',
    { extra: [
      '--dhcp-option=121,203.0.113.0/24,10.80.0.7,198.51.100.0/24,0.0.0.0,100.64.0.0/10,10.90.0.1,0.0.0.0/0,10.80.0.9',
    ] },
    [
      'default via 10.80.0.9 dev eth0',
      '10.80.0.9 dev eth0 scope link',
      '100.64.0.0/10 via 10.90.0.1 dev eth0 onlink',
      '198.51.100.0/24 dev eth0 scope link',
      '203.0.113.0/24 via 10.80.0.7 dev eth0',
    ],
  ],
  [
    'a network of one address',
    { extra: ['--dhcp-option=1,255.255.255.255'] },
    ['default via 10.80.0.1 dev eth0', '10.80.0.1 dev eth0 scope link'],
  ],
];

for (const [what, options, expected] of LIES) {
  test(`a server that gives ${what}`, () =>
    withNetwork({}, async (cell, uplink) => {
      await uplink.startServer(options);
      await startDaemon(cell);
      const since = await uplink.plug();
      await cell.log.wait('ready', isProperty('Manager', 'State', 'ready'), { since });
      const routes = (await cell.device.output(['ip', '-4', 'route'])).split('\n').map((line) => line.trim());
      assert.equal(routes.filter((line) => line !== '' && !line.includes('proto kernel')).sort(), [...expected].sort());
    }));
}

test('an MTU is taken where it makes sense', () =>
  withNetwork({}, async (cell, uplink) => {
    await uplink.startServer({ extra: ['--dhcp-option=26,1400'] });
    await startDaemon(cell);
    const since = await uplink.plug();
    await cell.log.wait('ready', isProperty('Manager', 'State', 'ready'), { since });
    await waitFor(
      'the MTU', async () => (await cell.device.output(['ip', 'link', 'show', 'eth0'])).includes('mtu 1400'), 3000,
    );
  }));

test('two links whose networks overlap are both checked through their own', () =>
  withWiredCell({ cables: 2, dnsmasq: false }, async (cell) => {
    const uplinks = [
      await makeUplink(cell, 0, { router: '192.168.1.1' }), await makeUplink(cell, 1, { router: '192.168.1.1' }),
    ];
    await startDaemon(cell);
    for (const uplink of uplinks) await uplink.plug();
    for (const { service } of uplinks) await cell.log.wait(`${service} to be asked`, isAskedBy(cell, service));
    const clients = new Set(cell.log.since(0).flatMap((event) => (event.kind === 'http' ? [event.client] : [])));
    assert.is(clients.size, 2, [...clients].join(' '));
  }));

test.run();

/** A cell with one cable to a network whose server the test starts. */
function withNetwork(
  { peers = [] }: { readonly peers?: readonly string[] }, body: (cell: Cell, uplink: Uplink) => Promise<void>,
): Promise<void> {
  return withWiredCell(
    { dnsmasq: false, peers }, async (cell) => body(cell, await makeUplink(cell, 0, { hasServer: false })),
  );
}

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

/** The status page is asked by name: some DNS is needed beside a server that has none. */
function serveNames({ namespace, port }: Pick<Uplink, 'namespace' | 'port'>): void {
  const names = `--address=/ipv4.connman.net/${STATUS_ADDRESS}`;
  const where = [`--interface=${port}`, '--bind-interfaces'];
  namespace.spawn(['dnsmasq', '--no-daemon', '--conf-file=/dev/null', '--no-resolv', '--pid-file=', ...where, names]);
}

async function startKea({ namespace, port }: Uplink, net: string): Promise<Child> {
  const configuration = {
    Dhcp4: {
      'interfaces-config': { interfaces: [port] },
      'lease-database': { type: 'memfile', persist: false },
      'valid-lifetime': 600,
      authoritative: true,
      subnet4: [{
        id: 1, subnet: `${net}.0/24`, pools: [{ pool: `${net}.100 - ${net}.120` }],
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

function isAddress(isAdded: boolean, prefix = '10.') {
  return (event: CellEvent): boolean =>
    event.kind === 'address' && event.isAdded === isAdded && event.address.startsWith(prefix);
}

function isAskedBy(cell: Cell, service: string): (event: CellEvent) => boolean {
  const link = `eth${Number.parseInt(service.slice(19, 21), 16)}`;
  return (event) => {
    const own = cell.log.since(0).findLast(
      (each) => each.kind === 'address' && each.link === link && each.address.startsWith('192.'),
    );
    return event.kind === 'http' && own?.kind === 'address' && own.address.startsWith(`${event.client}/`);
  };
}

async function addressOf(cell: Cell): Promise<string> {
  const text = await cell.device.output(['ip', '-4', '-o', 'address', 'show', 'dev', 'eth0']);
  return / inet ([\d.]+)\//.exec(text)?.[1] ?? 'none';
}

async function waitFor(what: string, isThere: () => boolean | Promise<boolean>, timeoutMs: number): Promise<void> {
  const until = performance.now() + patience(timeoutMs);
  while (!(await isThere())) {
    if (performance.now() > until) throw new Error(`waited in vain for ${what}`);
    await new Promise((resolve) => setTimeout(resolve, 50));
  }
}
