/**
 * What a connection costs its VPN daemon: connected and disconnected through connmand a few times, by the
 * wall from Connect to `ready` of the service, by the processor the daemon alone.
 */

import { readFileSync } from 'node:fs';
import type { Cell } from './cell.ts';
import type { Child } from './child.ts';
import {
  callVpnService,
  createConnection,
  isServiceProperty,
  isVpnListed,
  VPN_DAEMONS,
} from './vpn.ts';

/** Whose connman-vpnd is measured. */
export type VpnDaemonName = keyof typeof VPN_DAEMONS;

/** Medians, in milliseconds. */
export interface ConnectionCost {
  readonly connectMs: number;
  readonly processorMs: number;
}

/** Processor time of a process so far (proc_pid_stat(5): utime and stime, in hundredths of a second). */
export function processorMs(pid: number): number {
  const text = readFileSync(`/proc/${pid}/stat`, 'utf8');
  const fields = text.slice(text.lastIndexOf(')') + 2).split(' ');
  return 10 * (Number(fields[11]) + Number(fields[12]));
}

/** Proportional memory of a process, in megabytes. */
export function pssMb(pid: number): number {
  return Number(/^Pss:\s+(\d+)/m.exec(readFileSync(`/proc/${pid}/smaps_rollup`, 'utf8'))?.[1]) / 1024;
}

/** Starts a VPN daemon on an empty store; owning its name on return. */
export async function startFresh(cell: Cell, name: VpnDaemonName): Promise<Child> {
  await cell.device.script('rm -rf /var/lib/connman/provider_*');
  return cell.startDaemon(VPN_DAEMONS[name], 'net.connman.vpn');
}

/** Makes a connection in a daemon that runs and connects it `rounds` times, after one for warmth. */
export async function measureConnection(
  cell: Cell,
  vpnd: Child,
  settings: Readonly<Record<string, string>>,
  rounds: number,
): Promise<ConnectionCost> {
  const since = performance.now();
  const ident = (await createConnection(cell, settings)).split('/').at(-1) ?? '';
  await cell.log.wait('its service', isVpnListed(ident), { since });
  const times: number[] = [];
  await connectOnce(cell, ident);
  const before = processorMs(vpnd.pid);
  for (let round = 0; round < rounds; round++) times.push(await connectOnce(cell, ident));
  const spent = (processorMs(vpnd.pid) - before) / rounds;
  times.sort((one, other) => one - other);
  return { connectMs: times[rounds >> 1] ?? Number.NaN, processorMs: spent };
}

async function connectOnce(cell: Cell, ident: string): Promise<number> {
  const since = performance.now();
  await callVpnService(cell, ident, 'Connect');
  const ready = await cell.log.wait('it to be ready', isServiceProperty(ident, 'State', 'ready'), { since });
  const left = performance.now();
  await callVpnService(cell, ident, 'Disconnect');
  // Of its service: Debian's daemon does not tell of the end of a WireGuard connection.
  await cell.log.wait('its end', isServiceProperty(ident, 'State', 'idle'), { since: left });
  return ready.at - since;
}
