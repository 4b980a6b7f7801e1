/**
 * Checkpoints over time and runs of the machine, on files in memory; and those on disk against what
 * a directory may hold.
 */

import {
  existsSync,
  mkdirSync,
  mkdtempSync,
  readFileSync,
  rmSync,
  statSync,
  symlinkSync,
  writeFileSync,
} from 'node:fs';
import { tmpdir } from 'node:os';
import { test } from 'uvu';
import * as assert from 'uvu/assert';
import { Checkpoints, type CheckpointEnd, replayCheckpoints } from '../../../src/checkpoint/checkpoints.ts';
import {
  checkpointFiles,
  type CheckpointFiles,
  type StoredCheckpoint,
} from '../../../src/daemon/checkpoint-files.ts';
import { setLogSink } from '../../../src/shared/log.ts';
import { withScope, type TestContext } from '../../helpers/with-scope.ts';

class MemoryFiles implements CheckpointFiles {
  readonly kept = new Map<string, StoredCheckpoint>();
  readonly restored: string[] = [];
  run = 'this run';
  isFull = false;

  list = (): StoredCheckpoint[] => [...this.kept.values()];
  create = (checkpoint: StoredCheckpoint): void => {
    if (this.isFull) throw new Error('ENOSPC');
    this.kept.set(checkpoint.id, checkpoint);
  };
  restore = (id: string): void => {
    if (this.isFull) throw new Error('ENOSPC');
    this.restored.push(id);
  };
  remove = (id: string): void => void this.kept.delete(id);
  bootId = (): string => this.run;
}

interface Fixture {
  readonly files: MemoryFiles;
  readonly checkpoints: Checkpoints;
  readonly ends: CheckpointEnd[];
  readonly calls: string[];
}

function fixture({ clock, scope }: TestContext, files = new MemoryFiles()): Fixture {
  const loud = setLogSink(() => undefined);
  scope.defer(() => void setLogSink(loud));
  const calls: string[] = [];
  const env = { files, clock, flush: () => calls.push('flush'), reload: () => calls.push('reload') };
  const checkpoints = new Checkpoints(env, scope);
  const ends: CheckpointEnd[] = [];
  checkpoints.ended.observe(scope, (end) => ends.push(end));
  return { files, checkpoints, ends, calls };
}

test(
  'time puts it back, confirmation does not',
  withScope(async (context) => {
    const { files, checkpoints, ends, calls } = fixture(context);
    assert.is(checkpoints.create(60), '1');
    assert.equal(calls, ['flush'], 'what waits to be written is part of it');
    await context.clock.advance(59_000);
    assert.is(checkpoints.list[0]?.leftSec, 1);
    checkpoints.confirm('');
    await context.clock.advance(5000);
    assert.equal([files.restored, files.kept.size], [[], 0]);
    checkpoints.create(10);
    await context.clock.advance(10_000);
    assert.equal([files.restored, files.kept.size, calls], [['1'], 0, ['flush', 'flush', 'reload']]);
    assert.equal(ends, [
      { id: '1', end: 'confirmed', isTimedOut: false },
      { id: '1', end: 'restored', isTimedOut: true },
    ]);
    assert.equal(checkpoints.list, []);
  }),
);

test(
  'an earlier one takes later ones along, a later one leaves earlier ones',
  withScope(async (context) => {
    const { files, checkpoints, ends } = fixture(context);
    for (const seconds of [100, 50, 80]) checkpoints.create(seconds);
    assert.throws(() => checkpoints.confirm(''), /NotFound|Not found/i);
    await context.clock.advance(50_000);
    assert.equal(files.restored, ['2']);
    assert.equal(
      ends.map(({ id, end }) => `${id} ${end}`),
      ['2 restored', '3 dropped'],
    );
    assert.equal(
      checkpoints.list.map(({ id }) => id),
      ['1'],
    );
    checkpoints.rollback('1');
    assert.equal([files.restored, files.kept.size], [['2', '1'], 0]);
  }),
);

test(
  'limits',
  withScope(async (context) => {
    const { files, checkpoints } = fixture(context);
    for (const seconds of [0, 86_401]) assert.throws(() => checkpoints.create(seconds));
    for (let count = 0; count < 8; count++) checkpoints.create(100);
    assert.throws(() => checkpoints.create(100), /Too many/);
    assert.is(files.kept.size, 8);
    for (const id of ['9', '', '../1']) assert.throws(() => checkpoints.rollback(id));
    await Promise.resolve();
  }),
);

test(
  'a full disk: none is taken; one that is due is tried again and again',
  withScope(async (context) => {
    const { files, checkpoints, calls } = fixture(context);
    files.isFull = true;
    assert.throws(() => checkpoints.create(60), /ENOSPC/);
    assert.equal(checkpoints.list, []);
    files.isFull = false;
    checkpoints.create(60);
    files.isFull = true;
    await context.clock.advance(150_000);
    assert.equal([files.restored, files.kept.size], [[], 1]);
    assert.throws(() => checkpoints.rollback('1'), /ENOSPC/);
    files.isFull = false;
    await context.clock.advance(60_000);
    assert.equal([files.restored, files.kept.size, calls.at(-1)], [['1'], 0, 'reload']);
  }),
);

test(
  'the next daemon goes on waiting, another run of the machine does not',
  withScope(async (context) => {
    const { files, checkpoints } = fixture(context);
    checkpoints.create(60);
    checkpoints.create(20);
    await context.clock.advance(10_000);
    replayCheckpoints(files, context.clock);
    assert.equal(files.restored, [], 'in time');
    const next = fixture(context, files);
    assert.equal(
      next.checkpoints.list.map(({ leftSec }) => leftSec),
      [50, 10],
    );

    const late = new MemoryFiles();
    for (const each of files.list()) late.create({ ...each, untilMs: each.untilMs - 15_000 });
    replayCheckpoints(late, context.clock);
    assert.equal([late.restored, [...late.kept.keys()]], [['2'], ['1']], 'the second was due');

    const after = new MemoryFiles();
    for (const each of files.list()) after.create(each);
    after.run = 'another run';
    replayCheckpoints(after, context.clock);
    assert.equal([after.restored, after.kept.size], [['1'], 0]);

    const full = new MemoryFiles();
    for (const each of files.list()) full.create(each);
    full.run = 'another run';
    full.isFull = true;
    replayCheckpoints(full, context.clock);
    assert.is(full.kept.size, 2, 'kept for later');
    const waiting = fixture(context, full);
    full.isFull = false;
    await context.clock.advance(60_000);
    assert.equal([full.restored, full.kept.size, waiting.calls], [['1'], 0, ['reload']]);
  }),
);

test('on disk: all but statistics, leases and the clock, with rights, and no way out of the directory', () => {
  const loud = setLogSink(() => undefined);
  const storage = mkdtempSync(`${tmpdir()}/causeway-checkpoint-`);
  const put = (path: string, text: string): void => {
    mkdirSync(`${storage}/${path}`.replace(/\/[^/]*$/, ''), { recursive: true });
    writeFileSync(`${storage}/${path}`, text, { mode: 0o600 });
  };
  const textOf = (path: string): string | undefined =>
    existsSync(`${storage}/${path}`) ? readFileSync(`${storage}/${path}`, 'utf8') : undefined;
  try {
    put('a/settings', 'old');
    put('a/data', 'old');
    put('a/lease', 'old');
    put('settings', 'old');
    put('causeway/clock', 'old');
    put('causeway/services', 'old');
    writeFileSync(`${storage}/lan.config`, 'old', { mode: 0o644 });
    symlinkSync('/etc/passwd', `${storage}/link`);
    const files = checkpointFiles(storage);
    files.create({ id: '1', createdMs: 1, untilMs: 2, bootId: 'b' });
    assert.equal(files.list(), [{ id: '1', createdMs: 1, untilMs: 2, bootId: 'b' }]);
    assert.is(statSync(`${storage}/causeway/checkpoints/1`).mode & 0o777, 0o600);
    for (const path of ['a/settings', 'a/data', 'a/lease', 'settings', 'causeway/clock', 'causeway/services'])
      put(path, 'new');
    rmSync(`${storage}/lan.config`);
    put('b/settings', 'new');
    put('b/lease', 'new');
    put('x/deep/er/file', 'new');
    files.restore('1');
    files.restore('1');
    assert.equal(['a/settings', 'settings', 'causeway/services', 'lan.config'].map(textOf), [
      'old',
      'old',
      'old',
      'old',
    ]);
    assert.equal(['a/data', 'a/lease', 'causeway/clock'].map(textOf), ['new', 'new', 'new']);
    assert.equal(['b/settings', 'b/lease', 'x/deep/er/file'].map(textOf), [undefined, undefined, undefined]);
    assert.not.ok(existsSync(`${storage}/b`));
    assert.is(statSync(`${storage}/lan.config`).mode & 0o777, 0o644);
    assert.is(statSync(`${storage}/a/settings`).mode & 0o777, 0o600);

    const good: unknown = JSON.parse(readFileSync(`${storage}/causeway/checkpoints/1`, 'utf8'));
    const bad = { ...Object(good), files: { '../out': { mode: 0o600, base64: '' } } };
    for (const text of ['', '{', 'null', '[]', '{"id":"2"}', JSON.stringify(bad)]) {
      put('causeway/checkpoints/2', text);
      assert.equal(
        files.list().map(({ id }) => id),
        ['1'],
        text,
      );
      assert.not.ok(existsSync(`${storage}/causeway/checkpoints/2`), 'and is not met again');
    }
    assert.throws(() => files.restore('../../settings'));
    files.remove('1');
    assert.equal(files.list(), []);
  } finally {
    rmSync(storage, { recursive: true });
    setLogSink(loud);
  }
});

test.run();
