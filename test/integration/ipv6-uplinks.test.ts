/**
 * Two uplinks with IPv6 alone on a real kernel: which carries the default route, that each answers by
 * its own link, and that the other takes over when one leads nowhere or loses its cable.
 */

import { test } from 'uvu';
import * as assert from 'uvu/assert';
import type { Cell } from '../helpers/cell.ts';
import type { CellEvent } from '../helpers/event-log.ts';
import { addIpv6, IPV6_CHECK, startRadvd, STATUS_ADDRESS6 } from '../helpers/ipv6-networks.ts';
import { makeUplink, type Uplink } from '../helpers/uplinks.ts';
import { isProperty, startDaemon, withWiredCell } from '../helpers/wired.ts';

const files = {
  '/etc/connman/main.conf': `[General]
OnlineCheckMode=continuous
OnlineCheckFailuresThreshold=2
OnlineCheckMaxInterval=1
OnlineCheckConnectTimeout=1
${IPV6_CHECK}
`,
};

test('the default moves with the services, and each link answers for itself', () =>
  withWiredCell({ cables: 2, dnsmasq: false, peers: ['radvd', 'iputils-ping'], files }, async (cell) => {
    const one = await network(cell, 0, '2001:db8:1');
    const two = await network(cell, 1, '2001:db8:2');
    const daemon = await startDaemon(cell);
    await one.plug();
    await cell.log.wait('the first to be online', isService(one, 'State', 'online'));
    await two.plug();
    await cell.log.wait('a table for the second', isRoute(/^default via fe80::1 dev eth1 table/));
    assert.equal(await defaults(cell), ['eth0 512', `eth1 ${2 ** 32 - 1 - 1024 * 10_001}`]);

    const address = '2001:db8:2::ff:fe00:1';
    const way = await cell.device.output(['ip', '-6', 'route', 'get', STATUS_ADDRESS6, 'from', address]);
    assert.match(way, 'via fe80::1 dev eth1');
    // From beyond the router: only the default route, or the link's own table, leads back.
    const ping = ['ping', '-6', '-q', '-c', '2', '-i', '0.2', '-W', '2', '-I', STATUS_ADDRESS6, address];
    assert.match(await two.namespace.output(ping), ' 0% packet loss');

    const brokenAt = performance.now();
    await one.namespace.output(['ip', '-6', 'address', 'del', `${STATUS_ADDRESS6}/128`, 'dev', 'lo']);
    await cell.log.wait('the first to fail', isService(one, 'Error', 'online-check-failed'), { since: brokenAt });
    await cell.log.wait('the second to be online', isService(two, 'State', 'online'), { since: brokenAt });
    assert.equal(await defaults(cell), ['eth1 512', `eth0 ${2 ** 32 - 1 - 1024 * 10_000}`]);

    // The daemon's end leaves all of it, and its next start loses nothing.
    const before = await configuration(cell);
    assert.is(await daemon.stop(), 0);
    assert.is(await configuration(cell), before);
    await one.namespace.output(['ip', '-6', 'address', 'add', `${STATUS_ADDRESS6}/128`, 'dev', 'lo', 'nodad']);
    const againAt = performance.now();
    await startDaemon(cell);
    await cell.log.wait('one to be online', isProperty('Manager', 'State', 'online'), { since: againAt });
    await cell.log.wait('the other to be listed', isService(two, 'State', 'ready'), { since: againAt });
    assert.not.ok(cell.log.since(againAt).some(
      (event) => event.kind === 'address' && !event.isAdded && event.address.startsWith('2001:db8'),
    ));

    const pulledAt = performance.now();
    await one.unplug();
    await two.unplug();
    await cell.log.wait('no address', isAddressGone('2001:db8:2::ff:fe00:1/64'), { since: pulledAt });
    assert.not.match(await cell.device.output(['ip', '-6', 'rule']), /lookup 43\d+/);
    assert.equal(await defaults(cell), []);
  }));

test.run();

/** A network with a router and no IPv4. */
async function network(cell: Cell, index: number, prefix: string): Promise<Uplink> {
  const uplink = await makeUplink(cell, index, { hasServer: false });
  await addIpv6(cell, uplink, prefix);
  await startRadvd(uplink, `prefix ${prefix}::/64 { };`);
  return uplink;
}

/** Default routes of ours, best first: `eth0 512`. */
async function defaults(cell: Cell): Promise<string[]> {
  const text = await cell.device.output(['ip', '-6', 'route', 'show', 'default']);
  const found = [...text.matchAll(/^default via \S+ dev (\S+) metric (\d+)/gm)];
  return found.map(([, link, metric]) => `${link} ${metric}`).toSorted((one, other) =>
    Number(one.split(' ')[1]) - Number(other.split(' ')[1]));
}

/** Addresses, routes and rules, without what is left of their lifetimes. */
async function configuration(cell: Cell): Promise<string> {
  const parts = [['address', 'show', 'scope', 'global'], ['route', 'show', 'table', 'all'], ['rule']];
  const texts = await Promise.all(parts.map((words) => cell.device.output(['ip', '-6', ...words])));
  return texts.join('\n').replace(/ (?:expires|valid_lft|preferred_lft) \S+/g, '').replace(/ hoplimit \d+/g, '');
}

function isService({ service }: Uplink, name: string, value: unknown) {
  return (event: CellEvent): boolean =>
    isProperty('Service', name, value)(event) && event.kind === 'signal' && event.path.endsWith(`/${service}`);
}

function isRoute(pattern: RegExp): (event: CellEvent) => boolean {
  return (event) => event.kind === 'route' && event.isAdded && pattern.test(event.route);
}

function isAddressGone(address: string): (event: CellEvent) => boolean {
  return (event) => event.kind === 'address' && !event.isAdded && event.address === address;
}
