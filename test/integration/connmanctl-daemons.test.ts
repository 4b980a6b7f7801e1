/**
 * Debian's console and ours, side by side, against Debian's connmand and against ours: the same
 * bytes on standard output, and ours with an exit status that tells.
 */

import { resolve } from 'node:path';
import { test } from 'uvu';
import * as assert from 'uvu/assert';
import { withCell, type Cell } from '../helpers/cell.ts';
import { DAEMONS, type Daemon } from '../helpers/daemons.ts';

const OURS = resolve('build/bin/connmanctl');
const DEBIAN = '/usr/bin/connmanctl';
const SERVICE = 'ethernet_020000000000_cable';

for (const daemon of [DAEMONS.debian, DAEMONS.causeway]) {
  test(`${daemon.title}: both consoles say the same`, () =>
    withOnline(daemon, async (cell) => {
      const lines = ['state', 'technologies', 'services', `services ${SERVICE}`, 'peers', 'tethering_clients'];
      const refused = [
        'nonsense',
        `connect ${SERVICE}`, 'enable ethernet', 'enable wifi', 'scan ethernet', 'services nosuch', 'connect nosuch',
        `move-after ${SERVICE} ${SERVICE}`, `config ${SERVICE} --remove`, `config ${SERVICE} --ipv4 bogus`,
        `config ${SERVICE} --foo`, 'tether ethernet on', 'vpnconnections', 'state x', 'connect', 'session off',
      ];
      for (const line of [...lines, ...refused]) {
        const words = line.split(' ');
        const debian = await cell.device.run([DEBIAN, ...words]);
        const ours = await cell.device.run([OURS, ...words]);
        assert.is(ours.stdout, debian.stdout, line);
        // The first line on standard error, too, where Debian's writes one; then comes what to do.
        if (debian.stderr !== '') assert.is(firstLine(ours.stderr), firstLine(debian.stderr), line);
        assert.is(ours.status === 0, lines.includes(line), `${line}: ${ours.status} ${ours.stderr}`);
      }
    }));

  test(`${daemon.title}: what our console changes, Debian's shows`, () =>
    withOnline(daemon, async (cell) => {
      const ours = (line: string): Promise<string> => cell.device.output([OURS, ...line.split(' ')]);
      const debian = (line: string): Promise<string> => cell.device.output([DEBIAN, ...line.split(' ')]);
      const lists = '--nameservers 10.77.0.1 10.77.0.2 --domains a.example --timeservers';
      assert.is(await ours(`config ${SERVICE} ${lists}`), '');
      const text = await debian(`services ${SERVICE}`);
      assert.match(text, '  Nameservers.Configuration = [ 10.77.0.1, 10.77.0.2 ]\n');
      assert.match(text, '  Domains.Configuration = [ a.example ]\n');
      assert.is(await ours('disconnect eth0'), 'Disconnected eth0\n');
      assert.not.match(await debian('services'), /^\*A[OR]/);
      assert.is(await ours('connect --wait=online Wired'), 'Connected Wired\n');
      assert.match(await debian('services'), /^\*AO Wired/);
      assert.is(await ours('disable ethernet'), 'Disable ethernet\n');
      const listed = await debian('services');
      assert.is(await ours('services'), listed);
      assert.is(await ours('enable ethernet --wait'), 'Enabled ethernet\n');
      assert.match(await debian('services'), /^\*A[OR] Wired/);
      assert.is(await ours('enable offline'), 'Enabled offline\n');
      assert.is(await ours('state'), await debian('state'));
    }));
}

test('without a daemon, and without a bus', () =>
  withCell({ peers: ['connman'], dnsmasq: false }, async (cell) => {
    for (const line of ['state', 'services', 'enable wifi', 'connect x', 'config x --mdns on', 'clock']) {
      const words = line.split(' ');
      const [debian, ours] = [await cell.device.run([DEBIAN, ...words]), await cell.device.run([OURS, ...words])];
      assert.is(ours.status, 2, line);
      assert.is(ours.stdout, '');
      assert.is(firstLine(ours.stderr), firstLine(debian.stderr), line);
      assert.match(ours.stderr, 'start connmand');
    }
    const env = { DBUS_SYSTEM_BUS_ADDRESS: 'unix:path=/nonexistent' };
    const ours = await cell.device.run([OURS, 'state'], { env });
    assert.is(ours.status, 2);
    assert.match(ours.stderr, 'Error: Failed to connect to socket /nonexistent: No such file or directory\n');
    assert.is((await cell.device.run([OURS, 'help'], { env })).status, 0);
  }));

test.run();

async function withOnline(daemon: Daemon, body: (cell: Cell) => Promise<void>): Promise<void> {
  const peers = [...new Set(['connman', ...(daemon.cell.peers ?? [])])];
  await withCell({ ...daemon.cell, peers }, async (cell) => {
    await cell.startDaemon(daemon.argv, daemon.busName);
    const since = cell.cable().plug();
    await cell.log.wait('online', (event) => daemon.isOnline(event), { since });
    await body(cell);
  });
}

function firstLine(text: string): string {
  return text.split('\n', 1)[0] ?? '';
}
