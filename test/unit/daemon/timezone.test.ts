/** The time zone's files, in a database of the test's own. */

import {
  copyFileSync, existsSync, lstatSync, mkdirSync, mkdtempSync, readdirSync, readFileSync, rmSync, statSync, symlinkSync,
  writeFileSync,
} from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { test } from 'uvu';
import * as assert from 'uvu/assert';
import { createScope } from '../../../src/shared/scope.ts';
import { DeadlineClock, nodeTimeSource } from '../../../src/shared/clock.ts';
import { timezoneFiles, type TimezoneFiles } from '../../../src/daemon/timezone.ts';

interface Place {
  readonly zones: TimezoneFiles;
  readonly localtime: string;
  readonly zoneinfo: string;
}

function placed(body: (place: Place) => void | Promise<void>): () => Promise<void> {
  return async () => {
    const directory = mkdtempSync(join(tmpdir(), 'causeway-zone-'));
    const zoneinfo = join(directory, 'zoneinfo');
    mkdirSync(join(directory, 'etc'));
    for (const folder of ['', 'Etc', 'Europe', 'posix', 'right']) mkdirSync(join(zoneinfo, folder));
    const add = (name: string, content: string): void => writeFileSync(join(zoneinfo, name), content);
    add('Etc/UTC', 'TZif2 utc');
    add('Europe/Berlin', 'TZif2 berlin');
    add('Europe/Paris', 'TZif2 paris!');
    add('posix/Berlin', 'TZif2 berlin');
    add('right/Berlin', 'TZif2 right');
    add('Factory', 'TZif2 factory');
    add('tzdata.zi', '# version 2025');
    symlinkSync('Etc/UTC', join(zoneinfo, 'UTC'));
    const localtime = join(directory, 'etc/localtime');
    try {
      await body({ zones: timezoneFiles(localtime, zoneinfo), localtime, zoneinfo });
    } finally {
      rmSync(directory, { recursive: true });
    }
  };
}

test('a link names the zone, an alias the zone it stands for', placed(({ zones, localtime, zoneinfo }) => {
  symlinkSync(join(zoneinfo, 'Europe/Berlin'), localtime);
  assert.is(zones.detect(), 'Europe/Berlin');
  rmSync(localtime);
  symlinkSync(join(zoneinfo, 'UTC'), localtime);
  assert.is(zones.detect(), 'Etc/UTC');
}));

test('a copy is found by its content', placed(({ zones, localtime, zoneinfo }) => {
  copyFileSync(join(zoneinfo, 'Europe/Paris'), localtime);
  assert.is(zones.detect(), 'Europe/Paris');
  copyFileSync(join(zoneinfo, 'posix/Berlin'), localtime);
  assert.is(zones.detect(), 'Europe/Berlin');
}));

test('what cannot be told is undefined', placed(({ zones, localtime }) => {
  assert.is(zones.detect(), undefined);
  writeFileSync(localtime, 'TZif2 unknown');
  assert.is(zones.detect(), undefined);
  writeFileSync(localtime, new Uint8Array(100_000));
  assert.is(zones.detect(), undefined);
  rmSync(localtime);
  mkdirSync(localtime);
  assert.is(zones.detect(), undefined);
  assert.is(timezoneFiles(localtime, '/nowhere').detect(), undefined);
}));

test('only zones of the database are zones', placed(({ zones }) => {
  assert.ok(zones.has('Europe/Berlin'));
  assert.ok(zones.has('UTC'));
  const inside = ['', 'Europe', 'Nowhere', 'tzdata.zi', 'UTC\0', 'UTC/'];
  const outside = ['../etc/localtime', '/etc/localtime', 'Europe/../UTC', './UTC'];
  for (const name of [...inside, ...outside]) assert.not(zones.has(name), name);
}));

test('a zone is put in place as a copy that all can read', placed(({ zones, localtime, zoneinfo }) => {
  symlinkSync(join(zoneinfo, 'Europe/Paris'), localtime);
  const umask = process.umask(0o077);
  zones.install('Europe/Berlin');
  process.umask(umask);
  assert.ok(lstatSync(localtime).isFile());
  assert.is(statSync(localtime).mode & 0o777, 0o644);
  assert.is(readFileSync(localtime, 'utf8'), 'TZif2 berlin');
  assert.is(readFileSync(join(zoneinfo, 'Europe/Paris'), 'utf8'), 'TZif2 paris!');
  assert.is(zones.detect(), 'Europe/Berlin');
  assert.throws(() => zones.install('Europe/Rome'));
}));

test('a failure to install throws and leaves nothing', placed(({ zones, localtime }) => {
  mkdirSync(localtime);
  writeFileSync(join(localtime, 'in-the-way'), '');
  assert.throws(() => zones.install('Etc/UTC'));
  assert.equal(readdirSync(join(localtime, '..')), ['localtime']);
}));

test('a change of the file is told, of its neighbours not', placed(async ({ zones, localtime }) => {
  const scope = createScope();
  const clock = new DeadlineClock(nodeTimeSource());
  let told = 0;
  const changed = new Promise<void>((resolve) => {
    zones.watch(clock, scope, () => {
      told++;
      resolve();
    });
  });
  writeFileSync(join(localtime, '../neighbour'), 'x');
  zones.install('Europe/Berlin');
  // Watching alone does not keep the process.
  const alive = setInterval(() => undefined, 1000);
  await changed;
  clearInterval(alive);
  await scope.close();
  assert.is(told, 1);
}));

const MACHINE = '/usr/share/zoneinfo';
if (existsSync(`${MACHINE}/Asia/Tokyo`)) {
  test('the machine’s own database is understood', placed(({ localtime }) => {
    copyFileSync(`${MACHINE}/Asia/Tokyo`, localtime);
    const zone = timezoneFiles(localtime, MACHINE).detect();
    assert.ok(zone !== undefined && readFileSync(`${MACHINE}/${zone}`).equals(readFileSync(localtime)), zone);
  }));
}

test.run();
