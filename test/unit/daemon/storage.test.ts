/** Storage: layout, rights, atomic replacement, what hostile files do, watching. */

import { execFileSync } from 'node:child_process';
import {
  chmodSync, existsSync, mkdirSync, mkdtempSync, readdirSync, readFileSync, renameSync, rmSync, statSync, symlinkSync,
  unlinkSync, writeFileSync,
} from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { test } from 'uvu';
import * as assert from 'uvu/assert';
import { readSmallFile, writeFileAtomically, type FileChange } from '../../../src/daemon/files.ts';
import { openStorage, type Storage } from '../../../src/daemon/storage.ts';
import { KeyFile } from '../../../src/shared/keyfile.ts';
import { setLogSink } from '../../../src/shared/log.ts';
import type { FakeClock } from '../../helpers/fake-clock.ts';
import { withScope } from '../../helpers/with-scope.ts';

process.umask(0o022);
const lines: string[] = [];
setLogSink((level, line) => void lines.push(`${level} ${line}`));

let directory = '';
let storage: Storage;

test.before.each(() => {
  lines.length = 0;
  directory = join(mkdtempSync(join(tmpdir(), 'storage-')), 'connman');
  storage = openStorage(directory);
});
test.after.each(() => rmSync(join(directory, '..'), { recursive: true, force: true }));

function keyFile(value: string): KeyFile {
  const file = new KeyFile();
  file.set('group', 'key', value);
  return file;
}

function mode(name: string): string {
  return (statSync(join(directory, name)).mode & 0o7777).toString(8);
}

test('what is written reads back, only its owner may read it', () => {
  storage.write('settings', keyFile('global'));
  storage.write('ethernet_0_cable/settings', keyFile('service'));
  assert.is(storage.read('settings')?.get('group', 'key'), 'global');
  assert.is(storage.read('ethernet_0_cable/settings')?.get('group', 'key'), 'service');
  assert.is(mode('settings'), '600');
  assert.is(mode('ethernet_0_cable'), '700');
  assert.is(mode('ethernet_0_cable/settings'), '600');
  assert.is(mode('.'), '755');
  assert.equal(readdirSync(directory).sort(), ['ethernet_0_cable', 'settings']);
  assert.equal(readdirSync(join(directory, 'ethernet_0_cable')), ['settings']);
  assert.equal(lines, []);
});

test('what is not there is undefined, quietly', () => {
  assert.is(storage.read('settings'), undefined);
  assert.is(storage.read('ethernet_0_cable/settings'), undefined);
  storage.remove('ethernet_0_cable');
  assert.equal(storage.list(), []);
  assert.equal(lines, []);
});

test('a write replaces the file, never fills it anew', () => {
  storage.write('settings', keyFile('old'));
  const before = statSync(join(directory, 'settings')).ino;
  storage.write('settings', keyFile('new'));
  assert.is.not(statSync(join(directory, 'settings')).ino, before);
  assert.is(storage.read('settings')?.get('group', 'key'), 'new');
});

test('unchanged settings are not written again', () => {
  storage.write('settings', keyFile('same'));
  const before = statSync(join(directory, 'settings')).ino;
  storage.write('settings', keyFile('same'));
  assert.is(statSync(join(directory, 'settings')).ino, before);
});

test('a leftover of a crash, even a link, does no harm', () => {
  const victim = join(directory, '..', 'victim');
  writeFileSync(victim, 'untouched');
  symlinkSync(victim, join(directory, 'settings.tmp'));
  storage.write('settings', keyFile('value'));
  assert.is(readFileSync(victim, 'utf8'), 'untouched');
  assert.equal(readdirSync(directory), ['settings']);
});

test('services and providers are listed apart, and only with settings', () => {
  for (const name of ['wifi_1_psk', 'ethernet_0_cable', 'vpn_host', 'provider_host']) {
    storage.write(`${name}/settings`, keyFile(name));
  }
  storage.write('no_settings/data', keyFile(''));
  mkdirSync(join(directory, 'directory', 'settings'), { recursive: true });
  writeFileSync(join(directory, 'home.config'), '');
  mkdirSync(join(directory, 'loop'));
  symlinkSync('settings', join(directory, 'loop', 'settings'));
  assert.equal(storage.list(), ['ethernet_0_cable', 'vpn_host', 'wifi_1_psk']);
  assert.equal(storage.list('providers'), ['provider_host']);
  assert.equal(lines, []);
});

test('removing a service removes its files with it', () => {
  for (const name of ['settings', 'data', 'lease']) storage.write(`wifi_1_psk/${name}`, keyFile(name));
  storage.write('wifi_2_psk/settings', keyFile('other'));
  storage.remove('wifi_1_psk');
  assert.equal(readdirSync(directory), ['wifi_2_psk']);
  assert.equal(lines, []);
});

test('no name leads out of the directory', () => {
  writeFileSync(join(directory, '..', 'settings'), '[group]\nkey=outside\n');
  const names = ['../settings', '..', '.', '', '/etc/passwd', 'a/../settings', 'a/b/c', 'a/', '/a', 'a\0b'];
  for (const name of [...names, 'a'.repeat(256)]) {
    lines.length = 0;
    assert.is(storage.read(name), undefined, name);
    storage.write(name, keyFile('x'));
    storage.remove(name);
    assert.ok(lines.length >= 2 && lines.every((line) => line.startsWith('error ')), name);
  }
  assert.equal(readdirSync(join(directory, '..')).sort(), ['connman', 'settings']);
  assert.equal(readdirSync(directory), []);
});

test('a corrupt file is kept aside and counts as none', () => {
  mkdirSync(join(directory, 'wifi_1_psk'));
  const path = join(directory, 'wifi_1_psk', 'settings');
  writeFileSync(path, 'Passphrase=secret\n');
  assert.is(storage.read('wifi_1_psk/settings'), undefined);
  assert.not(existsSync(path));
  assert.is(readFileSync(`${path}.corrupt`, 'utf8'), 'Passphrase=secret\n');
  assert.equal(lines, [
    `warn ${path} cannot be read: line 1: a key outside of any group at offset 0`,
    `warn ${path} is kept as ${path}.corrupt`,
  ]);
  storage.write('wifi_1_psk/settings', keyFile('new'));
  assert.is(storage.read('wifi_1_psk/settings')?.get('group', 'key'), 'new');
});

test("the administrator's files stay where they are", () => {
  writeFileSync(join(directory, 'home.config'), 'nonsense\n');
  assert.is(storage.read('home.config'), undefined);
  assert.equal(readdirSync(directory), ['home.config']);
  assert.is(lines.length, 1);
});

test('devices, pipes, directories and large files are no settings and block nothing', () => {
  execFileSync('mkfifo', [join(directory, 'fifo')]);
  symlinkSync('/dev/zero', join(directory, 'zero'));
  mkdirSync(join(directory, 'folder'));
  symlinkSync('loop', join(directory, 'loop'));
  writeFileSync(join(directory, 'large'), '#'.repeat((1 << 20) + 1));
  for (const name of ['fifo', 'zero', 'folder', 'loop', 'large']) {
    lines.length = 0;
    assert.is(storage.read(name), undefined, name);
    assert.match(lines[0] ?? '', / cannot be read: /, name);
  }
  assert.ok(existsSync('/dev/zero'));
  assert.is(storage.read('large.corrupt/settings'), undefined);
});

test('bytes that are no UTF-8 do not matter', () => {
  writeFileSync(join(directory, 'settings'), Buffer.from([...Buffer.from('[group]\nkey='), 0xff, 0xfe, 0x0a]));
  assert.is(storage.read('settings')?.get('group', 'key'), '\ufffd\ufffd');
});

test('a write that fails is logged, the old file stays, nothing is left behind', () => {
  storage.write('settings', keyFile('old'));
  mkdirSync(join(directory, 'taken'));
  writeFileSync(join(directory, 'file'), '');
  storage.write('taken', keyFile('x'));
  storage.write('file/settings', keyFile('x'));
  assert.is(lines.length, 2);
  assert.match(lines[0] ?? '', /^error cannot write .*taken: E/);
  assert.match(lines[1] ?? '', /^error cannot write .*file\/settings: E/);
  assert.equal(readdirSync(directory).sort(), ['file', 'settings', 'taken']);
});

test('a directory that cannot be made is logged', () => {
  writeFileSync(join(directory, 'file'), '');
  const broken = openStorage(join(directory, 'file', 'connman'));
  assert.is(broken.read('settings'), undefined);
  broken.write('settings', keyFile('x'));
  assert.equal(broken.list(), []);
  assert.ok(lines.length >= 3 && lines.every((line) => line.startsWith('error ')));
});

test('files are written with the rights that were asked for', () => {
  const path = join(directory, 'file');
  writeFileAtomically(path, Uint8Array.from([1, 2]), 0o644);
  assert.is(mode('file'), '644');
  chmodSync(path, 0o600);
  assert.equal([...readFileSync(path)], [1, 2]);
  assert.is(readSmallFile(join(path, 'below')), undefined);
});

/** Waits until the kernel has told of something, then lets the quiet time pass. */
async function seen(clock: FakeClock): Promise<void> {
  for (let turn = 0; clock.pending().length === 0 && turn < 1000; turn++) {
    await new Promise((resolve) => setTimeout(resolve, 5));
  }
  // What the file's other events say must be in before the time moves.
  await new Promise((resolve) => setTimeout(resolve, 20));
  await clock.advance(100);
}

test('a text is read as it is, and what cannot be read is logged', () => {
  writeFileSync(join(directory, 'a.config'), 'no key file');
  mkdirSync(join(directory, 'b.config'));
  assert.is(storage.readText('a.config'), 'no key file');
  assert.equal([storage.readText('none.config'), lines], [undefined, []]);
  assert.is(storage.readText('b.config'), undefined);
  assert.is(storage.readText('../a.config/x'), undefined);
  assert.match(lines.join('\n'), /cannot read .*b\.config: not a plain file\n.* is no name for a settings file/);
  assert.ok(existsSync(join(directory, 'a.config')), 'left where it is');
});

test(
  'a watch tells of what is there, comes, changes and goes',
  withScope(async ({ scope, clock }) => {
    writeFileSync(join(directory, 'a.config'), '1');
    writeFileSync(join(directory, 'other'), '1');
    const changes: FileChange[] = [];
    storage.watch('.config', clock, scope, (change) => changes.push(change));
    assert.equal(changes.splice(0), [{ name: 'a.config', isGone: false }]);
    writeFileSync(join(directory, 'b.config'), '1');
    await seen(clock);
    assert.equal(changes.splice(0), [{ name: 'b.config', isGone: false }]);
    writeFileSync(join(directory, 'a.config'), '22');
    writeFileSync(join(directory, 'other'), '22');
    await seen(clock);
    assert.equal(changes.splice(0), [{ name: 'a.config', isGone: false }]);
    renameSync(join(directory, 'b.config'), join(directory, 'c.config'));
    unlinkSync(join(directory, 'a.config'));
    await seen(clock);
    assert.equal(changes.splice(0), [
      { name: 'a.config', isGone: true }, { name: 'b.config', isGone: true }, { name: 'c.config', isGone: false },
    ]);
  }),
);

test(
  'a directory that is not there is looked at all the same',
  withScope(({ scope, clock }) => {
    rmSync(directory, { recursive: true });
    storage.watch('.config', clock, scope, () => assert.unreachable());
    assert.match(lines.join('\n'), /warn .* cannot be watched: ENOENT/);
  }),
);

test.run();
