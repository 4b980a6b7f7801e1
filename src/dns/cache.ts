/**
 * Answers kept until their time is up (RFC 1035, 7.4; RFC 2308), and for a while longer in case
 * nobody can tell better (RFC 8767). Pure: time is an argument. Reading allocates nothing. Bounded
 * by entries and bytes; what was asked for least lately goes first, what is popular gets another turn.
 */

import { EXTENDED_ERROR, PAST, type StoredAnswer } from './stored-answer.ts';

/** An answer in the cache. Its fields may change with the next call. */
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

interface Entry extends CachedAnswer {
  readonly key: string;
  /** In the ring. */
  readonly place: number;
  readonly storedAtMs: number;
  agedSec: number;
  hits: number;
  refreshAtMs: number;
  extendedError: number;
}

/** RFC 8767, 5. */
const STALE_MS = 86_400_000;
/** What an entry costs beside its bytes, as measured roughly. */
const ENTRY_BYTES = 300;
/** So many popular entries are spared in a row before one has to go nevertheless. */
const MOST_SPARED = 8;

/** One cache. */
export class AnswerCache {
  readonly #entries = new Map<string, Entry>();
  /** All entries, in places that the hand passes in turn. */
  readonly #ring: (Entry | undefined)[] = [];
  readonly #freePlaces: number[] = [];
  #hand = 0;
  readonly #limits: CacheLimits;
  #bytes = 0;
  #hits = 0;
  #misses = 0;
  #stale = 0;

  constructor(limits: CacheLimits) {
    this.#limits = limits;
  }

  /** The fresh answer under `key`, its times to live as of `nowMs`. Counts as a hit or a miss. */
  get(key: string, nowMs: number): CachedAnswer | undefined {
    const entry = this.#entries.get(key);
    if (entry === undefined || nowMs >= entry.expiresAtMs) {
      this.#misses++;
      return undefined;
    }
    this.#hits++;
    entry.hits++;
    age(entry, nowMs);
    return entry;
  }

  /** The answer if it is fresh, else one past its time but not by too much, marked as such, with 30 s to live. */
  getStale(key: string, nowMs: number): CachedAnswer | undefined {
    const entry = this.#entries.get(key);
    if (entry === undefined || nowMs >= entry.expiresAtMs + STALE_MS) return undefined;
    if (nowMs < entry.expiresAtMs) {
      age(entry, nowMs);
      return entry;
    }
    this.#stale++;
    entry.agedSec = PAST;
    entry.extendedError = entry.rcode === 3 ? EXTENDED_ERROR.staleNxdomain : EXTENDED_ERROR.stale;
    return entry;
  }

  /** Keeps `answer` for `ttlSec`. */
  put(key: string, answer: StoredAnswer, ttlSec: number, nowMs: number): void {
    const before = this.#entries.get(key);
    if (before !== undefined) this.#remove(before);
    const size = sizeOf(key, answer);
    if (size > this.#limits.bytes) return;
    while (this.#entries.size >= this.#limits.entries || this.#bytes + size > this.#limits.bytes) this.#evict();
    const ttlMs = 1000 * ttlSec;
    const entry: Entry = {
      key,
      place: this.#freePlaces.pop() ?? this.#ring.length,
      rcode: answer.rcode,
      answerCount: answer.answerCount,
      authorityCount: answer.authorityCount,
      tail: answer.tail,
      ttlOffsets: answer.ttlOffsets,
      extendedError: 0,
      storedAtMs: nowMs,
      expiresAtMs: nowMs + ttlMs,
      refreshAtMs: ttlSec < 10 ? Infinity : nowMs + ttlMs * 0.9,
      agedSec: 0,
      hits: 0,
    };
    this.#entries.set(key, entry);
    this.#ring[entry.place] = entry;
    this.#bytes += size;
  }

  /** Says that the answer is being asked for again: not again before it is stored anew. */
  refreshing(key: string): void {
    const entry = this.#entries.get(key);
    if (entry !== undefined) entry.refreshAtMs = Infinity;
  }

  clear(): void {
    this.#entries.clear();
    this.#ring.length = 0;
    this.#freePlaces.length = 0;
    this.#bytes = 0;
  }

  get counts(): CacheCounts {
    const { size: entries } = this.#entries;
    return { entries, bytes: this.#bytes, hits: this.#hits, misses: this.#misses, stale: this.#stale };
  }

  // A clock: what was asked for since the hand passed last is spared, for half of its merits.
  #evict(): void {
    for (let spared = 0; ; ) {
      this.#hand = this.#hand + 1 < this.#ring.length ? this.#hand + 1 : 0;
      const entry = this.#ring[this.#hand];
      if (entry === undefined) continue;
      if (entry.hits === 0 || spared++ === MOST_SPARED) {
        this.#remove(entry);
        return;
      }
      entry.hits >>= 1;
    }
  }

  #remove(entry: Entry): void {
    this.#entries.delete(entry.key);
    this.#ring[entry.place] = undefined;
    this.#freePlaces.push(entry.place);
    this.#bytes -= sizeOf(entry.key, entry);
  }
}

function sizeOf(key: string, { tail, ttlOffsets }: StoredAnswer): number {
  return ENTRY_BYTES + key.length + tail.length + 2 * ttlOffsets.length;
}

function age(entry: Entry, nowMs: number): void {
  entry.agedSec = Math.floor((nowMs - entry.storedAtMs) / 1000);
}
