/**
 * The plugin polkit with Debian's polkitd: root may, a user whom a rule names may, others may not, and
 * all may read. The actions are those we install; nobody is asked, since there is no agent.
 */

import { mkdirSync, readFileSync, writeFileSync } from 'node:fs';
import { dirname, resolve } from 'node:path';
import { test } from 'uvu';
import * as assert from 'uvu/assert';
import { Cell } from '../helpers/cell.ts';
import { debianConnmanctl, isProperty, plugIn, SERVICE } from '../helpers/wired.ts';

const DAEMON_USER = 1; // `daemon` of every Debian
const NOBODY = 65_534;

const RULES = `polkit.addRule(function (action, subject) {
  if (action.id == 'net.connman.modify' && subject.user == 'daemon') return polkit.Result.YES;
});
`;

const cell = await Cell.open({
  peers: ['connman', 'polkitd'],
  files: { '/etc/connman/main.conf': '[General]\nEnableOnlineCheck=true\n' },
});

function put(path: string, text: string): void {
  mkdirSync(dirname(cell.device.path(path)), { recursive: true });
  writeFileSync(cell.device.path(path), text, { mode: 0o644 });
}

async function startPolkit(): Promise<void> {
  put('/usr/share/polkit-1/actions/net.connman.policy', readFileSync('src/net.connman.policy.in', 'utf8'));
  put('/etc/polkit-1/rules.d/10-test.rules', RULES);
  await cell.device.script(`grep -q ^polkitd: /etc/passwd || echo 'polkitd:x:996:996::/:/usr/sbin/nologin' >>/etc/passwd
grep -q ^polkitd: /etc/group || echo 'polkitd:x:996:' >>/etc/group
mkdir -p /var/lib/polkit-1/localauthority
chmod 755 /etc/polkit-1 /etc/polkit-1/rules.d`);
  await cell.startDaemon(['/usr/lib/polkit-1/polkitd', '--no-debug'], 'org.freedesktop.PolicyKit1');
}

/** What connmanctl prints when a user runs it, errors included. */
async function connmanctlAs(user: number, ...words: string[]): Promise<string> {
  const become = ['setpriv', `--reuid=${user}`, `--regid=${user}`, '--clear-groups'];
  const { stdout, stderr } = await cell.device.run([...become, '/usr/bin/connmanctl', ...words]);
  return stdout + stderr;
}

const running = await cell.startDaemon([resolve('build/bin/connmand'), '-n'], 'net.connman');

test('before polkit is there root alone may change anything', async () => {
  await cell.log.wait('ethernet to be powered', isProperty('Technology', 'Powered', true));
  await plugIn(cell);
  assert.match(await connmanctlAs(NOBODY, 'config', SERVICE, 'autoconnect', 'off'), /Permission denied/);
  assert.is(await debianConnmanctl(cell, 'config', SERVICE, 'autoconnect', 'off'), '');
  assert.match(running.text, 'without polkit only root may: ');
});

test('with it: root, and whom a rule allows; all may read', async () => {
  await startPolkit();
  assert.match(await connmanctlAs(NOBODY, 'services', SERVICE), /AutoConnect = False/);
  assert.match(await connmanctlAs(NOBODY, 'config', SERVICE, 'autoconnect', 'on'), /Permission denied/);
  assert.match(await connmanctlAs(NOBODY, 'services', SERVICE), /AutoConnect = False/);
  assert.not.match(await connmanctlAs(DAEMON_USER, 'config', SERVICE, 'autoconnect', 'on'), /denied/);
  assert.match(await connmanctlAs(NOBODY, 'services', SERVICE), /AutoConnect = True/);
  assert.match(await connmanctlAs(NOBODY, 'disconnect', SERVICE), /Permission denied/);
  assert.match(await debianConnmanctl(cell, 'disconnect', SERVICE), /Disconnected/);
});

test('programs that know NetworkManager alone see it, too', async () => {
  const get = (name: string): Promise<readonly unknown[]> => cell.bus.call({
    destination: 'org.freedesktop.NetworkManager',
    path: '/org/freedesktop/NetworkManager',
    interface: 'org.freedesktop.DBus.Properties',
    member: 'Get',
    signature: 'ss',
    body: ['org.freedesktop.NetworkManager', name],
  });
  assert.equal(await get('State'), [20]);
  const since = performance.now();
  await debianConnmanctl(cell, 'connect', SERVICE);
  await cell.log.wait('NM_STATE_CONNECTED_GLOBAL', (event) => event.kind === 'signal'
    && event.name === 'org.freedesktop.NetworkManager.StateChanged' && event.body[0] === 70, { since });
  assert.equal(await get('State'), [70]);
});

test.after(() => cell.close());

test.run();
