/**
 * One attempt to connect, from the wish to the outcome: who waits for it, how long a driver may take,
 * and what an agent says when a user's attempt fails.
 */

import type { ErrorAnswer } from '../agent/agent.ts';
import type { InputAnswer } from '../daemon/agent-input.ts';
import type { Caller } from '../shared/caller.ts';
import type { Alarm, Clock } from '../shared/clock.ts';
import { ConnmanError, type ConnmanErrorCode, messageOf } from '../shared/errors.ts';
import type { Scope } from '../shared/scope.ts';

/** ConnMan's limit for drivers that take their time. */
const CONNECT_TIMEOUT_MS = 120_000;

/** What whoever waits is told as it is; all else is `Failed`. */
const TOLD: ReadonlySet<ConnmanErrorCode> = new Set([
  'OperationTimeout', 'InvalidArguments', 'NotSupported', 'PassphraseRequired',
]);

/** Why a connection was begun. */
export type ConnectReason = 'user' | 'auto';

/** Who wants to connect, and why. */
export interface Wish {
  readonly reason: ConnectReason;
  readonly caller: Caller | undefined;
  /** What the user has said already, asked by another service. */
  readonly answered?: InputAnswer | undefined;
}

/** What a service does for its attempt. */
export interface AttemptHooks {
  /** Tells an agent of the failure; `signal` withdraws the question. */
  ask(caller: Caller | undefined, signal: AbortSignal): Promise<ErrorAnswer>;
  /** Whether the failure still stands when the answer comes. */
  isStillFailed(): boolean;
  /** Has the service be idle; the error stays, for the next attempt to know. */
  settle(): void;
  connect(reason: ConnectReason, caller: Caller | undefined): Promise<void>;
}

/** An attempt; the service keeps the last one. */
export class Attempt {
  readonly wish: Wish;
  readonly #clock: Clock;
  readonly #scope: Scope;
  /** Who waits for the outcome. */
  #pending: { resolve(): void; reject(error: unknown): void; limits: Scope } | undefined;
  readonly #ended = new AbortController();
  /** While an agent is asked about a failure. */
  #question: Scope | undefined;
  /** How long the driver has left; not set while a user is asked. */
  #limit: Alarm | undefined;
  #isAskingForInput = false;
  #isUnanswered = false;

  /** Why it failed, in the words of whoever tried; undefined where it has not. */
  failure: string | undefined;

  constructor(wish: Wish, clock: Clock, scope: Scope) {
    this.wish = wish;
    this.#clock = clock;
    this.#scope = scope;
  }

  /** Whether it waits for what a user is asked for. */
  get isAskingForInput(): boolean {
    return this.#isAskingForInput;
  }

  /** Whether an agent is being asked what to do about its failure. */
  get isAskingToRetry(): boolean {
    return this.#question !== undefined;
  }

  /** Aborts when it is over, however. */
  get signal(): AbortSignal {
    return this.#ended.signal;
  }

  /** Whether somebody waits for its outcome. */
  get isPending(): boolean {
    return this.#pending !== undefined;
  }

  /** Whether it ended because nobody said what was asked for. */
  get isUnanswered(): boolean {
    return this.#isUnanswered;
  }

  /** Waits for a driver that takes its time, then for `succeed`, `abort`, `moveTo` or `fail`. */
  async join(joining: Promise<void>, onJoined: () => void, onFailed: (cause: unknown) => void): Promise<void> {
    const limits = this.#scope.child();
    try {
      await new Promise<void>((resolve, reject) => {
        const pending = { resolve, reject, limits };
        this.#pending = pending;
        const whileWaiting = <T>(then: (value: T) => void) => (value: T): void => {
          if (this.#pending === pending) then(value);
        };
        const fail = whileWaiting(onFailed);
        this.#limit = this.#clock.alarm('connect', limits, () => fail(new ConnmanError('OperationTimeout')));
        this.#startLimit();
        joining.then(whileWaiting(onJoined), fail);
      });
    } finally {
      this.#pending = undefined;
      this.#limit = undefined;
      this.#ended.abort(new ConnmanError('OperationAborted'));
      await limits.close();
    }
  }

  succeed(): void {
    this.#pending?.resolve();
  }

  /** Ends it; the driver's outcome is of no interest any more. */
  abort(reason: unknown = new ConnmanError('OperationAborted')): void {
    const pending = this.#pending;
    this.#pending = undefined;
    pending?.reject(reason);
  }

  /** Whoever waits for it waits for something else from now on. */
  moveTo(other: Promise<void>): void {
    const pending = this.#pending;
    this.#pending = undefined;
    if (pending === undefined) other.catch(() => undefined);
    else other.then(pending.resolve, pending.reject);
  }

  /** Asks a user; the time that takes is none of the driver's. */
  async ask<T>(question: () => Promise<T>): Promise<T> {
    this.#isAskingForInput = true;
    this.#limit?.set(undefined);
    try {
      return await question();
    } catch (error) {
      this.#isUnanswered = true;
      throw error;
    } finally {
      this.#isAskingForInput = false;
      this.#startLimit();
    }
  }

  /** The error is dealt with otherwise: an agent need not answer any more. */
  withdraw(): void {
    void this.#question?.close();
  }

  /** A user's attempt: an agent may have it retried, while whoever asked for it goes on waiting. */
  async fail(cause: unknown, hooks: AttemptHooks): Promise<void> {
    this.failure = messageOf(cause);
    const isTold = cause instanceof ConnmanError && TOLD.has(cause.code);
    const failure = isTold ? cause : new ConnmanError('Failed', undefined, { cause });
    const pending = this.#pending;
    const { reason, caller } = this.wish;
    if (reason !== 'user') return pending?.reject(failure);
    void pending?.limits.close();
    const question = this.#scope.child();
    this.#question = question;
    const answer = await hooks.ask(caller, question.signal);
    this.#question = undefined;
    await question.close();
    const isStillFailed = hooks.isStillFailed();
    if (isStillFailed && answer !== 'nobody') hooks.settle();
    this.#pending = undefined;
    if (!isStillFailed || answer !== 'retry') return pending?.reject(failure);
    return hooks.connect('user', caller).then(pending?.resolve, pending?.reject ?? (() => undefined));
  }

  #startLimit(): void {
    if (!this.#isAskingForInput) this.#limit?.set(this.#clock.now() + CONNECT_TIMEOUT_MS);
  }
}
