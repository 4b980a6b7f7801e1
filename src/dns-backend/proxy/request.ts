/**
 * One question under way for all who wait for its answer: servers are asked in their order, the
 * next when one fails or takes longer than it usually does. Time is an argument; whoever owns the
 * request calls `tick`. Invariant: `onEnd` is called once.
 */

import type { Asked, Attempt, Outcome, Upstream } from './upstream.ts';

/** How a request ended. */
export type RequestEnd =
  | Extract<Outcome, { readonly kind: 'answer' }>
  /** Nobody could tell. `rcode` if somebody said so. */
  | { readonly kind: 'failure'; readonly rcode: number | undefined };

/** A server that was asked and has not answered yet. */
export interface OpenAttempt {
  readonly upstream: Upstream;
  readonly askedAtMs: number;
  attempt: Attempt | undefined;
  isOver: boolean;
  isLate: boolean;
}

/** ConnMan's limit. */
const DEADLINE_MS = 5000;
/** What takes longer counts against the server. */
const LATE_MS = 1000;
const ROUNDS = 3;
const MAX_ATTEMPTS = 12;

/** One request. */
export class Request {
  readonly key: string;
  readonly asked: Asked;
  readonly startedAtMs: number;
  /** Attempts that have not ended; they go on after the end of the request, for their servers' health. */
  readonly open: OpenAttempt[] = [];
  readonly #order: readonly Upstream[];
  readonly #onEnd: (request: Request, end: RequestEnd) => void;
  #attempts = 0;
  #nextAtMs = 0;
  #rcode: number | undefined;
  #isOver = false;

  constructor(
    { key, asked, nowMs }: { readonly key: string; readonly asked: Asked; readonly nowMs: number },
    upstreams: readonly Upstream[],
    onEnd: (request: Request, end: RequestEnd) => void,
  ) {
    this.key = key;
    this.asked = asked;
    this.startedAtMs = nowMs;
    this.#onEnd = onEnd;
    const paused = upstreams.filter(({ health }) => health.isPaused(nowMs));
    this.#order = paused.length === 0 ? upstreams : [...upstreams.filter((each) => !paused.includes(each)), ...paused];
  }

  /** Asks the first server; may end the request before it returns. */
  start(nowMs: number): void {
    this.#askNext(nowMs);
  }

  /** Does what is due. */
  tick(nowMs: number): void {
    for (const open of this.open) markLate(open, nowMs);
    if (nowMs >= this.startedAtMs + DEADLINE_MS) this.#end({ kind: 'failure', rcode: this.#rcode });
    else if (nowMs >= this.#nextAtMs) this.#askNext(nowMs);
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
      this.#ask(upstream, nowMs);
      if (patienceMs > 0) return;
    }
  }

  #ask(upstream: Upstream, nowMs: number): void {
    const open: OpenAttempt = { upstream, askedAtMs: nowMs, attempt: undefined, isOver: false, isLate: false };
    this.open.push(open);
    open.attempt = upstream.ask(this.asked, (outcome) => {
      open.isOver = true;
      this.open.splice(this.open.indexOf(open), 1);
      if (!this.#isOver) this.#take(outcome, nowMs);
    });
  }

  #take(outcome: Outcome, nowMs: number): void {
    if (outcome.kind === 'answer') {
      this.#end(outcome);
      return;
    }
    if (outcome.kind === 'failure') this.#rcode ??= outcome.rcode;
    if (this.#attempts < this.#order.length) this.#askNext(nowMs);
    else if (this.open.length === 0) this.#end({ kind: 'failure', rcode: this.#rcode });
  }

  #end(end: RequestEnd): void {
    if (this.#isOver) return;
    this.#isOver = true;
    this.#onEnd(this, end);
  }
}

/** Notes against a server that an attempt takes too long, once. */
export function markLate(open: OpenAttempt, nowMs: number): void {
  if (open.isLate || nowMs < open.askedAtMs + LATE_MS) return;
  open.isLate = true;
  open.upstream.health.late(nowMs);
}
