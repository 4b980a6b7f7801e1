/**
 * VPN daemons in a cell: ours or Debian's connman-vpnd beside a stand-in for net.connman, and calls to
 * them. VPN_DAEMON=debian runs the tests that say so with Debian's, which checks the tests.
 */

import { readdirSync, readFileSync, readlinkSync } from 'node:fs';
import { dirname, resolve } from 'node:path';
import { withCell, type Cell, type CellOptions } from './cell.ts';
import type { Child } from './child.ts';
import { busVariant } from './bus-daemon.ts';
import type { CellEvent } from './event-log.ts';
import { daemon, plugIn } from './wired.ts';

/** The packages that the tests of VPNs lay over their cells: one set, fetched once. */
export const VPN_PEERS = [
  'connman', 'connman-vpn', 'iputils-ping', 'libcharon-extauth-plugins', 'libcharon-extra-plugins', 'ocserv',
  'openconnect', 'openssl', 'openvpn', 'strongswan-charon', 'strongswan-starter', 'vpnc',
] as const;

/** Whether Debian's daemon is to run instead of ours. */
export const isDebian = process.env['VPN_DAEMON'] === 'debian';

/** How either daemon is started. */
export const VPN_DAEMONS = {
  causeway: [resolve('build/bin/connman-vpnd'), '-n'],
  debian: ['/usr/sbin/connman-vpnd', '-n'],
} as const;

// Our script, Debian's daemon finding its own beside it, where a helper without rights reaches it and Node as
// well: the project may lie in a home that is nobody else's.
const SCRIPTS = `mkdir -p /usr/lib/connman/scripts /run/causeway/build /run/causeway/node
mount --bind ${resolve('build')} /run/causeway/build
mount --bind ${dirname(process.execPath)} /run/causeway/node
cat >/usr/lib/connman/scripts/vpn-script <<'end'
#!/bin/sh
PATH=/run/causeway/node:$PATH exec /run/causeway/build/bin/vpn-script "$@"
end
chmod 755 /usr/lib/connman/scripts/vpn-script`;

/** Makes a cell with the packages of VPN tests. */
export function withVpnCell<T>(options: CellOptions, body: (cell: Cell) => Promise<T>): Promise<T> {
  return withCell({ ...options, peers: [...VPN_PEERS, ...(options.peers ?? [])] }, async (cell) => {
    await cell.device.script(SCRIPTS);
    return body(cell);
  });
}

/** Starts the VPN daemon under test; `words` follow its own. */
export function startVpnd(cell: Cell, ...words: string[]): Promise<Child> {
  const argv = isDebian ? VPN_DAEMONS.debian : VPN_DAEMONS.causeway;
  return cell.startDaemon([...argv, ...words], 'net.connman.vpn');
}

/** Both daemons in a cell. */
export interface VpnDaemons {
  readonly connmand: Child;
  readonly vpnd: Child;
}

/** Starts both daemons, the first cable in; `words` follow those of the VPN daemon. */
export async function startBoth(cell: Cell, ...words: string[]): Promise<VpnDaemons> {
  const connmand = await cell.startDaemon(daemon.argv, daemon.busName);
  await plugIn(cell);
  return { connmand, vpnd: await startVpnd(cell, ...words) };
}

/** Has users without rights open tunnels' interfaces, as on most machines: this one may keep that for root. */
export async function openTunToAll(cell: Cell): Promise<void> {
  await cell.device.script(`mkdir -p /run/tun
mknod -m 666 /run/tun/tun c 10 200
mount --bind /run/tun /dev/net`);
}

/** Disconnects in the VPN daemon and waits until nothing is left of the tunnel. */
export async function disconnect(cell: Cell, ident: string): Promise<void> {
  const since = performance.now();
  await callConnection(cell, ident, 'Disconnect');
  await cell.log.wait('its end', isConnectionProperty('State', 'idle'), { since });
}

/** A connection's path. */
export function connectionPath(ident: string): string {
  return `/net/connman/vpn/connection/${ident}`;
}

/** The signature of a call's body, and the body. */
type Arguments = [signature?: string, body?: unknown[]];

/** Calls net.connman.vpn.Manager. */
export function callManager(cell: Cell, member: string, ...[signature = '', body = []]: Arguments) {
  return cell.bus.call({
    destination: 'net.connman.vpn',
    path: '/',
    interface: 'net.connman.vpn.Manager',
    member,
    signature,
    body,
  });
}

/** Calls net.connman.vpn.Connection of `ident`. */
export function callConnection(cell: Cell, ident: string, member: string, ...[signature = '', body = []]: Arguments) {
  const path = connectionPath(ident);
  return cell.bus.call({
    destination: 'net.connman.vpn',
    path,
    interface: 'net.connman.vpn.Connection',
    member,
    signature,
    body,
  });
}

/** Makes a connection of texts; its path. */
export async function createConnection(cell: Cell, settings: Readonly<Record<string, string>>): Promise<string> {
  const values = Object.fromEntries(Object.entries(settings).map(([key, value]) => [key, busVariant('s', value)]));
  const [path] = await callManager(cell, 'Create', 'a{sv}', [values]);
  return String(path);
}

/** The properties of a connection, without variants. */
export async function propertiesOf(cell: Cell, ident: string): Promise<Record<string, unknown>> {
  const [properties] = await callConnection(cell, ident, 'GetProperties');
  if (typeof properties !== 'object' || properties === null) throw new Error('no properties');
  return Object.fromEntries(Object.entries(properties));
}

/** The name and text of the error with which a call ends; `ok` if it does not. */
export async function errorOf(call: Promise<unknown>): Promise<string> {
  try {
    await call;
    return 'ok';
  } catch (error) {
    if (!(error instanceof Error)) return String(error);
    return `${'type' in error ? String(error.type) : error.name}: ${error.message}`;
  }
}

/** Whether an event is PropertyChanged of a connection. */
export function isConnectionProperty(name: string, value: unknown) {
  return (event: CellEvent): boolean =>
    event.kind === 'signal' &&
    event.name === 'net.connman.vpn.Connection.PropertyChanged' &&
    event.body[0] === name &&
    event.body[1] === value;
}

/** Calls net.connman.Service of the VPN `ident` in connmand. */
export function callVpnService(cell: Cell, ident: string, member: string, ...[signature = '', body = []]: Arguments) {
  const path = `/net/connman/service/vpn_${ident}`;
  return cell.bus.call({
    destination: 'net.connman',
    path,
    interface: 'net.connman.Service',
    member,
    signature,
    body,
  });
}

/** Whether an event is PropertyChanged of a VPN's service. */
export function isServiceProperty(ident: string, name: string, value: unknown) {
  return (event: CellEvent): boolean =>
    event.kind === 'signal' &&
    event.path === `/net/connman/service/vpn_${ident}` &&
    event.name === 'net.connman.Service.PropertyChanged' &&
    event.body[0] === name &&
    event.body[1] === value;
}

/** Whether an event is ServicesChanged naming the VPN `ident`. */
export function isVpnListed(ident: string) {
  return (event: CellEvent): boolean =>
    event.kind === 'signal' &&
    event.name === 'net.connman.Manager.ServicesChanged' &&
    JSON.stringify(event.body).includes(`vpn_${ident}`);
}

/** The processes of a cell that run `program`, by their numbers outside. */
export async function processesOf(cell: Cell, program: string): Promise<number[]> {
  const own = (await cell.device.output(['readlink', '/proc/self/ns/pid'])).trim();
  return readdirSync('/proc')
    .filter((name) => /^[0-9]+$/.test(name))
    .map(Number)
    .filter((pid) => {
      try {
        const isOurs = readlinkSync(`/proc/${pid}/ns/pid`) === own;
        // One that has ended and nobody has asked about runs no more.
        const isAlive = !/^State:\s+[ZX]/m.test(readFileSync(`/proc/${pid}/status`, 'utf8'));
        return isOurs && isAlive && readFileSync(`/proc/${pid}/comm`, 'utf8').trim() === program;
      } catch {
        return false; // it has ended meanwhile
      }
    });
}

/** What stands in command lines and environments of a cell's processes of these programs. */
export async function tracesOf(cell: Cell, ...programs: string[]): Promise<string> {
  const pids = (await Promise.all(programs.map((program) => processesOf(cell, program)))).flat();
  return pids
    .map((pid) => ['cmdline', 'environ'].map((file) => readProcess(pid, file)).join())
    .join();
}

/** A file of a process below /proc; empty once it has ended. */
export function readProcess(pid: number, file: string): string {
  try {
    return readFileSync(`/proc/${pid}/${file}`, 'utf8');
  } catch {
    return '';
  }
}

/** A user's agent: what it was asked, and attempts to connect with what it answers to each question in turn. */
export interface Agent {
  readonly asked: unknown[];
  /** Attempts at a connection: `ok`, or the error with which Connect ended; a failure before is a reminder. */
  attemptsAt(ident: string): (...answers: AgentAnswer[]) => Promise<string>;
}

/** Fields and what is said to them, or nothing at all. */
export type AgentAnswer = Readonly<Record<string, string>> | 'silence';

/** Registers this program as the VPN agent; once a cell. */
export async function startAgent(cell: Cell): Promise<Agent> {
  const queue: AgentAnswer[] = [];
  const asked: unknown[] = [];
  cell.bus.answer(cell.log, 'RequestInput', ([, fields]) => {
    asked.push(fields);
    const answer = queue.shift() ?? {};
    if (answer === 'silence') return undefined;
    const entries = Object.entries(answer).map(([key, value]) => [key, busVariant('s', value)]);
    return { signature: 'a{sv}', body: [Object.fromEntries(entries)] };
  });
  await callManager(cell, 'RegisterAgent', 'o', ['/agent']);
  return {
    asked,
    attemptsAt(ident) {
      const connect = (): Promise<string> => errorOf(callConnection(cell, ident, 'Connect'));
      return async (...answers) => {
        queue.splice(0, queue.length, ...answers);
        asked.length = 0;
        const error = await connect();
        return error.startsWith('net.connman.Error.InProgress') ? connect() : error;
      };
    },
  };
}
