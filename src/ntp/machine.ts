/**
 * The life of an NTP client as a pure function over a union of states (RFC 5905 for a client alone,
 * with the manners of RFC 8633): whom it asks and when (servers.ts), whom it believes (select.ts),
 * and what is to be done to the clock. Time, randomness, names' addresses and replies are arguments.
 * Invariant: the clock is moved by what a majority says, and a kept clock steps only on confirmation.
 */

import type { IpAddress } from '../shared/ipaddress.ts';
import type { Random } from '../shared/random.ts';
import type { NtpReply } from './packet.ts';
import { asked, claimOf, judge, LEAST_POLL, MOST_POLL, scheduled, slowed, type Claimed, type Peer } from './peer.ts';
import { STEP_MS } from './sample.ts';
import { select } from './select.ts';
import {
  askAgain, bar, begin, fill, lookUpAgain, NO_MEMORY, noteSent, replace, resolved, resolveDue, type Memory,
  type Servers,
} from './servers.ts';

/** Where a client stands. */
export type State =
  | { readonly name: 'stopped'; readonly memory: Memory; readonly applied: Applied | undefined }
  /** The time is not known yet; decided when all have answered or at `decideAtMs`. */
  | ({ readonly name: 'measuring'; readonly decideAtMs: number | undefined } & Running)
  | ({ readonly name: 'keeping'; readonly applied: Applied } & Running)
  /** The servers have moved away from us by a step: asked again, and decided at `decideAtMs`. */
  | ({ readonly name: 'doubting'; readonly applied: Applied; readonly decideAtMs: number } & Running);

/** What all states share that ask servers. */
export interface Running {
  readonly servers: Servers;
  /** Exponent of the poll interval in seconds. */
  readonly poll: number;
  /** How long offsets have been within the noise, or not: what moves the poll interval. */
  readonly trend: number;
}

/** The last sample that moved the clock. */
export interface Applied {
  readonly address: IpAddress;
  readonly atMs: number;
}

/** What can happen to a client. */
export type Input =
  /** Servers to ask, in order; `network` tells one way to them from another. Replaces those before. */
  | { readonly kind: 'start'; readonly names: readonly string[]; readonly network: string }
  | { readonly kind: 'resolved'; readonly name: string; readonly addresses: readonly IpAddress[] }
  | { readonly kind: 'reply'; readonly address: IpAddress; readonly reply: NtpReply }
  | { readonly kind: 'tick' }
  /** The machine slept, or the clock was set by someone else. */
  | { readonly kind: 'awake' }
  | { readonly kind: 'stop' };

/** What a client wants done. */
export type Action =
  | { readonly kind: 'send'; readonly address: IpAddress; readonly nonce: bigint; readonly poll: number }
  | { readonly kind: 'resolve'; readonly name: string }
  | { readonly kind: 'event'; readonly event: NtpEvent };

/** What a client tells. */
export type NtpEvent =
  | ({ readonly kind: 'adjust' } & Adjustment)
  /** The servers contradict each other, and no majority does not. */
  | { readonly kind: 'disagreement' }
  | { readonly kind: 'kiss'; readonly address: IpAddress; readonly code: string }
  | { readonly kind: 'unfit'; readonly address: IpAddress; readonly why: string };

/** What is to be done to the clock, and on whose word. */
export interface Adjustment {
  /** To be added to the time of day. */
  readonly offsetMs: number;
  readonly how: 'slew' | 'step';
  readonly leap: 'none' | 'insert' | 'delete';
  /** Of the kernel's loop; undefined while the offset says nothing of the clock's frequency. */
  readonly timeConstant: number | undefined;
  readonly name: string;
  readonly address: IpAddress;
  readonly stratum: number;
  /** As far as the time may still be off. */
  readonly distanceMs: number;
}

/** What the machine is told of the moment. */
export interface Env {
  readonly now: number;
  readonly random: Random;
  /** Time of day by our clock, minus `now`. */
  readonly wallBaseMs: number;
}

/** What a step leads to. */
export interface Step {
  readonly state: State;
  readonly actions: readonly Action[];
}

/** The state before the first start. */
export const STOPPED: State = { name: 'stopped', memory: NO_MEMORY, applied: undefined };

/**
 * Poll exponent less the kernel's time constant: a phase is gone within an interval and a sixteenth of it
 * learnt as frequency, which bears the jitter of radio links.
 */
const LOOP_LEAD = 2;
/** More than this in a kept clock is no sign of its frequency. */
const FREQUENCY_LIMIT_MS = 50;
/** How long the others are waited for once one has answered. */
const GRACE_MS = 1500;
/** So long after its last correction a clock is off by a tenth of a second at most. */
const KEPT_MS = 3_600_000;
const DOUBT_MS = 7000;
const DOUBT_BURST = 3;
/** RFC 5905, A.5.5.4: PGATE and LIMIT of the poll-adjust algorithm. */
const NOISE_GATE = 4;
const TREND_LIMIT = 30;
const LEAST_NOISE_MS = 1;

/** Advances a client. */
export function step(state: State, input: Input, env: Env): Step {
  if (input.kind === 'stop') {
    return { state: { name: 'stopped', memory: memoryOf(state), applied: appliedOf(state) }, actions: [] };
  }
  if (input.kind === 'start') return start(state, input, env);
  if (state.name === 'stopped') return { state, actions: [] };
  switch (input.kind) {
    case 'tick':
      return act(state, env);
    case 'resolved':
      return act({ ...state, servers: resolved(state.servers, input, env) }, env);
    case 'reply':
      return hear(state, input.address, input.reply, env);
    case 'awake':
      return act({ ...state, servers: askAgain(state.servers, 1, env.now) }, env);
  }
}

/** When the client next needs a tick, in clock milliseconds; undefined while only an input can help. */
export function nextTickAt(state: State): number | undefined {
  if (state.name === 'stopped') return undefined;
  const { peers, names } = state.servers;
  const decideAtMs = state.name === 'keeping' ? undefined : state.decideAtMs;
  const times = [...peers.map(({ nextAtMs }) => nextAtMs), ...names.map(({ resolveAtMs }) => resolveAtMs)];
  const earliest = Math.min(decideAtMs ?? Infinity, ...times.map((at) => at ?? Infinity));
  return earliest === Infinity ? undefined : earliest;
}

type Active = Exclude<State, { name: 'stopped' }>;

function memoryOf(state: State): Memory {
  return state.name === 'stopped' ? state.memory : state.servers.memory;
}

function appliedOf(state: State): Applied | undefined {
  return state.name === 'measuring' ? undefined : state.applied;
}

/** A clock that was set not long ago is kept: no hurry, and no step without confirmation. */
function start(state: State, list: Extract<Input, { kind: 'start' }>, env: Env): Step {
  const applied = appliedOf(state);
  const isKept = applied !== undefined && env.now - applied.atMs < KEPT_MS;
  const servers = begin(memoryOf(state), list, env.now, isKept);
  const running = { servers, poll: LEAST_POLL, trend: 0 };
  return act(
    isKept ? { name: 'keeping', applied, ...running } : { name: 'measuring', decideAtMs: undefined, ...running }, env,
  );
}

/** Does all that is due: names are looked up, servers asked, and a decision taken. */
function act(state: Active, env: Env): Step {
  const actions: Action[] = [];
  const { servers: looked, wanted } = resolveDue(state.servers, env);
  actions.push(...wanted.map((name) => ({ kind: 'resolve', name }) as const));
  let servers = fill(looked, env);
  for (const peer of servers.peers) {
    if (peer.nextAtMs > env.now) continue;
    const nonce = drawNonce(env.random);
    const waiting = asked(peer, nonce, env.now);
    servers = noteSent(replace(servers, waiting), waiting, env.now);
    actions.push({ kind: 'send', address: peer.address, nonce, poll: Math.max(state.poll, peer.leastPoll) });
  }
  const next = { ...state, servers };
  const isDue = next.name !== 'keeping' && (next.decideAtMs ?? Infinity) <= env.now;
  if (!isDue) return { state: next, actions };
  const decided = decide(next, env);
  return { state: decided.state, actions: [...actions, ...decided.actions] };
}

function hear(state: Active, address: IpAddress, reply: NtpReply, env: Env): Step {
  const peer = state.servers.peers.find((each) => each.address.equals(address));
  const verdict = peer === undefined ? ({ kind: 'foreign' } as const) : judge(peer, reply, env.now);
  switch (verdict.kind) {
    case 'foreign':
      return { state, actions: [] };
    case 'kiss':
      return obey(state, verdict, env);
    case 'unfit': {
      const actions = [{ kind: 'event', event: { kind: 'unfit', address, why: verdict.why } } as const];
      return { state: { ...state, servers: replace(state.servers, verdict.peer) }, actions };
    }
    case 'sample': {
      const servers = replace(state.servers, scheduled(verdict.peer, state.poll, env.now, env.random));
      return sampled({ ...state, servers }, env);
    }
  }
}

/** RFC 5905, 7.4: DENY and RSTR mean never again, RATE less often; other codes only inform. */
function obey(state: Active, { code, poll, peer }: { code: string; poll: number; peer: Peer }, env: Env): Step {
  const event = { kind: 'event', event: { kind: 'kiss', address: peer.address, code } } as const;
  const isDenial = code === 'DENY' || code === 'RSTR';
  const after = code === 'RATE' ? slowed(peer, state.poll, poll, env.now) : peer;
  let servers = replace(state.servers, after);
  if (code === 'RATE') servers = bar(servers, after, after.nextAtMs);
  if (isDenial) servers = lookUpAgain(bar(servers, after, Infinity), peer.name, env.now);
  const { state: next, actions } = act({ ...state, servers }, env);
  return { state: next, actions: [event, ...actions] };
}

function sampled(state: Active, env: Env): Step {
  switch (state.name) {
    case 'keeping':
      return decide(state, env);
    case 'doubting':
      return { state, actions: [] };
    case 'measuring': {
      const isWaiting = state.servers.peers.some(({ samples, failures }) => samples.length === 0 && failures < 2);
      const decideAtMs = state.decideAtMs ?? env.now + GRACE_MS;
      return isWaiting ? { state: { ...state, decideAtMs }, actions: [] } : decide(state, env);
    }
  }
}

/** Moves the clock to what the best of those says that agree, unless it has been moved by that already. */
function decide(state: Active, env: Env): Step {
  const claims = state.servers.peers.flatMap((peer) => claimOf(peer, env.now) ?? []);
  const agreeing = select(claims);
  const best = prefer(agreeing, state.name === 'measuring' ? undefined : state.applied.address);
  if (best === undefined) return undecided(state, claims.length > 0);
  const { peer, estimate } = best;
  if (state.name !== 'measuring' && estimate.sample.atMs <= state.applied.atMs) return undecided(state, false);
  const offsetMs = best.baseMs - env.wallBaseMs;
  const isStep = Math.abs(offsetMs) >= STEP_MS;
  if (isStep && state.name === 'keeping') return doubt(state, env);
  const isSteady = state.name === 'keeping' && peer.burst === 0 && Math.abs(offsetMs) < FREQUENCY_LIMIT_MS;
  const event: NtpEvent = {
    kind: 'adjust',
    offsetMs,
    how: isStep ? 'step' : 'slew',
    leap: leapOf(agreeing, env.now + best.baseMs),
    timeConstant: isSteady ? state.poll - LOOP_LEAD : undefined,
    name: peer.name,
    address: peer.address,
    stratum: peer.source?.stratum ?? 0,
    distanceMs: best.distanceMs,
  };
  const { servers } = state;
  const pace = isSteady ? paceAfter(state, offsetMs, estimate.jitterMs) : { poll: state.poll, trend: state.trend };
  const applied = { address: peer.address, atMs: estimate.sample.atMs };
  return { state: { name: 'keeping', servers, ...pace, applied }, actions: [{ kind: 'event', event }] };
}

function undecided(state: Active, isDisagreement: boolean): Step {
  const actions = isDisagreement ? [{ kind: 'event', event: { kind: 'disagreement' } } as const] : [];
  const { servers, poll, trend } = state;
  switch (state.name) {
    case 'measuring':
      return { state: { ...state, decideAtMs: undefined }, actions };
    case 'keeping':
      return { state, actions };
    case 'doubting':
      return { state: { name: 'keeping', servers, poll, trend, applied: state.applied }, actions };
  }
}

/** All are asked anew, since before or after them something moved the clock, or a server is wrong. */
function doubt({ servers, applied }: Extract<State, { name: 'keeping' }>, env: Env): Step {
  const asking = askAgain(servers, DOUBT_BURST, env.now);
  const peers = asking.peers.map((peer) => ({ ...peer, samples: [] }));
  const decideAtMs = env.now + DOUBT_MS;
  return act({
    name: 'doubting', servers: { ...asking, peers }, poll: LEAST_POLL, trend: 0, applied, decideAtMs,
  }, env);
}

/** The best, but for the one in use unless that is much worse: changing servers adds noise. */
function prefer(agreeing: readonly Claimed[], used: IpAddress | undefined): Claimed | undefined {
  const [best] = agreeing;
  const current = agreeing.find(({ peer }) => peer.address.equals(used));
  if (best === undefined || current === undefined) return best;
  return current.peer.failures < 2 && current.distanceMs < 2 * best.distanceMs ? current : best;
}

/** RFC 5905, A.5.5.4: the interval grows while offsets are noise, and shrinks twice as fast when not. */
function paceAfter({ poll, trend }: Running, offsetMs: number, jitterMs: number): { poll: number; trend: number } {
  const isNoise = Math.abs(offsetMs) < NOISE_GATE * Math.max(jitterMs, LEAST_NOISE_MS);
  const moved = isNoise ? trend + poll : trend - 2 * poll;
  if (moved > TREND_LIMIT) return { poll: Math.min(MOST_POLL, poll + 1), trend: 0 };
  if (moved < -TREND_LIMIT) return { poll: Math.max(LEAST_POLL, poll - 1), trend: 0 };
  return { poll, trend: moved };
}

/**
 * The kernel inserts at the end of the day, servers announce for the end of the month: only on the
 * last of June and December (RFC 5905, 7.3; ITU-R TF.460), if most of those who agree say so.
 */
function leapOf(agreeing: readonly Claimed[], unixMs: number): Adjustment['leap'] {
  const tomorrow = new Date(unixMs + 86_400_000);
  if (tomorrow.getUTCDate() !== 1 || tomorrow.getUTCMonth() % 6 !== 0) return 'none';
  const isMost = (leap: Adjustment['leap']): boolean =>
    2 * agreeing.filter(({ peer }) => peer.source?.leap === leap).length > agreeing.length;
  if (isMost('insert')) return 'insert';
  return isMost('delete') ? 'delete' : 'none';
}

function drawNonce(random: Random): bigint {
  return (BigInt(random.u32()) << 32n) | BigInt(random.u32()) || 1n;
}
