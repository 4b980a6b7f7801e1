/**
 * What the daemon's end leaves behind, and what its next start makes of it: traffic goes on. Ends by
 * SIGTERM and SIGKILL, with the bus gone, and on request with everything given back; interfaces that
 * someone else configured before.
 */

import { readFileSync } from 'node:fs';
import { test } from 'uvu';
import * as assert from 'uvu/assert';
import type { Cell } from '../helpers/cell.ts';
import { BUS_SOCKET, startBusDaemon } from '../helpers/bus-daemon.ts';
import { DAEMONS } from '../helpers/daemons.ts';
import type { CellEvent } from '../helpers/event-log.ts';
import { until } from '../helpers/patience.ts';
import { defaultRouteCounts, makeUplink } from '../helpers/uplinks.ts';
import { isProperty, isService, plugIn, startDaemon, withWiredCell } from '../helpers/wired.ts';

const isOnline = isProperty('Manager', 'State', 'online');

/** One check without an answer, and another link is the default. */
const ONE_FAILURE = `[General]
OnlineCheckMode=continuous
OnlineCheckFailuresThreshold=1
OnlineCheckConnectTimeout=1
`;

test('after SIGKILL everything goes on, and the next daemon takes it over', () =>
  withWiredCell({}, async (cell) => {
    const first = await startDaemon(cell);
    await plugIn(cell);
    await leaseIsStored(cell);
    const before = await configuration(cell);
    first.kill('SIGKILL');
    await first.exited;
    const since = performance.now();
    await startDaemon(cell);
    await cell.log.wait('online', isOnline, { since });
    assert.equal(losses(cell, since), []);
    assert.is(await configuration(cell), before);
    assert.is(cell.log.since(since).filter(isDhcp('DHCPDISCOVER')).length, 0, 'it asks for the lease it has');
    // The kernel takes the address off by itself where nobody renews the lease any more.
    assert.match(await cell.device.output(['ip', '-4', '-o', 'address', 'show', 'dev', 'eth0']), / valid_lft \d+sec /);
  }));

test('after SIGTERM of two uplinks both go on, rules and parameters included', () =>
  withWiredCell({ cables: 2, dnsmasq: false, files: { '/etc/connman/main.conf': ONE_FAILURE } }, async (cell) => {
    const uplinks = [await makeUplink(cell, 0), await makeUplink(cell, 1)] as const;
    // The first alone is ever online: it becomes the default, whoever is served first.
    await uplinks[1].setUpstream(false);
    const first = await startDaemon(cell);
    for (const uplink of uplinks) await uplink.plug();
    await cell.log.wait(
      'the table of the second', (event) => event.kind === 'route' && /^default .* dev eth1 table/.test(event.route),
    );
    await cell.log.wait('online', isOnline);
    await until('the first to be the default', async () => {
      const text = await configuration(cell);
      return /^default via 10\.80\.0\.1 dev eth0 *$/m.test(text) && !/^10\.80\.1\.1 dev eth1 scope link *$/m.test(text);
    });
    for (const { service } of uplinks) await leaseIsStored(cell, service);
    const before = await configuration(cell);
    const stoppedAt = performance.now();
    assert.is(await first.stop(), 0);
    assert.is(withoutNames(await configuration(cell)), withoutNames(before));
    assert.match(resolvConf(cell), /^nameserver 10\.80\./m, 'names go on being resolved without us');
    assert.not.match(resolvConf(cell), /127\.0\.0\.1/);
    const since = performance.now();
    const second = await startDaemon(cell);
    await cell.log.wait('online', isOnline, { since });
    await until('all to be as before', async () => (await configuration(cell)) === before).catch(() => undefined);
    assert.is(await configuration(cell), before);
    const lost = losses(cell, stoppedAt);
    assert.equal(lost.filter((event) => event.kind !== 'route' || / table /.test(event.route)), []);
    const counts = defaultRouteCounts(cell.log.since(stoppedAt), before);
    assert.ok(counts.every((count) => count > 0), 'whoever is the default meanwhile');
    assert.is(await second.stop(), 0);
  }));

test('an expired link of an earlier run is not touched: an interface configured before us is adopted', () =>
  withWiredCell({}, async (cell) => {
    const since = cell.cable().plug();
    await cell.device.script(`ip link set eth0 up
ip address add 10.77.3.4/20 dev eth0
ip route add default via 10.77.0.1 dev eth0`);
    await startDaemon(cell);
    await cell.log.wait('online', isOnline, { since });
    assert.equal(losses(cell, since), []);
    const text = await cell.device.output(['ip', '-4', '-o', 'address', 'show', 'dev', 'eth0']);
    assert.match(text, 'inet 10.77.3.4/20', 'dnsmasq, the only server, grants what was asked for');
    assert.is(text.trim().split('\n').length, 1, text);
  }));

test('the bus gone: the daemon ends as failed, so that it is started again, and traffic goes on', () =>
  withWiredCell({}, async (cell) => {
    const first = await startDaemon(cell);
    await plugIn(cell);
    await leaseIsStored(cell);
    const before = await configuration(cell);
    const since = performance.now();
    await cell.dbusDaemon.stop();
    assert.is(await first.exited, 1);
    assert.is(withoutNames(await configuration(cell)), withoutNames(before));
    await cell.device.output(['rm', '-f', BUS_SOCKET]);
    await startBusDaemon(cell.device);
    const second = cell.device.spawn(DAEMONS.causeway.argv);
    await second.waitForLine((line) => line.endsWith('state is online'));
    assert.equal(losses(cell, since), []);
    assert.is(await configuration(cell), before);
  }));

test('--release-on-exit gives the lease back and takes the address off', () =>
  withWiredCell({}, async (cell) => {
    const since = performance.now();
    const { argv, busName } = DAEMONS.causeway;
    const running = await cell.startDaemon([...argv, '--release-on-exit'], busName);
    await plugIn(cell);
    assert.is(await running.stop(), 0);
    await cell.log.wait('the release', isDhcp('DHCPRELEASE'), { since });
    await cell.log.wait(
      'the address to go', (event) => event.kind === 'address' && !event.isAdded && event.address.startsWith('10.'),
    );
    assert.is(await cell.device.output(['ip', '-4', 'route']), '');
  }));

test('an interface that goes to another namespace and comes back is taken up again', () =>
  withWiredCell({}, async (cell) => {
    await startDaemon(cell);
    await plugIn(cell);
    const elsewhere = await cell.device.nest();
    const goneAt = performance.now();
    await cell.device.output(['ip', 'link', 'set', 'eth0', 'netns', `${elsewhere.innerPid}`]);
    await cell.log.wait('its service to go', isService('InterfacesRemoved'), { since: goneAt });
    await cell.log.wait('idle', isProperty('Manager', 'State', 'idle'), { since: goneAt });
    const backAt = performance.now();
    await elsewhere.output(['ip', 'link', 'set', 'eth0', 'netns', `${cell.device.innerPid}`]);
    await cell.log.wait('its service to come back', isService('InterfacesAdded'), { since: backAt });
    await cell.log.wait('online', isOnline, { since: backAt });
  }));

test('in a container its veth is the network card; bridges and veths of containers are not', () =>
  withWiredCell({}, async (cell) => {
    await cell.device.script(`ip link add br-test type bridge
ip link add inner type veth peer name outer
ip link set outer master br-test`);
    const { argv, busName } = DAEMONS.causeway;
    const since = performance.now();
    // -I as an installer would say it where the namespace has but veths.
    await cell.startDaemon([...argv, '-I', 'inner,outer'], busName);
    await cell.log.wait('powered', isProperty('Technology', 'Powered', true), { since });
    const up = await cell.device.output(['ip', '-br', 'link', 'show', 'up']);
    assert.match(up, /^eth0/m);
    assert.not.match(up, /br-test|inner|outer/);
  }));

test.run();

const isDhcp = (message: string) => (event: CellEvent): boolean => event.kind === 'dhcp' && event.message === message;

/** Addresses and default routes that went since. */
function losses(cell: Cell, since: number): readonly CellEvent[] {
  return cell.log.since(since).filter((event) =>
    (event.kind === 'address' && !event.isAdded && event.address.startsWith('10.'))
    || (event.kind === 'route' && !event.isAdded && event.route.startsWith('default ')));
}

/** All that the daemon configures, as text. */
async function configuration(cell: Cell): Promise<string> {
  const text = await cell.device.script(`ip -4 -o address show | sed 's/valid_lft.*//'
ip -4 route show table all | sort
ip rule | sort
grep -s . /proc/sys/net/ipv4/conf/*/rp_filter /proc/sys/net/ipv4/conf/*/arp_ignore`);
  return `${text}${resolvConf(cell)}`;
}

function resolvConf(cell: Cell): string {
  return readFileSync(cell.device.path('/run/connman/resolv.conf'), 'utf8');
}

/** But for resolv.conf. */
function withoutNames(text: string): string {
  return text.replace(/^# Generated[^]*/m, '');
}

/** The daemon writes it half a second after it was ready. */
async function leaseIsStored(cell: Cell, service = 'ethernet_020000000000_cable'): Promise<void> {
  await cell.device.output(['sh', '-c', `until test -e /var/lib/connman/${service}/lease; do sleep 0.05; done`]);
}
