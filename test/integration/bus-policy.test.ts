/**
 * The bus policy we install, on a bus that denies what no policy allows: root's daemon owns its
 * name and is talked to by root, other users are turned away.
 */

import { readFileSync } from 'node:fs';
import { test } from 'uvu';
import * as assert from 'uvu/assert';
import { daemon, debianConnmanctl, plugIn, SERVICE, startDaemon, withWiredCell } from '../helpers/wired.ts';

const POLICY = '/etc/dbus-1/system.d/connman.conf';
const NOBODY = ['setpriv', '--reuid=65534', '--regid=65534', '--clear-groups'];

test('root may, nobody may not', () => {
  const files = { ...daemon.cell.files, [POLICY]: readFileSync('src/connman.conf.in', 'utf8') };
  return withWiredCell({ files, busPolicies: [POLICY] }, async (cell) => {
    await startDaemon(cell);
    await plugIn(cell);
    assert.match(await debianConnmanctl(cell, 'services'), new RegExp(`^\\*AO Wired +${SERVICE}$`, 'm'));
    const { stdout, stderr } = await cell.device.run([...NOBODY, '/usr/bin/connmanctl', 'state']);
    assert.match(stdout + stderr, /Sender is not authorized|Rejected send message/);
    assert.not.match(stdout, /online/);
  });
});

test('without the policy the daemon cannot own its name, and says so', () => {
  const nothing = '<busconfig/>';
  return withWiredCell({ files: { [POLICY]: nothing }, busPolicies: [POLICY] }, async (cell) => {
    const running = cell.device.spawn(daemon.argv);
    assert.is(await running.exited, 1);
    assert.match(running.text, /net\.connman|D-Bus/);
  });
});

test.run();
