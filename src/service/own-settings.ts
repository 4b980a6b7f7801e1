/**
 * What is set of services and ConnMan has no key for, by service identifier. It lies in a file of
 * ours, so that ConnMan's own files stay as ConnMan knows them. Read when first asked for. What a
 * provisioning file decides comes before what was set, and cannot be set meanwhile.
 */

import type { Storage } from '../daemon/storage.ts';
import { Emitter, type Observable } from '../shared/emitter.ts';
import { ConnmanError } from '../shared/errors.ts';
import { KeyFile } from '../shared/keyfile.ts';

const FILE = 'causeway/services';

/** Settings of services that are ours alone. */
export class OwnSettings {
  readonly #storage: Storage;
  readonly #reloaded = new Emitter<void>();
  #file: KeyFile | undefined;
  /** By identifier and key; `auto` as well. */
  readonly #decided = new Map<string, ReadonlyMap<string, string>>();

  constructor(storage: Storage) {
    this.#storage = storage;
  }

  /** Undefined where nobody decided. */
  get(identifier: string, key: string): string | undefined {
    const decided = this.#decided.get(identifier)?.get(key) ?? this.#read().get(identifier, key);
    return decided === 'auto' ? undefined : decided;
  }

  /** Writes at once; undefined takes the key away. Throws NotSupported for what a file decides. */
  set(identifier: string, key: string, value: string | undefined): void {
    if (this.#decided.get(identifier)?.has(key) === true) throw new ConnmanError('NotSupported');
    const file = this.#read();
    if (value === undefined) file.remove(identifier, key);
    else file.set(identifier, key, value);
    this.#storage.write(FILE, file);
  }

  /** What a provisioning file decides of a service from now on. */
  decide(identifier: string, values: ReadonlyMap<string, string>): void {
    const before = this.#decided.get(identifier)?.size ?? 0;
    if (values.size > 0) this.#decided.set(identifier, values);
    else this.#decided.delete(identifier);
    if (values.size + before > 0) this.#reloaded.emit();
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
