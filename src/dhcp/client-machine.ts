/**
 * The life of a DHCPv4 client (RFC 2131, 4.4 and figure 5) as a pure function over a union of
 * states. Time, randomness and packets are arguments; each state carries its own deadlines, so no
 * stale timer can exist. Invariant: no input in any state throws.
 */

import type { IpAddress } from '../shared/ipaddress.ts';
import { askingMessage, plainMessage, replyType } from './client-messages.ts';
import {
  type Bound,
  type Env,
  type Init,
  type InitReboot,
  type Input,
  leaseOf,
  nextTickAt,
  type Rebooting,
  type Requesting,
  type Route,
  type Search,
  type Selecting,
  type State,
  type Step,
} from './client-state.ts';
import { expiryOf, interpretLease, isSameConfiguration, type Lease } from './lease.ts';
import type { DhcpMessage } from './message.ts';
import { hostAddressOf, isHostAddress, OPTION } from './options.ts';

type ClientAction = Step['actions'][number];

const FIRST_RETRY_MS = 500;
const LONGEST_RETRY_MS = 60_000;
const REBOOT_TRIES = 2;
const REQUEST_TRIES = 4;
/** ConnMan gives up after six DISCOVERs, 5 s apart. */
const NO_LEASE_MS = 30_000;
const FIRST_REFUSAL_WAIT_MS = 3000;
/** RFC 2131, 3.1, step 5: the least wait after a DECLINE. */
const DECLINE_WAIT_MS = 10_000;
/** RFC 2131, 4.4.5: the least wait between two requests for more time. */
const LEAST_EXTENSION_WAIT_MS = 60_000;

/** Advances the client. A step that must send is taken again later when sending fails. */
export function step(state: State, input: Input, env: Env): Step {
  switch (input.kind) {
    case 'start': return to(start(input.wish, input.adopted, env));
    case 'tick': return (nextTickAt(state) ?? Infinity) <= env.now ? tick(state, env) : to(state);
    case 'message': return receive(state, input.message, input.isBroadcast, env);
    case 'renew': return hasten(state, env);
    case 'decline': return decline(state, env);
    case 'stop': return stop(state, input.release, env);
  }
}

function start(wish: IpAddress | undefined, adopted: Lease | undefined, env: Env): State {
  const search = newSearch(env);
  const startAt = env.now;
  if (adopted !== undefined && expiryOf(adopted) > env.now) {
    return { name: 'init-reboot', search: { ...search, noLeaseAt: Infinity }, wish: adopted.address, adopted, startAt };
  }
  if (wish !== undefined && isHostAddress(wish) && !wish.isLinkLocal) {
    return { name: 'init-reboot', search, wish, adopted: undefined, startAt };
  }
  return { name: 'init', search, wish: undefined, startAt };
}

/** A deadline has passed. Each tick does one thing; what else is due is the next tick's. */
function tick(state: State, env: Env): Step {
  const lease = leaseOf(state);
  // After a suspend several deadlines may have passed: the end of the lease is what counts.
  if (lease !== undefined && expiryOf(lease) <= env.now) {
    return to({ name: 'init', search: newSearch(env), wish: lease.address, startAt: env.now }, lost('expired'));
  }
  if ('search' in state && state.search.noLeaseAt <= env.now) {
    const search = { ...state.search, noLeaseAt: Infinity };
    return to({ ...state, search }, { kind: 'event', event: { kind: 'noLease' } });
  }
  switch (state.name) {
    case 'stopped': return to(state);
    case 'init': return discover(state, env.random.u32(), 0, env);
    case 'init-reboot': return reboot(state, env.random.u32(), 0, env);
    case 'rebooting':
      if (state.tries < REBOOT_TRIES) return reboot(state, state.xid, state.tries, env);
      // RFC 2131, 3.2, step 4: without an answer, a lease that still runs may be used.
      if (state.adopted !== undefined) return to(bind(state.adopted, env));
      // The same xid: an answer to the request may still come.
      return discover(state, state.xid, 0, env);
    case 'selecting': return discover(state, state.xid, state.tries, env);
    case 'requesting': return state.tries < REQUEST_TRIES ? request(state, env) : to(refused(state, env));
    case 'bound': return extend(state.lease, env.now, env);
    case 'renewing':
    case 'rebinding': return extend(state.lease, state.startedAt, env);
  }
}

function discover(from: Init | Rebooting | Selecting, xid: number, tries: number, env: Env): Step {
  const { search, wish } = from;
  const secs = secondsSince(search.startedAt, env);
  // Some servers and relays cannot reach a client without an address but by broadcast.
  const isBroadcast = tries % 2 === 1;
  const message = askingMessage('discover', env.identity, { xid, secs, isBroadcast, requestedAddress: wish });
  const retryAt = env.now + backoff(tries, env);
  return to(
    { name: 'selecting', search, wish, xid, tries: tries + 1, discoveredAt: env.now, retryAt },
    send(message),
  );
}

/** RFC 2131, 4.3.2: an INIT-REBOOT request names the address and no server. */
function reboot(from: InitReboot | Rebooting, xid: number, tries: number, env: Env): Step {
  const { search, wish, adopted } = from;
  const secs = secondsSince(search.startedAt, env);
  const message = askingMessage('request', env.identity, { xid, secs, requestedAddress: wish });
  const requestedAt = 'requestedAt' in from ? from.requestedAt : env.now;
  const retryAt = env.now + jitter(FIRST_RETRY_MS, env);
  const state: State = {
    name: 'rebooting', search, wish, adopted, xid, tries: tries + 1, requestedAt, retryAt,
  };
  const isFirst = from.name === 'init-reboot';
  const events = adopted !== undefined && isFirst ? [bound(adopted, false)] : [];
  return to(state, send(message), ...events);
}

function request(state: Requesting, env: Env): Step {
  const { xid, secs, isBroadcast, address, server } = state;
  const fields = { xid, secs, isBroadcast, requestedAddress: address, server };
  const message = askingMessage('request', env.identity, fields);
  const retryAt = env.now + backoff(state.tries, env);
  return to({ ...state, tries: state.tries + 1, retryAt }, send(message));
}

/** Asks for more time: the lease's own server between T1 and T2, any server after T2. */
function extend(lease: Lease, startedAt: number, env: Env): Step {
  const rebindAt = lease.acquiredAtMs + lease.rebindingSec * 1000;
  const isRebinding = env.now >= rebindAt;
  const until = isRebinding ? expiryOf(lease) : rebindAt;
  const xid = env.random.u32();
  const secs = secondsSince(startedAt, env);
  const message = askingMessage('request', env.identity, { xid, secs, clientAddress: lease.address });
  // RFC 2131, 4.4.5: half the remaining time, at least 60 s.
  const waitMs = Math.max(LEAST_EXTENSION_WAIT_MS, (until - env.now) / 2) + spread(1000, env);
  const retryAt = Math.min(until, env.now + waitMs);
  const route = isRebinding ? undefined : routeToServer(lease);
  return to(
    { name: isRebinding ? 'rebinding' : 'renewing', lease, xid, startedAt, requestedAt: env.now, retryAt },
    send(message, route),
  );
}

function receive(state: State, message: DhcpMessage, isBroadcast: boolean, env: Env): Step {
  if (!('xid' in state)) return to(state);
  switch (replyType(message, env.identity, state.xid)) {
    case 'offer': return state.name === 'selecting' ? select(state, message, isBroadcast, env) : to(state);
    case 'ack': return acknowledge(state, message, env);
    case 'nak': return isFromItsServer(state, message) ? refuse(state, env) : to(state);
    case undefined: return to(state);
  }
}

/** Takes the first offer that can be taken. */
function select(state: Selecting, offer: DhcpMessage, isBroadcast: boolean, env: Env): Step {
  const server = hostAddressOf(offer.options.get(OPTION.serverIdentifier));
  const address = offer.yourAddress;
  if (server === undefined || !isHostAddress(address)) return to(state);
  // RFC 2131, 4.4.1: the request carries the seconds of the discover, for relays that go by them.
  const secs = secondsSince(state.search.startedAt, { ...env, now: state.discoveredAt });
  const { search, xid } = state;
  const at = { requestedAt: env.now, retryAt: env.now };
  return request({ name: 'requesting', search, address, server, isBroadcast, xid, secs, tries: 0, ...at }, env);
}

type Asking = Extract<State, { readonly xid: number }>;

function acknowledge(state: Asking, message: DhcpMessage, env: Env): Step {
  const address = message.yourAddress;
  if (!isHostAddress(address) || !isFromItsServer(state, message)) return to(state);
  if (state.name === 'selecting' && !isExpectedBySelecting(state, message)) return to(state);
  const previous = leaseOf(state);
  const lease = interpretLease({
    address,
    server: state.name === 'requesting' ? state.server : previous?.server,
    options: message.options,
    acquiredAtMs: state.name === 'selecting' ? state.discoveredAt : state.requestedAt,
  });
  const isChanged = previous === undefined || !isSameConfiguration(previous, lease);
  return to(bind(lease, env), bound(lease, isChanged));
}

/** Rapid commit (RFC 4039), or the late answer to an INIT-REBOOT request. */
function isExpectedBySelecting(state: Selecting, message: DhcpMessage): boolean {
  return message.options.has(OPTION.rapidCommit) || message.yourAddress.equals(state.wish);
}

/** A request to one server is answered by that server; one to all by any. */
function isFromItsServer(state: Asking, message: DhcpMessage): boolean {
  if (state.name !== 'requesting') return true;
  const server = message.options.get(OPTION.serverIdentifier);
  return server === undefined || state.server.equals(hostAddressOf(server));
}

function refuse(state: Asking, env: Env): Step {
  switch (state.name) {
    // A late NAK to an INIT-REBOOT request: the search goes on without the wish.
    case 'selecting': return to({ ...state, wish: undefined });
    case 'requesting': return to(refused(state, env));
    case 'rebooting':
      return state.adopted === undefined ? to(refused(state, env)) : to(searchAnew(env.now, env), lost('nak'));
    case 'renewing':
    case 'rebinding': return to(searchAnew(env.now, env), lost('nak'));
  }
}

/** Starts over, at once after the first refusal, then more and more slowly. */
function refused({ search }: Rebooting | Requesting, env: Env): Init {
  const waitMs = search.refusals === 0
    ? 0
    : Math.min(LONGEST_RETRY_MS, FIRST_REFUSAL_WAIT_MS * 2 ** Math.min(16, search.refusals - 1));
  const refusals = search.refusals + 1;
  return { name: 'init', search: { ...search, refusals }, wish: undefined, startAt: env.now + waitMs };
}

function hasten(state: State, env: Env): Step {
  switch (state.name) {
    case 'stopped': return to(state);
    case 'init':
    case 'init-reboot': return to({ ...state, startAt: Math.min(state.startAt, env.now) });
    case 'bound': return to({ ...state, renewAt: Math.min(state.renewAt, env.now) });
    case 'rebooting':
    case 'selecting':
    case 'requesting':
    case 'renewing':
    case 'rebinding': return to({ ...state, retryAt: Math.min(state.retryAt, env.now) });
  }
}

function decline(state: State, env: Env): Step {
  const lease = leaseOf(state);
  if (lease === undefined) return to(state);
  const fields = { xid: env.random.u32(), requestedAddress: lease.address, server: lease.server };
  const message = plainMessage('decline', env.identity, fields);
  return to(searchAnew(env.now + DECLINE_WAIT_MS, env), send(message));
}

function stop(state: State, release: boolean, env: Env): Step {
  const lease = leaseOf(state);
  if (!release || lease?.server === undefined) return to({ name: 'stopped' });
  const fields = { xid: env.random.u32(), clientAddress: lease.address, server: lease.server };
  const message = plainMessage('release', env.identity, fields);
  return to({ name: 'stopped' }, send(message, routeToServer(lease)));
}

function bind(lease: Lease, env: Env): Bound {
  // RFC 2131, 4.4.5: T1 with some random fuzz.
  const fuzzMs = spread(Math.min(1000, lease.renewalSec * 100), env);
  return { name: 'bound', lease, renewAt: lease.acquiredAtMs + lease.renewalSec * 1000 + fuzzMs };
}

function searchAnew(startAt: number, env: Env): Init {
  return { name: 'init', search: newSearch(env), wish: undefined, startAt };
}

function newSearch(env: Env): Search {
  return { startedAt: env.now, noLeaseAt: env.now + NO_LEASE_MS, refusals: 0 };
}

function routeToServer({ address, server }: Lease): Route | undefined {
  return server === undefined ? undefined : { from: address, to: server };
}

function secondsSince(start: number, env: Env): number {
  return Math.floor((env.now - start) / 1000);
}

/** 0.5, 1, 2, 4 … 60 s, each randomised (RFC 2131, 4.1, started eight times as fast). */
function backoff(tries: number, env: Env): number {
  return jitter(Math.min(LONGEST_RETRY_MS, FIRST_RETRY_MS * 2 ** Math.min(tries, 16)), env);
}

/** A fifth more or less. */
function jitter(delayMs: number, env: Env): number {
  return delayMs + spread(delayMs / 5, env);
}

/** Between -widthMs and widthMs. */
function spread(widthMs: number, env: Env): number {
  return (2 * env.random.fraction() - 1) * widthMs;
}

function to(state: State, ...actions: ClientAction[]): Step {
  return { state, actions };
}

function send(message: DhcpMessage, route?: Route): ClientAction {
  return { kind: 'send', packet: { message, route } };
}

function bound(lease: Lease, isChanged: boolean): ClientAction {
  return { kind: 'event', event: { kind: 'bound', lease, isChanged } };
}

function lost(reason: 'expired' | 'nak'): ClientAction {
  return { kind: 'event', event: { kind: 'lost', reason } };
}
