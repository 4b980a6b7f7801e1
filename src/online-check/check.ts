/**
 * Runs the online check of one service and address family: resolves, connects and asks through that
 * link, feeds the outcome to the machine and waits for the next turn. Invariant: one request at a
 * time; a check that was superseded reports nothing.
 */

import type { Clock } from '../shared/clock.ts';
import type { Observable } from '../shared/emitter.ts';
import type { IpAddress } from '../shared/ipaddress.ts';
import type { Random } from '../shared/random.ts';
import type { Scope } from '../shared/scope.ts';
import type { System } from '../system/system.ts';
import type { Outcome, Standing } from './machine.ts';

/** The link that is checked. */
export interface CheckTarget {
  /** Interface name: what sockets are bound to, and what log lines name. */
  readonly device: string;
  /** The service's type, for log lines: `ethernet`. */
  readonly type: string;
  readonly family: 4 | 6;
  /** The link's own name servers now; asked for before each check. */
  nameservers(): readonly IpAddress[];
  /**
   * Makes `address` reachable through this link (a host route via its gateway) and returns how to
   * undo that; called before each connection, undone after it. Throwing fails the check (`route`).
   */
  prepareRoute?(address: IpAddress, signal: AbortSignal): Promise<() => void | Promise<void>>;
}

/** What main.conf says of the check of this family; see facts of OnlineCheck*. */
export interface CheckOptions {
  readonly url: string;
  readonly mode: 'one-shot' | 'continuous';
  /** 0: as long as the kernel tries. */
  readonly connectTimeoutMs: number;
  readonly initialInterval: number;
  readonly maxInterval: number;
  readonly intervalStyle: 'geometric' | 'fibonacci';
  readonly failuresThreshold: number;
  readonly successesThreshold: number;
  /** Of the program, for the User-Agent. */
  readonly version: string;
}

/** What the check takes from outside. */
export interface CheckEnv {
  readonly system: System;
  readonly clock: Clock;
  readonly random: Random;
}

/** One finished check, for whoever asks why. */
export interface CheckRecord {
  readonly url: string;
  readonly outcome: Outcome;
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
export declare function startOnlineCheck(
  target: CheckTarget, options: CheckOptions, env: CheckEnv, scope: Scope,
): OnlineCheck;
