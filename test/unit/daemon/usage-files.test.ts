/** Files of usage lie beside settings, and nothing of them can hurt. */

import { mkdirSync, mkdtempSync, readFileSync, rmSync, statSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { test } from 'uvu';
import * as assert from 'uvu/assert';
import { usageFiles } from '../../../src/daemon/usage-files.ts';
import { setLogSink } from '../../../src/shared/log.ts';

setLogSink(() => undefined);

const directory = mkdtempSync(join(tmpdir(), 'causeway-usage-'));
test.after(() => rmSync(directory, { recursive: true }));
const files = usageFiles(directory);

test('written beside settings alone, for root alone, and read back', () => {
  files.write('ethernet_1_cable', Uint8Array.of(1, 2));
  assert.is(files.read('ethernet_1_cable'), undefined, 'a service without settings keeps none');
  mkdirSync(join(directory, 'ethernet_1_cable'));
  writeFileSync(join(directory, 'ethernet_1_cable/settings'), '');
  files.write('ethernet_1_cable', Uint8Array.of(1, 2));
  assert.equal(Uint8Array.from(files.read('ethernet_1_cable') ?? []), Uint8Array.of(1, 2));
  assert.is(statSync(join(directory, 'ethernet_1_cable/data')).mode & 0o777, 0o600);
});

test('no name leads elsewhere, and what is no plain file of sensible size is none', () => {
  writeFileSync(join(directory, 'settings'), 'mine');
  for (const name of ['..', '.', '', '../x', 'a/b']) {
    files.write(name, Uint8Array.of(1));
    assert.is(files.read(name), undefined, name);
  }
  assert.is(readFileSync(join(directory, 'settings'), 'utf8'), 'mine');
  mkdirSync(join(directory, 'ethernet_2_cable/data'), { recursive: true });
  assert.is(files.read('ethernet_2_cable'), undefined);
  mkdirSync(join(directory, 'ethernet_3_cable'));
  writeFileSync(join(directory, 'ethernet_3_cable/data'), Buffer.alloc(70_000));
  assert.is(files.read('ethernet_3_cable'), undefined);
});

test.run();
