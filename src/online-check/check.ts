/**
 * Runs the online check of one service and address family: feeds the outcome of each check to the
 * machine and waits for the next turn. Invariant: one request at a time; a check that was
 * superseded reports nothing.
 */

import type { ServerToAsk } from '../dns/stub-resolver.ts';
import type { Alarm } from '../shared/clock.ts';
import { Emitter, type Observable } from '../shared/emitter.ts';
import type { IpAddress } from '../shared/ipaddress.ts';
import { logger } from '../shared/log.ts';
import type { Scope } from '../shared/scope.ts';
import {
  begin, nextTickAt, restart, settle, tick, type MachineOptions, type Outcome, type Standing, type State,
} from './machine.ts';
import type { HttpProxy } from '../web/http-request.ts';
import { formatFailure } from './failure-text.ts';
import { checkOnce, type CheckEnv, type CheckResult, type RequestOptions } from './request.ts';

export type { CheckEnv } from './request.ts';

const log = logger('src/online-check/check.ts');

/** The link that is checked. */
export interface CheckTarget {
  /** Interface name: what sockets are bound to, and what log lines name. */
  readonly device: string;
  /** The service's type, for log lines: `ethernet`. */
  readonly type: string;
  readonly family: 4 | 6;
  /** The link's own name servers now; asked for before each check. */
  nameservers(): readonly ServerToAsk[];
  /** The proxy for a URL; undefined is direct. Throws only the signal's reason. */
  proxyFor?(url: string, signal: AbortSignal): Promise<HttpProxy | undefined>;
  /** Where the network says that its captive portal tells of itself (RFC 8910). */
  captivePortal?(): string | undefined;
  /**
   * Makes `address` reachable through this link (a host route via its gateway) and returns how to
   * undo that; called before each connection, undone after it. Throwing fails the check (`route`).
   */
  prepareRoute?(address: IpAddress, signal: AbortSignal): Promise<() => void | Promise<void>>;
}

/** What main.conf says of the check of this family (OnlineCheck*). */
export interface CheckOptions extends MachineOptions, RequestOptions {}

/** One finished check, for whoever asks why. */
export interface CheckRecord {
  readonly url: string;
  readonly outcome: Outcome;
  /** HTTP status of the last reply; undefined where none came. */
  readonly status: number | undefined;
  /** The last address that was connected to, or tried. */
  readonly address: IpAddress | undefined;
  /** Wall time at which it began. */
  readonly at: Date;
  readonly durationMs: number;
  /** Clock time of the next check; undefined when none will follow. */
  readonly nextAtMs: number | undefined;
}

/** A running check. */
export interface OnlineCheck {
  /** After each check; `standing` and `last` are already those after it. */
  readonly result: Observable<Outcome>;
  /** `online` and `failed` follow the thresholds in continuous mode; a one-shot never says `failed`. */
  readonly standing: Standing;
  /** The newest finished check. */
  readonly last: CheckRecord | undefined;
  /** Asks again now, with the interval back at its initial value; what is under way is dropped. */
  restart(): void;
}

/** Starts checking at once; ends with `scope`. */
export function startOnlineCheck(
  target: CheckTarget, options: CheckOptions, env: CheckEnv, scope: Scope,
): OnlineCheck {
  return new RunningCheck(target, options, env, scope);
}

class RunningCheck implements OnlineCheck {
  readonly result = new Emitter<Outcome>();
  readonly #target: CheckTarget;
  readonly #options: CheckOptions;
  readonly #env: CheckEnv;
  readonly #scope: Scope;
  readonly #alarm: Alarm;
  #state: State;
  #last: CheckRecord | undefined;
  /** Of the check under way; closed when it is superseded. */
  #attempt: Scope;

  constructor(target: CheckTarget, options: CheckOptions, env: CheckEnv, scope: Scope) {
    this.#target = target;
    this.#options = options;
    this.#env = env;
    this.#scope = scope;
    this.#state = begin(options);
    this.#attempt = scope.child();
    this.#alarm = env.clock.alarm(`online check ${target.device} IPv${target.family}`, scope, () => {
      this.#enter(tick(this.#state, env.clock.now()));
    });
    this.#check();
  }

  get standing(): Standing {
    return this.#state.standing;
  }

  get last(): CheckRecord | undefined {
    return this.#last;
  }

  restart(): void {
    this.#enter(restart(this.#state, this.#options));
  }

  #enter(state: State): void {
    this.#state = state;
    this.#alarm.set(nextTickAt(state));
    if (state.name === 'checking') this.#check();
  }

  #check(): void {
    const superseded = this.#attempt.close();
    this.#attempt = this.#scope.child();
    void this.#run(this.#attempt, superseded);
  }

  async #run(attempt: Scope, superseded: Promise<void>): Promise<void> {
    // Its routes go first: they may be those that this check makes.
    await superseded;
    const { clock } = this.#env;
    const at = clock.wallTime();
    const startedMs = clock.now();
    let result: CheckResult;
    try {
      result = await checkOnce(this.#target, this.#options, this.#env, attempt);
    } catch (error) {
      if (attempt.signal.aborted) return;
      throw error;
    }
    if (attempt.signal.aborted) return;
    void attempt.close();
    const { outcome, status, address } = result;
    const now = clock.now();
    const next = settle(this.#state, outcome, this.#options, now);
    this.#report(outcome);
    const durationMs = now - startedMs;
    this.#last = { url: this.#options.url, outcome, status, address, at, durationMs, nextAtMs: nextTickAt(next) };
    this.#enter(next);
    this.result.emit(outcome);
  }

  // What was said last time is not said again: a check that goes on for days would fill the log.
  #report(outcome: Outcome): void {
    const { device, type, family } = this.#target;
    const what = `Interface ${device} [ ${type} ] IPv${family} online check to ${this.#options.url}`;
    const line = `${what} ${describe(outcome)}`;
    const before = this.#last?.outcome;
    if (before !== undefined && describe(before) === describe(outcome)) log.debug('%s', line);
    else if (outcome.kind === 'failed') log.warn('%s', line);
    else log.info('%s', line);
  }
}

function describe(outcome: Outcome): string {
  switch (outcome.kind) {
    case 'online':
      return 'succeeded';
    case 'portal':
      return `found a portal at ${outcome.url}`;
    case 'failed':
      return `failed: ${formatFailure(outcome)}`;
  }
}
