/**
 * The two tables a mirror is made of: entries by key, by the link they belong to and by a group.
 * Invariant: all views hold the same entries, and a link or group without entries takes no memory.
 */

/** Entries with a key and perhaps a link. */
export class Table<T extends { readonly ifindex?: number | undefined }> {
  readonly #entries = new Map<string, T>();
  readonly #keysByLink = new Map<number, Set<string>>();
  readonly #keysByGroup = new Map<string, Set<string>>();
  readonly #groupOf: ((entry: T) => string) | undefined;

  /** `groupOf`: what `inGroup` finds entries by; the same for all entries with one key. */
  constructor(groupOf?: (entry: T) => string) {
    this.#groupOf = groupOf;
  }

  /** By key; the same map for the table's life. */
  get entries(): ReadonlyMap<string, T> {
    return this.#entries;
  }

  /** Those of one link, as a list that later changes do not touch. */
  of(ifindex: number): T[] {
    return this.#all(this.#keysByLink.get(ifindex));
  }

  /** Those of one group, likewise. */
  inGroup(group: string): T[] {
    return this.#all(this.#keysByGroup.get(group));
  }

  /** Entries with one key are of one link. */
  set(key: string, entry: T): void {
    this.#entries.set(key, entry);
    const { ifindex } = entry;
    if (ifindex !== undefined) addTo(this.#keysByLink, ifindex, key);
    if (this.#groupOf !== undefined) addTo(this.#keysByGroup, this.#groupOf(entry), key);
  }

  delete(key: string): void {
    const entry = this.#entries.get(key);
    if (entry === undefined) return;
    this.#entries.delete(key);
    if (entry.ifindex !== undefined) takeFrom(this.#keysByLink, entry.ifindex, key);
    if (this.#groupOf !== undefined) takeFrom(this.#keysByGroup, this.#groupOf(entry), key);
  }

  #all(keys: Iterable<string> = []): T[] {
    const found: T[] = [];
    for (const key of keys) {
      const entry = this.#entries.get(key);
      if (entry !== undefined) found.push(entry);
    }
    return found;
  }
}

function addTo<K>(index: Map<K, Set<string>>, at: K, key: string): void {
  const keys = index.get(at);
  if (keys === undefined) index.set(at, new Set([key]));
  else keys.add(key);
}

function takeFrom<K>(index: Map<K, Set<string>>, at: K, key: string): void {
  const keys = index.get(at);
  keys?.delete(key);
  if (keys?.size === 0) index.delete(at);
}
