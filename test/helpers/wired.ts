/**
 * One wired link with a connection manager on it, brought online: where the integration tests of a
 * wired service begin. CELL_DAEMON=debian runs them with Debian's connmand instead of ours, which
 * checks the tests; what the two do differently is said where a test asks `daemon`.
 */

import type { Child } from './child.ts';
import { withCell, type Cell, type CellOptions } from './cell.ts';
import { DAEMONS } from './daemons.ts';
import type { CellEvent } from './event-log.ts';

/** The daemon under test. */
export const daemon = process.env['CELL_DAEMON'] === 'debian' ? DAEMONS.debian : DAEMONS.causeway;

/** The service of the cell's first cable. */
export const SERVICE = 'ethernet_020000000000_cable';

/** Its object path. */
export const SERVICE_PATH = `/net/connman/service/${SERVICE}`;

/** Makes a cell in which the daemon under test and Debian's connmanctl can run. */
export function withWiredCell<T>(options: CellOptions, body: (cell: Cell) => Promise<T>): Promise<T> {
  const peers = [...new Set(['connman', ...(daemon.cell.peers ?? []), ...(options.peers ?? [])])];
  return withCell({ ...daemon.cell, ...options, peers }, body);
}

/** Starts the daemon and waits until it has taken its links up. */
export async function startDaemon(cell: Cell): Promise<Child> {
  const since = performance.now();
  const running = await cell.startDaemon(daemon.argv, daemon.busName);
  await cell.log.wait('ethernet to be powered', isProperty('Technology', 'Powered', true), { since });
  return running;
}

/**
 * Plugs the cable in and waits until the device is online and the service listed (before that
 * ConnMan sends no PropertyChanged of a service); returns when it was plugged in.
 */
export async function plugIn(cell: Cell): Promise<number> {
  const since = cell.cable().plug();
  await cell.log.wait('the device to be online', (event) => daemon.isOnline(event), { since });
  await cell.log.wait('the service to be listed', isListed, { since });
  return since;
}

/** Whether an event is ServicesChanged naming the wired service as new, moved or changed. */
export function isListed(event: CellEvent): boolean {
  if (event.kind !== 'signal' || event.name !== 'net.connman.Manager.ServicesChanged') return false;
  return JSON.stringify(event.body[0]).includes(SERVICE_PATH);
}

/** Whether an event is PropertyChanged of one of ConnMan's interfaces with this name and value. */
export function isProperty(noun: 'Manager' | 'Service' | 'Technology', name: string, value: unknown) {
  return (event: CellEvent): boolean =>
    event.kind === 'signal' &&
    event.name === `net.connman.${noun}.PropertyChanged` &&
    event.body[0] === name &&
    event.body[1] === value;
}

/** Whether an event is this signal of ObjectManager about the wired service. */
export function isService(signal: 'InterfacesAdded' | 'InterfacesRemoved') {
  return (event: CellEvent): boolean =>
    event.kind === 'signal' &&
    event.name === `org.freedesktop.DBus.ObjectManager.${signal}` &&
    event.body[0] === SERVICE_PATH;
}

/** What Debian's connmanctl prints in the device; rejects unless it ends with 0. */
export function debianConnmanctl(cell: Cell, ...words: string[]): Promise<string> {
  return cell.device.output(['/usr/bin/connmanctl', ...words]);
}

/** Calls a method of one of ConnMan's interfaces; the values of its reply, without variants. */
export function callConnman(cell: Cell, noun: string, member: string, path = '/'): Promise<readonly unknown[]> {
  return cell.bus.call({ destination: 'net.connman', path, interface: `net.connman.${noun}`, member });
}
