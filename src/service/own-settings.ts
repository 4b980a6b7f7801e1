/**
 * What is set of services and ConnMan has no key for, by service identifier. It lies in a file of
 * ours, so that ConnMan's own files stay as ConnMan knows them. Read when first asked for.
 */

import type { Storage } from '../daemon/storage.ts';
import { Emitter, type Observable } from '../shared/emitter.ts';
import { KeyFile } from '../shared/keyfile.ts';

const FILE = 'causeway/services';

/** Settings of services that are ours alone. */
export class OwnSettings {
  readonly #storage: Storage;
  readonly #reloaded = new Emitter<void>();
  #file: KeyFile | undefined;

  constructor(storage: Storage) {
    this.#storage = storage;
  }

  /** Undefined where it was never set. */
  get(identifier: string, key: string): string | undefined {
    return this.#read().get(identifier, key);
  }

  /** Writes at once; undefined takes the key away. */
  set(identifier: string, key: string, value: string | undefined): void {
    const file = this.#read();
    if (value === undefined) file.remove(identifier, key);
    else file.set(identifier, key, value);
    this.#storage.write(FILE, file);
  }

  /** The file is another one. */
  reload(): void {
    this.#file = undefined;
    this.#reloaded.emit();
  }

  /** Emits when anything may be another. */
  get reloaded(): Observable<void> {
    return this.#reloaded;
  }

  #read(): KeyFile {
    this.#file ??= this.#storage.read(FILE) ?? new KeyFile();
    return this.#file;
  }
}
