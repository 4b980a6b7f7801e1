/**
 * An installation into an empty folder, with what the test command has built: which files, whose
 * modes do not follow the umask, and a main.conf that is never overwritten.
 */

import { execFileSync } from 'node:child_process';
import { mkdtempSync, readFileSync, readdirSync, rmSync, statSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { test } from 'uvu';
import * as assert from 'uvu/assert';
import { programFiles } from '../../tools/loader.ts';
import { fetchPeers } from '../helpers/peers.ts';

const destdir = mkdtempSync(join(tmpdir(), 'causeway-install-'));
test.after(() => rmSync(destdir, { recursive: true }));

const WANTED = [
  '644 etc/connman/main.conf',
  '644 etc/dbus-1/system.d/connman-nmcompat.conf',
  '644 etc/dbus-1/system.d/connman-vpn-dbus.conf',
  '644 etc/dbus-1/system.d/connman.conf',
  '755 usr/bin/connmanctl',
  ...['confined-pac', 'confined-wispr', 'connman-vpnd', 'connmanctl', 'connmand-wait-online', 'connmand']
    .flatMap((name) => programFiles(name))
    .map((file) => `644 usr/lib/causeway/${file}`),
  '755 usr/lib/causeway/system.node',
  ...programFiles('vpn-script').map((file) => `644 usr/lib/causeway/${file}`),
  '755 usr/lib/connman/scripts/vpn-script',
  '644 usr/lib/systemd/system/connman-vpn.service',
  '644 usr/lib/systemd/system/connman-wait-online.service',
  '644 usr/lib/systemd/system/connman.service',
  '644 usr/lib/tmpfiles.d/connman_resolvconf.conf',
  '755 usr/sbin/connman-vpnd',
  '755 usr/sbin/connmand',
  '755 usr/sbin/connmand-wait-online',
  '644 usr/share/bash-completion/completions/connmanctl',
  '755 usr/share/connman/init.d/connman.openrc',
  '755 usr/share/connman/init.d/connman.sysvinit',
  '644 usr/share/connman/selinux/connman-task.te',
  '644 usr/share/dbus-1/system-services/net.connman.vpn.service',
  '644 usr/share/fish/vendor_completions.d/connmanctl.fish',
  '644 usr/share/man/man1/connmanctl.1',
  '644 usr/share/man/man5/connman-service.config.5',
  '644 usr/share/man/man5/connman-vpn-provider.config.5',
  '644 usr/share/man/man5/connman-vpn.conf.5',
  '644 usr/share/man/man5/connman.conf.5',
  '644 usr/share/man/man8/connman-vpnd.8',
  '644 usr/share/man/man8/connmand-wait-online.8',
  '644 usr/share/man/man8/connmand.8',
  '644 usr/share/polkit-1/actions/net.connman.policy',
  '644 usr/share/polkit-1/actions/net.connman.vpn.policy',
  '644 usr/share/zsh/site-functions/_connmanctl',
];

test('everything is put in its place', () => {
  install();
  const files = readdirSync(destdir, { recursive: true, withFileTypes: true }).filter((entry) => entry.isFile());
  const paths = files.map((entry) => join(entry.parentPath, entry.name));
  const found = paths.map((path) => `${mode(path)} ${path.slice(destdir.length + 1)}`);
  assert.equal(found.toSorted(byPath), WANTED);
  assert.is(mode(join(destdir, 'usr/sbin')), '755');
});

test('launcher, unit and policy name what is installed', () => {
  const text = (path: string): string => readFileSync(join(destdir, path), 'utf8');
  assert.match(text('usr/sbin/connmand'), ' /usr/lib/causeway/connmand.cjs "$@"\n');
  assert.match(text('usr/lib/systemd/system/connman.service'), '\nExecStart=/usr/sbin/connmand -n\n');
  // What the tests build has polkit in it, which decides what the bus lets through.
  assert.match(text('etc/dbus-1/system.d/connman.conf'), '<allow send_destination="net.connman"/>');
  assert.match(text('usr/share/polkit-1/actions/net.connman.policy'), '<action id="net.connman.modify">');
});

test('the SELinux module is one that checkmodule(8) takes', async () => {
  const layer = await fetchPeers(['checkpolicy']);
  const output = join(destdir, 'connman-task.mod');
  const source = join(destdir, 'usr/share/connman/selinux/connman-task.te');
  execFileSync(`${layer}/usr/bin/checkmodule`, ['-M', '-m', '-o', output, source], { encoding: 'utf8' });
  assert.ok(statSync(output).size > 0);
});

test('a main.conf that is there stays', () => {
  const path = join(destdir, 'etc/connman/main.conf');
  writeFileSync(path, '[General]\nSingleConnectedTechnology=true\n');
  assert.match(install(), '/etc/connman/main.conf (kept)\n');
  assert.is(readFileSync(path, 'utf8'), '[General]\nSingleConnectedTechnology=true\n');
});

/** With a umask that would hide everything. */
function install(): string {
  const command = `umask 077 && exec "$0" --import tsx tools/install.ts --destdir "$1"`;
  return execFileSync('sh', ['-c', command, process.execPath, destdir], { encoding: 'utf8' });
}

function mode(path: string): string {
  return (statSync(path).mode & 0o777).toString(8);
}

function byPath(one: string, other: string): number {
  return one.slice(4) < other.slice(4) ? -1 : 1;
}

test.run();
