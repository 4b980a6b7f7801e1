/**
 * One network in the air and one connection manager after another in front of it, inside the guest:
 * what is measured and recorded beside Debian's ConnMan.
 */

import { readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import type { Bus } from '../../../src/dbus/bus.ts';
import { connectBus } from '../../../src/dbus/bus.ts';
import { managerInterface } from '../../../src/dbus/interfaces/manager.ts';
import { serviceInterface } from '../../../src/dbus/interfaces/service.ts';
import { technologyInterface } from '../../../src/dbus/interfaces/technology.ts';
import { DeadlineClock, nodeTimeSource } from '../../../src/shared/clock.ts';
import { createScope } from '../../../src/shared/scope.ts';
import { WIFI_SERVICE } from '../../oracle/wifi-script.ts';
import { BUS_SOCKET } from '../bus-daemon.ts';
import { Cell } from '../cell.ts';
import type { Child } from '../child.ts';
import { type DaemonName, DAEMONS } from '../daemons.ts';
import type { CellEvent } from '../event-log.ts';
import { testSystem } from '../system.ts';
import { isProperty } from '../wired.ts';
import { makeAir, PROTECTIONS, startAccessPoint, startSupplicant } from './air.ts';
import { CONNECT_LIMIT_MS, serveAgent, type StationAgent } from './stations.ts';

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
}

/** Brings the air up; no daemon runs. */
export async function openBeside(): Promise<Beside> {
  const cell = await Cell.open({ cables: 0, files: { '/etc/connman/main.conf': '[General]\n' } });
  await makeAir(cell);
  const [accessPoint] = await Promise.all([startAccessPoint(cell, [BESIDE_NETWORK]), startSupplicant(cell)]);
  const scope = createScope();
  const clock = new DeadlineClock(nodeTimeSource());
  const bus = await connectBus(testSystem().unixStream(cell.device.path(BUS_SOCKET), scope), { clock }, scope);
  return { cell, bus, agent: serveAgent(bus, scope), accessPoint };
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

/** Milliseconds from the start of the daemon, or from the call of Connect. */
export interface JoinTimes {
  /** A network never seen: from Connect to a link, and to the world beyond. */
  readonly associated: number;
  readonly online: number;
  /** From a user's scan to its end. */
  readonly scan: number;
  /** A known network, after a restart of the daemon: from the start to ready, and to online. */
  readonly knownReady: number;
  readonly knownOnline: number;
}

/** One round with one daemon. */
export async function measureJoin(beside: Beside, name: DaemonName): Promise<JoinTimes> {
  const { cell, bus, agent } = beside;
  const { argv, busName } = DAEMONS[name];
  forgetAll(beside);
  let daemon = await startPowered(cell, argv, busName);
  await bus.proxy(managerInterface, 'net.connman', '/').RegisterAgent({ path: '/agent' });
  agent.answer = { Passphrase: 'rigsecret' };
  const scanAt = performance.now();
  await findService(bus);
  const scan = performance.now() - scanAt;
  const connectAt = performance.now();
  const service = bus.proxy(serviceInterface, 'net.connman', WIFI_SERVICE);
  await service.Connect({}, { timeoutMs: CONNECT_LIMIT_MS });
  const since = { since: connectAt, timeoutMs: CONNECT_LIMIT_MS };
  const configured = await cell.log.wait('a link', isService('State', 'configuration'), since);
  const first = await cell.log.wait('online', isProperty('Manager', 'State', 'online'), since);
  await daemon.stop();
  const startAt = performance.now();
  daemon = await cell.startDaemon(argv, busName);
  const again = { since: startAt, timeoutMs: CONNECT_LIMIT_MS };
  const ready = await cell.log.wait('ready again', isProperty('Manager', 'State', 'ready'), again);
  const second = await cell.log.wait('online again', isProperty('Manager', 'State', 'online'), again);
  await daemon.stop();
  return {
    scan,
    associated: configured.at - connectAt, online: first.at - connectAt,
    knownReady: ready.at - startAt, knownOnline: second.at - startAt,
  };
}

/** How a daemon copes with many networks at once. */
export interface CrowdFigures {
  /** Scans of a user until all were listed; each takes `scanMs` in the middle. */
  readonly scans: number;
  readonly scanMs: number;
  /** Processor time of the daemon meanwhile. */
  readonly cpuMs: number;
}

/** Puts so many networks in the air and has a daemon find them all. Rejects after twenty scans. */
export async function measureCrowd(beside: Beside, name: DaemonName, count: number): Promise<CrowdFigures> {
  const { cell, bus } = beside;
  await beside.accessPoint.stop();
  const networks = Array.from({ length: count }, (_, index) => ({ ssid: `n${index}` }));
  beside.accessPoint = await startAccessPoint(cell, networks);
  forgetAll(beside);
  const { argv, busName } = DAEMONS[name];
  const daemon = await startPowered(cell, argv, busName);
  const manager = bus.proxy(managerInterface, 'net.connman', '/');
  const technology = bus.proxy(technologyInterface, 'net.connman', '/net/connman/technology/wifi');
  const before = cpuOf(daemon.pid);
  const startedAt = performance.now();
  for (let scans = 1; scans <= 20; scans++) {
    await technology.Scan({}, { timeoutMs: CONNECT_LIMIT_MS }).catch(() => undefined);
    const heard = (await manager.GetServices()).length;
    if (heard < count) continue;
    const scanMs = (performance.now() - startedAt) / scans;
    const cpuMs = cpuOf(daemon.pid) - before;
    await daemon.stop();
    return { scans, scanMs, cpuMs };
  }
  throw new Error(`not all of ${count} networks were heard`);
}

/** utime and stime of proc_pid_stat(5), in ticks of 10 ms. */
function cpuOf(pid: number): number {
  const fields = readFileSync(`/proc/${pid}/stat`, 'utf8').split(') ')[1]?.split(' ') ?? [];
  return 10 * (Number(fields[11]) + Number(fields[12]));
}

async function startPowered(cell: Cell, argv: readonly string[], busName: string): Promise<Child> {
  const since = performance.now();
  const daemon = await cell.startDaemon(argv, busName);
  await cell.log.wait('power', isProperty('Technology', 'Powered', true), { since, timeoutMs: CONNECT_LIMIT_MS });
  return daemon;
}

async function findService(bus: Bus): Promise<void> {
  const manager = bus.proxy(managerInterface, 'net.connman', '/');
  const technology = bus.proxy(technologyInterface, 'net.connman', '/net/connman/technology/wifi');
  for (let scans = 0; scans < 10; scans++) {
    await technology.Scan({}, { timeoutMs: CONNECT_LIMIT_MS }).catch(() => undefined);
    if ((await manager.GetServices()).some(([path]) => path === WIFI_SERVICE)) return;
  }
  throw new Error(`${WIFI_SERVICE} is not there`);
}

function isService(name: string, value: string) {
  const isIt = isProperty('Service', name, value);
  return (event: CellEvent): boolean => isIt(event);
}
