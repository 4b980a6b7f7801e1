/**
 * A table for what comes and goes all the time, by numbers. A Map is rebuilt again and again by such
 * use, and each time what it held is kept from the young garbage collector; here whoever is taken out
 * leaves nothing behind. Members carry their place in the table themselves.
 */

/** What can be in one table at a time. */
export interface Member<T> {
  /** Any 32 bits; members may share them. */
  readonly hash: number;
  /** The table's alone. */
  next: T | undefined;
}

/** One table. */
export class ChainTable<T extends Member<T>> {
  readonly #chains: (T | undefined)[] = [];
  #size = 0;

  /** `chains`: a power of two, about as many as there will be members. */
  constructor(chains: number) {
    for (let chain = 0; chain < chains; chain++) this.#chains.push(undefined);
  }

  get size(): number {
    return this.#size;
  }

  /** The first member that may have `hash`; the others follow as `next`. */
  first(hash: number): T | undefined {
    return this.#chains[hash & (this.#chains.length - 1)];
  }

  /** Adds one that is in no table. */
  add(member: T): void {
    const chain = member.hash & (this.#chains.length - 1);
    member.next = this.#chains[chain];
    this.#chains[chain] = member;
    this.#size++;
  }

  /** Takes it out; false if it was not in. */
  remove(member: T): boolean {
    const chain = member.hash & (this.#chains.length - 1);
    let before: T | undefined;
    for (let each = this.#chains[chain]; each !== undefined; each = each.next) {
      if (each === member) {
        if (before === undefined) this.#chains[chain] = member.next;
        else before.next = member.next;
        member.next = undefined;
        this.#size--;
        return true;
      }
      before = each;
    }
    return false;
  }

  /** All of them. */
  members(): T[] {
    const all: T[] = [];
    for (const first of this.#chains) for (let each = first; each !== undefined; each = each.next) all.push(each);
    return all;
  }

  clear(): void {
    for (const member of this.members()) this.remove(member);
  }
}
