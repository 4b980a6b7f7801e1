/**
 * Several uplinks on a real kernel: which carries the default route, who answers by which link, and
 * that there is a default route at every moment while they change places.
 */

import { test } from 'uvu';
import * as assert from 'uvu/assert';
import type { Cell } from '../helpers/cell.ts';
import type { CellEvent } from '../helpers/event-log.ts';
import { defaultRouteCounts, makeUplink, STATUS_ADDRESS, type Uplink } from '../helpers/uplinks.ts';
import { callConnman, isProperty, startDaemon, withWiredCell } from '../helpers/wired.ts';

const CONTINUOUS = `[General]
OnlineCheckMode=continuous
OnlineCheckFailuresThreshold=2
OnlineCheckSuccessesThreshold=2
OnlineCheckMaxInterval=1
OnlineCheckConnectTimeout=1
`;

const peers = ['iputils-ping'];
const continuous = { cables: 2, dnsmasq: false, peers, files: { '/etc/connman/main.conf': CONTINUOUS } } as const;

test('continuous checks move the default away from a link that leads nowhere, and back', () =>
  withWiredCell(continuous, async (cell) => {
    const [one, two] = await connectTwo(cell);
    const before = await routes(cell);
    const since = performance.now();
    await one.setUpstream(false);
    await cell.log.wait('the first to fail', isService(one, 'Error', 'online-check-failed'), { since });
    await cell.log.wait('the second to be online', isService(two, 'State', 'online'), { since });
    assert.is(await defaultRoute(cell), `default via ${two.router} dev eth1`);
    assert.match(await routes(cell), `default via ${one.router} dev eth0 metric`);

    const openedAt = performance.now();
    await one.setUpstream(true);
    await cell.log.wait('the first to recover', isService(one, 'Error', ''), { since: openedAt });
    const failedAt = performance.now();
    await two.status.stop();
    await cell.log.wait('the second to fail', isService(two, 'Error', 'online-check-failed'), { since: failedAt });
    await cell.log.wait('the first to be online', isService(one, 'State', 'online'), { since: failedAt });
    assert.is(await defaultRoute(cell), `default via ${one.router} dev eth0`);
    assertNoGap(cell, since, before);
  }));

test('a pulled cable hands over, and the kernel always has a default route', () =>
  withWiredCell({ ...continuous, files: {} }, async (cell) => {
    const [one, two] = await connectTwo(cell);
    const before = await routes(cell);
    const since = performance.now();
    await one.unplug();
    await cell.log.wait('the second to be online', isService(two, 'State', 'online'), { since });
    assert.is(await defaultRoute(cell), `default via ${two.router} dev eth1`);
    const repluggedAt = await one.plug();
    await untilReady(cell, one);
    await move(cell, one, 'MoveBefore', two);
    await cell.log.wait('the first to be the default', isDefaultVia(one), { since: repluggedAt });
    await cell.log.wait('the first to be online', isProperty('Manager', 'State', 'online'), { since: repluggedAt });
    const movedAt = performance.now();
    await move(cell, one, 'MoveAfter', two);
    await cell.log.wait('the second to be the default', isDefaultVia(two), { since: movedAt });
    assertNoGap(cell, since, before);
  }));

test('what came in by a link is answered by it; a link bound to is the one used', () =>
  withWiredCell({ ...continuous, files: {} }, async (cell) => {
    const [one, two] = await connectTwo(cell);
    for (const { link, namespace, router } of [one, two]) {
      const address = await addressOf(cell, link);
      // From beyond the router: only the default route, or the link's own table, leads back.
      const ping = ['ping', '-q', '-c', '2', '-i', '0.2', '-W', '2', '-I', STATUS_ADDRESS, address];
      assert.match(await namespace.output(ping), ' 0% packet loss', `${link} answers ${router}`);
    }
    const bound = ['ping', '-q', '-c', '1', '-W', '2', '-I', two.link, STATUS_ADDRESS];
    assert.match(await cell.device.output(bound), ' 0% packet loss');
    const way = await cell.device.output(
      ['ip', 'route', 'get', STATUS_ADDRESS, 'from', await addressOf(cell, two.link)],
    );
    assert.match(way, `via ${two.router} dev eth1`);
    await two.unplug();
    await cell.log.wait('the second to go', isAddress(two.link, false));
    assert.not.match(await cell.device.output(['ip', 'rule']), /lookup 43\d+/);
  }));

test('two links of one subnet: each answers ARP and packets for itself alone', () =>
  withWiredCell({ cables: 2, peers }, async (cell) => {
    await startDaemon(cell);
    for (const index of [0, 1]) cell.cable(index).plug();
    for (const link of ['eth0', 'eth1']) await cell.log.wait(`${link} to have an address`, isAddress(link, true));
    await cell.log.wait('the machine to be online', isProperty('Manager', 'State', 'online'));
    await cell.log.wait(
      'a table for each', (event) => event.kind === 'route' && /^default .* dev eth1 table/.test(event.route),
    );
    const addresses = [await addressOf(cell, 'eth0'), await addressOf(cell, 'eth1')];
    await cell.server.output(['ip', 'neighbour', 'flush', 'all']);
    for (const address of addresses) {
      const ping = ['ping', '-q', '-c', '2', '-i', '0.2', '-W', '2', address];
      assert.match(await cell.server.output(ping), ' 0% packet loss');
    }
    const neighbours = await cell.server.output(['ip', 'neighbour', 'show', 'dev', 'bridge']);
    assert.match(neighbours, `${addresses[0]} lladdr 02:00:00:00:00:00`);
    assert.match(neighbours, `${addresses[1]} lladdr 02:00:00:00:00:01`);
    // The answer to the second's address left by the second: its counters say so.
    const sent = await transmitted(cell, 'eth1');
    await cell.server.output(['ping', '-q', '-c', '5', '-i', '0.2', '-W', '2', addresses[1] ?? '']);
    assert.ok((await transmitted(cell, 'eth1')) >= sent + 5);
  }));

test('of three, the next in line takes over each time', () =>
  withWiredCell({ ...continuous, cables: 3, files: {} }, async (cell) => {
    const [one, two] = await connectTwo(cell);
    const three = await makeUplink(cell, 2);
    await three.plug();
    await cell.log.wait('the third to be ready', isAddress(three.link, true));
    const before = await routes(cell);
    const since = performance.now();
    await one.unplug();
    await cell.log.wait('the second to be online', isService(two, 'State', 'online'), { since });
    await two.unplug();
    await cell.log.wait('the third to be online', isService(three, 'State', 'online'), { since });
    assert.is(await defaultRoute(cell), `default via ${three.router} dev eth2`);
    assertNoGap(cell, since, before);
  }));

test.run();

/** The daemon with two uplinks, the first online and the default, the second ready. */
async function connectTwo(cell: Cell): Promise<[Uplink, Uplink]> {
  const one = await makeUplink(cell, 0);
  const two = await makeUplink(cell, 1);
  await startDaemon(cell);
  await one.plug();
  await cell.log.wait('the first to be online', isService(one, 'State', 'online'));
  await two.plug();
  await cell.log.wait('the second to be listed', isListed(two));
  await cell.log.wait(
    'the table of the second', (event) => event.kind === 'route' && /^default .* dev eth1 table/.test(event.route),
  );
  return [one, two];
}

function isService({ service }: Uplink, name: string, value: unknown) {
  return (event: CellEvent): boolean =>
    isProperty('Service', name, value)(event) && event.kind === 'signal' && event.path.endsWith(`/${service}`);
}

function isListed({ service }: Uplink): (event: CellEvent) => boolean {
  const name = 'net.connman.Manager.ServicesChanged';
  return (event) => event.kind === 'signal' && event.name === name && JSON.stringify(event.body).includes(service);
}

function isDefaultVia({ link }: Uplink): (event: CellEvent) => boolean {
  const pattern = new RegExp(`^default via \\S+ dev ${link}\\s*$`);
  return (event) => event.kind === 'route' && event.isAdded && pattern.test(event.route);
}

function isAddress(link: string, isAdded: boolean): (event: CellEvent) => boolean {
  return (event) =>
    event.kind === 'address' && event.link === link && event.isAdded === isAdded && event.address.startsWith('10.');
}

async function move(
  cell: Cell, { service }: Uplink, member: 'MoveBefore' | 'MoveAfter', target: Uplink,
): Promise<void> {
  await cell.bus.call({
    destination: 'net.connman',
    path: `/net/connman/service/${service}`,
    interface: 'net.connman.Service',
    member,
    signature: 'o',
    body: [`/net/connman/service/${target.service}`],
  });
}

/** Asks until a service is connected: before it is listed no signal says so. */
async function untilReady(cell: Cell, { service }: Uplink): Promise<void> {
  for (;;) {
    const path = `/net/connman/service/${service}`;
    const [properties] = await callConnman(cell, 'Service', 'GetProperties', path).catch(() => []);
    if (Object(properties).State === 'ready') return;
    await new Promise((resolve) => setTimeout(resolve, 20));
  }
}

function routes(cell: Cell): Promise<string> {
  return cell.device.output(['ip', '-4', 'route', 'show', 'default']);
}

/** The one that wins. */
async function defaultRoute(cell: Cell): Promise<string | undefined> {
  return (await routes(cell)).split('\n').map((line) => line.trim()).find((line) => !line.includes('metric'));
}

async function addressOf(cell: Cell, link: string): Promise<string> {
  const text = await cell.device.output(['ip', '-4', '-o', 'address', 'show', 'dev', link]);
  return / inet ([\d.]+)\//.exec(text)?.[1] ?? `${link} has no address`;
}

async function transmitted(cell: Cell, link: string): Promise<number> {
  const text = await cell.device.output(['ip', '-s', '-o', 'link', 'show', 'dev', link]);
  return Number(/TX: .*?\\\s+\d+\s+(\d+)/.exec(text)?.[1]);
}

function assertNoGap(cell: Cell, since: number, before: string): void {
  const counts = defaultRouteCounts(cell.log.since(since), before);
  assert.ok(counts.length > 0 && counts.every((count) => count > 0), `default routes over time: ${counts}`);
}
