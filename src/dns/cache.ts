/**
 * Answers kept until their time is up (RFC 1035, 7.4; RFC 2308), and for a while longer in case
 * nobody can tell better (RFC 8767). Pure: time is an argument. Reading allocates nothing, and what is
 * kept is no burden to the garbage collector. Bounded by entries and bytes; what came first goes
 * first, but what was asked for meanwhile gets another turn.
 */

import { AnswerMemory, entryBytes, TIME, WORD } from './answer-memory.ts';
import { copyTail, EXTENDED_ERROR, PAST, type StoredAnswer } from './stored-answer.ts';

/** An answer in the cache: one object for all, valid until the cache is used again. */
export interface CachedAnswer extends StoredAnswer {
  /** Fresh until then. */
  readonly expiresAtMs: number;
  /** From then on it is worth asking again before it expires, if it is asked for. */
  readonly refreshAtMs: number;
  /** How often it was given since it was stored or last spared from eviction. */
  readonly hits: number;
}

/** How large a cache may grow. */
export interface CacheLimits {
  readonly entries: number;
  readonly bytes: number;
}

/** What a cache has seen since its start. */
export interface CacheCounts {
  readonly entries: number;
  readonly bytes: number;
  readonly hits: number;
  readonly misses: number;
  /** Of the hits those past their time. */
  readonly stale: number;
}

/** A key as bytes. */
export interface KeyBytes {
  readonly keyMemory: Buffer;
  readonly keyBytes: number;
}

/** RFC 8767, 5. */
const STALE_MS = 86_400_000;
/** So many popular entries are spared in a row before one has to go nevertheless. */
const MOST_SPARED = 8;
const MOST_HITS = 0x7fff_ffff;
/** More than one: while it is tidied, as much may die as comes in. */
const TIDY_STEPS = 3;
/** Longer than any question. */
const MAX_KEY_BYTES = 300;

/** One cache. */
export class AnswerCache {
  readonly #memory: AnswerMemory;
  readonly #limits: CacheLimits;
  readonly #view: View;
  /** The key last looked for, and its hash. */
  readonly #key = Buffer.alloc(MAX_KEY_BYTES);
  #hash = 0;
  #hits = 0;
  #misses = 0;
  #stale = 0;

  /** `seed`: what nobody outside knows, lest they make names that are slow to find. */
  constructor(limits: CacheLimits, seed: number) {
    this.#limits = limits;
    this.#memory = new AnswerMemory(limits.entries, limits.bytes, seed);
    this.#view = new View(this.#memory);
  }

  /** For those who find answers in it by themselves. */
  get memory(): ArrayBuffer {
    return this.#memory.buffer;
  }

  /** The fresh answer under `key`, its times to live as of `nowMs`. Counts as a hit or a miss. */
  get(key: string, nowMs: number): CachedAnswer | undefined {
    return this.#get(this.#find(key), nowMs);
  }

  /** As `get`, for a key that is no string. */
  getBy({ keyMemory, keyBytes }: KeyBytes, nowMs: number): CachedAnswer | undefined {
    const hash = this.#memory.hashOf(keyMemory, keyBytes);
    return this.#get(this.#memory.find(keyMemory, keyBytes, hash), nowMs);
  }

  /** The answer if it is fresh, else one past its time but not by too much, marked as such, with 30 s to live. */
  getStale(key: string, nowMs: number): CachedAnswer | undefined {
    const entry = this.#find(key);
    if (entry === 0) return undefined;
    const expiresAtMs = this.#memory.time(entry, TIME.expiresAtMs);
    if (nowMs >= expiresAtMs + STALE_MS) return undefined;
    const view = this.#view.at(entry, nowMs);
    if (nowMs < expiresAtMs) return view;
    this.#stale++;
    view.agedSec = PAST;
    view.extendedError = view.rcode === 3 ? EXTENDED_ERROR.staleNxdomain : EXTENDED_ERROR.stale;
    return view;
  }

  /** Keeps a copy of `answer` for `ttlSec`. */
  put(key: string, answer: StoredAnswer, ttlSec: number, nowMs: number): void {
    const memory = this.#memory;
    const before = this.#find(key);
    if (before !== 0) memory.kill(before);
    const bytes = entryBytes(key.length, answer.tailBytes, answer.ttlCount);
    if (bytes > this.#limits.bytes || key.length > MAX_KEY_BYTES) return;
    while (memory.entries >= this.#limits.entries || !memory.hasRoom(bytes)) this.#evict();
    const entry = memory.add(this.#key, key.length, this.#hash, bytes);
    fill(memory, entry, answer);
    const ttlMs = 1000 * ttlSec;
    memory.setTime(entry, TIME.storedAtMs, nowMs);
    memory.setTime(entry, TIME.expiresAtMs, nowMs + ttlMs);
    memory.setTime(entry, TIME.refreshAtMs, ttlSec < 10 ? Infinity : nowMs + ttlMs * 0.9);
    for (let steps = 0; steps < TIDY_STEPS && memory.isSparse; steps++) this.#tidy();
  }

  /** Says that the answer is being asked for again: not again before it is stored anew. */
  refreshing(key: string): void {
    const entry = this.#find(key);
    if (entry !== 0) this.#memory.setTime(entry, TIME.refreshAtMs, Infinity);
  }

  clear(): void {
    this.#memory.clear();
  }

  get counts(): CacheCounts {
    const { entries, liveBytes: bytes, found } = this.#memory;
    return { entries, bytes, hits: this.#hits + found, misses: this.#misses, stale: this.#stale };
  }

  #get(entry: number, nowMs: number): CachedAnswer | undefined {
    if (entry === 0 || nowMs >= this.#memory.time(entry, TIME.expiresAtMs)) {
      this.#misses++;
      return undefined;
    }
    this.#hits++;
    const hits = this.#memory.word(entry, WORD.hits);
    if (hits < MOST_HITS) this.#memory.setWord(entry, WORD.hits, hits + 1);
    return this.#view.at(entry, nowMs);
  }

  #find(key: string): number {
    for (let index = 0; index < key.length; index++) this.#key[index] = key.charCodeAt(index);
    this.#hash = this.#memory.hashOf(this.#key, key.length);
    return this.#memory.find(this.#key, key.length, this.#hash);
  }

  // What was asked for since it was the newest becomes the newest again, for half of its merits.
  #evict(): void {
    const memory = this.#memory;
    for (let spared = 0; ; ) {
      const entry = memory.oldest;
      if (entry === 0) return;
      const hits = memory.word(entry, WORD.hits);
      if (memory.isDead(entry)) {
        memory.dropOldest();
      } else if (hits === 0 || spared++ === MOST_SPARED) {
        memory.kill(entry);
        memory.dropOldest();
        return;
      } else {
        memory.setWord(entry, WORD.hits, hits >> 1);
        memory.renewOldest();
      }
    }
  }

  #tidy(): void {
    const memory = this.#memory;
    if (memory.isDead(memory.oldest)) memory.dropOldest();
    else memory.renewOldest();
  }
}

function fill(memory: AnswerMemory, entry: number, answer: StoredAnswer): void {
  const { tailBytes, ttlPlaces, ttlCount } = answer;
  memory.setWord(entry, WORD.tailBytes, tailBytes);
  memory.setWord(entry, WORD.ttlCount, ttlCount);
  memory.setWord(entry, WORD.rcode, answer.rcode);
  memory.setWord(entry, WORD.answerCount, answer.answerCount);
  memory.setWord(entry, WORD.authorityCount, answer.authorityCount);
  memory.setWord(entry, WORD.hits, 0);
  copyTail(memory.bytes, memory.tailAt(entry), answer);
  const ttlsAt = memory.ttlsAt(entry);
  for (let index = 0; index < ttlCount; index++) memory.places[ttlsAt + index] = ttlPlaces[answer.ttlsAt + index] ?? 0;
}

class View implements CachedAnswer {
  rcode = 0;
  answerCount = 0;
  authorityCount = 0;
  readonly memory: Buffer;
  tailAt = 0;
  tailBytes = 0;
  readonly ttlPlaces: Uint16Array;
  ttlsAt = 0;
  ttlCount = 0;
  agedSec = 0;
  extendedError = 0;
  expiresAtMs = 0;
  refreshAtMs = 0;
  hits = 0;
  readonly #memory: AnswerMemory;

  constructor(memory: AnswerMemory) {
    this.#memory = memory;
    this.memory = memory.bytes;
    this.ttlPlaces = memory.places;
  }

  at(entry: number, nowMs: number): this {
    const memory = this.#memory;
    this.rcode = memory.word(entry, WORD.rcode);
    this.answerCount = memory.word(entry, WORD.answerCount);
    this.authorityCount = memory.word(entry, WORD.authorityCount);
    this.tailAt = memory.tailAt(entry);
    this.tailBytes = memory.word(entry, WORD.tailBytes);
    this.ttlsAt = memory.ttlsAt(entry);
    this.ttlCount = memory.word(entry, WORD.ttlCount);
    this.agedSec = Math.floor((nowMs - memory.time(entry, TIME.storedAtMs)) / 1000);
    this.extendedError = 0;
    this.expiresAtMs = memory.time(entry, TIME.expiresAtMs);
    this.refreshAtMs = memory.time(entry, TIME.refreshAtMs);
    this.hits = memory.word(entry, WORD.hits);
    return this;
  }
}
