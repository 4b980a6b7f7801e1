/**
 * What the clock object keeps in the global `settings` file (group `[global]`), in ConnMan's keys.
 * Other keys of the file are left as they are.
 */

import type { Storage } from '../daemon/storage.ts';
import { KeyFile } from '../shared/keyfile.ts';

/** Who keeps the time zone. */
export type UpdatePolicy = 'auto' | 'manual';

/** Who keeps the time; `external` is another program, which the clock is left to. */
export type TimePolicy = UpdatePolicy | 'external';

/** The stored part of the clock object. */
export interface StoredSettings {
  readonly timeUpdates: TimePolicy;
  readonly timezoneUpdates: UpdatePolicy;
  readonly timeservers: readonly string[];
}

const FILE = 'settings';
const GROUP = 'global';

/** What is stored; `auto` and no servers where nothing is. */
export function loadSettings(storage: Storage): StoredSettings {
  const file = storage.read(FILE);
  return {
    timeUpdates: parseTimePolicy(file?.get(GROUP, 'TimeUpdates') ?? '') ?? 'auto',
    timezoneUpdates: parsePolicy(file?.get(GROUP, 'TimezoneUpdates') ?? '') ?? 'auto',
    timeservers: [...new Set(file?.getList(GROUP, 'Timeservers', ';') ?? [])],
  };
}

/** Stores it. */
export function saveSettings(storage: Storage, { timeUpdates, timezoneUpdates, timeservers }: StoredSettings): void {
  const file = storage.read(FILE) ?? new KeyFile();
  file.set(GROUP, 'TimeUpdates', timeUpdates);
  file.set(GROUP, 'TimezoneUpdates', timezoneUpdates);
  if (timeservers.length === 0) file.remove(GROUP, 'Timeservers');
  else file.setList(GROUP, 'Timeservers', timeservers, ';');
  storage.write(FILE, file);
}

/** A policy for the time; undefined for any other text. */
export function parseTimePolicy(text: string): TimePolicy | undefined {
  return text === 'external' ? text : parsePolicy(text);
}

/** A policy for the time zone; undefined for any other text. */
export function parsePolicy(text: string): UpdatePolicy | undefined {
  return text === 'auto' || text === 'manual' ? text : undefined;
}
