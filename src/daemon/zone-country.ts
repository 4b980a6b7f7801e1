/**
 * The country of a time zone, by the tables beside the zoneinfo database (zone1970.tab, then the older
 * zone.tab, which has more names): codes of ISO 3166, tab, coordinates, tab, zone. Read when asked for.
 */

import { readFileSync } from 'node:fs';
import { messageOf } from '../shared/errors.ts';
import { logger } from '../shared/log.ts';

const log = logger('src/daemon/zone-country.ts');

const TABLES = ['zone1970.tab', 'zone.tab'] as const;
/** Theirs have 20 KiB. */
const MAX_BYTES = 1 << 20;

/** ISO 3166 alpha-2, of several countries the most populous; undefined where no table has the zone. */
export function countryOfZone(zone: string, zoneinfo = '/usr/share/zoneinfo'): string | undefined {
  for (const table of TABLES) {
    const country = countryIn(readTable(`${zoneinfo}/${table}`), zone);
    if (country !== undefined) return country;
  }
  return undefined;
}

/** The same in the text of a table. */
export function countryIn(table: string, zone: string): string | undefined {
  for (const line of table.split('\n')) {
    if (line.startsWith('#')) continue;
    const [countries = '', , name] = line.split('\t');
    if (name === zone) return /^[A-Z]{2}(?=,|$)/.exec(countries)?.[0];
  }
  return undefined;
}

function readTable(path: string): string {
  try {
    const bytes = readFileSync(path);
    return bytes.length > MAX_BYTES ? '' : bytes.toString('latin1');
  } catch (error) {
    log.debug('%s: %s', path, messageOf(error));
    return '';
  }
}
