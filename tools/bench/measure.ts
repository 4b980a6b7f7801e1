/**
 * One round of each measurement of a connection manager with one link, each in a fresh cell. Times
 * are taken from outside: from just before the plug or the start to when this program hears of it.
 */

import { withCell, type Cell } from '../../test/helpers/cell.ts';
import type { CellEvent } from '../../test/helpers/event-log.ts';
import { benchCell, giveOwnNode, pause, reached, type Figures, type Time } from './cells.ts';
import type { Benched } from './daemons.ts';
import { atRest, cpuMs, memory, wakeUps } from './process.ts';

const NO_CHECK = 'has no check';
const IDLE_MS = 20_000;
// A host that no IPv6 router answers has asked five times by then, and asks again 32 s after the fifth.
const SETTLE_MS = 20_000;

/** A daemon that runs at rest; its cable is plugged in, pulled, and plugged in again. */
export function measureLinkUp(daemon: Benched): Promise<Figures> {
  return withCell(benchCell(daemon), async (cell) => {
    const running = await cell.startDaemon(daemon.argv, daemon.busName);
    const cpuBefore = await atRest(running.pid);
    const first = await linkUp(cell, daemon);
    const cpuAfter = await atRest(running.pid);

    const pulledAt = cell.cable().unplug();
    await cell.log.wait('the pulled cable to be noticed', (event) => daemon.isGone(event), { since: pulledAt });
    await atRest(running.pid);
    const again = await linkUp(cell, daemon);
    return {
      'plug to address, ms': first.address,
      'plug to ready, ms': first.ready,
      'plug to online, ms': first.online,
      'CPU of that, ms': cpuAfter - cpuBefore,
      'route set to a client knowing, ms': first.told,
      'known lease: address, ms': again.address,
      'known lease: ready, ms': again.ready,
      'known lease: online, ms': again.online,
    };
  });
}

/**
 * A cable to a network with both families, whose router announces a prefix. The kernel's link-local
 * address is a second old before anybody may ask for routers (RFC 4862, 5.4).
 */
export function measureTwoStacks(daemon: Benched): Promise<Figures> {
  return withCell({ ...benchCell(daemon), dnsmasq: { extra: ANNOUNCING } }, async (cell) => {
    await cell.server.script(`echo 1 >/proc/sys/net/ipv6/conf/all/forwarding
ip address add ${PREFIX}1/64 dev bridge nodad`);
    const running = await cell.startDaemon(daemon.argv, daemon.busName);
    const cpuBefore = await atRest(running.pid);
    const since = cell.cable().plug();
    const isAddress = (start: string) => (event: CellEvent): boolean =>
      event.kind === 'address' && event.link === 'eth0' && event.isAdded && event.address.startsWith(start);
    const ipv4 = await reached(cell, since, isAddress('10.'));
    const ipv6 = await reached(cell, since, isAddress(PREFIX));
    const online = daemon.hasOnlineCheck ? await reached(cell, since, (event) => daemon.isOnline(event)) : NO_CHECK;
    return {
      'two stacks: IPv4 address, ms': ipv4,
      'two stacks: IPv6 address, ms': ipv6,
      'two stacks: online, ms': online,
      'CPU of both, ms': await atRest(running.pid, 2000) - cpuBefore,
    };
  });
}

const PREFIX = 'fd00:77::';
const ANNOUNCING = ['--enable-ra', '--dhcp-range=::,constructor:bridge,ra-only'];

/** A daemon started on a cable that is plugged in. */
export function measureStart(daemon: Benched): Promise<Figures> {
  return withCell(benchCell(daemon), async (cell) => {
    await giveOwnNode(cell);
    cell.cable().plug();
    const since = performance.now();
    const running = await cell.startDaemon(daemon.argv, daemon.busName);
    const cpuAtName = cpuMs(running.pid);
    const isOwned = (event: CellEvent): boolean => event.kind === 'owner' && event.name === daemon.busName;
    const name = await cell.log.wait('the bus name', isOwned, { since });
    const online = daemon.hasOnlineCheck ? await reached(cell, since, (event) => daemon.isOnline(event)) : NO_CHECK;
    const cpuAtRest = await atRest(running.pid, 2000);
    const { rssKb, pssKb, privateKb } = memory(running.pid);
    return {
      'start to bus name, ms': name.at - since,
      'CPU to bus name, ms': cpuAtName,
      'start to online, ms': online,
      'CPU until connected and at rest, ms': cpuAtRest,
      'RSS, MB': rssKb / 1024,
      'PSS, MB': pssKb / 1024,
      'private, MB': privateKb / 1024,
    };
  });
}

/** A connected daemon with nothing to do, beside another Node program (this one). */
export function measureIdle(daemon: Benched): Promise<Figures> {
  return withCell(benchCell(daemon), async (cell) => {
    cell.cable().plug();
    const running = await cell.startDaemon(daemon.argv, daemon.busName);
    await reached(cell, 0, (event) => (daemon.hasOnlineCheck ? daemon.isOnline(event) : daemon.isReady(event)));
    await pause(SETTLE_MS);
    const before = { cpu: cpuMs(running.pid), wakeUps: wakeUps(running.pid) };
    await pause(IDLE_MS);
    return {
      [`idle for ${IDLE_MS / 1000} s: wake-ups`]: wakeUps(running.pid) - before.wakeUps,
      [`idle for ${IDLE_MS / 1000} s: CPU, ms`]: cpuMs(running.pid) - before.cpu,
      'idle: private beside another Node, MB': memory(running.pid).privateKb / 1024,
    };
  });
}

interface LinkUp {
  readonly address: Time;
  readonly ready: Time;
  readonly online: Time | string;
  /** From the default route to when a client has heard that the link is ready. */
  readonly told: Time;
}

async function linkUp(cell: Cell, daemon: Benched): Promise<LinkUp> {
  const since = cell.cable().plug();
  const isAddress = (event: CellEvent): boolean =>
    event.kind === 'address' && event.link === 'eth0' && event.isAdded && event.address.startsWith('10.');
  const isRoute = (event: CellEvent): boolean =>
    event.kind === 'route' && event.isAdded && event.route.startsWith('default ');
  const online = daemon.hasOnlineCheck ? await reached(cell, since, (event) => daemon.isOnline(event)) : NO_CHECK;
  const ready = await reached(cell, since, (event) => daemon.isReady(event));
  const route = await reached(cell, since, isRoute);
  const told = await reached(cell, since, (event) => daemon.isServiceReady(event));
  return {
    address: await reached(cell, since, isAddress),
    ready,
    online,
    told: route === undefined || told === undefined ? undefined : Math.max(0, told - route),
  };
}
