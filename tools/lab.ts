/**
 * `npm run lab`: shows the thing working. Makes a network with a DHCP and DNS server and a status
 * page, and a device on which our connmand runs; plugs the cable in, pulls it, plugs it in again,
 * and prints what happened when, seen from outside. Ends with 0 if the device got online each time.
 * `--daemon debian` does the same with Debian's connmand; `--no-build` takes build/bin as it is.
 */

import { spawnSync } from 'node:child_process';
import { existsSync } from 'node:fs';
import { parseArgs } from 'node:util';
import { messageOf } from '../src/shared/errors.ts';
import { Cell } from '../test/helpers/cell.ts';
import { DAEMONS, type Daemon } from '../test/helpers/daemons.ts';
import type { CellEvent } from '../test/helpers/event-log.ts';
import { fetchPeers } from '../test/helpers/peers.ts';
import { becomeRoot } from './lab/become-root.ts';
import { milestone } from './lab/timeline.ts';

const COLOURED = process.stdout.isTTY && process.env['NO_COLOR'] === undefined;
const OUR_CONSOLE = 'build/bin/connmanctl';

async function main(): Promise<void> {
  const { values } = parseArgs({
    options: { daemon: { type: 'string', default: 'causeway' }, 'no-build': { type: 'boolean', default: false } },
  });
  if (values.daemon !== 'causeway' && values.daemon !== 'debian') {
    throw new Error(`unknown daemon ${values.daemon}: causeway or debian`);
  }
  becomeRoot();
  const daemon = DAEMONS[values.daemon];
  if (daemon === DAEMONS.causeway && !values['no-build']) build();
  const peers = await debianPeers(daemon);
  title('Making a network: a server with DHCP, DNS and a status page, a device, a cable between them');
  const cell = await Cell.open({ ...daemon.cell, peers, dnsmasq: { isLoggingQueries: true } });
  closeOnSignals(cell);
  try {
    await show(cell, daemon, peers.includes('connman'));
  } finally {
    await cell.close();
    title('Everything is taken down');
  }
}

async function show(cell: Cell, daemon: Daemon, hasDebianConsole: boolean): Promise<void> {
  const startedAt = performance.now();
  const running = await cell.startDaemon(daemon.argv, daemon.busName);
  print(`  ${daemon.title} owns ${daemon.busName} after ${(performance.now() - startedAt).toFixed(0)} ms`);
  try {
    await cell.log.wait('an ethernet technology to be powered', isPowered, { since: startedAt });
    await plug(cell, daemon, 'The cable is plugged in');
    await consoles(cell, hasDebianConsole);
    for (const line of ['ip -4 address show dev eth0', 'ip -4 route', 'cat /etc/resolv.conf']) {
      await command(cell, line.split(' '), line);
    }
    await unplug(cell, daemon);
    await plug(cell, daemon, 'The cable is plugged in again: the lease is known');
    await command(cell, consoleArgv(hasDebianConsole, 'services'), 'connmanctl services');
  } catch (error) {
    title(`What ${daemon.title} wrote`);
    print(running.text);
    throw error;
  }
}

async function plug(cell: Cell, daemon: Daemon, headline: string): Promise<void> {
  title(headline);
  const since = cell.cable().plug();
  try {
    await cell.log.wait('the device to be online', (event) => daemon.isOnline(event), { since });
    await cell.log.wait('a visit of the status page', (event) => event.kind === 'http', { since });
  } finally {
    timeline(cell, since);
  }
}

async function unplug(cell: Cell, daemon: Daemon): Promise<void> {
  title('The cable is pulled');
  const since = cell.cable().unplug();
  try {
    await cell.log.wait('the service to go', (event) => daemon.isGone(event), { since });
  } finally {
    timeline(cell, since);
  }
}

function timeline(cell: Cell, since: number): void {
  for (const event of [...cell.log.since(since)].sort((one, other) => one.at - other.at)) {
    const line = milestone(event);
    if (line === undefined) continue;
    const isGood = line.what === 'online' || line.what === 'ready';
    const what = line.what.padEnd(16);
    print(`  ${(event.at - since).toFixed(1).padStart(8)} ms  ${isGood ? paint('32;1', what) : what}${line.detail}`);
  }
}

const isPowered = (event: CellEvent): boolean =>
  event.kind === 'signal' &&
  event.name === 'net.connman.Technology.PropertyChanged' &&
  event.body[0] === 'Powered' &&
  event.body[1] === true;

async function consoles(cell: Cell, hasDebianConsole: boolean): Promise<void> {
  const ours = existsSync(OUR_CONSOLE);
  const service = await identifier(cell);
  for (const words of [['services'], ['services', service], ['technologies'], ['state']]) {
    const shown = `connmanctl ${words.join(' ')}`;
    if (ours) await command(cell, consoleArgv(false, ...words), shown);
    if (hasDebianConsole) await command(cell, consoleArgv(true, ...words), `${shown}   (Debian's)`);
  }
}

function consoleArgv(isDebian: boolean, ...words: string[]): string[] {
  return [isDebian || !existsSync(OUR_CONSOLE) ? '/usr/bin/connmanctl' : `${process.cwd()}/${OUR_CONSOLE}`, ...words];
}

async function identifier(cell: Cell): Promise<string> {
  const call = { destination: 'net.connman', path: '/', interface: 'net.connman.Manager', member: 'GetServices' };
  const [services] = await cell.bus.call(call);
  const path: unknown = Array.isArray(services) && Array.isArray(services[0]) ? services[0][0] : undefined;
  if (typeof path !== 'string') throw new Error('the daemon has no service');
  return path.slice(path.lastIndexOf('/') + 1);
}

async function command(cell: Cell, argv: readonly string[], shown: string): Promise<void> {
  const { status, stdout, stderr } = await cell.device.run(argv);
  print(`\n${paint('1', `device# ${shown}`)}\n${stdout.trimEnd()}${stderr === '' ? '' : `\n${stderr.trimEnd()}`}`);
  if (status !== 0) throw new Error(`${shown} ended with ${status}`);
}

/** Debian's programs for this lab; without a network it goes on without, if our daemon is shown. */
async function debianPeers(daemon: Daemon): Promise<readonly string[]> {
  const { peers = [] } = daemon.cell;
  const wanted = peers.length > 0 ? peers : ['connman'];
  try {
    await fetchPeers(wanted, { progress: title });
    return wanted;
  } catch (error) {
    if (peers.length > 0) throw error;
    print(`  without Debian's connmanctl: ${messageOf(error)}`);
    return [];
  }
}

function build(): void {
  title('Building');
  const { status } = spawnSync(process.execPath, ['--import', 'tsx', 'tools/build.ts'], { stdio: 'inherit' });
  if (status !== 0) throw new Error('the build failed');
}

// Without these the kernel would clean up as well, at the closing of a pipe (namespace.ts).
function closeOnSignals(cell: Cell): void {
  for (const [signal, number] of Object.entries({ SIGINT: 2, SIGHUP: 1, SIGTERM: 15 })) {
    process.once(signal, () => {
      void cell.close().then(() => process.exit(128 + number));
    });
  }
}

function title(text: string): void {
  print(`\n${paint('36;1', text)}`);
}

function paint(style: string, text: string): string {
  return COLOURED ? `\x1b[${style}m${text}\x1b[0m` : text;
}

function print(text: string): void {
  process.stdout.write(`${text}\n`);
}

try {
  await main();
} catch (error) {
  print(`\n${paint('31;1', messageOf(error))}`);
  process.exitCode = 1;
}
