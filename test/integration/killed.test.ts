/**
 * A daemon ended at any moment: told to end while it connects, and killed while it writes settings as
 * fast as it is asked to. What is on disk is whole, and the next daemon goes on with it.
 */

import { test } from 'uvu';
import * as assert from 'uvu/assert';
import { busVariant } from '../helpers/bus-daemon.ts';
import type { Cell } from '../helpers/cell.ts';
import { daemon, isProperty, SERVICE, SERVICE_PATH, withWiredCell } from '../helpers/wired.ts';

/** Delays that meet every step from the carrier to the online check. */
const MOMENTS_MS = [0, 3, 10, 30, 90];

test('told to read its files and to end while it connects', () =>
  withWiredCell({}, async (cell) => {
    for (const delayMs of MOMENTS_MS) {
      const running = await cell.startDaemon(daemon.argv, daemon.busName);
      cell.cable().plug();
      await passed(delayMs);
      for (const signal of ['SIGHUP', 'SIGHUP', 'SIGTERM'] as const) running.kill(signal);
      assert.is(await running.exited, 0, running.text);
      assert.not.match(running.text, /Aborting| at .*\.ts:/);
      cell.cable().unplug();
    }
  }));

test('killed while it writes: settings are those of before or after, and nothing else is left', () =>
  withWiredCell({}, async (cell) => {
    for (const [round, delayMs] of [40, 70, 110, 160, 220, 290].entries()) {
      const running = await cell.startDaemon(daemon.argv, daemon.busName);
      const since = cell.cable().plug();
      await cell.log.wait('ready', isProperty('Manager', 'State', 'ready'), { since });
      const writing = writeUntilGone(cell);
      await passed(delayMs);
      running.kill('SIGKILL');
      await running.exited;
      const last = await writing;
      const files = await cell.device.output(['find', '/var/lib/connman', '-type', 'f']);
      const known = /\/(settings|lease|data|clock|services)(\.tmp)?$/;
      for (const file of files.trim().split('\n')) assert.match(file, known, `round ${round}`);
      const text = await cell.device.output(['cat', `/var/lib/connman/${SERVICE}/settings`]);
      assert.match(text, /^\[ethernet_020000000000_cable\]\nName=Wired\n/);
      const [, one, other] = /^Nameservers=10\.77\.0\.(\d+);192\.0\.2\.(\d+);$/m.exec(text) ?? [];
      assert.is(one, other, 'both of one change');
      // What was answered for is on disk.
      assert.ok(Number(one ?? 0) >= last, `${one} is older than ${last}`);
      cell.cable().unplug();
    }
    assert.is(await cell.device.output(['find', '/var/lib/connman', '-name', '*.corrupt']), '');
  }));

test.run();

/** Sets other name servers again and again until the daemon is gone; the last ones that it has confirmed. */
async function writeUntilGone(cell: Cell): Promise<number> {
  for (let count = 1; count <= 250; count++) {
    const servers = busVariant('as', [`10.77.0.${count}`, `192.0.2.${count}`]);
    try {
      await cell.bus.call({
        destination: 'net.connman', path: SERVICE_PATH, interface: 'net.connman.Service', member: 'SetProperty',
        signature: 'sv', body: ['Nameservers.Configuration', servers],
      });
    } catch {
      return count - 1;
    }
  }
  return 250;
}

function passed(delayMs: number): Promise<void> {
  return new Promise((resolve) => setTimeout(resolve, delayMs));
}
