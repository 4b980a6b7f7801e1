/**
 * The table of requests under way: equal questions are asked once (RFC 5452, 5), answers go into the
 * cache, and what has lost its servers is answered from what was known before (RFC 8767). Bounded in
 * requests and in those who wait for one.
 */

import { addressesIn, isInner } from '../../dns/answer-addresses.ts';
import type { AnswerCache } from '../../dns/cache.ts';
import { ChainTable } from '../../dns/chain-table.ts';
import { bareAnswer, EXTENDED_ERROR, type StoredAnswer } from '../../dns/stored-answer.ts';
import type { Alarm, Clock } from '../../shared/clock.ts';
import type { Scope } from '../../shared/scope.ts';
import { hashOf, Request, type Question, type RequestEnd, type RequestOwner, type Waiter } from './request.ts';
import type { Attempt, Upstream } from './upstream.ts';

/** Which servers a question goes to, in their order. */
export interface Routes {
  upstreamsFor(question: Question): readonly Upstream[];
  /** Whether a link claims the name as its own. */
  isClaimed(question: Question): boolean;
}

const TICK_MS = 25;
/** RFC 8767, 5: as long as a client will wait; then, for a while, it need not wait. */
const STALE_AFTER_MS = 1800;
const STALE_FOR_MS = 30_000;
/** RFC 9520, 3.2. */
const FAILURE_FOR_MS = 1000;
const LINGER_MS = 2000;
const MAX_REQUESTS = 2048;
const CHAINS = 512;
/** Enough to know a server's health by. */
const MAX_LINGERING = 256;
const MAX_WAITERS = 256;
const MAX_FAILURES = 2048;

/** What a forwarder is made of. */
export interface ForwarderParts {
  readonly cache: AnswerCache;
  readonly clock: Clock;
  /** Refuses answers that point names no link claims at addresses inside (DNS rebinding). */
  readonly isRebindingStopped: boolean;
}

/** Asks servers on behalf of clients. */
export class Forwarder implements RequestOwner {
  readonly #cache: AnswerCache;
  readonly #clock: Clock;
  readonly #isRebindingStopped: boolean;
  readonly #alarm: Alarm;
  readonly #waiting = new ChainTable<Request>(CHAINS);
  /** Attempts whose request is over. */
  #lingering: Attempt[] = [];
  /** When a question that nobody could answer may be asked again. */
  readonly #failures = new Map<string, { readonly untilMs: number; readonly answer: StoredAnswer }>();
  #routes: Routes = { upstreamsFor: () => [], isClaimed: () => false };
  #isTicking = false;

  constructor({ cache, clock, isRebindingStopped }: ForwarderParts, scope: Scope) {
    this.#cache = cache;
    this.#clock = clock;
    this.#isRebindingStopped = isRebindingStopped;
    this.#alarm = clock.alarm('dns requests', scope, () => this.#tick());
  }

  /** Requests under way. */
  get pending(): number {
    return this.#waiting.size;
  }

  /** All is asked by these routes from now on, what is under way included; what failed may be tried again. */
  setRoutes(routes: Routes): void {
    this.#routes = routes;
    this.#failures.clear();
    const all = this.#waiting.members();
    this.#waiting.clear();
    const nowMs = this.#clock.now();
    for (const { open, question, waiters } of all) {
      for (const attempt of open) attempt.cancel();
      this.#start(question, waiters, nowMs);
    }
  }

  /** Finds the answer; `waiter` may be told before this returns. Without one the cache alone is told. */
  ask(question: Question, nowMs: number, waiter?: Waiter): void {
    const known = this.#find(question.key);
    if (known !== undefined) {
      if (waiter === undefined) return;
      if (known.waiters.length >= MAX_WAITERS) waiter.tell(OVERLOADED);
      else known.waiters.push(waiter);
      return;
    }
    const failure = this.#failures.size === 0 ? undefined : this.#failures.get(question.key);
    if (failure !== undefined && nowMs < failure.untilMs) {
      waiter?.tell(this.#cache.getStale(question.key, nowMs) ?? failure.answer);
      return;
    }
    if (this.#waiting.size >= MAX_REQUESTS) {
      waiter?.tell(this.#cache.getStale(question.key, nowMs) ?? OVERLOADED);
      return;
    }
    this.#start(question, waiter === undefined ? [] : [waiter], nowMs);
  }

  #find(key: string): Request | undefined {
    const hash = hashOf(key);
    let request = this.#waiting.first(hash);
    while (request !== undefined && (request.hash !== hash || request.question.key !== key)) request = request.next;
    return request;
  }

  #start(question: Question, waiters: Waiter[], nowMs: number): void {
    const upstreams = this.#routes.upstreamsFor(question);
    if (upstreams.length === 0) {
      const answer = this.#cache.getStale(question.key, nowMs) ?? NO_SERVERS;
      for (const waiter of waiters) waiter.tell(answer);
      return;
    }
    const request = new Request(question, waiters, this, nowMs);
    this.#waiting.add(request);
    request.start(upstreams, nowMs);
    this.#startTicking(nowMs);
  }

  ended(request: Request, end: RequestEnd, nowMs: number): void {
    const { key } = request.question;
    if (!this.#waiting.remove(request)) return;
    for (const attempt of request.open) {
      if (this.#lingering.length < MAX_LINGERING) this.#lingering.push(attempt);
      else attempt.cancel();
    }
    if (this.#lingering.length > 0) this.#startTicking(nowMs);
    const answer = end.kind === 'answer' ? this.#store(request, end, nowMs) : this.#fail(key, end.rcode, nowMs);
    for (const waiter of request.waiters) waiter.tell(answer);
  }

  #store({ question }: Request, end: Extract<RequestEnd, { readonly kind: 'answer' }>, nowMs: number): StoredAnswer {
    if (this.#failures.size > 0) this.#failures.delete(question.key);
    const isStopped = this.#isRebindingStopped && !this.#routes.isClaimed(question)
      && addressesIn(end.answer).some(isInner);
    const answer = isStopped ? BLOCKED : end.answer;
    if (end.ttlSec > 0) this.#cache.put(question.key, answer, end.ttlSec, nowMs);
    return answer;
  }

  #fail(key: string, rcode: number | undefined, nowMs: number): StoredAnswer {
    const stale = this.#cache.getStale(key, nowMs);
    const answer = rcode === undefined ? UNREACHABLE : bareAnswer(rcode === 5 ? 5 : 2);
    if (this.#failures.size >= MAX_FAILURES) this.#failures.clear();
    const forMs = stale === undefined ? FAILURE_FOR_MS : STALE_FOR_MS;
    this.#failures.set(key, { untilMs: nowMs + forMs, answer });
    return stale ?? answer;
  }

  #startTicking(nowMs: number): void {
    if (this.#isTicking) return;
    this.#isTicking = true;
    this.#alarm.set(nowMs + TICK_MS);
  }

  #tick(): void {
    const nowMs = this.#clock.now();
    for (const request of this.#waiting.members()) {
      request.tick(nowMs);
      if (nowMs >= request.startedAtMs + STALE_AFTER_MS) this.#answerStale(request, nowMs);
    }
    this.#dropLingering(nowMs);
    this.#isTicking = false;
    if (this.#waiting.size > 0 || this.#lingering.length > 0) this.#startTicking(nowMs);
  }

  // The request goes on: the next client finds what it brings.
  #answerStale(request: Request, nowMs: number): void {
    const { waiters } = request;
    if (waiters.length === 0) return;
    const stale = this.#cache.getStale(request.question.key, nowMs);
    if (stale === undefined) return;
    request.waiters = [];
    for (const waiter of waiters) waiter.tell(stale);
  }

  #dropLingering(nowMs: number): void {
    this.#lingering = this.#lingering.filter((attempt) => {
      if (!attempt.isOver) attempt.markLate(nowMs);
      if (nowMs >= attempt.askedAtMs + LINGER_MS) attempt.cancel();
      return !attempt.isOver;
    });
  }
}

const BLOCKED = bareAnswer(5, EXTENDED_ERROR.blocked);
const OVERLOADED = bareAnswer(2, EXTENDED_ERROR.notReady);
const NO_SERVERS = bareAnswer(2, EXTENDED_ERROR.network);
const UNREACHABLE = bareAnswer(2, EXTENDED_ERROR.noReachable);
