/**
 * Plays a script against a connection manager in a cell and writes down, step by step, what a client
 * sees: replies to its calls and signals, one line each, in the order of arrival. What differs from
 * run to run (addresses given, times) is replaced by a name, so that two transcripts can be compared.
 */

import { busVariant, plain } from '../helpers/bus-daemon.ts';
import { withCell, type Cell, type CellOptions } from '../helpers/cell.ts';
import type { Child } from '../helpers/child.ts';
import type { Daemon } from '../helpers/daemons.ts';
import type { CellEvent } from '../helpers/event-log.ts';

/** How long nothing must be heard for a step to be over, unless said: ConnMan gathers changes for 100 ms. */
const QUIET_MS = 350;

/** A script: the cell it needs and what is done in it. */
export interface Script {
  readonly name: string;
  readonly cell: CellOptions;
  play(player: Player): Promise<void>;
}

/** What was seen in one step. */
export interface Step {
  readonly name: string;
  readonly lines: readonly string[];
}

/** Plays `script` with `daemon`; the cell is the same whichever that is. */
export function play(script: Script, daemon: Daemon): Promise<readonly Step[]> {
  const options: CellOptions = {
    ...script.cell,
    peers: ['connman', 'ethtool'],
    isChecksumOffloaded: false,
    files: { '/etc/connman/main.conf': '[General]\n', ...script.cell.files },
  };
  return withCell(options, async (cell) => {
    const player = new Player(cell, daemon);
    await script.play(player);
    return player.steps;
  });
}

/** A call as scripts write it; `value` is the new value of SetProperty. */
export interface ScriptCall {
  readonly signature?: string;
  readonly body?: unknown[];
}

/** Acts in a cell and takes notes. */
export class Player {
  readonly cell: Cell;
  readonly #daemon: Daemon;
  readonly #quietMs: number;
  readonly #steps: { readonly name: string; readonly lines: string[] }[] = [];
  #running: Child | undefined;

  /** `quietMs`: how long nothing must be heard for a step to be over. */
  constructor(cell: Cell, daemon: Daemon, quietMs = QUIET_MS) {
    this.cell = cell;
    this.#daemon = daemon;
    this.#quietMs = quietMs;
    cell.log.observe((event) => this.#hear(event));
  }

  get steps(): readonly Step[] {
    return this.#steps;
  }

  /** Does something, waits for what shall come of it, and then until nothing is heard any more. */
  async step(name: string, act: () => unknown, until?: (event: CellEvent) => boolean): Promise<void> {
    const since = performance.now();
    this.#steps.push({ name, lines: [] });
    await act();
    if (until !== undefined) await this.cell.log.wait(`${name}: its outcome`, until, { since, timeoutMs: 30_000 });
    for (;;) {
      const last = this.cell.log.since(since).findLast(isConnmans)?.at ?? since;
      const leftMs = Math.max(last, since) + this.#quietMs - performance.now();
      if (leftMs <= 0) return;
      await new Promise((resolve) => setTimeout(resolve, leftMs));
    }
  }

  /** Starts the daemon and waits until it owns its name. */
  async start(): Promise<void> {
    this.#running = await this.cell.startDaemon(this.#daemon.argv, this.#daemon.busName);
  }

  /** Whether the daemon runs. */
  get isRunning(): boolean {
    return this.#running?.isRunning ?? false;
  }

  /** What the daemon has written to its standard output and error since it was started last. */
  get text(): string {
    return this.#running?.text ?? '';
  }

  /** Ends the daemon by SIGTERM. */
  async stop(): Promise<void> {
    const status = await this.#running?.stop();
    this.#line(`exit ${status}`);
  }

  /** Calls a method and notes what was answered. */
  async call(path: string, member: string, { signature = '', body = [] }: ScriptCall = {}): Promise<void> {
    const [interfaceName, method] = splitMember(path, member);
    const words = [nameOf(path), member, ...body.map((each) => textOf(each))].join(' ');
    try {
      const call = { destination: 'net.connman', path, interface: interfaceName, member: method, signature, body };
      const answer = await this.cell.bus.call(call);
      const values = member.endsWith('GetManagedObjects') ? answer.map(sorted) : answer;
      this.#line(`> ${words} = ${values.map((each) => textOf(each)).join(' ') || 'done'}`);
    } catch (error) {
      if (!(error instanceof Error) || !('type' in error)) throw error;
      const isConnman = String(error.type).startsWith('net.connman.');
      this.#line(`> ${words} = ${error.type}${isConnman ? `: ${'text' in error ? error.text : error.message}` : ''}`);
    }
  }

  /** SetProperty with a value of `signature`. */
  set(path: string, name: string, signature: string, value: unknown): Promise<void> {
    return this.call(path, 'SetProperty', { signature: 'sv', body: [name, busVariant(signature, value)] });
  }

  /** Notes what was seen otherwise than on the bus. */
  note(lines: readonly string[]): void {
    for (const line of lines) this.#line(normalise(line));
  }

  #hear(event: CellEvent): void {
    if (event.kind !== 'signal' && event.kind !== 'call') return;
    const [, namespace = '', noun = '', member = ''] = /^(.*)\.(\w+)\.(\w+)$/.exec(event.name) ?? [];
    if (noun === 'Properties') return; // the standard interface is ours alone
    if (namespace !== 'net.connman' && noun !== 'ObjectManager') return;
    const body = (member === 'Usage' ? usage(event.body) : event.body).map((each) => textOf(each));
    const subject = noun === 'ObjectManager' ? noun : `${noun} ${nameOf(event.path)}`;
    const what = member === 'PropertyChanged' ? body : [member, ...body];
    this.#line([event.kind === 'call' ? `< ${subject}` : subject, ...what].join(' '));
  }

  #line(text: string): void {
    this.#steps.at(-1)?.lines.push(text);
  }
}

/** A supplicant may speak all the time. */
function isConnmans(event: CellEvent): boolean {
  return event.kind === 'signal' && (event.name.startsWith('net.connman.') || event.name.includes('.ObjectManager.'));
}

/** Traffic differs from run to run: only whether a report is complete. */
function usage([service, home, roaming]: readonly unknown[]): unknown[] {
  const extent = (counters: unknown): string => {
    const count = Object.keys(Object(counters)).length;
    return count === 9 ? 'all' : 'changes';
  };
  return [service, extent(home), extent(roaming)];
}

/** The interface of a call: that of the object, unless the member names one. */
function splitMember(path: string, member: string): [string, string] {
  const at = member.lastIndexOf('.');
  if (at >= 0) return [member.slice(0, at), member.slice(at + 1)];
  if (path === '/') return ['net.connman.Manager', member];
  return [path.includes('/technology/') ? 'net.connman.Technology' : 'net.connman.Service', member];
}

/** A dictionary whose order means nothing. */
function sorted(value: unknown): unknown {
  return Object.fromEntries(Object.entries(Object(value)).toSorted(([one], [other]) => (one < other ? -1 : 1)));
}

function nameOf(path: string): string {
  return path === '/' ? '/' : normalise(path);
}

function textOf(value: unknown): string {
  const text = (_: string, each: unknown): unknown => (typeof each === 'bigint' ? String(each) : withoutOurs(each));
  return normalise(JSON.stringify(plain(value), text));
}

/** Our own interfaces stand beside ConnMan's where objects are listed; they are not compared. */
function withoutOurs(value: unknown): unknown {
  const isOurs = (name: unknown): boolean => typeof name === 'string' && name.startsWith('net.causeway.');
  if (Array.isArray(value)) return value.filter((each) => !isOurs(each));
  if (typeof value !== 'object' || value === null) return value;
  return Object.fromEntries(Object.entries(value).filter(([name]) => !isOurs(name)));
}

function normalise(text: string): string {
  return text
    .replaceAll(/\/net\/connman\/service\/ethernet_02000000000(\d)_cable/g, 'eth$1')
    .replaceAll(/(?:\/net\/connman\/service\/)?wifi_020000000100_(\w+)_managed_([a-z0-9]+)/g, wifiName)
    .replaceAll('/net/connman/technology/', '')
    .replaceAll(/\b10\.77\.(?!0\.1\b|0\.2\b)\d+\.\d+\b/g, 'LEASED')
    .replaceAll(/\b169\.254\.\d+\.\d+\b/g, 'LINKLOCAL')
    .replaceAll(/"Strength":\d+/g, '"Strength":"HEARD"')
    .replaceAll(/\bModified=\S+/g, 'Modified=THEN')
    .replaceAll(/"Time":"?\d+"?/g, '"Time":"NOW"')
    .replaceAll(/("Timezone":)"[^"]*"/g, '$1"ZONE"');
}

/** A network by its own name instead of its bytes: `rig-psk/psk`. */
function wifiName(_: string, ssid: string, security: string): string {
  return `${ssid === 'hidden' ? ssid : Buffer.from(ssid, 'hex').toString()}/${security}`;
}
