/**
 * What a server's message makes a DHCPv6 client do (RFC 8415, 18.2.9 and 18.2.10), every status
 * code included. Pure. Invariant: a message that answers nothing this client asked changes nothing.
 */

import { type Reply, replyOf, wantedAssociations } from './client-messages.ts';
import {
  type Dhcpv6Event,
  type Env,
  type Extending,
  leaseOf,
  type Offer,
  type Requesting,
  type Soliciting,
  type State,
  type Step,
  type Verifying,
} from './client-state.ts';
import { equalBytes } from '../shared/bytes.ts';
import { type Dhcpv6Lease, informationFrom, isEmpty, isSameConfiguration, leaseAfter } from './lease.ts';
import type { Dhcpv6Message } from './message.ts';
import { type Association, OPTION, STATUS, statusOf, valueOf } from './options.ts';
import { afterDecline, bind, longestWaitOf, lose, newSearch, searchOn, searchSoon, take, to } from './transitions.ts';

/** Takes a message in. */
export function receive(state: State, message: Dhcpv6Message, env: Env): Step {
  if (!('exchange' in state) || state.exchange.tries === 0) return to(state);
  const reply = replyOf(message, env.identity, state.exchange.xid);
  if (reply === undefined) return to(state);
  if (state.name === 'soliciting') return answerSolicit(withLongestWait(state, reply), reply, env);
  if (reply.type !== 'reply') return to(state);
  switch (state.name) {
    case 'requesting': return isOf(reply, state.offer.server) ? answerRequest(state, reply, env) : to(state);
    case 'verifying': return answerVerify(state, reply, env);
    case 'renewing': return isOf(reply, state.lease.server) ? answerExtension(state, reply, env) : to(state);
    case 'rebinding': return answerExtension(state, reply, env);
    // Whatever the server makes of it (18.2.10.2).
    case 'declining': return isOf(reply, state.server) ? to(afterDecline(state, env)) : to(state);
    case 'informing': {
      const lease = informationFrom({ ...reply, atMs: state.exchange.sentAt });
      if (statusOf(reply.options) !== STATUS.success) return to(state);
      return to({ name: 'informed', lease }, changeEvent(state.lease, lease));
    }
  }
}

/** RFC 8415, 18.2.9: even an advertisement that cannot be taken may tell how seldom to ask. */
function withLongestWait(state: Soliciting, { options }: Reply): Soliciting {
  const longestWaitMs = longestWaitOf(valueOf(options, OPTION.solicitMaxTime)) ?? state.search.longestWaitMs;
  return { ...state, search: { ...state.search, longestWaitMs } };
}

function answerSolicit(state: Soliciting, reply: Reply, env: Env): Step {
  const { server, options } = reply;
  const associations = grantedOf(reply);
  if (statusOf(options) !== STATUS.success || associations.length === 0) return to(state);
  if (reply.type === 'reply') {
    const isCommitted = valueOf(options, OPTION.rapidCommit) !== undefined;
    return isCommitted ? grant(undefined, { ...reply, associations }, state.exchange.sentAt) : to(state);
  }
  const preference = valueOf(options, OPTION.preference)?.[0] ?? 0;
  const offer: Offer = { server, preference, associations };
  const best = state.offer === undefined || isBetter(offer, state.offer) ? offer : state.offer;
  // 18.2.1: offers are gathered during the first wait; the best there can be, and a late one, is taken at once.
  const isEnough = best.preference === HIGHEST_PREFERENCE || state.exchange.tries > 1;
  return isEnough ? take(best, state.search, undefined, env) : to({ ...state, offer: best });
}

const HIGHEST_PREFERENCE = 255;

/** By preference, then by how much of what was asked for it has; the first of equals. */
function isBetter(one: Offer, other: Offer): boolean {
  if (one.preference !== other.preference) return one.preference > other.preference;
  return one.associations.length > other.associations.length;
}

function answerRequest(state: Requesting, reply: Reply, env: Env): Step {
  const status = statusOf(reply.options);
  // What was asked is asked again when its time comes; a wrong way of sending it is not ours to change.
  if (isToBeRepeated(status)) return to(state);
  const associations = grantedOf(reply);
  const isRefused = status !== STATUS.success || hasStatus(reply, STATUS.notOnLink) || associations.length === 0;
  if (!isRefused) return grant(state.lease, { ...reply, associations }, state.exchange.sentAt);
  if (state.lease === undefined) return to(searchOn(state.search, env));
  const isNotOnLink = status === STATUS.notOnLink || hasStatus(reply, STATUS.notOnLink);
  return lose(state.lease, isNotOnLink ? 'notOnLink' : 'noBinding', env);
}

function answerVerify(state: Verifying, reply: Reply, env: Env): Step {
  const { lease, isAdopted, by } = state;
  const status = statusOf(reply.options);
  if (status === STATUS.notOnLink || hasStatus(reply, STATUS.notOnLink)) {
    return isAdopted ? lose(lease, 'notOnLink', env) : to(searchOn(state.search, env));
  }
  if (by === 'rebind') return answerExtension(state, reply, env);
  if (status !== STATUS.success) return to(state);
  // 18.2.10.1: a reply to CONFIRM says that the addresses are right, and brings nothing new.
  return to(bind(lease), { kind: 'bound', lease, isChanged: !isAdopted });
}

function answerExtension(state: Extending | Verifying, reply: Reply, env: Env): Step {
  const { lease, exchange } = state;
  const inForce = leaseOf(state);
  const status = statusOf(reply.options);
  if (status === STATUS.notOnLink || hasStatus(reply, STATUS.notOnLink)) return lose(lease, 'notOnLink', env);
  if (status === STATUS.noBinding || hasStatus(reply, STATUS.noBinding)) {
    // 18.2.10.1: this server is asked to make a binding of what we have; what else it granted comes with it.
    const offer = { server: reply.server, preference: 0, associations: wantedAssociations(env.identity, lease) };
    return take(offer, newSearch('stateful', lease, env.now, env).search, inForce, env);
  }
  const associations = reply.associations.filter(isGranted);
  if (status !== STATUS.success || associations.length === 0) return to(state);
  const renewed = leaseAfter(lease, { ...reply, associations, atMs: exchange.sentAt });
  if (isEmpty(renewed)) {
    return inForce === undefined ? to(searchSoon('stateful', undefined, env)) : lose(renewed, 'expired', env);
  }
  return to(bind(renewed), changeEvent(inForce, renewed));
}

function grant(previous: Dhcpv6Lease | undefined, reply: Reply, atMs: number): Step {
  const lease = leaseAfter(undefined, { ...reply, atMs });
  return to(bind(lease), changeEvent(previous, lease));
}

function changeEvent(previous: Dhcpv6Lease | undefined, lease: Dhcpv6Lease): Dhcpv6Event {
  return { kind: 'bound', lease, isChanged: previous === undefined || !isSameConfiguration(previous, lease) };
}

/** Associations with something in them that holds for a while. */
function grantedOf({ associations }: Reply): Association[] {
  return associations.filter(({ status, addresses, prefixes }) => (
    status === STATUS.success && [...addresses, ...prefixes].some(({ validSec }) => validSec > 0)
  ));
}

function isGranted({ status, addresses, prefixes }: Association): boolean {
  return status === STATUS.success && addresses.length + prefixes.length > 0;
}

function hasStatus({ associations }: Reply, wanted: number): boolean {
  return associations.some(({ status }) => status === wanted);
}

/** UnspecFail, UseMulticast, and codes that no standard knows. */
function isToBeRepeated(status: number): boolean {
  return status === STATUS.unspecified || status === STATUS.useMulticast || status > STATUS.noPrefixes;
}

function isOf({ server }: Reply, expected: Uint8Array): boolean {
  return equalBytes(server, expected);
}
