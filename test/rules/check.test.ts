/**
 * Types and lint of the whole tree: what `npm run check` says.
 */

import { spawnSync } from 'node:child_process';
import { test } from 'uvu';
import * as assert from 'uvu/assert';

for (const [program, ...args] of [
  ['tsc', '--noEmit'],
  ['oxlint', '--type-aware', '--deny-warnings'],
]) {
  test(`${program} has nothing to say`, () => {
    const { status, stdout, stderr } = spawnSync(`node_modules/.bin/${program}`, args, { encoding: 'utf8' });
    assert.is(status, 0, `${stdout}${stderr}`);
  });
}

test.run();
