/**
 * The moves a DHCPv6 client can make (RFC 8415, 18.2.1 to 18.2.8), each with the message that
 * belongs to it. Pure; what leads to them is in client-machine.ts and replies.ts.
 */

import { clientMessage, type Fields, heldAssociations, wantedAssociations } from './client-messages.ts';
import type {
  Bound,
  Declining,
  Dhcpv6Event,
  Env,
  Extending,
  Informing,
  Init,
  Mode,
  Offer,
  Requesting,
  Search,
  Soliciting,
  State,
  Step,
  Verifying,
} from './client-state.ts';
import { type Dhcpv6Lease, isEmpty } from './lease.ts';
import type { MessageType } from './message.ts';
import { OPTION, u32Of } from './options.ts';
import { afterSending, type Exchange, newExchange, type Timing, TIMING } from './retransmission.ts';

/** A result that is only a state and what is told. */
export function to(state: State, ...events: readonly Dhcpv6Event[]): Step {
  return { state, actions: events.map((event) => ({ kind: 'event', event })) };
}

/** A search that begins at `startAt`, with `wish` asked for first. */
export function newSearch(mode: Mode, wish: Dhcpv6Lease | undefined, startAt: number, env: Env): Init {
  const code = mode === 'stateful' ? OPTION.solicitMaxTime : OPTION.informationMaxTime;
  const { mostMs } = mode === 'stateful' ? TIMING.solicit : TIMING.informationRequest;
  const longestWaitMs = longestWaitOf(wish?.options.get(code)) ?? mostMs;
  const search = { noLeaseAt: env.now + NO_LEASE_MS, refusals: 0, longestWaitMs };
  return { name: 'init', mode, wish, startAt, search };
}

/** A search that begins soon: hosts that were started together do not ask together (18.2.1, 18.2.6). */
export function searchSoon(mode: Mode, wish: Dhcpv6Lease | undefined, env: Env): Init {
  return newSearch(mode, wish, env.now + START_SPREAD_MS * env.random.fraction(), env);
}

/** The next attempt after a server's refusal: at once the first time, then more and more slowly. */
export function searchOn(search: Search, env: Env): Init {
  const { refusals } = search;
  const waitMs = refusals === 0 ? 0 : Math.min(LONGEST_REFUSAL_WAIT_MS, 1000 * 2 ** Math.min(16, refusals));
  return {
    name: 'init', mode: 'stateful', wish: undefined, startAt: env.now + waitMs,
    search: { ...search, refusals: refusals + 1 },
  };
}

/** SOL_MAX_RT and INF_MAX_RT of a server in milliseconds (21.24, 21.25); undefined for none and for nonsense. */
export function longestWaitOf(value: Uint8Array | undefined): number | undefined {
  const seconds = u32Of(value);
  return seconds !== undefined && seconds >= 60 && seconds <= 86_400 ? 1000 * seconds : undefined;
}

/** SOLICIT. */
export function solicit(from: Init | Soliciting, env: Env): Step {
  const { search, wish } = from;
  const associations = wantedAssociations(env.identity, wish);
  const timing = { ...TIMING.solicit, mostMs: search.longestWaitMs };
  return sending({ type: 'solicit', associations, exchange: exchangeOf(from, env), timing }, env, (exchange) => (
    { name: 'soliciting', search, wish, exchange, offer: undefined }
  ));
}

/** INFORMATION-REQUEST. */
export function inform(from: Init | Informing, lease: Dhcpv6Lease | undefined, env: Env): Step {
  const { search } = from;
  const timing = { ...TIMING.informationRequest, mostMs: search.longestWaitMs };
  return sending({ type: 'informationRequest', exchange: exchangeOf(from, env), timing }, env, (exchange) => (
    { name: 'informing', search, exchange, lease }
  ));
}

/** The first REQUEST for an offer; `lease` stays in force meanwhile. */
export function take(offer: Offer, search: Search, lease: Dhcpv6Lease | undefined, env: Env): Step {
  return request({ name: 'requesting', search, offer, lease, exchange: newExchange(env) }, env);
}

/** REQUEST. */
export function request(from: Requesting, env: Env): Step {
  const { offer: { server, associations }, exchange } = from;
  const plan = { type: 'request', server, associations, exchange, timing: TIMING.request } as const;
  return sending(plan, env, (next) => ({ ...from, exchange: next }));
}

/** CONFIRM, or REBIND where there is a prefix. */
export function verify(from: Verifying, env: Env): Step {
  const { by: type, lease, exchange } = from;
  const associationsOf = type === 'confirm' ? heldAssociations : wantedAssociations;
  const plan = { type, associations: associationsOf(env.identity, lease), exchange, timing: TIMING.confirm };
  return sending(plan, env, (next) => ({ ...from, exchange: next }));
}

/** RENEW to the lease's own server between T1 and T2, REBIND to any after T2. */
export function extend(lease: Dhcpv6Lease, before: Extending | undefined, env: Env): Step {
  const isRebinding = env.now >= lease.rebindAtMs;
  const name = isRebinding ? 'rebinding' : 'renewing';
  const exchange = before?.name === name ? before.exchange : newExchange(env);
  const associations = wantedAssociations(env.identity, lease);
  const type = isRebinding ? 'rebind' : 'renew';
  const server = isRebinding ? undefined : lease.server;
  const plan = { type, server, associations, exchange, timing: TIMING[type] } as const;
  return sending(plan, env, (next) => ({ name, lease, exchange: next }));
}

/** DECLINE. */
export function refuse(from: Declining, env: Env): Step {
  const { server, refused: associations, exchange } = from;
  const plan = { type: 'decline', server, associations, exchange, timing: TIMING.decline } as const;
  return sending(plan, env, (next) => ({ ...from, exchange: next }));
}

/** Once the server knows of refused addresses, or cannot be told: more of what is left, or anew. */
export function afterDecline({ lease }: Declining, env: Env): State {
  return lease === undefined
    ? newSearch('stateful', undefined, env.now, env)
    : { name: 'bound', lease, renewAt: env.now };
}

/** RELEASE, once: the host is leaving, and a server that misses it lets the lease run out. */
export function release(lease: Dhcpv6Lease, env: Env): Step {
  const fields = { server: lease.server, associations: heldAssociations(env.identity, lease) };
  const message = clientMessage('release', { exchange: newExchange(env), now: env.now }, env.identity, fields);
  return { state: { name: 'stopped' }, actions: [{ kind: 'send', packet: message }] };
}

/** Has `lease`. */
export function bind(lease: Dhcpv6Lease): Bound {
  return { name: 'bound', lease, renewAt: lease.renewAtMs };
}

/** The whole lease is gone for `reason`; the search for another begins. */
export function lose(lease: Dhcpv6Lease, reason: 'expired' | 'notOnLink' | 'noBinding', env: Env): Step {
  return to(searchSoon('stateful', isEmpty(lease) || reason === 'notOnLink' ? undefined : lease, env), {
    kind: 'lost', reason,
  });
}

/** Dual-stack hosts wait as long for IPv4. */
const NO_LEASE_MS = 30_000;
/**
 * The standard spreads first messages over a second, for networks whose hosts regain power
 * together; the hosts' own start and their duplicate address detection spread them already.
 */
const START_SPREAD_MS = 100;
const LONGEST_REFUSAL_WAIT_MS = 60_000;

function exchangeOf(state: Init | Soliciting | Informing, env: Env): Exchange {
  return state.name === 'init' ? newExchange(env) : state.exchange;
}

interface Sending extends Fields {
  readonly type: MessageType;
  readonly exchange: Exchange;
  readonly timing: Timing;
}

function sending(plan: Sending, env: Env, next: (exchange: Exchange) => State): Step {
  const { type, exchange, timing } = plan;
  const packet = clientMessage(type, { exchange, now: env.now }, env.identity, plan);
  return { state: next(afterSending(exchange, timing, env)), actions: [{ kind: 'send', packet }] };
}
