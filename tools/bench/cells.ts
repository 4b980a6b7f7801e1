/**
 * Cells as the bench needs them: the same wire and status page for all daemons, a Node of the
 * daemon's own where its memory is looked at, and waiting for what may never come.
 */

import type { Cell, CellOptions } from '../../test/helpers/cell.ts';
import { STATUS_URL, type Daemon } from '../../test/helpers/daemons.ts';
import type { CellEvent } from '../../test/helpers/event-log.ts';

/** What one round found out by row: text says why there is no number, `undefined` that it took too long. */
export type Figures = Readonly<Record<string, number | string | undefined>>;

/** A milestone's time, or `undefined` where it was not reached. */
export type Time = number | undefined;

/** The cell for a daemon with so many cables: the status page by address, checksums filled in. */
export function benchCell(daemon: Daemon, cables = 1): CellOptions {
  const { peers = [], files = {} } = daemon.cell;
  const urls = `OnlineCheckIPv4URL=${STATUS_URL}\nOnlineCheckIPv6URL=http://[fd00::1]/online/status.html\n`;
  return {
    ...daemon.cell,
    cables,
    peers: [...new Set([...peers, 'ethtool'])],
    isChecksumOffloaded: false,
    files: { ...files, '/etc/connman/main.conf': `[General]\n${urls}` },
  };
}

/** Milliseconds from `since` to the first event that matches. */
export async function reached(
  cell: Cell, since: number, matches: (event: CellEvent) => boolean, timeoutMs = 20_000,
): Promise<Time> {
  try {
    return (await cell.log.wait('a milestone', matches, { since, timeoutMs })).at - since;
  } catch {
    return undefined;
  }
}

/** What daemons do not share with this program would not count as private: gives Node's a file of its own. */
export async function giveOwnNode(cell: Cell): Promise<void> {
  await cell.device.script(`node=$(readlink -f "$(command -v node)")
cp "$node" /run/node
mount --bind /run/node "$node"`);
}

/** Resolves after `ms`. */
export function pause(ms: number): Promise<void> {
  return new Promise((resolve) => setTimeout(resolve, ms));
}
