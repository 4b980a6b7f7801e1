/**
 * Storage on a disk that is full or read-only: a small tmpfs in a mount namespace of its own, where
 * this very file is started again with STORAGE_DIRECTORY set.
 */

import { mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { test } from 'uvu';
import * as assert from 'uvu/assert';
import { openStorage } from '../../src/daemon/storage.ts';
import { KeyFile } from '../../src/shared/keyfile.ts';
import { setLogSink } from '../../src/shared/log.ts';
import { output } from '../helpers/child.ts';

const directory = process.env['STORAGE_DIRECTORY'];

/** Writes settings until the disk is full, once more, and says what became of them. */
function fill(path: string): unknown {
  const lines: string[] = [];
  setLogSink((_level, line) => void lines.push(line));
  const storage = openStorage(path);
  const file = new KeyFile();
  file.set('group', 'key', 'old');
  storage.write('wifi_1_psk/settings', file);
  try {
    writeFileSync(join(path, 'filler'), Buffer.alloc(1 << 20));
  } catch {
    // As full as it gets.
  }
  file.set('group', 'key', 'x'.repeat(10_000));
  storage.write('wifi_1_psk/settings', file);
  storage.write('wifi_2_psk/settings', file);
  const old = storage.read('wifi_1_psk/settings')?.get('group', 'key');
  const other = storage.read('wifi_2_psk/settings') ?? null;
  return { lines, old, left: readdirSync(join(path, 'wifi_1_psk')), other };
}

if (directory !== undefined) {
  process.stdout.write(JSON.stringify(fill(directory)));
  process.exit(0);
}

/** Runs `fill` in a fresh tmpfs; `before` is shell done there first. */
async function inNamespace(path: string, mount: string): Promise<unknown> {
  const self = [process.execPath, ...process.execArgv, process.argv[1] ?? ''];
  const script = `${mount}; exec "$@"`;
  const argv = ['unshare', '--mount', '--propagation', 'private', 'sh', '-ec', script, 'sh', ...self];
  return JSON.parse(await output(argv, { env: { ...process.env, STORAGE_DIRECTORY: path } }));
}

const path = mkdtempSync(join(tmpdir(), 'full-disk-'));
test.after(() => rmSync(path, { recursive: true }));

test('a full disk is logged, and costs nothing that was there', async () => {
  assert.equal(await inNamespace(path, `mount -t tmpfs -o size=128k none '${path}'`), {
    lines: [
      `cannot write ${path}/wifi_1_psk/settings: ENOSPC: no space left on device, write`,
      `cannot write ${path}/wifi_2_psk/settings: ENOSPC: no space left on device, write`,
    ],
    old: 'old',
    left: ['settings'],
    other: null,
  });
});

test('a disk that is mounted read-only keeps what is there', async () => {
  const mount = `mount -t tmpfs none '${path}'; mkdir '${path}/wifi_1_psk'; ` +
    `printf '[group]\\nkey=kept\\n' > '${path}/wifi_1_psk/settings'; mount -o remount,ro '${path}'`;
  const failure = `cannot write ${path}/wifi_1_psk/settings: EROFS: read-only file system`;
  assert.equal(await inNamespace(path, mount), {
    lines: [
      `${failure}, open '${path}/wifi_1_psk/settings.tmp'`,
      `${failure}, open '${path}/wifi_1_psk/settings.tmp'`,
      `cannot write ${path}/wifi_2_psk/settings: EROFS: read-only file system, mkdir '${path}/wifi_2_psk'`,
    ],
    old: 'kept',
    left: ['settings'],
    other: null,
  });
});

test('nothing of it reached the machine', () => {
  assert.equal(readdirSync(path), []);
  assert.not(readFileSync('/proc/self/mounts', 'utf8').includes(path));
});

test.run();
