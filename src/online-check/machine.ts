/**
 * When a link counts as online and when it is asked again: ConnMan's one-shot and continuous online
 * check, with an outcome and a next time for every answer. Pure: time and outcomes are arguments.
 * One machine per service and address family.
 */

/** What one check found out. */
export type Outcome =
  /** `forMs` where the network says how long that lasts. */
  | { readonly kind: 'online'; readonly forMs?: number }
  /** Something between us and the status server answered, or the network told so itself; log in at `url`. */
  | { readonly kind: 'portal'; readonly url: string; readonly isTold?: true }
  | { readonly kind: 'failed'; readonly reason: FailureReason; readonly detail: string };

/** Why a check found neither the status server nor a portal: no reply, or one with an error status. */
export type FailureReason =
  | 'url' | 'dns' | 'refused' | 'unreachable' | 'connectTimeout' | 'timeout' | 'reset' | 'malformed' | 'tooLarge'
  | 'tls' | 'route' | 'status';

/** What the checks so far say of the link: `unknown` until enough of them agree. */
export type Standing = 'unknown' | 'online' | 'failed';

/** The part of main.conf that decides when. */
export interface MachineOptions {
  readonly mode: 'one-shot' | 'continuous';
  /** First and last step of the series of intervals. */
  readonly initialInterval: number;
  readonly maxInterval: number;
  readonly intervalStyle: 'geometric' | 'fibonacci';
  /** In a row, until an online link counts as failed, and a failed one as online; continuous only. */
  readonly failuresThreshold: number;
  readonly successesThreshold: number;
}

/** However soon a network says that it ends. */
const SHORTEST_STAY_MS = 5000;

/** What a machine remembers between checks. */
interface Progress {
  readonly standing: Standing;
  /** The step of the series to wait for next. */
  readonly interval: number;
  /** In a row. */
  readonly failures: number;
  readonly successes: number;
}

/** A check is under way, waited for, or no longer needed. */
export type State =
  | ({ readonly name: 'checking' } & Progress)
  | ({ readonly name: 'waiting'; readonly checkAtMs: number } & Progress)
  | ({ readonly name: 'done' } & Progress);

/** A machine that checks at once. */
export function begin(options: MachineOptions): State {
  return { name: 'checking', standing: 'unknown', interval: options.initialInterval, failures: 0, successes: 0 };
}

/** The same link, asked at once and with the series begun anew; its standing stays until told otherwise. */
export function restart(state: State, options: MachineOptions): State {
  const { standing } = state;
  return { name: 'checking', standing, interval: options.initialInterval, failures: 0, successes: 0 };
}

/** The state after a check that ended at `now` (clock milliseconds). */
export function settle(state: State, outcome: Outcome, options: MachineOptions, now: number): State {
  if (outcome.kind !== 'online') return waitNext(afterFailure(state, options), options, now);
  const endsAtMs = now + Math.max(outcome.forMs ?? Infinity, SHORTEST_STAY_MS);
  if (options.mode === 'one-shot') {
    const progress = { standing: 'online', interval: options.initialInterval, failures: 0, successes: 1 } as const;
    if (endsAtMs === Infinity) return { name: 'done', ...progress };
    return { name: 'waiting', checkAtMs: endsAtMs, ...progress };
  }
  const next = waitNext(afterSuccess(state, options), options, now);
  return { ...next, checkAtMs: Math.min(next.checkAtMs, endsAtMs) };
}

/** The state at `now`: a wait that is over becomes a check. */
export function tick(state: State, now: number): State {
  switch (state.name) {
    case 'checking':
    case 'done':
      return state;
    case 'waiting': {
      const { standing, interval, failures, successes, checkAtMs } = state;
      return checkAtMs > now ? state : { name: 'checking', standing, interval, failures, successes };
    }
  }
}

/** When the machine next needs a tick, in clock milliseconds; undefined while none helps. */
export function nextTickAt(state: State): number | undefined {
  switch (state.name) {
    case 'checking':
    case 'done':
      return undefined;
    case 'waiting':
      return state.checkAtMs;
  }
}

/** Step `step` of the series in milliseconds: n² seconds, or the nth Fibonacci number (1, 1, 2, 3 …). */
export function intervalMs(style: MachineOptions['intervalStyle'], step: number): number {
  if (style === 'geometric') return 1000 * step * step;
  let [previous, current] = [0, 1];
  for (let index = 1; index < step; index++) [previous, current] = [current, previous + current];
  return 1000 * current;
}

/**
 * What a service is, given the standings of its connected families: online as soon as one is,
 * failed only when all are.
 */
export function combineStandings(standings: readonly Standing[]): Standing {
  if (standings.includes('online')) return 'online';
  return standings.length > 0 && standings.every((standing) => standing === 'failed') ? 'failed' : 'unknown';
}

function afterFailure(state: State, options: MachineOptions): Progress {
  const failures = state.failures + 1;
  const hasFailed = options.mode === 'continuous' && failures >= options.failuresThreshold;
  return {
    standing: hasFailed ? 'failed' : state.standing,
    // The first failure after successes is looked into at once, however long the pause had become.
    interval: failures === 1 ? options.initialInterval : state.interval,
    failures,
    successes: 0,
  };
}

function afterSuccess(state: State, options: MachineOptions): Progress {
  const successes = state.successes + 1;
  if (state.standing === 'failed' && successes < options.successesThreshold) {
    const interval = successes === 1 ? options.initialInterval : state.interval;
    return { standing: 'failed', interval, failures: 0, successes };
  }
  return { standing: 'online', interval: options.maxInterval, failures: 0, successes };
}

function waitNext(progress: Progress, options: MachineOptions, now: number): Extract<State, { name: 'waiting' }> {
  return {
    name: 'waiting',
    ...progress,
    interval: Math.min(progress.interval + 1, options.maxInterval),
    checkAtMs: now + intervalMs(options.intervalStyle, progress.interval),
  };
}
