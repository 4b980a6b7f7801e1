/**
 * The settings of a connection: texts by key, as given on the bus, in files and by agents.
 * Invariant: a secret that an agent gave is used and never shown; one fixed by a file stays fixed.
 */

interface Setting {
  readonly value: string;
  /** Never shown nor stored. */
  readonly isHidden: boolean;
  /** From a provisioning file. */
  readonly isImmutable: boolean;
}

/** Texts by key, in the order in which they were first set. */
export class Settings {
  readonly #values = new Map<string, Setting>();

  /** The value; undefined for none and for an empty one. */
  get(key: string): string | undefined {
    return this.#values.get(key)?.value || undefined;
  }

  /** As `get`; `-` too means that there is none (ConnMan's mark of a used secret). */
  secret(key: string): string | undefined {
    const value = this.get(key);
    return value === '-' ? undefined : value;
  }

  /** Whether a flag is on: yes, true or 1 in any case. */
  flag(key: string): boolean {
    return ['yes', 'true', '1'].includes(this.get(key)?.toLowerCase() ?? '');
  }

  has(key: string): boolean {
    return this.#values.has(key);
  }

  isImmutable(key: string): boolean {
    return this.#values.get(key)?.isImmutable ?? false;
  }

  /** Sets a value for all to see, an empty one by removing it; false if it was the same. What a file fixed stays. */
  set(key: string, value: string): boolean {
    const before = this.#values.get(key);
    if (before?.isImmutable === true || (before?.value === value && !before.isHidden)) return false;
    if (value !== '') this.#values.set(key, { value, isHidden: false, isImmutable: false });
    else if (!this.#values.delete(key)) return false;
    return true;
  }

  /** Keeps what an agent gave until the daemon ends or `forget`; fixed ones stay. */
  setHidden(key: string, value: string): void {
    if (!this.isImmutable(key)) this.#values.set(key, { value, isHidden: true, isImmutable: false });
  }

  /** Sets what a provisioning file fixes. */
  fix(key: string, value: string): void {
    this.#values.set(key, { value, isHidden: false, isImmutable: true });
  }

  /** Forgets secrets after use, unless a file fixes them. */
  forget(...keys: string[]): void {
    for (const key of keys) if (!this.isImmutable(key)) this.#values.delete(key);
  }

  /** What may be shown. */
  visible(): readonly (readonly [key: string, value: string])[] {
    return [...this.#values].flatMap(([key, { value, isHidden }]) => (isHidden ? [] : [[key, value] as const]));
  }

  /** Whether the user has set this and may see it. */
  isVisible(key: string): boolean {
    return this.#values.get(key)?.isHidden === false;
  }
}
