/**
 * Time as an argument. Deadlines count in milliseconds of CLOCK_BOOTTIME, so that those passed in a
 * suspend fire at resume and a stepped wall clock changes nothing. One source (a timerfd in the
 * daemons, a Node timer in the console) is armed for the earliest deadline: nothing polls.
 * Timers have names, so that a daemon can list what it waits for.
 */

import { ConnmanError, stackOf } from './errors.ts';
import { logger } from './log.ts';
import type { Scope } from './scope.ts';

const log = logger('src/shared/clock.ts');

/** What the project knows of time. */
export interface Clock {
  /** Milliseconds since boot, sleep included; fractions allowed. */
  now(): number;
  /** Wall time, for disk and users only. */
  wallTime(): Date;
  /** Calls `fire` once after `delayMs`, unless `scope` closes before. */
  after(name: string, delayMs: number, scope: Scope, fire: () => void): void;
  /** A timer that can be set again and again; cleared when `scope` closes. */
  alarm(name: string, scope: Scope, fire: () => void): Alarm;
  /**
   * Aborts after `delayMs` with ConnmanError `OperationTimeout`, or with `signal` and its reason.
   * The timer goes when either happens or when `scope` closes.
   */
  deadline(name: string, delayMs: number, signal: AbortSignal, scope: Scope): AbortSignal;
  /** Names of the timers set and in how many milliseconds each fires, earliest first. For diagnosis. */
  pending(): readonly { readonly name: string; readonly inMs: number }[];
}

/** One deadline at a time. */
export interface Alarm {
  /** Fires at `atMs` of `clock.now()`, replacing the deadline before; `undefined` clears it. */
  set(atMs: number | undefined): void;
}

/** The platform's half of a clock. */
export interface TimeSource {
  now(): number;
  wallTime(): Date;
  /** Asks for a call of `onWake` at `atMs`; replaces the wish before, `undefined` withdraws it. */
  wakeAt(atMs: number | undefined): void;
  /** Set once by the clock. */
  onWake: () => void;
}

interface Entry {
  readonly name: string;
  readonly fire: () => void;
  at: number;
  /** Grows with every setting: equal deadlines fire in the order they were set. */
  order: number;
  /** Place in the heap, -1 while not set. */
  place: number;
}

/** A microsecond: more than the rounding of a number of milliseconds since boot. */
const SHORTEST_DELAY_MS = 0.001;

/** A clock over any time source: a binary heap of deadlines. */
export class DeadlineClock implements Clock {
  readonly #source: TimeSource;
  readonly #heap: Entry[] = [];
  #settings = 0;
  #armedAt: number | undefined;
  /** The time up to which timers are being fired. */
  #firingAt: number | undefined;

  constructor(source: TimeSource) {
    this.#source = source;
    source.onWake = () => this.#fireDue();
  }

  now(): number {
    return this.#source.now();
  }

  wallTime(): Date {
    return this.#source.wallTime();
  }

  /** Names of the timers set and in how many milliseconds each fires, earliest first. */
  pending(): { name: string; inMs: number }[] {
    const now = this.now();
    return this.#heap
      .map(({ name, at }) => ({ name, inMs: at - now }))
      .sort((one, other) => one.inMs - other.inMs);
  }

  after(name: string, delayMs: number, scope: Scope, fire: () => void): void {
    if (scope.isClosed) return;
    const own = scope.child();
    this.alarm(name, own, () => {
      void own.close();
      fire();
    }).set(this.now() + delayMs);
  }

  alarm(name: string, scope: Scope, fire: () => void): Alarm {
    const entry: Entry = { name, fire, at: 0, order: 0, place: -1 };
    scope.defer(() => this.#set(entry, undefined));
    return {
      set: (atMs) => {
        if (!scope.isClosed) this.#set(entry, atMs);
      },
    };
  }

  deadline(name: string, delayMs: number, signal: AbortSignal, scope: Scope): AbortSignal {
    const controller = new AbortController();
    if (signal.aborted) {
      controller.abort(signal.reason);
      return controller.signal;
    }
    const own = scope.child();
    const onAbort = (): void => {
      void own.close();
      controller.abort(signal.reason);
    };
    signal.addEventListener('abort', onAbort);
    own.defer(() => signal.removeEventListener('abort', onAbort));
    this.after(name, delayMs, own, () => {
      void own.close();
      controller.abort(new ConnmanError('OperationTimeout'));
    });
    return controller.signal;
  }

  #set(entry: Entry, atMs: number | undefined): void {
    if (entry.place >= 0) this.#take(entry);
    if (atMs !== undefined) {
      // What a timer sets to now or the past waits its turn, so that firing ends.
      entry.at = this.#firingAt === undefined ? atMs : Math.max(atMs, this.#firingAt + SHORTEST_DELAY_MS);
      entry.order = this.#settings++;
      entry.place = this.#heap.length;
      this.#heap.push(entry);
      this.#rise(entry);
    }
    this.#arm();
  }

  #fireDue(): void {
    this.#armedAt = undefined;
    const now = this.now();
    this.#firingAt = now;
    for (let first = this.#heap[0]; first !== undefined && first.at <= now; first = this.#heap[0]) {
      this.#take(first);
      try {
        first.fire();
      } catch (error) {
        log.error('timer %s failed: %s', first.name, stackOf(error));
      }
    }
    this.#firingAt = undefined;
    this.#arm();
  }

  #arm(): void {
    const at = this.#heap[0]?.at;
    if (this.#firingAt !== undefined || at === this.#armedAt) return;
    this.#armedAt = at;
    this.#source.wakeAt(at);
  }

  #take(entry: Entry): void {
    const last = this.#heap.pop();
    if (last !== undefined && last !== entry) {
      last.place = entry.place;
      this.#heap[last.place] = last;
      this.#rise(last);
      this.#sink(last);
    }
    entry.place = -1;
  }

  #rise(entry: Entry): void {
    while (entry.place > 0) {
      const parent = this.#heap[(entry.place - 1) >> 1];
      if (parent === undefined || !isBefore(entry, parent)) return;
      this.#swap(entry, parent);
    }
  }

  #sink(entry: Entry): void {
    for (;;) {
      const left = this.#heap[2 * entry.place + 1];
      const right = this.#heap[2 * entry.place + 2];
      const least = right !== undefined && left !== undefined && isBefore(right, left) ? right : left;
      if (least === undefined || !isBefore(least, entry)) return;
      this.#swap(least, entry);
    }
  }

  #swap(upper: Entry, lower: Entry): void {
    const place = upper.place;
    upper.place = lower.place;
    lower.place = place;
    this.#heap[upper.place] = upper;
    this.#heap[lower.place] = lower;
  }
}

function isBefore(one: Entry, other: Entry): boolean {
  return one.at < other.at || (one.at === other.at && one.order < other.order);
}

/** Time from Node alone, for programs without the addon: monotonic, and chained past 2^31 ms. */
export function nodeTimeSource(): TimeSource {
  const longestDelayMs = 0x7fff_ffff;
  let timer: NodeJS.Timeout | undefined;
  const source: TimeSource = {
    now: () => performance.now(),
    wallTime: () => new Date(),
    onWake: () => undefined,
    wakeAt(atMs) {
      clearTimeout(timer);
      if (atMs === undefined) return;
      const delayMs = Math.max(0, atMs - performance.now());
      timer = setTimeout(source.onWake, Math.min(Math.ceil(delayMs), longestDelayMs));
    },
  };
  return source;
}
