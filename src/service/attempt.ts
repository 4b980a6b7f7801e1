/**
 * One attempt to connect, from the wish to the outcome: who waits for it, how long a driver may take,
 * and what an agent says when a user's attempt fails.
 */

import type { ErrorAnswer } from '../agent/agent.ts';
import type { Caller } from '../shared/caller.ts';
import type { Clock } from '../shared/clock.ts';
import { ConnmanError } from '../shared/errors.ts';
import type { Scope } from '../shared/scope.ts';

/** ConnMan's limit for drivers that take their time. */
const CONNECT_TIMEOUT_MS = 120_000;

/** Why a connection was begun. */
export type ConnectReason = 'user' | 'auto';

/** What a service does for its attempt. */
export interface AttemptHooks {
  /** Tells an agent of the failure; `signal` withdraws the question. */
  ask(caller: Caller | undefined, signal: AbortSignal): Promise<ErrorAnswer>;
  /** Whether the failure still stands when the answer comes. */
  isStillFailed(): boolean;
  clearError(): void;
  connect(reason: ConnectReason, caller: Caller | undefined): Promise<void>;
}

/** An attempt; the service keeps the last one. */
export class Attempt {
  readonly #reason: ConnectReason;
  readonly #caller: Caller | undefined;
  readonly #clock: Clock;
  readonly #scope: Scope;
  /** Who waits for the outcome. */
  #pending: { resolve(): void; reject(error: unknown): void; limits: Scope } | undefined;
  readonly #ended = new AbortController();
  /** While an agent is asked about a failure. */
  #question: Scope | undefined;

  constructor(reason: ConnectReason, caller: Caller | undefined, clock: Clock, scope: Scope) {
    this.#reason = reason;
    this.#caller = caller;
    this.#clock = clock;
    this.#scope = scope;
  }

  /** Aborts when it is over, however. */
  get signal(): AbortSignal {
    return this.#ended.signal;
  }

  /** Whether somebody waits for its outcome. */
  get isPending(): boolean {
    return this.#pending !== undefined;
  }

  /** Waits for a driver that takes its time, then for `succeed`, `abort` or `fail`. */
  async join(joining: Promise<void>, onJoined: () => void, onFailed: (cause: unknown) => void): Promise<void> {
    const limits = this.#scope.child();
    const limit = this.#clock.deadline('connect', CONNECT_TIMEOUT_MS, this.#scope.signal, limits);
    try {
      await new Promise<void>((resolve, reject) => {
        this.#pending = { resolve, reject, limits };
        limit.addEventListener('abort', () => onFailed(limit.reason));
        joining.then(onJoined, onFailed);
      });
    } finally {
      this.#pending = undefined;
      this.#ended.abort(new ConnmanError('OperationAborted'));
      await limits.close();
    }
  }

  succeed(): void {
    this.#pending?.resolve();
  }

  abort(): void {
    this.#pending?.reject(new ConnmanError('OperationAborted'));
  }

  /** The error is dealt with otherwise: an agent need not answer any more. */
  withdraw(): void {
    void this.#question?.close();
  }

  /** A user's attempt: an agent may have it retried, while whoever asked for it goes on waiting. */
  async fail(cause: unknown, hooks: AttemptHooks): Promise<void> {
    const isTimeout = cause instanceof ConnmanError && cause.code === 'OperationTimeout';
    const failure = isTimeout ? cause : new ConnmanError('Failed', undefined, { cause });
    const pending = this.#pending;
    if (this.#reason !== 'user') return pending?.reject(failure);
    void pending?.limits.close();
    const question = this.#scope.child();
    this.#question = question;
    const answer = await hooks.ask(this.#caller, question.signal);
    this.#question = undefined;
    await question.close();
    const isStillFailed = hooks.isStillFailed();
    if (isStillFailed && answer !== 'nobody') hooks.clearError();
    this.#pending = undefined;
    if (!isStillFailed || answer !== 'retry') return pending?.reject(failure);
    return hooks.connect('user', this.#caller).then(pending?.resolve, pending?.reject ?? (() => undefined));
  }
}
