/**
 * One network in the air and one connection manager after another in front of it, inside the guest:
 * what is measured and recorded beside Debian's ConnMan.
 */

import { readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import type { Bus } from '../../../src/dbus/bus.ts';
import { connectBus } from '../../../src/dbus/bus.ts';
import { DeadlineClock, nodeTimeSource } from '../../../src/shared/clock.ts';
import { createScope } from '../../../src/shared/scope.ts';
import { BUS_SOCKET } from '../bus-daemon.ts';
import { Cell } from '../cell.ts';
import type { Child } from '../child.ts';
import { testSystem } from '../system.ts';
import { makeAir, PROTECTIONS, startAccessPoint, startSupplicant } from './air.ts';
import { serveAgent, type StationAgent } from './stations.ts';

/** The only network. */
const BESIDE_NETWORK = { ssid: 'rig-psk', settings: PROTECTIONS.psk };

const STORAGE = '/var/lib/connman';
const SETTINGS = '[global]\nOfflineMode=false\n\n[WiFi]\nEnable=true\nTethering=false\nTethering.Freq=2412\n';

/** The device and who speaks to its daemons. */
export interface Beside {
  readonly cell: Cell;
  readonly bus: Bus;
  readonly agent: StationAgent;
  accessPoint: Child;
  supplicant: Child;
}

/** Brings the air up; no daemon runs. */
export async function openBeside(): Promise<Beside> {
  const cell = await Cell.open({ cables: 0, files: { '/etc/connman/main.conf': '[General]\n' } });
  await makeAir(cell);
  const [accessPoint, supplicant] = await Promise.all([
    startAccessPoint(cell, [BESIDE_NETWORK]), startSupplicant(cell),
  ]);
  const scope = createScope();
  const clock = new DeadlineClock(nodeTimeSource());
  const bus = await connectBus(testSystem().unixStream(cell.device.path(BUS_SOCKET), scope), { clock }, scope);
  return { cell, bus, agent: serveAgent(bus, scope), accessPoint, supplicant };
}

/** As on the first day: Wi-Fi on, no network known. */
export function forgetAll({ cell }: Pick<Beside, 'cell'>): void {
  const folder = cell.device.path(STORAGE);
  for (const name of readdirSync(folder)) rmSync(`${folder}/${name}`, { recursive: true });
  writeFileSync(`${folder}/settings`, SETTINGS, { mode: 0o600 });
}

/** What a daemon has written, by name below its folder. */
export function storedFiles({ cell }: Pick<Beside, 'cell'>): Record<string, string> {
  const folder = cell.device.path(STORAGE);
  const names = readdirSync(folder, { recursive: true, encoding: 'utf8' }).filter((name) => name.endsWith('settings'));
  return Object.fromEntries(names.map((name) => [name, readFileSync(`${folder}/${name}`, 'utf8')]));
}
