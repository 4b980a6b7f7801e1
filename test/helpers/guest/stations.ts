/**
 * A device with one radio among access points, inside the guest: hostapd behind the cell's bridge, the
 * supplicant under test, our connmand, an agent of ours on its bus, and the words in which cases speak
 * to it. One air for all cases of a boot, which follow one another in it.
 */

import { rmSync, writeFileSync } from 'node:fs';
import * as assert from 'uvu/assert';
import { type Bus, connectBus } from '../../../src/dbus/bus.ts';
import { DBusError } from '../../../src/dbus/errors.ts';
import { agentInterface } from '../../../src/dbus/interfaces/agent.ts';
import { managerInterface } from '../../../src/dbus/interfaces/manager.ts';
import { serviceInterface } from '../../../src/dbus/interfaces/service.ts';
import { technologyInterface } from '../../../src/dbus/interfaces/technology.ts';
import { variant, type Variant } from '../../../src/dbus/signature.ts';
import { DeadlineClock, nodeTimeSource } from '../../../src/shared/clock.ts';
import { createScope, type Scope } from '../../../src/shared/scope.ts';
import { BUS_SOCKET } from '../bus-daemon.ts';
import { Cell } from '../cell.ts';
import type { Child } from '../child.ts';
import { DAEMONS } from '../daemons.ts';
import { testSystem } from '../system.ts';
import { type AirNetwork, makeAir, makeCertificates, startAccessPoint } from './air.ts';
import { guestCase } from './cases.ts';

/** What every access point of these cases wants to hear. */
export const SECRET = 'rigsecret';

/** How long a connection may take in emulation. */
export const CONNECT_LIMIT_MS = 60_000;

const MAX_SCANS = 5;
const MAX_TRIES = 3;
/** As plugins/iwd tells of an access point that said nothing. */
const MUTE = /connect-failed \[(\{"kind":"silence"\},?)*\]/;

/** Who talks to the radio for connmand. */
export interface Backend {
  /** Starts it in the cell's device. */
  start(cell: Cell): Promise<Child>;
  /** More arguments of connmand's, such as what it logs. */
  readonly argv: readonly string[];
  /** A folder with the keys of its certificates; made anew, elliptic ones, unless said. */
  readonly keysIn?: string;
}

/** A service as connmand lists it. */
export interface Found {
  readonly path: string;
  readonly properties: ReadonlyMap<string, Variant>;
}

/** What the agent answers, and what it has been asked and told. */
export interface StationAgent {
  answer: Record<string, string>;
  readonly asked: string[];
  readonly errors: string[];
}

/** How an air differs from one with hostapd's radio and ours. */
export interface StationOptions {
  readonly radios?: Parameters<typeof makeAir>[1];
  /** More files of the device's. */
  readonly files?: Readonly<Record<string, string>>;
}

interface Parts {
  readonly cell: Cell;
  readonly bus: Bus;
  readonly agent: StationAgent;
  readonly daemon: Child;
  readonly supplicant: Child;
  readonly accessPoint: Child;
  readonly backend: Backend;
}

/** The device and what is around it. */
export class Station {
  readonly cell: Cell;
  readonly bus: Bus;
  readonly agent: StationAgent;
  /** Those that run now: a case may start others. */
  daemon: Child;
  supplicant: Child;
  accessPoint: Child;
  readonly #backend: Backend;

  private constructor({ cell, bus, agent, daemon, supplicant, accessPoint, backend }: Parts) {
    this.cell = cell;
    this.bus = bus;
    this.agent = agent;
    this.daemon = daemon;
    this.supplicant = supplicant;
    this.accessPoint = accessPoint;
    this.#backend = backend;
  }

  /** Brings everything up; the agent answers with the secret. */
  static async open(
    backend: Backend, networks: readonly AirNetwork[], { radios, files }: StationOptions = {},
  ): Promise<Station> {
    const settings = '[global]\nOfflineMode=false\n\n[WiFi]\nEnable=true\n';
    const cell = await Cell.open({ cables: 0, files: { '/var/lib/connman/settings': settings, ...files } });
    await makeAir(cell, radios);
    const hasEap = networks.some(({ settings }) => settings !== undefined && 'ieee8021x' in settings);
    if (hasEap) await makeCertificates(cell, backend.keysIn);
    const [accessPoint, supplicant] = await Promise.all([startAccessPoint(cell, networks), backend.start(cell)]);
    const scope = createScope();
    const clock = new DeadlineClock(nodeTimeSource());
    const bus = await connectBus(testSystem().unixStream(cell.device.path(BUS_SOCKET), scope), { clock }, scope);
    const daemon = await startConnmand(cell, backend);
    const agent = serveAgent(bus, scope);
    const station = new Station({ cell, bus, agent, daemon, supplicant, accessPoint, backend });
    await station.manager.RegisterAgent({ path: '/agent' });
    return station;
  }

  /** Starts another connmand, after the one before has ended; it knows the agent on return. */
  async startDaemon(): Promise<void> {
    this.daemon = await startConnmand(this.cell, this.#backend);
    await this.manager.RegisterAgent({ path: '/agent' });
  }

  get manager() {
    return this.bus.proxy(managerInterface, 'net.connman', '/');
  }

  get technology() {
    return this.bus.proxy(technologyInterface, 'net.connman', '/net/connman/technology/wifi');
  }

  /** Of the network of a name; `undefined` stands for one without. Rejects where a scan does not find it. */
  async service(name: string) {
    return this.bus.proxy(serviceInterface, 'net.connman', (await this.find(name)).path);
  }

  /** What a busy machine keeps from answering is asked again, which iwd does not do. */
  async connect(name: string): Promise<void> {
    for (let triesLeft = MAX_TRIES; ; triesLeft--) {
      const before = this.daemon.text.length;
      try {
        return await this.#connectOnce(name);
      } catch (error) {
        if (triesLeft === 1 || !MUTE.test(this.daemon.text.slice(before))) throw error;
        console.log(`${name} once more, which did not answer: ${String(error)}`);
      }
    }
  }

  /** What connmand connects of itself meanwhile is waited for. */
  async #connectOnce(name: string): Promise<void> {
    const service = await this.service(name);
    for (;;) {
      try {
        return await service.Connect({}, { timeoutMs: CONNECT_LIMIT_MS });
      } catch (error) {
        if (isNamed(error, 'AlreadyConnected')) return;
        if (!isNamed(error, 'InProgress')) throw error;
      }
      await new Promise((resolve) => setTimeout(resolve, 500));
    }
  }

  async disconnect(name: string): Promise<void> {
    await (await this.service(name)).Disconnect();
  }

  async remove(name: string): Promise<void> {
    await (await this.service(name)).Remove();
  }

  async assertFails(name: string): Promise<void> {
    const failure = await this.#connectOnce(name).catch((error: unknown) => error);
    assert.ok(failure instanceof DBusError, 'it was joined');
    assert.is(failure.name, 'net.connman.Error.Failed');
  }

  /** `up` for ready and online. */
  async stateOf(name: string): Promise<string | undefined> {
    const state = (await this.services()).get(name)?.properties.get('State')?.as('s');
    return state === 'ready' || state === 'online' ? 'up' : state;
  }

  /** Services by name. */
  async services(): Promise<Map<string, Found>> {
    const list = await this.manager.GetServices();
    return new Map(list.map(([path, properties]) => [String(properties.get('Name')?.value), { path, properties }]));
  }

  /** Services by name after a scan. */
  async scanned(): Promise<Map<string, Found>> {
    await this.technology.Scan({}, { timeoutMs: CONNECT_LIMIT_MS })
      .catch((error: unknown) => console.log(String(error)));
    return this.services();
  }

  /** Where a busy machine has missed it, it is looked for again. */
  async find(name: string): Promise<Found> {
    let found = (await this.services()).get(name);
    for (let scans = 0; found === undefined && scans < MAX_SCANS; scans++) found = (await this.scanned()).get(name);
    if (found === undefined) throw new Error(`${name} is not there`);
    return found;
  }

  /**
   * Has a file decide of a network, which is joined by itself only if the lines say so, or none; returns when
   * the daemon has seen it.
   */
  async provision(name: string, lines: readonly string[] | undefined): Promise<void> {
    const file = this.cell.device.path('/var/lib/connman/guest.config');
    rmSync(file, { force: true });
    const isImmutable = async (): Promise<boolean> =>
      (await this.services()).get(name)?.properties.get('Immutable')?.value === true;
    await until(async () => !(await isImmutable()));
    if (lines === undefined) return;
    writeFileSync(file, ['[service_guest]', 'Type=wifi', `Name=${name}`, 'AutoConnect=false', ...lines, ''].join('\n'));
    await until(isImmutable);
  }

  /** What an hostapd_cli command on the network of the access point's `index`th says. */
  hostapd(index: number, ...words: readonly string[]): Promise<string> {
    const radio = index === 0 ? 'wlan0' : `wlan0_${index}`;
    return this.cell.server.output(['hostapd_cli', '-p', '/run/hostapd', '-i', radio, ...words]);
  }
}

function startConnmand(cell: Cell, backend: Backend): Promise<Child> {
  const { argv, busName } = DAEMONS.causeway;
  return cell.startDaemon([...argv, ...backend.argv], busName);
}

/** Exports an agent at /agent that answers with the secret; whoever asks must be told of it. */
export function serveAgent(bus: Bus, scope: Scope): StationAgent {
  const agent: StationAgent = { answer: { Passphrase: SECRET }, asked: [], errors: [] };
  bus.export('/agent', agentInterface, {
    methods: {
      Release: () => undefined,
      Cancel: () => undefined,
      RequestBrowser: () => undefined,
      ReportError: ({ error }) => void agent.errors.push(error),
      ReportPeerError: () => undefined,
      RequestPeerAuthorization: () => new Map(),
      RequestInput: ({ fields }) => {
        agent.asked.push([...fields.keys()].join());
        return new Map(Object.entries(agent.answer).map(([key, value]) => [key, variant('s', value)]));
      },
    },
  }, scope);
  return agent;
}

function isNamed(failure: unknown, name: string): boolean {
  return failure instanceof DBusError && failure.name === `net.connman.Error.${name}`;
}

/** Adds a case that says what the daemon said when it fails. */
export function stationCase(
  open: () => Promise<Station>, name: string, body: (station: Station) => Promise<void>,
): void {
  guestCase(name, async () => {
    const station = await open();
    const { daemon, supplicant } = station;
    const [before, supplicantBefore] = [daemon.text.length, supplicant.text.length];
    await body(station).catch((error: unknown) => {
      console.log(supplicant.text.slice(supplicantBefore).slice(-4000));
      console.log(daemon.text.slice(before).slice(-8000));
      if (station.daemon !== daemon) console.log(station.daemon.text.slice(-8000));
      throw error;
    });
  });
}

/** Less than a case's own, so that the logs are told. */
const UNTIL_LIMIT_MS = 150_000;

/** Waits for what does not announce itself; throws in the end, with what never held. */
export async function until(holds: () => Promise<boolean>, limitMs = UNTIL_LIMIT_MS): Promise<void> {
  const limit = performance.now() + limitMs;
  while (!(await holds())) {
    if (performance.now() > limit) throw new Error(`in vain: ${holds}`);
    await new Promise((resolve) => setTimeout(resolve, 500));
  }
}
