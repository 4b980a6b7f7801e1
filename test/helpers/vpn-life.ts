/**
 * What every kind of VPN must survive, proven alike for each with its own server and helper: a server
 * that dies and returns, a helper that is killed, another uplink, and daemons that go and come back.
 */

import * as assert from 'uvu/assert';
import { busVariant } from './bus-daemon.ts';
import type { Cell } from './cell.ts';
import type { Child } from './child.ts';
import { until } from './patience.ts';
import type { CellEvent } from './event-log.ts';
import {
  callManager,
  callVpnService,
  connectionPath,
  createConnection,
  isServiceProperty,
  isVpnListed,
  processesOf,
  propertiesOf,
  readProcess,
  startVpnd,
} from './vpn.ts';
import { daemon } from './wired.ts';

/** One kind of VPN with its server. */
export interface VpnLife {
  readonly ident: string;
  readonly settings: Readonly<Record<string, string>>;
  /** Whether a file provides it, with secrets that nobody has to be asked for. */
  readonly isProvisioned?: true;
  /** Further groups of that file. */
  readonly groups?: string;
  /** Answers only through the tunnel. */
  readonly inside: string;
  /** The tunnel's interface, as far as its name is known. */
  readonly link: string;
  /** The helper's program, and a word that only the client's command line has. */
  readonly helper?: { readonly program: string; readonly mark: string };
  /** Whether the protocol notices a dead server. */
  readonly isLossSeen: boolean;
  /** Leaves out the daemons' restarts: where another kind runs the same helper, and time is dear. */
  readonly areDaemonsLeft?: true;
  startServer(): Promise<Running>;
  /** What there is to prove of this kind alone, when it is up for the first time. */
  alsoProve?(): Promise<void>;
}

/** A server that runs. */
export interface Running {
  stop(): Promise<unknown>;
}

/** The daemons of a cell with two cables, of which one is in. */
export interface VpnRig {
  readonly cell: Cell;
  readonly connmand: Child;
  readonly vpnd: Child;
  /** The cable that is in; default 0. */
  readonly uplink?: 0 | 1;
}

const FILE = '/var/lib/connman-vpn/life.config';

/** Far beyond what any server or helper takes to be missed, and a daemon to try again. */
const LIMIT_MS = 60_000;

/** Makes the connection, proves all of it and takes it away; the rig as it is then. The server goes on. */
export async function proveLife(rig: VpnRig, vpn: VpnLife): Promise<VpnRig> {
  const { cell, uplink = 0 } = rig;
  const server = await vpn.startServer();
  await proveAutoconnect(rig, vpn);
  await vpn.alsoProve?.();
  await proveServerLoss(cell, vpn, server);
  if (vpn.helper !== undefined) await proveHelperLoss(cell, vpn);
  await proveUplinkSwitch(cell, vpn, uplink);
  const after = vpn.areDaemonsLeft === true ? rig : await proveDaemonRestarts(rig, vpn);
  await proveEnd(cell, vpn);
  return { ...after, uplink: other(uplink) };
}

function other(uplink: 0 | 1): 0 | 1 {
  return uplink === 0 ? 1 : 0;
}

/** Which way packets to `address` take. */
export async function wayTo(cell: Cell, address: string): Promise<string> {
  return (await cell.device.run(['ip', 'route', 'get', address])).stdout;
}

/** Whether an address answers, asked until it does: the first packets may be lost. */
export async function answers(cell: Cell, address: string): Promise<boolean> {
  return (await cell.device.run(['ping', '-c1', '-W1', '-w60', address], { timeoutMs: 70_000 })).status === 0;
}

async function proveAutoconnect({ cell, uplink = 0 }: VpnRig, vpn: VpnLife): Promise<void> {
  const since = performance.now();
  if (vpn.isProvisioned === true) await provide(cell, vpn);
  else await createConnection(cell, vpn.settings);
  await cell.log.wait('the service of the VPN', isVpnListed(vpn.ident), { since });
  await callVpnService(cell, vpn.ident, 'SetProperty', 'sv', ['AutoConnect', busVariant('b', true)]);
  await isBack(cell, vpn, since);
  const way = new RegExp(`dev ${vpn.link}`);
  assert.match(await wayTo(cell, '198.51.100.1'), way, 'all traffic takes the tunnel');
  assert.match(await wayTo(cell, serverOf(vpn)), new RegExp(`dev eth${uplink} `), 'but to the server');
}

function serverOf({ settings }: VpnLife): string {
  return settings['Host']?.replace(/:\d+$/, '') ?? '';
}

async function provide(cell: Cell, { settings, groups = '' }: VpnLife): Promise<void> {
  const lines = Object.entries(settings).map(([key, value]) => `${key}=${value}`);
  await cell.device.script(`umask 77
cat >${FILE} <<'end'
[provider_life]
${lines.join('\n')}
${groups}
end`);
}

/** Waits until the service is ready after `since` and what is behind the tunnel answers. */
async function isBack(cell: Cell, { ident, inside }: VpnLife, since: number): Promise<void> {
  await cell.log.wait('it to be ready', isServiceProperty(ident, 'State', 'ready'), { since, timeoutMs: LIMIT_MS });
  assert.ok(await answers(cell, inside), 'the other end answers');
}

function isGone(cell: Cell, { ident }: VpnLife, since: number): Promise<CellEvent> {
  const matches = isServiceProperty(ident, 'State', 'idle');
  return cell.log.wait('the loss to be seen', matches, { since, timeoutMs: LIMIT_MS });
}

async function proveServerLoss(cell: Cell, vpn: VpnLife, server: Running): Promise<void> {
  const since = performance.now();
  await server.stop();
  if (vpn.isLossSeen) await isGone(cell, vpn, since);
  else assert.is((await cell.device.run(['ping', '-c1', '-W1', vpn.inside])).status, 1, 'nobody is there');

  await vpn.startServer();

  if (vpn.isLossSeen) await isBack(cell, vpn, since);
  else assert.ok(await answers(cell, vpn.inside), 'the tunnel is as it was');
}

async function proveHelperLoss(cell: Cell, vpn: VpnLife): Promise<void> {
  const since = performance.now();
  const pids = await helpersOf(cell, vpn);
  assert.ok(pids.length > 0, 'there is a helper');
  for (const pid of pids) process.kill(pid, 'SIGKILL');
  await isGone(cell, vpn, since);
  await isBack(cell, vpn, since);
}

// The cable that is in is the transport: the tunnel goes with it and comes up over the other one.
async function proveUplinkSwitch(cell: Cell, vpn: VpnLife, uplink: 0 | 1): Promise<void> {
  const next = other(uplink);
  const plugged = cell.cable(next).plug();
  const isAddress = (event: CellEvent): boolean =>
    event.kind === 'address' && event.link === `eth${next}` && event.isAdded && /^[0-9.]+\//.test(event.address);
  await cell.log.wait('an address', isAddress, { since: plugged });
  const since = cell.cable(uplink).unplug();
  await isGone(cell, vpn, since);
  await isBack(cell, vpn, since);
  assert.match(await wayTo(cell, serverOf(vpn)), new RegExp(`dev eth${next} `));
}

async function proveDaemonRestarts({ cell, connmand, vpnd }: VpnRig, vpn: VpnLife): Promise<VpnRig> {
  const since = performance.now();
  await vpnd.stop();
  await cell.log.wait('its service to go', isServiceRemoved(vpn.ident), { since });
  assert.equal(await helpersOf(cell, vpn), [], 'no helper outlives its daemon');
  assert.not.match((await cell.device.run(['ip', 'link'])).stdout, new RegExp(vpn.link));
  const nextVpnd = await startVpnd(cell);
  await isBack(cell, vpn, since);

  const kept = performance.now();
  await connmand.stop();
  assert.is((await propertiesOf(cell, vpn.ident))['State'], 'ready', 'the tunnel outlives connmand');
  assert.ok(await answers(cell, vpn.inside), 'and so does its traffic');
  const nextConnmand = await cell.startDaemon(daemon.argv, daemon.busName);
  await cell.log.wait('it to be taken over', isTakenOver(vpn.ident), { since: kept, timeoutMs: LIMIT_MS });
  assert.ok(await answers(cell, vpn.inside));
  return { cell, connmand: nextConnmand, vpnd: nextVpnd };
}

// What is taken away goes with its tunnel.
async function proveEnd(cell: Cell, vpn: VpnLife): Promise<void> {
  const since = performance.now();
  if (vpn.isProvisioned === true) await cell.device.script(`rm ${FILE}`);
  else await callManager(cell, 'Remove', 'o', [connectionPath(vpn.ident)]);
  await cell.log.wait('its service to go', isServiceRemoved(vpn.ident), { since });
  await cell.log.wait('its interface to go', isCarrierLost(vpn.link), { since });
  await until('its helper to go', async () => (await helpersOf(cell, vpn)).length === 0);
}

function isCarrierLost(link: string) {
  return (event: CellEvent): boolean => event.kind === 'carrier' && event.link === link && !event.isOn;
}

async function helpersOf(cell: Cell, { helper }: VpnLife): Promise<number[]> {
  if (helper === undefined) return [];
  const pids = await processesOf(cell, helper.program);
  return pids.filter((pid) => readProcess(pid, 'cmdline').includes(helper.mark));
}

function isServiceRemoved(ident: string) {
  return (event: CellEvent): boolean =>
    event.kind === 'signal' &&
    event.name === 'org.freedesktop.DBus.ObjectManager.InterfacesRemoved' &&
    event.body[0] === `/net/connman/service/vpn_${ident}`;
}

// It is ready before it is listed.
function isTakenOver(ident: string) {
  const listed = new RegExp(`vpn_${ident}",\\{"Type":"vpn","Security":\\[\\],"State":"ready"`);
  return (event: CellEvent): boolean => {
    if (isServiceProperty(ident, 'State', 'ready')(event)) return true;
    const isList = event.kind === 'signal' && event.name === 'net.connman.Manager.ServicesChanged';
    return isList && listed.test(JSON.stringify(event.body));
  };
}
