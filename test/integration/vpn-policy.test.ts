/**
 * Who may do what with connman-vpnd, by the files that we install: its bus policy alone, the one with polkit and
 * Debian's polkitd, and the SELinux module, which Debian's compiler takes.
 */

import { mkdirSync, readFileSync, writeFileSync } from 'node:fs';
import { dirname } from 'node:path';
import { test } from 'uvu';
import * as assert from 'uvu/assert';
import { withCell, type Cell } from '../helpers/cell.ts';
import type { Child } from '../helpers/child.ts';
import type { CellEvent } from '../helpers/event-log.ts';
import { connectionPath, createConnection, startVpnd } from '../helpers/vpn.ts';

const DAEMON_USER = 1; // `daemon` of every Debian
const NOBODY = 65_534;
const CONNECTION = connectionPath('192_0_2_1');
const POLICY = '/etc/dbus-1/system.d/connman-vpn-dbus.conf';
const POLKIT_POLICY = '/etc/dbus-1/system.d/polkit.conf';
const DENIED = /AccessDenied|PermissionDenied/;
const SETTINGS = { Type: 'openvpn', Name: 'Office', Host: '192.0.2.1', 'OpenVPN.Port': '1195' };

const POLKIT = `<busconfig><policy context="default">
<allow own="org.freedesktop.PolicyKit1"/><allow send_destination="org.freedesktop.PolicyKit1"/>
</policy></busconfig>
`;

const RULES = `polkit.addRule(function (action, subject) {
  if (action.id == 'net.connman.vpn.modify' && subject.user == 'daemon') return polkit.Result.YES;
});
`;

const as = (user: number): string[] => ['setpriv', `--reuid=${user}`, `--regid=${user}`, '--clear-groups'];

/** What a user gets of a call, errors included; first its path and method. */
async function callAs(cell: Cell, user: number, ...words: string[]): Promise<string> {
  const call = ['dbus-send', '--system', '--print-reply', '--dest=net.connman.vpn', ...words];
  const { stdout, stderr } = await cell.device.run([...as(user), ...call]);
  return stdout + stderr;
}

/** Hears all signals that a user may hear; ready on return. */
async function listenAs(cell: Cell, user: number): Promise<Child> {
  const monitor = cell.device.spawn([...as(user), 'dbus-monitor', '--system', "type='signal'"]);
  let isReady = false;
  void monitor.waitForLine((line) => line.includes('member=Ready')).then(() => (isReady = true));
  while (!isReady) {
    await signal(cell, 'Ready');
    await new Promise((resolve) => setTimeout(resolve, 50));
  }
  return monitor;
}

const signal = (cell: Cell, name: string): Promise<string> =>
  cell.device.output(['dbus-send', '--system', '--type=signal', '/mark', `test.Mark.${name}`]);

/** A connection is made; a stranger who listens is told of it or not, and then of a mark. */
async function proveDiscretion(cell: Cell): Promise<void> {
  const stranger = await listenAs(cell, NOBODY);
  const since = performance.now();
  await createConnection(cell, SETTINGS);
  const isAdded = (event: CellEvent): boolean => event.kind === 'signal' && event.name.endsWith('ConnectionAdded');
  await cell.log.wait('it to be announced', isAdded, { since });
  await signal(cell, 'Over');
  await stranger.waitForLine((line) => line.includes('member=Over'));
  assert.not.match(stranger.text, /Office|net\.connman\.vpn\./);
}

test('by the bus policy: root may, others may not, and do not hear of settings', () => {
  const files = { [POLICY]: readFileSync('vpn/connman-vpn-dbus.conf.in', 'utf8') };
  return withCell({ dnsmasq: false, files, busPolicies: [POLICY] }, async (cell) => {
    const vpnd = await startVpnd(cell);
    await proveDiscretion(cell);
    assert.match(await callAs(cell, 0, '/', 'net.connman.vpn.Manager.GetConnections'), /Office/);
    assert.match(await callAs(cell, NOBODY, '/', 'net.connman.vpn.Manager.GetConnections'), DENIED);
    assert.match(vpnd.text, 'without polkit only root may: ');
  });
});

test('by polkit: whom a rule allows may, but set no secret; a helper may report without', () => {
  const files = { [POLICY]: readFileSync('vpn/connman-vpn-polkit.conf.in', 'utf8'), [POLKIT_POLICY]: POLKIT };
  const policies = { busPolicies: [POLICY, POLKIT_POLICY], peers: ['connman', 'polkitd'] };
  return withCell({ dnsmasq: false, files, ...policies }, async (cell) => {
    const put = (path: string, text: string): void => {
      mkdirSync(dirname(cell.device.path(path)), { recursive: true });
      writeFileSync(cell.device.path(path), text, { mode: 0o644 });
    };
    const action = 'net.connman.vpn.policy';
    put(`/usr/share/polkit-1/actions/${action}`, readFileSync(`vpn/${action}.in`, 'utf8'));
    put('/etc/polkit-1/rules.d/10-test.rules', RULES);
    await cell.device.script(`grep -q ^polkitd: /etc/passwd \\
|| echo 'polkitd:x:996:996::/:/usr/sbin/nologin' >>/etc/passwd
grep -q ^polkitd: /etc/group || echo 'polkitd:x:996:' >>/etc/group
mkdir -p /var/lib/polkit-1/localauthority
chmod 755 /etc/polkit-1 /etc/polkit-1/rules.d`);
    await cell.startDaemon(['/usr/lib/polkit-1/polkitd', '--no-debug'], 'org.freedesktop.PolicyKit1');
    await startVpnd(cell);
    await proveDiscretion(cell);
    const read = 'net.connman.vpn.Connection.GetProperties';
    const set = 'net.connman.vpn.Connection.SetProperty';
    const name = ['string:Name', 'variant:string:Home'];
    assert.match(await callAs(cell, NOBODY, CONNECTION, read), DENIED);
    assert.match(await callAs(cell, NOBODY, CONNECTION, set, ...name), DENIED);
    assert.match(await callAs(cell, DAEMON_USER, CONNECTION, read), /Office/);
    assert.match(await callAs(cell, DAEMON_USER, CONNECTION, set, ...name), /method return/);
    const secret = ['string:OpenVPN.Password', 'variant:string:told'];
    assert.match(await callAs(cell, DAEMON_USER, CONNECTION, set, ...secret), DENIED);
    assert.match(await callAs(cell, 0, CONNECTION, set, ...secret), /method return/);
    const report = await callAs(cell, NOBODY, '/task/0', 'net.connman.Task.notify', 'string:up', 'dict:string:string:');
    assert.match(report, /UnknownObject|UnknownMethod/, 'judged by its task, which there is not');
  });
});

test("the SELinux module is in the language of Debian's compiler", () =>
  withCell({ dnsmasq: false, peers: ['checkpolicy'] }, async (cell) => {
    const template = readFileSync('vpn/connman-task.te.in', 'utf8');
    const compile = (text: string) => cell.device.run(['sh', '-c', `cat >/run/connman-task.te
checkmodule -M -m -o /run/connman-task.mod /run/connman-task.te`], { input: text });
    const good = await compile(template);
    assert.is(good.status, 0, good.stderr);
    assert.match(await cell.device.output(['wc', '-c', '/run/connman-task.mod']), /^[1-9]/);
    assert.is.not((await compile(template.replace('dbus send_msg;\n  allow', 'dbus shout;\n  allow'))).status, 0);
  }));

test.run();
