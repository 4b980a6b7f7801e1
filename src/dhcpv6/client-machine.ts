/**
 * The life of a DHCPv6 client (RFC 8415, 18.2) as a pure function over a union of states: what a
 * deadline and what its owner makes it do; `replies.ts` has what servers make it do. Invariant: no
 * input in any state throws.
 */

import type { IpAddress } from '../shared/ipaddress.ts';
import { heldAssociations } from './client-messages.ts';
import {
  type Env, type Informing, type Input, leaseOf, type Mode, nextTickAt, type State, type Step, type Verifying,
} from './client-state.ts';
import { type Dhcpv6Lease, isEmpty, nextEndOf, withoutEnded } from './lease.ts';
import { receive } from './replies.ts';
import { CONFIRM_DURATION_MS, DECLINE_TRIES, newExchange, REQUEST_TRIES } from './retransmission.ts';
import {
  afterDecline, bind, extend, inform, lose, newSearch, refuse, release, request, searchOn, searchSoon, solicit, take,
  to, verify,
} from './transitions.ts';

/** Advances the client. A step that must send is taken again later when sending fails. */
export function step(state: State, input: Input, env: Env): Step {
  switch (input.kind) {
    case 'start': return start(input.mode, input.lease, input.adopt === true, env);
    case 'tick': return (nextTickAt(state) ?? Infinity) <= env.now ? tick(state, env) : to(state);
    case 'message': return receive(state, input.message, env);
    case 'renew': return to(hasten(state, env));
    case 'decline': return decline(state, input.addresses, env);
    case 'stop': return stop(state, input.release, env);
  }
}

function start(mode: Mode, known: Dhcpv6Lease | undefined, isAdopted: boolean, env: Env): Step {
  const init = searchSoon(mode, known, env);
  const { search, startAt } = init;
  const exchange = { ...newExchange(env), startedAt: startAt, retryAt: startAt };
  if (mode === 'stateless') {
    if (known === undefined || !isAdopted) return to(init);
    return to({ name: 'informing', search, exchange, lease: { ...known, addresses: [], prefixes: [] } });
  }
  const lease = known === undefined ? undefined : withoutEnded(known, env.now);
  if (lease === undefined || isEmpty(lease)) return to(init);
  // What is wanted in addition comes with a new search only.
  const { wantsPrefix, wantsAddresses } = env.identity;
  const isWhole = (!wantsPrefix || lease.prefixes.length > 0) && (!wantsAddresses || lease.addresses.length > 0);
  if (!isWhole) return to({ ...init, wish: lease });
  const by = lease.prefixes.length > 0 ? 'rebind' : 'confirm';
  const untilAt = startAt + CONFIRM_DURATION_MS;
  return to({ name: 'verifying', search, by, exchange, lease, isAdopted, untilAt });
}

/** A deadline has passed. Each tick does one thing; what else is due is the next tick's. */
function tick(state: State, env: Env): Step {
  const lease = leaseOf(state);
  // After a suspend several deadlines may have passed: the end of addresses is what counts.
  if (lease !== undefined && nextEndOf(lease) <= env.now) return end(state, withoutEnded(lease, env.now), env);
  if ('search' in state && lease === undefined && state.search.noLeaseAt <= env.now) {
    const search = { ...state.search, noLeaseAt: Infinity };
    return to({ ...state, search }, { kind: 'noLease' });
  }
  switch (state.name) {
    case 'stopped': return to(state);
    case 'init': return state.mode === 'stateful' ? solicit(state, env) : inform(state, undefined, env);
    case 'soliciting':
      return state.offer === undefined ? solicit(state, env) : take(state.offer, state.search, undefined, env);
    case 'requesting':
      if (state.exchange.tries < REQUEST_TRIES) return request(state, env);
      return state.lease === undefined ? to(searchOn(state.search, env)) : lose(state.lease, 'noBinding', env);
    case 'verifying':
      if (nextEndOf(state.lease) <= env.now) return to(searchSoon('stateful', state.lease, env));
      // RFC 8415, 18.2.3: without an answer the addresses go on being used.
      if (state.untilAt <= env.now) {
        return to(bind(state.lease), { kind: 'bound', lease: state.lease, isChanged: !state.isAdopted });
      }
      return announced(verify(state, env), state);
    case 'bound': return extend(state.lease, undefined, env);
    case 'renewing':
    case 'rebinding': return extend(state.lease, state, env);
    case 'declining': return state.exchange.tries < DECLINE_TRIES ? refuse(state, env) : to(afterDecline(state, env));
    case 'informing': return announced(inform(state, state.lease, env), state);
    case 'informed': return inform(newSearch('stateless', state.lease, env.now, env), state.lease, env);
  }
}

/** With its first message the client tells of a lease that is in force already. */
function announced({ state, actions }: Step, { exchange }: Verifying | Informing): Step {
  const lease = leaseOf(state);
  if (exchange.tries > 0 || lease === undefined) return { state, actions };
  return { state, actions: [...actions, { kind: 'event', event: { kind: 'bound', lease, isChanged: false } }] };
}

/** Addresses or prefixes have ended. */
function end(state: State, lease: Dhcpv6Lease, env: Env): Step {
  if (isEmpty(lease)) return lose(leaseOf(state) ?? lease, 'expired', env);
  return to('lease' in state ? { ...state, lease } : state, { kind: 'bound', lease, isChanged: true });
}

function hasten(state: State, { now }: Env): State {
  switch (state.name) {
    case 'stopped': return state;
    case 'init': return { ...state, startAt: Math.min(state.startAt, now) };
    case 'bound': return { ...state, renewAt: Math.min(state.renewAt, now) };
    case 'informed': return { ...state, lease: { ...state.lease, renewAtMs: Math.min(state.lease.renewAtMs, now) } };
    case 'soliciting':
    case 'requesting':
    case 'verifying':
    case 'renewing':
    case 'rebinding':
    case 'declining':
    case 'informing': {
      const exchange = { ...state.exchange, retryAt: Math.min(state.exchange.retryAt, now) };
      return { ...state, exchange };
    }
  }
}

function decline(state: State, addresses: readonly IpAddress[], env: Env): Step {
  const held = leaseOf(state);
  if (held === undefined) return to(state);
  const isRefused = ({ address }: { address: IpAddress }): boolean => addresses.some((each) => each.equals(address));
  const refused = { ...held, addresses: held.addresses.filter(isRefused), prefixes: [] };
  if (isEmpty(refused)) return to(state);
  const rest = { ...held, addresses: held.addresses.filter((each) => !isRefused(each)) };
  const { server } = held;
  const associations = heldAssociations(env.identity, refused);
  const exchange = newExchange(env);
  const lease = isEmpty(rest) ? undefined : rest;
  return refuse({ name: 'declining', exchange, server, refused: associations, lease }, env);
}

function stop(state: State, isReleasing: boolean, env: Env): Step {
  const lease = leaseOf(state);
  if (!isReleasing || lease === undefined || isEmpty(lease)) return to({ name: 'stopped' });
  return release(lease, env);
}
