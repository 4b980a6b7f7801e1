/**
 * The properties of one served interface, kept marshalled: each is looked at when first needed and
 * after `markStale` or `refresh`, and not otherwise.
 */

import { stackOf } from '../shared/errors.ts';
import { logger } from '../shared/log.ts';
import type { CompiledInterface, CompiledProperty } from './compiled.ts';
import { EncodedDictionary } from './dictionary.ts';
import { Variant } from './signature.ts';
import { MessageWriter } from './writer.ts';

const log = logger('src/dbus/property-table.ts');

/** Written to and left empty again within one look at a property. */
const scratch = new MessageWriter(0x1000);

/** A property's getter, its type forgotten. */
export type Getter = () => unknown;

interface Entry {
  readonly property: CompiledProperty;
  readonly get: Getter;
  /** The marshalled dictionary entry as last known; undefined while absent. */
  bytes: Uint8Array | undefined;
  isStale: boolean;
}

/** What became of a property that was looked at again. */
export type Change = { readonly kind: 'same' | 'gone' } | { readonly kind: 'changed'; readonly bytes: Uint8Array };

/** All properties of one interface of one object. */
export class PropertyTable {
  readonly #interface: string;
  readonly #entries = new Map<string, Entry>();
  #dictionary: EncodedDictionary | undefined;

  constructor(compiled: CompiledInterface, getters: Readonly<Record<string, Getter>>) {
    this.#interface = compiled.name;
    for (const property of compiled.properties.values()) {
      const get = getters[property.name];
      if (get === undefined) throw new Error(`no getter for ${compiled.name}.${property.name}`);
      this.#entries.set(property.name, { property, get, bytes: undefined, isStale: true });
    }
  }

  /** All that are present, in order. */
  dictionary(): EncodedDictionary {
    if (this.#dictionary === undefined) {
      const present: Uint8Array[] = [];
      for (const entry of this.#entries.values()) {
        if (entry.isStale) this.#look(entry);
        if (entry.bytes !== undefined) present.push(entry.bytes);
      }
      this.#dictionary = EncodedDictionary.join(present);
    }
    return this.#dictionary;
  }

  /** The value of one now; undefined while absent. */
  value(name: string): Variant | undefined {
    const entry = this.#entry(name);
    const value = entry.get();
    return value === undefined ? undefined : new Variant(entry.property.type.signature, value);
  }

  /** Has a property looked at again before it is next given out. */
  markStale(name: string): void {
    this.#entry(name).isStale = true;
    this.#dictionary = undefined;
  }

  /** Looks at a property now. One never known before counts as changed, or as the same if absent. */
  refresh(name: string): Change {
    const entry = this.#entry(name);
    const before = entry.bytes;
    this.#look(entry);
    if (entry.bytes === before) return { kind: 'same' };
    this.#dictionary = undefined;
    return entry.bytes === undefined ? { kind: 'gone' } : { kind: 'changed', bytes: entry.bytes };
  }

  #entry(name: string): Entry {
    const entry = this.#entries.get(name);
    if (entry === undefined) throw new Error(`${this.#interface} has no property ${name}`);
    return entry;
  }

  /** Replaces the bytes only if they differ. A getter that fails leaves the property out. */
  #look(entry: Entry): void {
    entry.isStale = false;
    const { name, type } = entry.property;
    try {
      const value = entry.get();
      if (value === undefined) {
        entry.bytes = undefined;
        return;
      }
      scratch.begin();
      scratch.string(name);
      scratch.signature(type.signature);
      scratch.value(type, value);
      const bytes = scratch.peek();
      if (entry.bytes === undefined || Buffer.compare(bytes, entry.bytes) !== 0) entry.bytes = new Uint8Array(bytes);
    } catch (error) {
      log.error('%s.%s: %s', this.#interface, name, stackOf(error));
      entry.bytes = undefined;
    } finally {
      scratch.abandon();
    }
  }
}
