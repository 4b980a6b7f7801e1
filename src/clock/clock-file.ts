/**
 * The time of day kept on disk for boards without a battery-backed clock: after a reboot the wall
 * clock goes on from there, so that it never runs backwards. Written at stop and at most once an
 * hour in between, which flash memory bears. Invariant: without a time server or a user to vouch for
 * it, an earlier time never replaces a later one.
 */

import type { Storage } from '../daemon/storage.ts';
import type { Clock } from '../shared/clock.ts';
import { SystemError } from '../shared/errors.ts';
import { KeyFile } from '../shared/keyfile.ts';
import { logger } from '../shared/log.ts';
import type { Scope } from '../shared/scope.ts';
import type { System } from '../system/system.ts';
import type { ClockSettings } from './clock.ts';

const log = logger('src/clock/clock-file.ts');

const FILE = 'causeway/clock';
const GROUP = 'Clock';
const KEY = 'UnixTime';
const INTERVAL_MS = 3_600_000;
/** The year 2100: a file that says more is damaged. */
const LATEST_UNIX_SEC = 4_102_444_800;

/** What the clock file takes from outside. */
export interface ClockFileEnv {
  readonly clock: Clock;
  readonly system: Pick<System, 'setWallClock' | 'wallTime'>;
  readonly storage: Storage;
  readonly settings: ClockSettings;
}

/** The clock file at work. */
export interface ClockFile {
  /** Writes it now: the machine may not come back. */
  write(): void;
}

/** Sets the clock to what the file says if that is later, and keeps the file until `scope` closes. */
export function keepClockFile({ clock, system, storage, settings }: ClockFileEnv, scope: Scope): ClockFile {
  const write = (): void => {
    if (settings.timeUpdates === 'external') return;
    const now = Math.floor(system.wallTime() / 1000);
    const isVouchedFor = settings.isTimeserverSynced || settings.timeUpdates === 'manual';
    const unixSec = isVouchedFor ? now : Math.max(now, readTime(storage) ?? 0);
    const file = new KeyFile();
    file.set(GROUP, KEY, String(unixSec));
    storage.write(FILE, file);
  };
  if (settings.timeUpdates !== 'external') restore(system, readTime(storage));
  const hourly = clock.alarm('clock file', scope, () => {
    write();
    hourly.set(clock.now() + INTERVAL_MS);
  });
  hourly.set(clock.now() + INTERVAL_MS);
  scope.defer(write);
  return { write };
}

function restore(system: Pick<System, 'setWallClock' | 'wallTime'>, unixSec: number | undefined): void {
  if (unixSec === undefined || system.wallTime() >= unixSec * 1000) return;
  try {
    system.setWallClock(unixSec * 1000);
    log.info('the clock goes on from %s', new Date(unixSec * 1000).toISOString());
  } catch (error) {
    if (!(error instanceof SystemError)) throw error;
    log.warn('the clock is behind the last time known and cannot be set: %s', error.message);
  }
}

function readTime(storage: Storage): number | undefined {
  const text = storage.read(FILE)?.get(GROUP, KEY) ?? '';
  return /^[0-9]{1,10}$/.test(text) && Number(text) < LATEST_UNIX_SEC ? Number(text) : undefined;
}
