/**
 * What lies behind a VPN's server and nowhere else: an address that answers only what came out of a
 * tunnel, and a name server on it that knows names nobody else knows.
 */

import * as assert from 'uvu/assert';
import type { Cell } from './cell.ts';
import { until } from './patience.ts';

/** The name server behind every VPN, and what else answers there. */
export const WORLD_ADDRESS = '198.51.100.1';

const DOMAIN = 'world.test';
const HOST = '198.51.100.2';

/** Puts it behind the cell's server; it serves on return. Once a cell. */
export async function startWorld(cell: Cell): Promise<void> {
  // What comes by cable is thrown away before the server looks whether the address is its own (ip-rule(8)).
  await cell.server.script(`ip address add ${WORLD_ADDRESS}/32 dev far
ip rule add pref 10 table local
ip rule del pref 0 table local
ip rule add pref 5 iif bridge to ${WORLD_ADDRESS} blackhole`);
  const names = cell.server.spawn([
    ...['dnsmasq', '--no-daemon', '--conf-file=/dev/null', '--no-resolv', '--no-hosts', '--bind-interfaces'],
    ...[`--listen-address=${WORLD_ADDRESS}`, '--except-interface=lo', `--address=/${DOMAIN}/${HOST}`],
  ]);
  await names.waitForLine((line) => line.includes(': started, '));
}

/** Fails unless traffic and names take the tunnel, as soon as the device has heard of its name server. */
export async function seesWorld(cell: Cell, name: string): Promise<void> {
  const { status } = await cell.device.run(['ping', '-c1', '-W1', '-w60', WORLD_ADDRESS], { timeoutMs: 70_000 });
  assert.is(status, 0, 'what is behind the tunnel answers');
  await until('its name server to be asked', async () => (await lookUp(cell, name)) === HOST);
}

/** Fails if any of it is reached without a tunnel. */
export async function missesWorld(cell: Cell, name: string): Promise<void> {
  assert.is((await cell.device.run(['ping', '-c1', '-W1', WORLD_ADDRESS])).status, 1, 'no way leads there');
  assert.is(await lookUp(cell, name), '', 'nobody else knows its names');
}

/** What a program of the device is told of a name there. */
async function lookUp(cell: Cell, name: string): Promise<string> {
  const { stdout } = await cell.device.run(['getent', 'ahostsv4', `${name}.${DOMAIN}`]);
  return stdout.split(/\s/)[0] ?? '';
}
