/**
 * One round of the measurements with many links: started on so many plugged cables, until all have
 * an address; and what it costs to tell a client of all of them. Bridge ports are isolated, so that
 * what one link broadcasts does not wake the others.
 */

import { withCell, type Cell } from '../../test/helpers/cell.ts';
import type { Child } from '../../test/helpers/child.ts';
import type { CellEvent } from '../../test/helpers/event-log.ts';
import { benchCell, pause, type Figures, type Time } from './cells.ts';
import type { Benched } from './daemons.ts';
import { cpuMs } from './process.ts';

const SIZES = [10, 100, 500] as const;
const LISTED_LINKS = 120;
const LISTINGS = 50;
const SETTLE_MS = 3000;

/** Starts on 10, 100 and 500 links. */
export async function measureLinks(daemon: Benched): Promise<Figures> {
  const one = await startOn(daemon, 1);
  const figures: Record<string, number | string | undefined> = {};
  const perLink = new Map<number, number>();
  for (const size of SIZES) {
    const { addressed, allAddressedS, cpuThenS, cpuS } = await startOn(daemon, size);
    figures[`${size} links: all addressed after, s`] = allAddressedS ?? `${addressed} of ${size}`;
    figures[`${size} links: CPU until then, s`] = allAddressedS === undefined ? '–' : cpuThenS;
    figures[`${size} links: CPU until at rest, s`] = allAddressedS === undefined ? '–' : cpuS;
    if (allAddressedS !== undefined) perLink.set(size, (cpuS - one.cpuS) / (size - 1));
  }
  const [few, many] = [perLink.get(10), perLink.get(500)];
  figures['CPU a link at 500, ms'] = many === undefined ? '–' : many * 1000;
  figures['CPU a link at 500 : at 10'] = few === undefined || many === undefined ? '–' : many / few;
  return figures;
}

/** Tells a client of 120 links. */
export function measureListing(daemon: Benched): Promise<Figures> {
  return withCell(benchCell(daemon, LISTED_LINKS), async (cell) => {
    await plugAll(cell, LISTED_LINKS);
    const running = await cell.startDaemon(daemon.argv, daemon.busName);
    await allAddressed(cell, LISTED_LINKS, performance.now(), 30_000);
    await atRestSoon(running);
    for (let call = 0; call < LISTINGS; call++) await cell.bus.call(daemon.listing);
    const before = cpuMs(running.pid);
    for (let call = 0; call < LISTINGS; call++) await cell.bus.call(daemon.listing);
    return { [`list of ${LISTED_LINKS} links: CPU a call, ms`]: (cpuMs(running.pid) - before) / LISTINGS };
  });
}

interface Started {
  readonly addressed: number;
  readonly allAddressedS: Time;
  readonly cpuThenS: number;
  /** Checks whether they are online included. */
  readonly cpuS: number;
}

function startOn(daemon: Benched, count: number): Promise<Started> {
  return withCell(benchCell(daemon, count), async (cell) => {
    await plugAll(cell, count);
    // Hearing all signals of hundreds of links would take this program as long as the daemon.
    cell.bus.close();
    const since = performance.now();
    const running = await cell.startDaemon(daemon.argv);
    const limitMs = 20_000 + 80 * count;
    const { addressed, afterMs } = await allAddressed(cell, count, since, limitMs);
    const allAddressedS = afterMs === undefined ? undefined : afterMs / 1000;
    const cpuThenS = cpuMs(running.pid) / 1000;
    if (afterMs !== undefined) await atRestSoon(running);
    return { addressed, allAddressedS, cpuThenS, cpuS: cpuMs(running.pid) / 1000 };
  });
}

/** Plugs so many cables in, which hear nothing of each other. */
export async function plugAll(cell: Cell, count: number): Promise<void> {
  const ports = Array.from({ length: count }, (_, index) => `link set dev cable${index} isolated on`).join('\n');
  await cell.server.output(['bridge', '-batch', '-'], { input: `${ports}\n` });
  for (let index = 0; index < count; index++) cell.cable(index).plug();
}

/** How many links have an address, and when the last of them got it; it gives up after `limitMs`. */
export function allAddressed(
  cell: Cell, count: number, since: number, limitMs: number,
): Promise<{ addressed: number; afterMs: Time }> {
  const links = new Set<string>();
  return new Promise((resolve) => {
    const timer = setTimeout(() => resolve({ addressed: links.size, afterMs: undefined }), limitMs);
    const note = (event: CellEvent): void => {
      if (event.kind !== 'address' || !event.isAdded || !event.address.startsWith('10.')) return;
      links.add(event.link);
      if (links.size !== count) return;
      clearTimeout(timer);
      resolve({ addressed: count, afterMs: event.at - since });
    };
    cell.log.observe(note);
    for (const event of cell.log.since(0)) note(event);
  });
}

/** A daemon with hundreds of links may never be quite at rest. */
async function atRestSoon({ pid }: Child): Promise<void> {
  for (let waited = 0, before = cpuMs(pid); waited < 10; waited++) {
    await pause(SETTLE_MS / 3);
    const now = cpuMs(pid);
    if (now - before < 5) return;
    before = now;
  }
}
