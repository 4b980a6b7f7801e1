/**
 * One question under way for all who wait for its answer: servers are asked in their order, the
 * next when one fails or takes longer than it usually does. Time is an argument; whoever owns the
 * request calls `tick`. Invariant: its owner is told the end once.
 */

import type { StoredAnswer } from '../../dns/stored-answer.ts';
import type { Member } from '../../dns/chain-table.ts';
import type { Asked, Asker, Attempt, Outcome, Upstream } from './upstream.ts';

/** A question and under what its answer is kept. */
export interface Question {
  readonly key: string;
  /** Of name, type and class, which `key` begins with. */
  readonly lengthBytes: number;
  readonly flavour: number;
}

/** Who waits for an answer. */
export interface Waiter {
  /** Called once; the answer is valid during the call. */
  tell(answer: StoredAnswer): void;
}

/** How a request ended. */
export type RequestEnd =
  | Extract<Outcome, { readonly kind: 'answer' }>
  /** Nobody could tell. `rcode` if somebody said so. */
  | { readonly kind: 'failure'; readonly rcode: number | undefined };

/** Who is told. */
export interface RequestOwner {
  ended(request: Request, end: RequestEnd, nowMs: number): void;
}

/** ConnMan's limit. */
const DEADLINE_MS = 5000;
const ROUNDS = 3;
const MAX_ATTEMPTS = 12;
/** FNV-1a's. */
const HASH_START = 0x811c_9dc5;

/** One request. */
export class Request implements Asker, Member<Request> {
  readonly question: Question;
  readonly hash: number;
  next: Request | undefined;
  readonly startedAtMs: number;
  waiters: Waiter[];
  /** Attempts that have not ended; they go on after the end of the request, for their servers' health. */
  open: Attempt[] = [];
  readonly #asked: Asked;
  readonly #owner: RequestOwner;
  #order: readonly Upstream[] = [];
  #attempts = 0;
  #nextAtMs = 0;
  #rcode: number | undefined;
  #isOver = false;

  constructor(question: Question, waiters: Waiter[], owner: RequestOwner, nowMs: number) {
    const { key, lengthBytes, flavour } = question;
    this.question = question;
    this.hash = hashOf(key);
    this.waiters = waiters;
    this.startedAtMs = nowMs;
    this.#asked = { question: key.slice(0, lengthBytes), flavour };
    this.#owner = owner;
  }

  /** Asks the first server. */
  start(upstreams: readonly Upstream[], nowMs: number): void {
    const isAnyPaused = upstreams.some(({ health }) => health.isPaused(nowMs));
    this.#order = isAnyPaused ? pausedLast(upstreams, nowMs) : upstreams;
    this.#askNext(nowMs);
  }

  /** Does what is due. */
  tick(nowMs: number): void {
    for (const attempt of this.open) attempt.markLate(nowMs);
    if (nowMs >= this.startedAtMs + DEADLINE_MS) this.#end({ kind: 'failure', rcode: this.#rcode }, nowMs);
    else if (nowMs >= this.#nextAtMs) this.#askNext(nowMs);
  }

  ended(attempt: Attempt, outcome: Outcome, nowMs: number): void {
    const { open } = this;
    const last = open.pop();
    if (last !== undefined && last !== attempt) open[open.indexOf(attempt)] = last;
    if (!this.#isOver) this.#take(outcome, nowMs);
  }

  #askNext(nowMs: number): void {
    const most = Math.min(MAX_ATTEMPTS, ROUNDS * this.#order.length);
    for (;;) {
      const upstream = this.#order[this.#attempts % this.#order.length];
      if (upstream === undefined || this.#attempts >= most || this.#isOver) {
        this.#nextAtMs = Infinity;
        return;
      }
      const round = Math.floor(this.#attempts++ / this.#order.length);
      // One that has been silent is tried beside the next.
      const patienceMs = upstream.health.isSilent && round === 0 ? 0 : upstream.health.patienceMs * 2 ** round;
      this.#nextAtMs = nowMs + patienceMs;
      const attempt = upstream.ask(this.#asked, this, nowMs);
      // An array that grows makes room for many; there is mostly one.
      if (this.open.length === 0) this.open = [attempt];
      else this.open.push(attempt);
      if (patienceMs > 0) return;
    }
  }

  #take(outcome: Outcome, nowMs: number): void {
    if (outcome.kind === 'answer') {
      this.#end(outcome, nowMs);
      return;
    }
    if (outcome.kind === 'failure') this.#rcode ??= outcome.rcode;
    if (this.#attempts < this.#order.length) this.#askNext(nowMs);
    else if (this.open.length === 0) this.#end({ kind: 'failure', rcode: this.#rcode }, nowMs);
  }

  #end(end: RequestEnd, nowMs: number): void {
    if (this.#isOver) return;
    this.#isOver = true;
    this.#owner.ended(this, end, nowMs);
  }
}

/** The number by which a question is found. */
export function hashOf(key: string): number {
  let hash = HASH_START;
  for (let index = 0; index < key.length; index++) hash = Math.imul(hash ^ key.charCodeAt(index), 0x0100_0193);
  return hash ^ (hash >>> 15);
}

function pausedLast(upstreams: readonly Upstream[], nowMs: number): Upstream[] {
  const paused = upstreams.filter(({ health }) => health.isPaused(nowMs));
  return [...upstreams.filter((each) => !paused.includes(each)), ...paused];
}
