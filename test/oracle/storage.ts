/**
 * A storage directory with something in every place: two services are connected and configured in
 * all that can be stored, one with an address written down, and so are clock and technology.
 */

import { existsSync, readdirSync } from 'node:fs';
import { busVariant, plain } from '../helpers/bus-daemon.ts';
import { withCell, type Cell } from '../helpers/cell.ts';
import type { Daemon } from '../helpers/daemons.ts';
import type { CellEvent } from '../helpers/event-log.ts';

/** Where connection managers keep what they know. */
const STORAGE = '/var/lib/connman';

type Configuration = Readonly<Record<string, readonly [signature: string, value: unknown]>>;

/** What is set, by service, in the order in which it is; a client reads it back as it was set. */
export const CONFIGURED: Readonly<Record<string, Configuration>> = {
  ethernet_020000000000_cable: {
    'Nameservers.Configuration': ['as', ['10.77.0.1', '192.0.2.53']],
    'Timeservers.Configuration': ['as', ['ntp.test']],
    'Domains.Configuration': ['as', ['one.test', 'two.test']],
    'Proxy.Configuration': ['a{sv}', {
      Servers: busVariant('as', ['http://proxy.test:3128']),
      Excludes: busVariant('as', ['lan.test', '.local']),
      Method: busVariant('s', 'manual'),
    }],
    'mDNS.Configuration': ['b', true],
    'IPv6.Configuration': ['a{sv}', { Method: busVariant('s', 'auto'), Privacy: busVariant('s', 'prefered') }],
    AutoConnect: ['b', true],
  },
  ethernet_020000000001_cable: {
    'Proxy.Configuration': ['a{sv}', {
      URL: busVariant('s', 'http://wpad.test/proxy.pac'),
      Method: busVariant('s', 'auto'),
    }],
    'IPv6.Configuration': ['a{sv}', { Method: busVariant('s', 'off') }],
    'IPv4.Configuration': ['a{sv}', {
      Method: busVariant('s', 'manual'),
      Address: busVariant('s', '10.77.0.2'),
      Netmask: busVariant('s', '255.255.240.0'),
      Gateway: busVariant('s', '10.77.0.1'),
    }],
    AutoConnect: ['b', false],
  },
};

/** `CONFIGURED` as a client reads it. */
export function configured(): unknown {
  return Object.fromEntries(Object.entries(CONFIGURED).map(([service, properties]) => [
    service,
    Object.fromEntries(Object.entries(properties).map(([name, [, value]]) => [name, plain(value)])),
  ]));
}

/** What a running daemon says of the same properties. */
export async function readBack(cell: Cell): Promise<unknown> {
  const services = await Promise.all(Object.entries(CONFIGURED).map(async ([service, properties]) => {
    const call = { destination: 'net.connman', path: pathOf(service), interface: 'net.connman.Service' };
    const [found] = await cell.bus.call({ ...call, member: 'GetProperties' });
    const values = new Map(Object.entries(Object(found)));
    return [service, Object.fromEntries(Object.keys(properties).map((name) => [name, values.get(name)]))] as const;
  }));
  return Object.fromEntries(services);
}

/** Has `daemon` fill a storage directory in a cell of its own; returns its settings by absolute path. */
export function fillStorage(daemon: Daemon): Promise<Readonly<Record<string, string>>> {
  const options = { cables: 2, peers: ['connman', 'ethtool'], isChecksumOffloaded: false };
  return withCell({ ...options, files: { '/etc/connman/main.conf': '[General]\n' } }, async (cell) => {
    await fill(cell, daemon);
    return settingsOf(cell);
  });
}

/** The same in the caller's: connects both cables, configures, and stops the daemon. */
export async function fill(cell: Cell, daemon: Daemon): Promise<void> {
  const running = await cell.startDaemon(daemon.argv, daemon.busName);
  await plugBoth(cell);
  for (const [service, properties] of Object.entries(CONFIGURED)) {
    for (const [name, [signature, value]] of Object.entries(properties)) {
      await set(cell, ['Service', pathOf(service)], name, busVariant(signature, value));
    }
  }
  await set(cell, ['Clock', '/'], 'Timeservers', busVariant('as', ['192.0.2.123', 'ntp.test']));
  await set(cell, ['Clock', '/'], 'TimeUpdates', busVariant('s', 'manual'));
  await running.stop();
}

/** Plugs both cables in and waits until both services are up and announced. */
export async function plugBoth(cell: Cell): Promise<void> {
  const since = performance.now();
  for (const [index, service] of Object.keys(CONFIGURED).entries()) {
    cell.cable(index).plug();
    await cell.log.wait(`${service} to be up`, isUp(pathOf(service)), { since });
  }
}

// A service that is up by the time it is announced sends no State of its own.
function isUp(path: string): (event: CellEvent) => boolean {
  return (event) => {
    if (event.kind !== 'signal') return false;
    const [first, second] = event.body;
    if (event.path === path) return first === 'State' && (second === 'ready' || second === 'online');
    if (event.name !== 'net.connman.Manager.ServicesChanged' || !Array.isArray(first)) return false;
    return first.some(([each, { State }]) => each === path && (State === 'ready' || State === 'online'));
  };
}

function set(cell: Cell, [noun, path]: readonly [string, string], name: string, value: unknown): Promise<unknown> {
  const call = { destination: 'net.connman', path, interface: `net.connman.${noun}`, member: 'SetProperty' };
  return cell.bus.call({ ...call, signature: 'sv', body: [name, value] });
}

function pathOf(service: string): string {
  return `/net/connman/service/${service}`;
}

/** The settings files of a cell by absolute path. */
export function settingsOf(cell: Cell): Readonly<Record<string, string>> {
  const folders = ['', ...readdirSync(cell.device.path(STORAGE)).toSorted().map((name) => `/${name}`)];
  const files = folders.map((folder) => `${STORAGE}${folder}/settings`);
  const there = files.filter((file) => existsSync(cell.device.path(file)));
  return Object.fromEntries(there.map((file) => [file, cell.device.read(file)]));
}
