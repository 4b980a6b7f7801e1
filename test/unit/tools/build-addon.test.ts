/**
 * The addon's build: the same bytes from any folder, nothing done twice, errors that say what is
 * missing.
 */

import { test } from 'uvu';
import * as assert from 'uvu/assert';
import { spawnSync } from 'node:child_process';
import { cpSync, mkdirSync, mkdtempSync, readFileSync, rmSync, statSync, symlinkSync, utimesSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join, resolve } from 'node:path';

const directory = mkdtempSync(join(tmpdir(), 'causeway-build-'));
process.once('exit', () => rmSync(directory, { recursive: true }));

function copyOfTree(name: string): string {
  const root = join(directory, name);
  mkdirSync(join(root, 'tools'), { recursive: true });
  cpSync('src/system/addon', join(root, 'src/system/addon'), { recursive: true });
  cpSync('tools/build-addon.ts', join(root, 'tools/build-addon.ts'));
  symlinkSync(resolve('node_modules'), join(root, 'node_modules'));
  return root;
}

function buildIn(root: string, env: NodeJS.ProcessEnv = {}): { status: number | null; stderr: string; file: string } {
  const command = ['--import', 'tsx', 'tools/build-addon.ts', 'out/system.node'];
  const { status, stderr } = spawnSync(process.execPath, command, {
    cwd: root, encoding: 'utf8', env: { ...process.env, ...env },
  });
  return { status, stderr, file: join(root, 'out/system.node') };
}

test('two folders give the same bytes, and no path of either', () => {
  const flags = { CFLAGS: '-O0 -g' }; // debug information would name the folders
  const [one, other] = [buildIn(copyOfTree('one'), flags), buildIn(copyOfTree('other'), flags)];
  assert.equal([one.status, other.status], [0, 0], one.stderr + other.stderr);
  const bytes = readFileSync(one.file);
  assert.ok(bytes.equals(readFileSync(other.file)));
  assert.not.ok(bytes.includes(directory));
});

test('what is newer than its sources is left alone', () => {
  const root = join(directory, 'one');
  const file = join(root, 'out/system.node');
  const built = statSync(file);
  buildIn(root, { CFLAGS: '-O0' });
  assert.is(statSync(file).ino, built.ino);
  utimesSync(join(root, 'src/system/addon/addon.h'), new Date(), new Date(Date.now() + 5000));
  buildIn(root, { CFLAGS: '-O0' });
  assert.is.not(statSync(file).ino, built.ino);
});

test('a missing compiler, missing headers and a compiler\'s complaint are told', () => {
  const root = copyOfTree('broken');
  for (const [env, expected] of [
    [{ CC: 'no-such-cc' }, /cannot run the C compiler "no-such-cc": install one, or name it in CC/],
    [{ CAUSEWAY_NODE_HEADERS: '/nowhere' }, /no Node headers .* in \/nowhere: install them .*CAUSEWAY_NODE_HEADERS/],
    [{ CFLAGS: '-DSLOTS=17' }, /the addon does not compile:\n[^]*SLOTS/],
  ] as const) {
    const { status, stderr } = buildIn(root, env);
    assert.is(status, 1);
    assert.match(stderr, expected);
  }
});

test.run();
