/**
 * A clock that tests move by hand: the project's own `DeadlineClock` over a source whose time
 * stands still until told otherwise. Invariant: timers fire in the order of their deadlines, each
 * at its own time, and promises settle between one deadline and the next.
 */

import { DeadlineClock, type TimeSource } from '../../src/shared/clock.ts';

const SAME_MOMENT_MS = 0.1;

/** A clock in the test's hand. It starts at 1000 ms of boot time and 2025-01-01T00:00:00Z. */
export class FakeClock extends DeadlineClock {
  readonly #source: ManualTimeSource;

  constructor(source: ManualTimeSource = new ManualTimeSource()) {
    super(source);
    this.#source = source;
  }

  /**
   * Moves time on by `ms`, firing each timer at its own moment and settling promises after each;
   * also those that a timer at the end sets to that very moment, which come a microsecond later.
   */
  async advance(ms: number): Promise<void> {
    const end = this.now() + ms;
    await settle();
    for (let at = this.#source.wantedAt; at !== undefined && at < end + SAME_MOMENT_MS; at = this.#source.wantedAt) {
      this.#source.jump(Math.max(0, at - this.now()));
      this.#source.wake();
      await settle();
    }
    this.#source.jump(Math.max(0, end - this.now()));
  }

  /** Moves time to the earliest timer and fires it; false when no timer is set. */
  async advanceToNext(): Promise<boolean> {
    await settle();
    const at = this.#source.wantedAt;
    if (at === undefined) return false;
    await this.advance(Math.max(0, at - this.now()));
    return true;
  }

  /** The machine sleeps for `ms`: no timer fires before the end of it, then all that are due do. */
  async suspend(ms: number): Promise<void> {
    await settle();
    this.#source.jump(ms);
    if (this.#source.wantedAt !== undefined && this.#source.wantedAt <= this.now()) this.#source.wake();
    await settle();
  }

  /** Steps wall time by `ms` (either way); boot time stays. */
  stepWallTime(ms: number): void {
    this.#source.stepWallTime(ms);
  }
}

/** Time that stands still. */
export class ManualTimeSource implements TimeSource {
  onWake: () => void = () => undefined;
  #nowMs = 1000;
  #wallMs = Date.UTC(2025, 0, 1);
  #wantedAt: number | undefined;

  now(): number {
    return this.#nowMs;
  }

  wallTime(): Date {
    return new Date(this.#wallMs);
  }

  wakeAt(atMs: number | undefined): void {
    this.#wantedAt = atMs;
  }

  /** When the clock next wants to be woken. */
  get wantedAt(): number | undefined {
    return this.#wantedAt;
  }

  /** Moves both times on by `ms` without waking anybody. */
  jump(ms: number): void {
    this.#nowMs += ms;
    this.#wallMs += ms;
  }

  stepWallTime(ms: number): void {
    this.#wallMs += ms;
  }

  wake(): void {
    this.#wantedAt = undefined;
    this.onWake();
  }
}

/** Lets promises and immediates that are ready run, those they start included. */
export async function settle(): Promise<void> {
  for (let turn = 0; turn < 3; turn++) await new Promise((resolve) => setImmediate(resolve));
}
