/** The country of a time zone, by the tables of the tz database. */

import { existsSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { test } from 'uvu';
import * as assert from 'uvu/assert';
import { countryIn, countryOfZone } from '../../../src/daemon/zone-country.ts';

const TABLE = '# a comment\nDE,DK,NO\t+5230+01322\tEurope/Berlin\tmost areas\nAD\t+4230+00131\tEurope/Andorra\n';

test('the first of several countries, by the whole name', () => {
  assert.is(countryIn(TABLE, 'Europe/Berlin'), 'DE');
  assert.is(countryIn(TABLE, 'Europe/Andorra'), 'AD');
  const others = ['Europe', 'Berlin', '', 'most areas', 'Europe/Oslo'];
  for (const zone of others) assert.is(countryIn(TABLE, zone), undefined);
  assert.is(countryIn('germany\tx\tEurope/Berlin\nDEU\tx\tEurope/Bonn', 'Europe/Bonn'), undefined);
});

test('the older table where the newer one has no such name', () => {
  const folder = mkdtempSync(join(tmpdir(), 'zone-'));
  try {
    assert.is(countryOfZone('Europe/Oslo', folder), undefined);
    writeFileSync(join(folder, 'zone1970.tab'), TABLE);
    writeFileSync(join(folder, 'zone.tab'), 'NO\t+5955+01045\tEurope/Oslo\n');
    assert.equal([countryOfZone('Europe/Oslo', folder), countryOfZone('Europe/Berlin', folder)], ['NO', 'DE']);
  } finally {
    rmSync(folder, { recursive: true });
  }
});

if (existsSync('/usr/share/zoneinfo/zone.tab')) {
  test('the tables of this machine', () => {
    assert.equal(['Europe/Berlin', 'Asia/Tokyo', 'UTC'].map((zone) => countryOfZone(zone)), ['DE', 'JP', undefined]);
  });
}

test.run();
