/**
 * One round of each measurement of a connection manager, each in a fresh cell. Times are taken from
 * outside: from just before the plug or the start to when this program hears of the event.
 */

import { withCell, type Cell, type CellOptions } from '../../test/helpers/cell.ts';
import { STATUS_URL, type Daemon } from '../../test/helpers/daemons.ts';
import type { CellEvent } from '../../test/helpers/event-log.ts';
import { atRest, cpuMs, memory } from './process.ts';

/** Figures of one round by row; `undefined` where the daemon did not get there in time. */
export type Figures = Readonly<Record<string, number | undefined>>;

/** A daemon that runs at rest; its cable is plugged in, pulled, and plugged in again. */
export function measureLinkUp(daemon: Daemon): Promise<Figures> {
  return withCell(cellOptions(daemon), async (cell) => {
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
      'known lease: address, ms': again.address,
      'known lease: ready, ms': again.ready,
      'known lease: online, ms': again.online,
    };
  });
}

/** A daemon started on a cable that is plugged in. */
export function measureStart(daemon: Daemon): Promise<Figures> {
  return withCell(cellOptions(daemon), async (cell) => {
    await cell.device.script(OWN_NODE);
    cell.cable().plug();
    const since = performance.now();
    const running = await cell.startDaemon(daemon.argv, daemon.busName);
    const cpuAtName = cpuMs(running.pid);
    const isOwned = (event: CellEvent): boolean => event.kind === 'owner' && event.name === daemon.busName;
    const name = await cell.log.wait('the bus name', isOwned, { since });
    const online = await reached(cell, since, (event) => daemon.isOnline(event));
    const cpuAtRest = await atRest(running.pid, 2000);
    const { rssKb, pssKb, privateKb } = memory(running.pid);
    return {
      'start to bus name, ms': name.at - since,
      'CPU to bus name, ms': cpuAtName,
      'start to online, ms': online,
      'CPU until online and at rest, ms': cpuAtRest,
      'RSS, MB': rssKb / 1024,
      'PSS, MB': pssKb / 1024,
      'private, MB': privateKb / 1024,
    };
  });
}

async function linkUp(cell: Cell, daemon: Daemon): Promise<{ address: Time; ready: Time; online: Time }> {
  const since = cell.cable().plug();
  const online = await reached(cell, since, (event) => daemon.isOnline(event));
  const isAddress = (event: CellEvent): boolean =>
    event.kind === 'address' && event.link === 'eth0' && event.isAdded && event.address.startsWith('10.');
  return {
    address: await reached(cell, since, isAddress),
    ready: await reached(cell, since, (event) => daemon.isReady(event)),
    online,
  };
}

type Time = number | undefined;

// A Node of its own: what the daemon's shares with this program's would not count as private.
const OWN_NODE = 'node=$(readlink -f "$(command -v node)"); cp "$node" /run/node; mount --bind /run/node "$node"';

async function reached(cell: Cell, since: number, matches: (event: CellEvent) => boolean): Promise<Time> {
  try {
    const { at } = await cell.log.wait('a milestone', matches, { since, timeoutMs: 20_000 });
    return at - since;
  } catch {
    return undefined;
  }
}

// The same wire and the same status page for all: by address, with checksums filled in.
function cellOptions(daemon: Daemon): CellOptions {
  const { peers = [], files = {} } = daemon.cell;
  const urls = `OnlineCheckIPv4URL=${STATUS_URL}\nOnlineCheckIPv6URL=http://[fd00::1]/online/status.html\n`;
  return {
    ...daemon.cell,
    peers: [...new Set([...peers, 'ethtool'])],
    isChecksumOffloaded: false,
    files: { ...files, '/etc/connman/main.conf': `[General]\n${urls}` },
  };
}
