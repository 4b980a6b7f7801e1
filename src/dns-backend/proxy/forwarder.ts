/**
 * The table of requests under way: equal questions are asked once (RFC 5452, 5), answers go into the
 * cache, and what has lost its servers is answered from what was known before (RFC 8767). Bounded in
 * requests and in those who wait for one.
 */

import { addressesIn, isInner } from '../../dns/answer-addresses.ts';
import type { AnswerCache } from '../../dns/cache.ts';
import { bareAnswer, EXTENDED_ERROR, type StoredAnswer } from '../../dns/stored-answer.ts';
import type { Alarm, Clock } from '../../shared/clock.ts';
import type { Scope } from '../../shared/scope.ts';
import { markLate, Request, type OpenAttempt, type RequestEnd } from './request.ts';
import type { Upstream } from './upstream.ts';

/** A question and under what its answer is kept. */
export interface Question {
  readonly key: string;
  /** Of name, type and class, which `key` begins with. */
  readonly lengthBytes: number;
  readonly flavour: number;
}

/** Is told the answer once. */
export type Waiter = (answer: StoredAnswer) => void;

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
const MAX_WAITERS = 256;
const MAX_FAILURES = 2048;

interface Waiting {
  readonly request: Request;
  readonly question: Question;
  waiters: Waiter[];
}

/** What a forwarder is made of. */
export interface ForwarderParts {
  readonly cache: AnswerCache;
  readonly clock: Clock;
  /** Refuses answers that point names no link claims at addresses inside (DNS rebinding). */
  readonly isRebindingStopped: boolean;
}

/** Asks servers on behalf of clients. */
export class Forwarder {
  readonly #cache: AnswerCache;
  readonly #clock: Clock;
  readonly #isRebindingStopped: boolean;
  readonly #alarm: Alarm;
  readonly #waiting = new Map<string, Waiting>();
  /** Attempts whose request is over, oldest first. */
  #lingering: OpenAttempt[] = [];
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
    const all = [...this.#waiting.values()];
    this.#waiting.clear();
    const nowMs = this.#clock.now();
    for (const { request, question, waiters } of all) {
      for (const open of request.open) cancel(open);
      this.#start(question, waiters, nowMs);
    }
  }

  /** Finds the answer; `waiter` may be told before this returns. Without one the cache alone is told. */
  ask(question: Question, waiter?: Waiter): void {
    const nowMs = this.#clock.now();
    const known = this.#waiting.get(question.key);
    if (known !== undefined) {
      if (waiter === undefined) return;
      if (known.waiters.length >= MAX_WAITERS) waiter(OVERLOADED);
      else known.waiters.push(waiter);
      return;
    }
    const failure = this.#failures.get(question.key);
    if (failure !== undefined && nowMs < failure.untilMs) {
      waiter?.(this.#cache.getStale(question.key, nowMs) ?? failure.answer);
      return;
    }
    if (this.#waiting.size >= MAX_REQUESTS) {
      waiter?.(this.#cache.getStale(question.key, nowMs) ?? OVERLOADED);
      return;
    }
    this.#start(question, waiter === undefined ? [] : [waiter], nowMs);
  }

  #start(question: Question, waiters: Waiter[], nowMs: number): void {
    const { key, lengthBytes, flavour } = question;
    const upstreams = this.#routes.upstreamsFor(question);
    if (upstreams.length === 0) {
      const answer = this.#cache.getStale(key, nowMs) ?? NO_SERVERS;
      for (const waiter of waiters) waiter(answer);
      return;
    }
    const asked = { question: Buffer.from(key.slice(0, lengthBytes), 'latin1'), flavour };
    const request = new Request({ key, asked, nowMs }, upstreams, (ended, end) => this.#onEnd(ended, end));
    this.#waiting.set(key, { request, question, waiters });
    request.start(nowMs);
    this.#startTicking(nowMs);
  }

  #onEnd(request: Request, end: RequestEnd): void {
    const waiting = this.#waiting.get(request.key);
    if (waiting?.request !== request) return;
    const nowMs = this.#clock.now();
    this.#waiting.delete(request.key);
    if (request.open.length > 0) {
      this.#lingering.push(...request.open);
      this.#startTicking(nowMs);
    }
    const answer = end.kind === 'answer' ? this.#store(waiting, end, nowMs) : this.#fail(request, end.rcode, nowMs);
    for (const waiter of waiting.waiters) waiter(answer);
  }

  #store({ question }: Waiting, end: Extract<RequestEnd, { readonly kind: 'answer' }>, nowMs: number): StoredAnswer {
    this.#failures.delete(question.key);
    const isStopped = this.#isRebindingStopped && !this.#routes.isClaimed(question)
      && addressesIn(end.answer).some(isInner);
    const answer = isStopped ? BLOCKED : end.answer;
    if (end.ttlSec > 0) this.#cache.put(question.key, answer, end.ttlSec, nowMs);
    return answer;
  }

  #fail(request: Request, rcode: number | undefined, nowMs: number): StoredAnswer {
    const stale = this.#cache.getStale(request.key, nowMs);
    const answer = rcode === undefined ? UNREACHABLE : bareAnswer(rcode === 5 ? 5 : 2);
    if (this.#failures.size >= MAX_FAILURES) this.#failures.clear();
    const forMs = stale === undefined ? FAILURE_FOR_MS : STALE_FOR_MS;
    this.#failures.set(request.key, { untilMs: nowMs + forMs, answer });
    return stale ?? answer;
  }

  #startTicking(nowMs: number): void {
    if (this.#isTicking) return;
    this.#isTicking = true;
    this.#alarm.set(nowMs + TICK_MS);
  }

  #tick(): void {
    const nowMs = this.#clock.now();
    for (const waiting of [...this.#waiting.values()]) {
      waiting.request.tick(nowMs);
      if (nowMs >= waiting.request.startedAtMs + STALE_AFTER_MS) this.#answerStale(waiting, nowMs);
    }
    this.#dropLingering(nowMs);
    this.#isTicking = false;
    if (this.#waiting.size > 0 || this.#lingering.length > 0) this.#startTicking(nowMs);
  }

  // The request goes on: the next client finds what it brings.
  #answerStale(waiting: Waiting, nowMs: number): void {
    if (waiting.waiters.length === 0) return;
    const stale = this.#cache.getStale(waiting.question.key, nowMs);
    if (stale === undefined) return;
    const { waiters } = waiting;
    waiting.waiters = [];
    for (const waiter of waiters) waiter(stale);
  }

  #dropLingering(nowMs: number): void {
    this.#lingering = this.#lingering.filter((open) => {
      if (!open.isOver) markLate(open, nowMs);
      if (nowMs >= open.askedAtMs + LINGER_MS) cancel(open);
      return !open.isOver;
    });
  }
}

function cancel(open: OpenAttempt): void {
  if (open.isOver) return;
  open.isOver = true;
  open.attempt?.cancel();
}

const BLOCKED = bareAnswer(5, EXTENDED_ERROR.blocked);
const OVERLOADED = bareAnswer(2, EXTENDED_ERROR.notReady);
const NO_SERVERS = bareAnswer(2, EXTENDED_ERROR.network);
const UNREACHABLE = bareAnswer(2, EXTENDED_ERROR.noReachable);
