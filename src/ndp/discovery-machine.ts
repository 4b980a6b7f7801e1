/**
 * A host's side of router discovery (RFC 4861, 6.3) as a pure function over a union of states:
 * solicitations until a router answers, ever more seldom (RFC 7559), and the ends of what was
 * advertised. Invariant: no input in any state throws; what changes within a quarter of a second is
 * told once, so that no flood of advertisements is passed on.
 */

import type { Stepped, Tick } from '../dhcp/driver.ts';
import type { IpAddress } from '../shared/ipaddress.ts';
import type { Random } from '../shared/random.ts';
import {
  expire,
  informationOf,
  isSameInformation,
  type Knowledge,
  learn,
  nextEndAt,
  NOTHING,
  refreshAt,
  type RouterInformation,
} from './knowledge.ts';
import type { RouterAdvertisement } from './router-advertisement.ts';

/** Where the host is. */
export type State = Soliciting | Listening;

/** Asks, and waits for an answer. */
export interface Soliciting extends Known {
  readonly name: 'soliciting';
  readonly tries: number;
  readonly waitMs: number;
  readonly retryAt: number;
}

/** Was answered. */
export interface Listening extends Known {
  readonly name: 'listening';
  /** When to ask again before something ends. */
  readonly refreshAt: number;
}

interface Known {
  readonly knowledge: Knowledge;
  /** What was told last. */
  readonly told: RouterInformation | undefined;
  /** Whether that is what is known. */
  readonly isTold: boolean;
  /** Nothing is told before. */
  readonly silentUntil: number;
}

/** What can happen to it. */
export type Input =
  | Tick
  | { readonly kind: 'solicit' }
  | { readonly kind: 'advertisement'; readonly router: IpAddress; readonly advertisement: RouterAdvertisement };

/** What is told: other information, or that no router answers. */
export type Event =
  | { readonly kind: 'changed'; readonly information: RouterInformation }
  | { readonly kind: 'silent' };

/** The one thing it sends. */
export type Packet = 'solicitation';

/** Time and randomness. */
export interface Env {
  readonly now: number;
  readonly random: Random;
}

/** A host that is about to ask. */
export function firstState(now: number): State {
  return {
    name: 'soliciting', tries: 0, waitMs: 0, retryAt: now,
    knowledge: NOTHING, told: undefined, isTold: true, silentUntil: now,
  };
}

/** When it next needs a tick, in clock milliseconds; undefined while only an input can help. */
export function nextTickAt(state: State): number | undefined {
  const askAt = state.name === 'soliciting' ? state.retryAt : state.refreshAt;
  const tellAt = state.isTold ? Infinity : state.silentUntil;
  const at = Math.min(askAt, tellAt, nextEndAt(state.knowledge));
  return at === Infinity ? undefined : at;
}

/** Advances it. */
export function step(state: State, input: Input, env: Env): Step {
  switch (input.kind) {
    case 'tick': return tick(state, env);
    case 'solicit': return ask({ ...state, name: 'soliciting', tries: 0, waitMs: 0, retryAt: env.now }, env);
    case 'advertisement': {
      const knowledge = learn(state.knowledge, input.router, input.advertisement, env.now);
      if (knowledge === state.knowledge && state.name === 'listening') return to(state);
      return tell(listening(state, knowledge, env), env);
    }
  }
}

type Step = Stepped<State, Packet, Event>;

/** ConnMan's numbers; RFC 4861, 10 has 3 and 4 s. */
const FIRST_TRIES = 4;
const INTERVAL_MS = 4000;
/** What is doubled then, as if the first had been (RFC 7559, 3.1): a host without routers soon sleeps for long. */
const DOUBLED_MS = INTERVAL_MS * 2 ** (FIRST_TRIES - 2);
/** RFC 7559, 3: MAX_RTR_SOLICITATION_INTERVAL. */
const LONGEST_INTERVAL_MS = 3_600_000;
const TELL_INTERVAL_MS = 250;

/** A deadline has passed. Each tick does one thing; what else is due is the next tick's. */
function tick(state: State, env: Env): Step {
  if (nextEndAt(state.knowledge) <= env.now) {
    const knowledge = expire(state.knowledge, env.now);
    // With the last router gone, another may have come.
    const isAlone = state.name === 'listening' && knowledge.sources.size === 0;
    return tell(isAlone ? { ...firstState(env.now), told: state.told } : { ...state, knowledge }, env);
  }
  if (!state.isTold && state.silentUntil <= env.now) return tell(state, env);
  switch (state.name) {
    case 'soliciting': return state.retryAt <= env.now ? ask(state, env) : to(state);
    case 'listening': return state.refreshAt <= env.now ? refresh(state, env) : to(state);
  }
}

function ask(state: Soliciting, env: Env): Step {
  const tries = state.tries + 1;
  const before = tries === FIRST_TRIES + 1 ? DOUBLED_MS : state.waitMs;
  const waitMs = tries <= FIRST_TRIES ? INTERVAL_MS : nextInterval(before, env);
  const asked = { ...state, tries, waitMs, retryAt: env.now + waitMs };
  return to(asked, SEND, ...(tries === FIRST_TRIES + 1 ? [SILENT] : []));
}

/** RFC 7559, 3.1: doubled each time, give or take a tenth. */
function nextInterval(waitMs: number, { random }: Env): number {
  const jitter = 0.2 * random.fraction() - 0.1;
  return Math.min(LONGEST_INTERVAL_MS * (1 + jitter), waitMs * (2 + jitter));
}

function refresh(state: Listening, env: Env): Step {
  return to(listening(state, state.knowledge, env), SEND);
}

function listening(state: State, knowledge: Knowledge, { now }: Env): Listening {
  const { told, isTold, silentUntil } = state;
  // RFC 4861, 6.3.7: never more often than every four seconds.
  const askAt = Math.max(now + INTERVAL_MS, refreshAt(knowledge, now));
  return { name: 'listening', knowledge, told, isTold, silentUntil, refreshAt: askAt };
}

/** Tells what is known if it is new: now, or when it may. */
function tell(state: State, { now }: Env): Step {
  const information = informationOf(state.knowledge) ?? EMPTY;
  if (state.told !== undefined && isSameInformation(state.told, information)) {
    return to({ ...state, isTold: true });
  }
  if (now < state.silentUntil) return to({ ...state, isTold: false });
  return to({ ...state, told: information, isTold: true, silentUntil: now + TELL_INTERVAL_MS }, {
    kind: 'event', event: { kind: 'changed', information },
  });
}

const EMPTY: RouterInformation = {
  routers: [], isManaged: false, isOtherConfig: false, prefixes: [], routes: [], nameservers: [], searchDomains: [],
  mtu: undefined, captivePortal: undefined, hopLimit: undefined,
};
const SEND: Step['actions'][number] = { kind: 'send', packet: 'solicitation' };
const SILENT: Step['actions'][number] = { kind: 'event', event: { kind: 'silent' } };

function to(state: State, ...actions: Step['actions']): Step {
  return { state, actions };
}
