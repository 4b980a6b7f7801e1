/** The hosts file is followed when it is replaced, written to, and removed. */

import { mkdtempSync, renameSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { test } from 'uvu';
import * as assert from 'uvu/assert';
import { watchHostsFile } from '../../../src/daemon/hosts-file.ts';
import { DeadlineClock, nodeTimeSource } from '../../../src/shared/clock.ts';
import { createScope } from '../../../src/shared/scope.ts';

test('every change is told, and nothing of other files', async () => {
  const directory = mkdtempSync(join(tmpdir(), 'causeway-hosts-'));
  const path = join(directory, 'hosts');
  const scope = createScope();
  const told: string[] = [];
  // Watching alone keeps no process going.
  const alive = setInterval(() => undefined, 1000);
  let onTold: () => void = () => undefined;
  const next = (act: () => void): Promise<void> => new Promise((resolve) => {
    onTold = resolve;
    act();
  });
  writeFileSync(path, 'one');
  watchHostsFile(path, new DeadlineClock(nodeTimeSource()), scope, (text) => {
    told.push(text);
    onTold();
  });
  assert.equal(told, ['one']);
  writeFileSync(join(directory, 'other-hosts'), 'not mine');
  await next(() => writeFileSync(path, 'two!'));
  await next(() => {
    writeFileSync(join(directory, 'new'), 'three');
    renameSync(join(directory, 'new'), path);
  });
  await next(() => rmSync(path));
  assert.equal(told, ['one', 'two!', 'three', '']);
  clearInterval(alive);
  await scope.close();
  rmSync(directory, { recursive: true });
});

test.run();
