/**
 * configure's command line: what it obeys, accepts without effect, and refuses.
 */

import { test } from 'uvu';
import * as assert from 'uvu/assert';
import { defaultConfiguration, parseFlags } from '../../../tools/configure/flags.ts';
import { RESERVED } from '../../../tools/configure/tables.ts';

const complaint = (...args: string[]): string => {
  try {
    parseFlags(args);
    return 'accepted';
  } catch (error) {
    return error instanceof Error ? error.message : String(error);
  }
};

test('without flags the machine’s own directories are meant', () => {
  const { directories, features, choices } = defaultConfiguration();
  assert.is(directories.sbindir, '/usr/sbin');
  assert.is(directories.sysconfdir, '/etc');
  assert.is(directories.localstatedir, '/var');
  assert.is(directories.runstatedir, '/run');
  const [first, second] = features;
  assert.equal([first, second], ['loopback', 'ethernet']);
  for (const name of ['wifi', 'vpn', 'wireguard']) assert.ok(features.includes(name), name);
  for (const name of ['polkit', 'nmcompat', 'iwd']) assert.not.ok(features.includes(name), name);
  assert.equal(choices, { 'dns-backend': 'internal' });
});

test('another prefix holds everything, single directories win', () => {
  const args = ['--prefix', '/opt/x/', '--sysconfdir=/etc', '--with-dbusdatadir=/d'];
  const { directories } = parseFlags(args).configuration;
  assert.is(directories.prefix, '/opt/x');
  assert.is(directories.sbindir, '/opt/x/sbin');
  assert.is(directories.runstatedir, '/opt/x/var/run');
  assert.is(directories.sysconfdir, '/etc');
  assert.is(directories.dbusconfdir, '/etc');
  assert.is(directories.dbusdatadir, '/d');
});

test('features are turned on and off, the last word counts', () => {
  const all = defaultConfiguration().features;
  const without = (name: string): readonly string[] => all.filter((feature) => feature !== name);
  const features = (...args: string[]): readonly string[] => parseFlags(args).configuration.features;
  assert.equal(features('--disable-ethernet'), without('ethernet'));
  assert.equal(features('--disable-ethernet', '--enable-ethernet'), all);
  assert.equal(features('--enable-loopback=no', '--enable-ethernet=builtin'), without('loopback'));
  assert.ok(features('--enable-polkit').includes('polkit'));
});

test('what does not exist yet is refused with what does', () => {
  const [feature] = RESERVED.features;
  assert.match(complaint(`--enable-${feature}`), `--enable-${feature}: not built yet; available: loopback, ethernet, `);
  assert.is(complaint('--with-dns-backend=magic'),
    '--with-dns-backend=magic: no such option; available: internal, systemd-resolved, direct');
});

test('what decides nothing is accepted and named', () => {
  const absent = `--disable-${RESERVED.features[0]}`;
  const { withoutEffect } = parseFlags(['--disable-pie', absent, '--host=arm-linux', '--enable-tools']);
  assert.equal(withoutEffect, ['--disable-pie', absent, '--host', '--enable-tools']);
});

test('unknown flags are refused with the nearest one', () => {
  assert.match(complaint('--enable-ethrenet'), 'unknown flag --enable-ethrenet; the nearest is --enable-ethernet;');
  assert.match(complaint('--sysconfidr=/etc'), 'unknown flag --sysconfidr; the nearest is --sysconfdir;');
  assert.is(complaint('ethernet'), "'ethernet' is not a flag; see --help");
  assert.match(complaint('--enable-constructor'), /^unknown flag --enable-constructor;/);
  assert.match(complaint('--enable-toString'), /is not a flag/);
  assert.match(complaint('--constructor=1'), /^unknown flag --constructor;/);
});

test('a directory is a plain absolute path', () => {
  assert.is(complaint('--prefix=usr'), '--prefix=usr: not a plain absolute path');
  assert.is(complaint('--prefix=/a b'), '--prefix=/a b: not a plain absolute path');
  assert.is(complaint('--prefix'), '--prefix needs a value: --prefix=…');
});

test.run();
