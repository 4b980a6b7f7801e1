/**
 * The settings file of the daemon itself: group `global` and one group for each technology, in
 * ConnMan's keys and formats, so that either can take over. Kept in memory for reading; a change
 * starts from the file, where others keep keys of their own.
 */

import { KeyFile } from './shared/keyfile.ts';
import type { Storage } from './daemon/storage.ts';

const FILE = 'settings';

/** What can be stored: lists are `;` separated. */
export type SettingValue = boolean | number | string | readonly string[];

/** The global settings. */
export class GlobalSettings {
  readonly #storage: Storage;
  #file: KeyFile;

  constructor(storage: Storage) {
    this.#storage = storage;
    this.#file = storage.read(FILE) ?? new KeyFile();
  }

  /** Reads the file again. */
  reload(): void {
    this.#file = this.#storage.read(FILE) ?? new KeyFile();
  }

  getBoolean(group: string, key: string): boolean | undefined {
    return this.#file.getBoolean(group, key);
  }

  getInteger(group: string, key: string): number | undefined {
    return this.#file.getInteger(group, key);
  }

  getString(group: string, key: string): string | undefined {
    return this.#file.get(group, key);
  }

  getList(group: string, key: string): readonly string[] | undefined {
    return this.#file.getList(group, key, ';');
  }

  /** Changes several keys and writes the file once; a failed write is logged by the storage. */
  set(changes: Readonly<Record<string, Readonly<Record<string, SettingValue>>>>): void {
    this.#file = this.#storage.read(FILE) ?? new KeyFile();
    for (const [group, values] of Object.entries(changes)) {
      for (const [key, value] of Object.entries(values)) {
        if (typeof value === 'object') this.#file.setList(group, key, value, ';');
        else this.#file.set(group, key, String(value));
      }
    }
    this.#storage.write(FILE, this.#file);
  }
}
