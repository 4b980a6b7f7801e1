/**
 * The two tables a mirror is made of: entries by key and by the link they belong to. Invariant: both
 * views hold the same entries, and a link without entries takes no memory.
 */

/** Entries with a key and perhaps a link. */
export class Table<T extends { readonly ifindex?: number | undefined }> {
  readonly #entries = new Map<string, T>();
  readonly #keysByLink = new Map<number, Set<string>>();

  /** By key; the same map for the table's life. */
  get entries(): ReadonlyMap<string, T> {
    return this.#entries;
  }

  /** Those of one link, as a list that later changes do not touch. */
  of(ifindex: number): T[] {
    const found: T[] = [];
    for (const key of this.#keysByLink.get(ifindex) ?? []) {
      const entry = this.#entries.get(key);
      if (entry !== undefined) found.push(entry);
    }
    return found;
  }

  /** Entries with one key are of one link. */
  set(key: string, entry: T): void {
    this.#entries.set(key, entry);
    const { ifindex } = entry;
    if (ifindex === undefined) return;
    const keys = this.#keysByLink.get(ifindex);
    if (keys === undefined) this.#keysByLink.set(ifindex, new Set([key]));
    else keys.add(key);
  }

  delete(key: string): void {
    const ifindex = this.#entries.get(key)?.ifindex;
    this.#entries.delete(key);
    if (ifindex === undefined) return;
    const keys = this.#keysByLink.get(ifindex);
    keys?.delete(key);
    if (keys?.size === 0) this.#keysByLink.delete(ifindex);
  }
}
