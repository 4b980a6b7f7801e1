/**
 * connmand-wait-online beside Debian's: the same statuses, and what ours has beyond; with our
 * daemon and a cable that is plugged in while it waits.
 */

import { resolve } from 'node:path';
import { test } from 'uvu';
import * as assert from 'uvu/assert';
import { withCell, type Cell } from '../helpers/cell.ts';
import { DAEMONS } from '../helpers/daemons.ts';

const OURS = resolve('build/bin/connmand-wait-online');
const DEBIAN = '/usr/sbin/connmand-wait-online';

test('statuses are ConnMan\'s', () =>
  withCell({ ...DAEMONS.causeway.cell, peers: ['connman'] }, async (cell) => {
    const both = async (line: string, wanted: number): Promise<void> => {
      for (const program of [DEBIAN, OURS]) {
        const words = line === '' ? [] : line.split(' ');
        const { status, stdout } = await cell.device.run(['timeout', '20', program, ...words]);
        assert.is(status, wanted, `${program} ${line}`);
        assert.is(stdout, '', `${program} ${line}`);
      }
    };
    await both('--timeout=1', 110);
    await both('--nonsense', 95);
    await both('--timeout=soon', 95);
    await both('--timeout', 95);
    await online(cell);
    await both('', 0);
    await both('-i eth0', 0);
    await both('--interface=eth7,eth0', 0);
    await both('-i eth7 --timeout 1', 110);
    await both('-I eth0 --timeout 1', 110);
    await both('-i eth0 -I eth0 --timeout 1', 110);
    const env = { DBUS_SYSTEM_BUS_ADDRESS: 'unix:path=/nonexistent' };
    for (const program of [DEBIAN, OURS]) {
      const { status, stderr } = await cell.device.run([program], { env });
      assert.is(status, 92);
      assert.is(stderr, 'Error: Failed to connect to socket /nonexistent: No such file or directory\n');
    }
  }));

test('waits for the daemon, the cable, the family and the Internet', () =>
  withCell({ ...DAEMONS.causeway.cell, cables: 2 }, async (cell) => {
    const waiting = ['', '--online --ipv4', '-i eth0', '--all -i eth0,eth1'].map((line) =>
      cell.device.spawn([OURS, '--timeout=60', ...line.split(' ').filter((word) => word !== '')]),
    );
    const never = cell.device.spawn([OURS, '--ipv6', '--timeout=0']);
    await online(cell);
    const [any, internet, link, all] = waiting;
    for (const child of [any, internet, link]) assert.is(await child?.exited, 0);
    assert.ok(all?.isRunning);
    cell.cable(1).plug();
    assert.is(await all?.exited, 0);
    assert.ok(never.isRunning);
    assert.is((await cell.device.run([OURS, '--ipv6', '--timeout=1'])).status, 110);
    for (const bad of ['--all', '--all --any -i eth0', '--online --ready']) {
      assert.is((await cell.device.run([OURS, ...bad.split(' ')])).status, 95, bad);
    }
  }));

test.run();

async function online(cell: Cell): Promise<void> {
  const { argv, busName, isOnline } = DAEMONS.causeway;
  await cell.startDaemon(argv, busName);
  const since = cell.cable().plug();
  await cell.log.wait('online', isOnline, { since });
}
