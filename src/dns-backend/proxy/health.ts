/**
 * What is known of a server's health: how fast it answers (smoothed as RFC 6298, 2 does) and how long
 * it has been silent. A silent server is passed over for a time that doubles, and then tried beside
 * another, so that nobody waits for it.
 */

const FIRST_PAUSE_MS = 1000;
const LONGEST_PAUSE_MS = 30_000;
/** How long a question to a server that has been silent keeps others from being asked. */
const TRIAL_MS = 1000;
/** So many questions in a row without an answer make a server silent. */
const SILENT_AFTER = 2;
const UNKNOWN_DELAY_MS = 300;
const LEAST_DELAY_MS = 100;
const MOST_DELAY_MS = 800;

/** The health of one server. */
export class Health {
  asked = 0;
  answers = 0;
  failures = 0;
  #silences = 0;
  #pausedUntilMs = 0;
  #smoothedMs: number | undefined;
  #varianceMs = 0;

  /** Milliseconds an answer takes; undefined before the first. */
  get roundTripMs(): number | undefined {
    return this.#smoothedMs;
  }

  get isSilent(): boolean {
    return this.#silences >= SILENT_AFTER;
  }

  /** It is being asked. A server that has been silent is tried by one question at a time. */
  asking(nowMs: number): void {
    this.asked++;
    if (this.isSilent && !this.isPaused(nowMs)) this.#pausedUntilMs = nowMs + TRIAL_MS;
  }

  /** Whether it is better to ask another first. */
  isPaused(nowMs: number): boolean {
    return this.isSilent && nowMs < this.#pausedUntilMs;
  }

  /** How long to wait for its answer before another server is asked as well. */
  get patienceMs(): number {
    if (this.#smoothedMs === undefined) return UNKNOWN_DELAY_MS;
    return Math.min(MOST_DELAY_MS, Math.max(LEAST_DELAY_MS, this.#smoothedMs + 4 * this.#varianceMs));
  }

  answered(tookMs: number): void {
    this.answers++;
    this.#silences = 0;
    if (this.#smoothedMs === undefined) {
      this.#smoothedMs = tookMs;
      this.#varianceMs = tookMs / 2;
      return;
    }
    this.#varianceMs = 0.75 * this.#varianceMs + 0.25 * Math.abs(this.#smoothedMs - tookMs);
    this.#smoothedMs = 0.875 * this.#smoothedMs + 0.125 * tookMs;
  }

  /** `isUnreachable`: nothing that makes sense came back, as against an honest refusal. */
  failed(nowMs: number, isUnreachable: boolean): void {
    this.failures++;
    if (isUnreachable) this.#silence(nowMs, SILENT_AFTER);
    else this.#silences = 0;
  }

  /** It has not answered in good time. */
  late(nowMs: number): void {
    this.#silence(nowMs, 1);
  }

  #silence(nowMs: number, by: number): void {
    // What was asked before the pause says nothing new.
    if (this.isPaused(nowMs)) return;
    this.#silences = Math.min(SILENT_AFTER + 8, this.#silences + (this.isSilent ? 1 : by));
    const pauses = this.#silences - SILENT_AFTER;
    if (pauses >= 0) this.#pausedUntilMs = nowMs + Math.min(LONGEST_PAUSE_MS, FIRST_PAUSE_MS * 2 ** pauses);
  }
}
