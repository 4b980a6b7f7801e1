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
import { patience } from '../patience.ts';
import { isProperty } from '../wired.ts';
import { startAccessPoint, startSupplicant } from './air.ts';
import { type Beside, forgetAll } from './beside.ts';
import { isScanDone, outage, stumblesOf, timelineOf, toldOf } from './join-trace.ts';
import { SECRET, until } from './stations.ts';

/** Milliseconds by what was measured. */
export type JoinTimes = Readonly<Record<string, number>>;

/** One step, measured. */
export interface JoinStep {
  readonly times: JoinTimes;
  /** Where the station stumbled on its way: such times say nothing of the daemon. */
  readonly stumbles: readonly string[];
  /** What happened when, from where the times count, or a little before. */
  readonly timeline: string;
}

/** The steps, in their order. */
export const JOIN_STEPS = ['first', 'later', 'sleep', 'absence', 'restart', 'boot'] as const;

/** For whatever is waited for; three times as long in a guest (patience.ts). */
const LIMIT_MS = 25_000;
const ADDRESS = '02:00:00:00:01:00';

/** What was heard so long ago is too old for wpa_supplicant to join by (it says five seconds). */
const STALE_MS = 5_500;
const MAX_REST_MS = 15_000;
/** How long the machine sleeps, and how long the access point is gone. */
const SLEEP_MS = 2_000;
const ABSENCE_MS = 8_000;

interface Moment {
  readonly at: number;
  /** Processor time of the daemon until then. */
  readonly cpu: number;
}

/** One daemon in front of the network, from the first day on. */
export class JoinRound {
  readonly #beside: Beside;
  readonly #name: DaemonName;
  #daemon: Child | undefined;
  /** When what is measured began. */
  #since = 0;

  constructor(beside: Beside, name: DaemonName) {
    this.#beside = beside;
    this.#name = name;
  }

  /** Makes the next step, or the last one once more. */
  async step(step: (typeof JOIN_STEPS)[number]): Promise<JoinStep> {
    const times = await this.#make(step);
    const events = this.#beside.cell.log.since(this.#since);
    return { times, stumbles: stumblesOf(events), timeline: timelineOf(events, this.#since) };
  }

  async end(): Promise<void> {
    await this.#daemon?.stop();
  }

  /** The one that runs. */
  get daemon(): Child {
    if (this.#daemon === undefined) throw new Error(`${this.#name} was not started`);
    return this.#daemon;
  }

  #make(step: (typeof JOIN_STEPS)[number]): Promise<JoinTimes> {
    switch (step) {
      case 'first': return this.#first();
      case 'later': return this.#later();
      case 'sleep': return this.#sleep();
      case 'absence': return this.#absence();
      case 'restart': return this.#restart();
      case 'boot': return this.#boot();
    }
  }

  // A network never seen: a scan for a user, and Connect at once.
  async #first(): Promise<JoinTimes> {
    const { bus, agent } = this.#beside;
    forgetAll(this.#beside);
    await this.#leaveNothing();
    await this.#start();
    await powered(bus);
    await bus.proxy(managerInterface, 'net.connman', '/').RegisterAgent({ path: '/agent' });
    agent.answer = { Passphrase: SECRET };
    await this.#find();
    const { at, cpu } = this.#now();
    await this.#scan();
    const took = performance.now() - at;
    const used = cpuOf(this.daemon.pid) - cpu;
    return {
      'a user scans': took,
      "a user scans, but for the daemon's processor time": took - used,
      ...await this.#connect('a new network, just scanned: Connect', at),
    };
  }

  // Known, and left by the user; what was heard of it is old.
  async #later(): Promise<JoinTimes> {
    const service = this.#beside.bus.proxy(serviceInterface, 'net.connman', WIFI_SERVICE);
    await this.#rest(STALE_MS);
    const leftAt = performance.now();
    await service.Disconnect();
    await this.#until('its end', (event) => toldOf(event, 'CurrentBSS') === '/', leftAt);
    // No daemon looks by itself within three seconds.
    await passed(500);
    return this.#connect('last scan some seconds ago: Connect');
  }

  // The machine sleeps: nothing runs, and when it is awake again it has been left out.
  async #sleep(): Promise<JoinTimes> {
    await this.#rest();
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
    const now = this.#now();
    sayAsleep(this.#beside, false);
    return this.#again('awake again', now);
  }

  // The access point is gone for a while.
  async #absence(): Promise<JoinTimes> {
    await this.#rest();
    const goneAt = performance.now();
    await this.#hostapd('disable');
    await this.#until('loss', (event) => toldOf(event, 'CurrentBSS') === '/', goneAt);
    await passed(ABSENCE_MS);
    await this.#hostapd('enable');
    return this.#again('the access point is back', this.#now());
  }

  // The daemon ends and begins, by its manager's hand.
  async #restart(): Promise<JoinTimes> {
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
      'daemon restarted: without an address or a route meanwhile': outage(log.since(0), 'wlan1', stopAt),
    };
  }

  // As after a start of the machine: the supplicant is new, the radio off, and nothing is left but files.
  async #boot(): Promise<JoinTimes> {
    await this.#leaveNothing();
    const since = await this.#start();
    const name = await this.#until('its name', isOwned(this.#name), since);
    const { associated, online } = await this.#joined(since);
    return {
      'machine started: start to bus name': name - since,
      'machine started: start to associated': associated - since,
      'machine started: start to online': online - since,
      "machine started: start to online, but for the daemon's processor time":
        online - since - cpuOf(this.daemon.pid),
    };
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
    this.#since = performance.now();
    this.#daemon = await this.#beside.cell.startDaemon(argv, busName);
    return this.#since;
  }

  async #connect(what: string, since?: number): Promise<JoinTimes> {
    const now = this.#now();
    this.#since = since ?? now.at;
    const service = this.#beside.bus.proxy(serviceInterface, 'net.connman', WIFI_SERVICE);
    await service.Connect({}, { timeoutMs: patience(LIMIT_MS) });
    return this.#again(what, now);
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
    this.#since = performance.now();
    return { at: this.#since, cpu: cpuOf(this.daemon.pid) };
  }

  async #joined(since: number): Promise<{ associated: number; online: number }> {
    const associated = await this.#until('a link', (event) => toldOf(event, 'State') === 'completed', since);
    const online = await this.#until('online', isProperty('Manager', 'State', 'online'), associated);
    return { associated, online };
  }

  #hostapd(...words: readonly string[]): Promise<string> {
    return this.#beside.cell.server.output(['hostapd_cli', '-p', '/run/hostapd', '-i', 'wlan0', ...words]);
  }

  async #until(what: string, isIt: (event: CellEvent) => boolean, since: number): Promise<number> {
    return (await this.#beside.cell.log.wait(what, isIt, { since, timeoutMs: LIMIT_MS })).at;
  }

  // The technology may be there before its radio.
  async #find(): Promise<void> {
    const manager = this.#beside.bus.proxy(managerInterface, 'net.connman', '/');
    await until(async () => {
      await this.#scan().catch(() => passed(500));
      return (await manager.GetServices()).some(([path]) => path === WIFI_SERVICE);
    });
    await this.#rest();
  }

  async #scan(): Promise<void> {
    const technology = this.#beside.bus.proxy(technologyInterface, 'net.connman', '/net/connman/technology/wifi');
    await technology.Scan({}, { timeoutMs: patience(LIMIT_MS) });
  }

  // Nothing is looked for, and the last scan has ended so long ago; or one is always under way.
  async #rest(sinceScanMs = 0): Promise<void> {
    const { log } = this.#beside.cell;
    const limit = performance.now() + MAX_REST_MS;
    const isAtRest = (): boolean => {
      const events = log.since(0).filter(({ kind }) => kind === 'signal');
      const isScanning = events.findLast((event) => toldOf(event, 'Scanning') !== undefined);
      const doneAt = events.findLast(isScanDone)?.at ?? 0;
      return performance.now() - doneAt >= sinceScanMs && (!isScanning || toldOf(isScanning, 'Scanning') === false);
    };
    while (!isAtRest() && performance.now() < limit) await passed(200);
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

function isOwned(name: DaemonName) {
  return (event: CellEvent): boolean =>
    event.kind === 'owner' && event.name === DAEMONS[name].busName && event.owner !== undefined;
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
