/**
 * A cell whose one cable leads to a network without a DHCP server, for tests that bring servers of
 * their own.
 */

import type { Cell } from './cell.ts';
import type { CellEvent } from './event-log.ts';
import { makeUplink, STATUS_ADDRESS, type Uplink } from './uplinks.ts';
import { withWiredCell } from './wired.ts';

/** What differs from a plain cell. */
export interface NetworkOptions {
  readonly peers?: readonly string[];
  readonly files?: Readonly<Record<string, string>>;
}

/** Runs `body` in such a cell. */
export function withNetwork(
  options: NetworkOptions, body: (cell: Cell, uplink: Uplink) => Promise<void>,
): Promise<void> {
  return withWiredCell(
    { dnsmasq: false, ...options }, async (cell) => body(cell, await makeUplink(cell, 0, { hasServer: false })),
  );
}

/** The status page is asked by name: some DNS is needed beside a server that has none. */
export function serveNames({ namespace, port }: Pick<Uplink, 'namespace' | 'port'>): void {
  const names = `--address=/ipv4.connman.net/${STATUS_ADDRESS}`;
  const where = [`--interface=${port}`, '--bind-interfaces'];
  namespace.spawn(['dnsmasq', '--no-daemon', '--conf-file=/dev/null', '--no-resolv', '--pid-file=', ...where, names]);
}

/** The IPv4 address of `eth0`, or `none`. */
export async function addressOf(cell: Cell): Promise<string> {
  const text = await cell.device.output(['ip', '-4', '-o', 'address', 'show', 'dev', 'eth0']);
  return / inet ([\d.]+)\//.exec(text)?.[1] ?? 'none';
}

/** An address that begins so came, or went. */
export function isAddress(isAdded: boolean, prefix = '10.') {
  return (event: CellEvent): boolean =>
    event.kind === 'address' && event.isAdded === isAdded && event.address.startsWith(prefix);
}
