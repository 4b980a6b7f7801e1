/**
 * The files behind the time zone: the one that stands for it (main.conf Localtime, tzfile(5)) and
 * the zoneinfo database. A zone is told by where the link leads, else by equal content. Invariant:
 * no name leads out of the database, and the file is replaced at once.
 */

import { readdirSync, readFileSync, realpathSync, statSync, watch } from 'node:fs';
import { basename, dirname } from 'node:path';
import type { Clock } from '../shared/clock.ts';
import { messageOf } from '../shared/errors.ts';
import { logger } from '../shared/log.ts';
import type { Scope } from '../shared/scope.ts';
import { replacePublicFile } from './files.ts';

const log = logger('src/daemon/timezone.ts');

/** No zone file comes near this. */
const MAX_BYTES = 1 << 16;
const QUIET_MS = 100;
/** The database twice more, with and without leap seconds, and files that are no zones. */
const NOT_ZONES: readonly string[] = ['posix', 'right', 'posixrules', 'localtime', 'Factory'];

/** Reads, sets and watches the time zone of the machine. */
export interface TimezoneFiles {
  /** The zone's name, such as `Europe/Berlin`; undefined when it cannot be told. */
  detect(): string | undefined;
  /** Whether the database has the zone. */
  has(zone: string): boolean;
  /** Puts a zone of the database in place, as a copy; throws what the system says. */
  install(zone: string): void;
  /** Calls back after the file changed, once for changes close together. */
  watch(clock: Clock, scope: Scope, onChange: () => void): void;
}

/** The time zone in file `localtime`, by the database in directory `zoneinfo`. */
export function timezoneFiles(localtime: string, zoneinfo = '/usr/share/zoneinfo'): TimezoneFiles {
  return {
    detect: () => detect(localtime, zoneinfo),
    has: (zone) => readZone(zoneinfo, zone) !== undefined,
    install: (zone) => install(localtime, zoneinfo, zone),
    watch: (clock, scope, onChange) => watchFile(localtime, clock, scope, onChange),
  };
}

function detect(localtime: string, zoneinfo: string): string | undefined {
  try {
    const target = realpathSync(localtime);
    const database = realpathSync(zoneinfo);
    if (target.startsWith(`${database}/`)) return target.slice(database.length + 1);
    const { size } = statSync(target);
    if (size > MAX_BYTES) return undefined;
    return findEqual(database, '', readFileSync(target));
  } catch (error) {
    log.debug('the time zone cannot be told: %s', messageOf(error));
    return undefined;
  }
}

/** The first zone, by name, with that content; sizes are compared before anything is read. */
function findEqual(database: string, prefix: string, content: Uint8Array): string | undefined {
  const names = readdirSync(`${database}/${prefix}`, { withFileTypes: true });
  for (const entry of names.sort((one, other) => (one.name < other.name ? -1 : 1))) {
    const zone = `${prefix}${entry.name}`;
    if (NOT_ZONES.includes(zone)) continue;
    if (entry.isDirectory()) {
      const found = findEqual(database, `${zone}/`, content);
      if (found !== undefined) return found;
    } else if (entry.isFile()) {
      const path = `${database}/${zone}`;
      if (statSync(path).size === content.length && readFileSync(path).equals(content)) return zone;
    }
  }
  return undefined;
}

function install(localtime: string, zoneinfo: string, zone: string): void {
  const content = readZone(zoneinfo, zone);
  if (content === undefined) throw new Error(`${zone} is no zone`);
  replacePublicFile(localtime, content);
}

/** The content of a zone file; undefined for a name that is none. */
function readZone(zoneinfo: string, zone: string): Uint8Array | undefined {
  // tz database, theory.html: letters, digits, '-', '+', '_', and no part that is '.' or '..'.
  if (!/^[A-Za-z0-9_+-]+(\/[A-Za-z0-9_+-]+)*$/.test(zone) || zone.length > 128) return undefined;
  const path = `${zoneinfo}/${zone}`;
  const stat = statSync(path, { throwIfNoEntry: false });
  if (stat?.isFile() !== true || stat.size > MAX_BYTES) return undefined;
  const content = readFileSync(path);
  // RFC 9636, 3.1: the magic number.
  return content.subarray(0, 4).toString('latin1') === 'TZif' ? content : undefined;
}

function watchFile(localtime: string, clock: Clock, scope: Scope, onChange: () => void): void {
  const name = basename(localtime);
  const quiet = clock.alarm(`look at ${localtime}`, scope, onChange);
  try {
    const watcher = watch(dirname(localtime), { persistent: false });
    watcher.on('change', (_, changed) => {
      if (changed === name) quiet.set(clock.now() + QUIET_MS);
    });
    watcher.on('error', (error) => log.warn('watching %s failed: %s', localtime, error.message));
    scope.defer(() => watcher.close());
  } catch (error) {
    log.warn('%s cannot be watched: %s', localtime, messageOf(error));
  }
}
