/**
 * How long a connection manager takes to be online over Wi-Fi, from what can be seen outside it: states
 * of wpa_supplicant, addresses, what the manager says on the bus. Emulation makes Node slow out of all
 * proportion, so that times are told without the daemon's own processor time as well.
 */

import { readFileSync } from 'node:fs';
import type { Bus } from '../../../src/dbus/bus.ts';
import { managerInterface } from '../../../src/dbus/interfaces/manager.ts';
import { serviceInterface } from '../../../src/dbus/interfaces/service.ts';
import { technologyInterface } from '../../../src/dbus/interfaces/technology.ts';
import { WIFI_SERVICE } from '../../oracle/wifi-script.ts';
import { type Child, output } from '../child.ts';
import { type DaemonName, DAEMONS } from '../daemons.ts';
import type { CellEvent } from '../event-log.ts';
import { isProperty } from '../wired.ts';
import { startAccessPoint, startSupplicant } from './air.ts';
import { type Beside, forgetAll } from './beside.ts';
import { SECRET, until } from './stations.ts';

/** Milliseconds by what was measured. */
export type JoinTimes = Readonly<Record<string, number>>;

/** For whatever is waited for; three times as long in a guest (patience.ts). */
const LIMIT_MS = 40_000;
const ADDRESS = '02:00:00:00:01:00';

/**
 * Since Disconnect: by then two scans in the background have ended, which take eight seconds each, and
 * what they heard is too old for wpa_supplicant, while the third has not begun.
 */
const STALE_MS = 27_000;
/** How long the machine sleeps, and how long the access point is gone. */
const SLEEP_MS = 2_000;
const ABSENCE_MS = 8_000;

interface Moment {
  readonly at: number;
  /** Processor time of the daemon until then. */
  readonly cpu: number;
}

/** One daemon in front of the network, from the first day on; the steps go in the order below. */
export class JoinRound {
  readonly #beside: Beside;
  readonly #name: DaemonName;
  #daemon: Child | undefined;

  constructor(beside: Beside, name: DaemonName) {
    this.#beside = beside;
    this.#name = name;
  }

  /** A network never seen: a scan for a user, and Connect at once. */
  async first(): Promise<JoinTimes> {
    const { bus, agent } = this.#beside;
    forgetAll(this.#beside);
    await this.#leaveNothing();
    await this.#start();
    await powered(bus);
    await bus.proxy(managerInterface, 'net.connman', '/').RegisterAgent({ path: '/agent' });
    agent.answer = { Passphrase: SECRET };
    const scan = await this.#find();
    return { 'a user scans': scan, ...await this.#connect('a new network, just scanned: Connect') };
  }

  /** Known, and left by the user; what was heard of it is old. */
  async later(): Promise<JoinTimes> {
    const service = this.#beside.bus.proxy(serviceInterface, 'net.connman', WIFI_SERVICE);
    await service.Disconnect();
    await passed(STALE_MS);
    return this.#connect('last scan some seconds ago: Connect');
  }

  /** The machine sleeps: nothing runs, and when it is awake again it has been left out. */
  async sleep(): Promise<JoinTimes> {
    const frozen = [this.daemon, this.#beside.supplicant];
    sayAsleep(this.#beside, true);
    await passed(500);
    for (const child of frozen) child.freeze();
    try {
      // 3: the station has left (IEEE 802.11-2020, 9.4.1.7), which is what the kernel says when it suspends.
      await this.#hostapd('deauthenticate', ADDRESS, 'reason=3');
      await passed(SLEEP_MS);
    } finally {
      for (const child of frozen) child.thaw();
    }
    const since = this.#now();
    sayAsleep(this.#beside, false);
    return this.#again('awake again', since);
  }

  /** The access point is gone for a while. */
  async absence(): Promise<JoinTimes> {
    const goneAt = performance.now();
    await this.#hostapd('disable');
    await this.#until('loss', (event) => isState(event, 'disconnected'), goneAt);
    await passed(ABSENCE_MS);
    await this.#hostapd('enable');
    return this.#again('the access point is back', this.#now());
  }

  /** The daemon ends and begins, by its manager's hand. */
  async restart(): Promise<JoinTimes> {
    const { log } = this.#beside.cell;
    const stopAt = performance.now();
    await this.daemon.stop();
    const since = await this.#start();
    const name = await this.#until('its name', isOwned(this.#name), since);
    const online = await this.#until('online', isProperty('Manager', 'State', 'online'), since);
    return {
      'daemon restarted: start to bus name': name - since,
      'daemon restarted: start to online': online - since,
      "daemon restarted: start to online, but for the daemon's processor time":
        online - since - cpuOf(this.daemon.pid),
      'daemon restarted: without an address meanwhile': withoutAddress(log.since(stopAt)),
    };
  }

  /** As after a start of the machine: the supplicant is new, the radio off, and nothing is left but files. */
  async boot(): Promise<JoinTimes> {
    await this.#leaveNothing();
    const since = await this.#start();
    const name = await this.#until('its name', isOwned(this.#name), since);
    const { associated, online } = await this.#joined(since);
    return {
      'machine started: start to bus name': name - since,
      'machine started: start to associated': associated - since,
      'machine started: start to online': online - since,
      'machine started: bus name to online': online - name,
      "machine started: start to online, but for the daemon's processor time":
        online - since - cpuOf(this.daemon.pid),
    };
  }

  async end(): Promise<void> {
    await this.#daemon?.stop();
  }

  /** The one that runs. */
  get daemon(): Child {
    if (this.#daemon === undefined) throw new Error(`${this.#name} was not started`);
    return this.#daemon;
  }

  async #leaveNothing(): Promise<void> {
    const { cell, supplicant } = this.#beside;
    for (const child of [this.#daemon, supplicant]) {
      child?.kill('SIGKILL');
      await child?.exited;
    }
    await cell.device.script('ip link set wlan1 down\nip address flush dev wlan1');
    this.#beside.supplicant = await startSupplicant(cell);
  }

  async #start(): Promise<number> {
    const { argv, busName } = DAEMONS[this.#name];
    const since = performance.now();
    this.#daemon = await this.#beside.cell.startDaemon(argv, busName);
    return since;
  }

  async #connect(what: string): Promise<JoinTimes> {
    const since = this.#now();
    const service = this.#beside.bus.proxy(serviceInterface, 'net.connman', WIFI_SERVICE);
    await service.Connect({}, { timeoutMs: LIMIT_MS });
    return this.#again(what, since);
  }

  async #again(what: string, { at, cpu }: Moment): Promise<JoinTimes> {
    const { associated, online } = await this.#joined(at);
    return {
      [`${what} to associated`]: associated - at,
      [`${what} to online`]: online - at,
      [`${what} to online, but for the daemon's processor time`]: online - at - (cpuOf(this.daemon.pid) - cpu),
    };
  }

  #now(): Moment {
    return { at: performance.now(), cpu: cpuOf(this.daemon.pid) };
  }

  async #joined(since: number): Promise<{ associated: number; online: number }> {
    const associated = await this.#until('a link', (event) => isState(event, 'completed'), since);
    const online = await this.#until('online', isProperty('Manager', 'State', 'online'), associated);
    return { associated, online };
  }

  #hostapd(...words: readonly string[]): Promise<string> {
    return this.#beside.cell.server.output(['hostapd_cli', '-p', '/run/hostapd', '-i', 'wlan0', ...words]);
  }

  async #until(what: string, isIt: (event: CellEvent) => boolean, since: number): Promise<number> {
    return (await this.#beside.cell.log.wait(what, isIt, { since, timeoutMs: LIMIT_MS })).at;
  }

  // The time of the scan that found it.
  async #find(): Promise<number> {
    const { bus } = this.#beside;
    const manager = bus.proxy(managerInterface, 'net.connman', '/');
    const technology = bus.proxy(technologyInterface, 'net.connman', '/net/connman/technology/wifi');
    for (let scans = 0; scans < 40; scans++) {
      const since = performance.now();
      const isDone = await technology.Scan({}, { timeoutMs: LIMIT_MS }).then(() => true, () => false);
      // The technology may be there before its radio.
      if (!isDone) await passed(500);
      const took = performance.now() - since;
      if ((await manager.GetServices()).some(([path]) => path === WIFI_SERVICE)) return took;
    }
    throw new Error(`${WIFI_SERVICE} is not there`);
  }
}

/** Has this program be logind, for `JoinRound.sleep`. */
export async function becomeLogind({ cell }: Beside): Promise<void> {
  cell.bus.serve(cell.log);
  await cell.bus.call({
    destination: 'org.freedesktop.DBus', path: '/org/freedesktop/DBus', interface: 'org.freedesktop.DBus',
    member: 'RequestName', signature: 'su', body: ['org.freedesktop.login1', 0],
  });
}

function sayAsleep({ cell }: Beside, isAsleep: boolean): void {
  cell.bus.emit({
    path: '/org/freedesktop/login1', interface: 'org.freedesktop.login1.Manager',
    member: 'PrepareForSleep', signature: 'b', body: [isAsleep],
  });
}

function isState(event: CellEvent, state: string): boolean {
  if (event.kind !== 'signal' || event.name !== 'fi.w1.wpa_supplicant1.Interface.PropertiesChanged') return false;
  const [changed] = event.body;
  return typeof changed === 'object' && changed !== null && 'State' in changed && changed.State === state;
}

function isOwned(name: DaemonName) {
  return (event: CellEvent): boolean =>
    event.kind === 'owner' && event.name === DAEMONS[name].busName && event.owner !== undefined;
}

/** How long the radio had no IPv4 address; 0 where it never went. */
function withoutAddress(events: readonly CellEvent[]): number {
  let [total, goneAt] = [0, Number.NaN];
  for (const event of events) {
    if (event.kind !== 'address' || event.link !== 'wlan1' || event.address.includes(':')) continue;
    if (!event.isAdded) goneAt = event.at;
    else if (!Number.isNaN(goneAt)) [total, goneAt] = [total + event.at - goneAt, Number.NaN];
  }
  return total;
}

/** Each daemon tells otherwise of a technology that is on from the start. */
async function powered(bus: Bus): Promise<void> {
  const technology = bus.proxy(technologyInterface, 'net.connman', '/net/connman/technology/wifi');
  await until(async () => (await technology.GetProperties().catch(() => undefined))?.get('Powered')?.value === true);
}

function passed(ms: number): Promise<void> {
  return new Promise((resolve) => setTimeout(resolve, ms));
}

/** How long Node takes to do nothing, wherever this runs; the best of three. */
export async function nodeStartMs(): Promise<number> {
  const times: number[] = [];
  for (let round = 0; round < 3; round++) {
    const since = performance.now();
    await output([process.execPath, '-e', '0']);
    times.push(performance.now() - since);
  }
  return Math.round(Math.min(...times));
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
  const daemon = await cell.startDaemon(argv, busName);
  await powered(bus);
  const manager = bus.proxy(managerInterface, 'net.connman', '/');
  const technology = bus.proxy(technologyInterface, 'net.connman', '/net/connman/technology/wifi');
  const before = cpuOf(daemon.pid);
  const startedAt = performance.now();
  for (let scans = 1; scans <= 20; scans++) {
    await technology.Scan({}, { timeoutMs: LIMIT_MS }).catch(() => undefined);
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
