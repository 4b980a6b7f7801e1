/**
 * Where a cache keeps its answers: one block of memory outside of V8's heap, laid out so that
 * src/system/addon/known.c finds answers in it too. Words of HEAD, then buckets of chains, then the
 * entries in a ring, oldest first: each has WORDS of its own, its key, its records and the places of
 * their times to live. Invariants: an entry never moves but by `renewOldest`; a chain is never longer
 * than MOST_IN_CHAIN, so that nobody gains by names that share one.
 */

/** Places of words at the start of the memory. */
const HEAD = { seed: 0, buckets: 1, bucketsAt: 2 } as const;
/** Of numbers, eight bytes each: what was found without JavaScript. */
const FOUND = 2;
const HEAD_BYTES = 64;

/** Places of an entry's words. */
export const WORD = {
  /** The next entry of the chain, 0 for none. */
  next: 0,
  hash: 1,
  /** Of the whole entry. */
  bytes: 2,
  /** 0: dead. */
  keyBytes: 3,
  tailBytes: 4,
  ttlCount: 5,
  rcode: 6,
  answerCount: 7,
  authorityCount: 8,
  hits: 9,
} as const;

/** Places of an entry's times, eight bytes each. */
export const TIME = { storedAtMs: 5, expiresAtMs: 6, refreshAtMs: 7 } as const;

/** Before an entry's key. */
const ENTRY_BYTES = 64;
const MOST_IN_CHAIN = 12;
/** So many bytes of the ring may be dead beyond as many as are alive. */
const SLACK_BYTES = 65_536;

/** What an entry takes, of a key and its records. */
export function entryBytes(keyBytes: number, tailBytes: number, ttlCount: number): number {
  return (ttlsAfter(ENTRY_BYTES + keyBytes + tailBytes) + 2 * ttlCount + 7) & ~7;
}

/** Entries, by their keys. An entry is the place in `bytes` where it begins; 0 is none. */
export class AnswerMemory {
  readonly buffer: ArrayBuffer;
  readonly bytes: Buffer;
  readonly words: Int32Array;
  readonly numbers: Float64Array;
  readonly places: Uint16Array;
  readonly #seed: number;
  readonly #buckets: number;
  /** In words. */
  readonly #bucketsAt: number;
  readonly #start: number;
  readonly #end: number;
  #head: number;
  #tail: number;
  /** Where entries in front of the tail end, while the head is behind it; else 0. */
  #wrapAt = 0;
  #entries = 0;
  #liveBytes = 0;

  /** `seed`: what nobody outside knows. */
  constructor(entries: number, ringBytes: number, seed: number) {
    this.#seed = seed | 0;
    this.#buckets = 2 ** Math.ceil(Math.log2(Math.max(2, 1.5 * entries)));
    this.#bucketsAt = HEAD_BYTES / 4;
    this.#start = HEAD_BYTES + 4 * this.#buckets;
    this.#end = this.#start + (ringBytes & ~7);
    this.#head = this.#start;
    this.#tail = this.#start;
    this.buffer = new ArrayBuffer(this.#end);
    this.bytes = Buffer.from(this.buffer);
    this.words = new Int32Array(this.buffer);
    this.numbers = new Float64Array(this.buffer);
    this.places = new Uint16Array(this.buffer);
    this.words[HEAD.seed] = this.#seed;
    this.words[HEAD.buckets] = this.#buckets;
    this.words[HEAD.bucketsAt] = 4 * this.#bucketsAt;
  }

  get entries(): number {
    return this.#entries;
  }

  get liveBytes(): number {
    return this.#liveBytes;
  }

  /** How often an entry was found and given by the addon. */
  get found(): number {
    return this.numbers[FOUND] ?? 0;
  }

  word(entry: number, place: number): number {
    return this.words[(entry >> 2) + place] ?? 0;
  }

  setWord(entry: number, place: number, value: number): void {
    this.words[(entry >> 2) + place] = value;
  }

  time(entry: number, place: number): number {
    return this.numbers[(entry >> 3) + place] ?? 0;
  }

  setTime(entry: number, place: number, value: number): void {
    this.numbers[(entry >> 3) + place] = value;
  }

  /** Where an entry's records stand in `bytes`. */
  tailAt(entry: number): number {
    return entry + ENTRY_BYTES + this.word(entry, WORD.keyBytes);
  }

  /** Where the places of its times to live stand in `places`. */
  ttlsAt(entry: number): number {
    return ttlsAfter(this.tailAt(entry) + this.word(entry, WORD.tailBytes)) >> 1;
  }

  /** What `find` and `add` take beside the first `length` bytes of `key`. */
  hashOf(key: Buffer, length: number): number {
    // FNV-1a, from a start of our own, mixed once more for its lower bits.
    let hash = this.#seed;
    for (let index = 0; index < length; index++) hash = Math.imul(hash ^ (key[index] ?? 0), 0x0100_0193);
    return hash ^ (hash >>> 15);
  }

  /** The entry under the first `length` bytes of `key`. */
  find(key: Buffer, length: number, hash: number): number {
    const { words } = this;
    let entry = words[this.#bucketOf(hash)] ?? 0;
    while (entry !== 0) {
      const at = entry >> 2;
      if (words[at + WORD.hash] === hash && this.#isUnder(entry, key, length)) return entry;
      entry = words[at + WORD.next] ?? 0;
    }
    return 0;
  }

  /**
   * Makes the newest entry, under a key that has none, for which `hasRoom` has said yes; all but its key
   * and hash are the caller's to fill in.
   */
  add(key: Buffer, keyBytes: number, hash: number, bytes: number): number {
    const entry = this.#append(bytes);
    this.setWord(entry, WORD.bytes, bytes);
    this.setWord(entry, WORD.hash, hash);
    this.setWord(entry, WORD.keyBytes, keyBytes);
    const { bytes: memory } = this;
    for (let index = 0; index < keyBytes; index++) memory[entry + ENTRY_BYTES + index] = key[index] ?? 0;
    this.#entries++;
    this.#liveBytes += bytes;
    this.#link(entry);
    return entry;
  }

  /** Whether an entry of so many bytes can be made now; else, room is made by taking the oldest out. */
  hasRoom(bytes: number): boolean {
    if (this.#wrapAt > 0) return this.#head + bytes <= this.#tail;
    return this.#head + bytes <= this.#end || this.#start + bytes <= this.#tail;
  }

  /** Whether so much of the ring is dead that the oldest entry should be seen to. */
  get isSparse(): boolean {
    const used = this.#wrapAt > 0 ? this.#wrapAt - this.#tail + this.#head - this.#start : this.#head - this.#tail;
    return used > 2 * this.#liveBytes + SLACK_BYTES;
  }

  /** The oldest entry, perhaps dead; 0 if there is none. */
  get oldest(): number {
    return this.#head === this.#tail && this.#wrapAt === 0 ? 0 : this.#tail;
  }

  isDead(entry: number): boolean {
    return this.word(entry, WORD.keyBytes) === 0;
  }

  /** Nobody finds the entry any more. */
  kill(entry: number): void {
    this.#replaceInChain(entry, this.word(entry, WORD.next));
    this.setWord(entry, WORD.keyBytes, 0);
    this.#entries--;
    this.#liveBytes -= this.word(entry, WORD.bytes);
  }

  /** Gives the room of the oldest entry, which is dead, to others. */
  dropOldest(): void {
    this.#pass();
  }

  /** Makes the oldest entry the newest. */
  renewOldest(): void {
    const from = this.#tail;
    const bytes = this.word(from, WORD.bytes);
    this.#pass();
    const to = this.#append(bytes);
    if (to === from) return;
    this.#replaceInChain(from, to);
    this.bytes.copyWithin(to, from, from + bytes);
  }

  clear(): void {
    this.words.fill(0, this.#bucketsAt, this.#bucketsAt + this.#buckets);
    this.#head = this.#start;
    this.#tail = this.#start;
    this.#wrapAt = 0;
    this.#entries = 0;
    this.#liveBytes = 0;
  }

  // What was passed leaves room enough at one end or the other for as much again.
  #append(bytes: number): number {
    if (this.#wrapAt === 0) {
      const isFrontLarger = this.#tail - this.#start > this.#head - this.#tail && this.#start + bytes <= this.#tail;
      if (isFrontLarger || this.#head + bytes > this.#end) {
        this.#wrapAt = this.#head;
        this.#head = this.#start;
      }
    }
    const entry = this.#head;
    this.#head += bytes;
    return entry;
  }

  #pass(): void {
    this.#tail += this.word(this.#tail, WORD.bytes);
    if (this.#tail === this.#wrapAt) {
      this.#tail = this.#start;
      this.#wrapAt = 0;
    }
    if (this.#tail === this.#head && this.#wrapAt === 0) {
      this.#head = this.#start;
      this.#tail = this.#start;
    }
  }

  #link(entry: number): void {
    const bucket = this.#bucketOf(this.word(entry, WORD.hash));
    const first = this.words[bucket] ?? 0;
    this.setWord(entry, WORD.next, first);
    this.words[bucket] = entry;
    let last = first;
    for (let length = 1; last !== 0; last = this.word(last, WORD.next)) {
      if (++length > MOST_IN_CHAIN) {
        this.kill(last);
        return;
      }
    }
  }

  #replaceInChain(entry: number, by: number): void {
    const { words } = this;
    let place = this.#bucketOf(words[(entry >> 2) + WORD.hash] ?? 0);
    for (let found = words[place] ?? 0; found !== entry; found = words[place] ?? 0) {
      if (found === 0) return;
      place = (found >> 2) + WORD.next;
    }
    words[place] = by;
  }

  #isUnder(entry: number, key: Buffer, length: number): boolean {
    if (this.word(entry, WORD.keyBytes) !== length) return false;
    const { bytes } = this;
    const at = entry + ENTRY_BYTES;
    for (let index = 0; index < length; index++) if (bytes[at + index] !== key[index]) return false;
    return true;
  }

  #bucketOf(hash: number): number {
    return this.#bucketsAt + (hash & (this.#buckets - 1));
  }
}

// Places are even.
function ttlsAfter(end: number): number {
  return (end + 1) & ~1;
}
