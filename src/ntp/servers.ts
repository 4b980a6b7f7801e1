/**
 * Whom an NTP client asks: at most four servers of a list in order of preference, whose names are
 * looked up, replaced when they do not answer, and never asked again once they said so. Invariant:
 * what a server was promised (spacing, kisses) outlives stops and starts, so that a flapping link
 * does not make a pest of us (RFC 8633, 3.5; RFC 5905, 7.4).
 */

import { parseIpAddress, type IpAddress } from '../shared/ipaddress.ts';
import type { Random } from '../shared/random.ts';
import { BURST_SPACING_MS, LEAST_POLL, MOST_POLL, type Peer } from './peer.ts';

/** The list of servers and those of it that are asked. */
export interface Servers {
  readonly names: readonly Name[];
  /** In order of preference. */
  readonly peers: readonly Peer[];
  readonly memory: Memory;
  /** How many requests follow the first of a new peer. */
  readonly burst: number;
}

/** An entry of the list. */
export interface Name {
  readonly name: string;
  readonly isLiteral: boolean;
  /** As last looked up. */
  readonly addresses: readonly IpAddress[];
  /** Lookups in a row that failed. */
  readonly failures: number;
  /** When to look it up; undefined while nothing is to be done or a lookup is under way. */
  readonly resolveAtMs: number | undefined;
}

/** What is kept of servers that are no peers any more. */
export interface Memory {
  readonly network: string;
  /** By address; the newest last. */
  readonly past: ReadonlyMap<string, Past>;
}

interface Past {
  readonly sentAtMs: number;
  readonly failures: number;
  readonly leastPoll: number;
  /** Not to be asked before; Infinity: never through this network. */
  readonly notBeforeMs: number;
}

/** The moment. */
interface Now {
  readonly now: number;
  readonly random: Random;
}

/** Nothing to remember. */
export const NO_MEMORY: Memory = { network: '', past: new Map() };

const MOST_PEERS = 4;
const MOST_NAMES = 16;
const MOST_REMEMBERED = 64;
/** The rest of the four requests of a start, from which the best is taken. */
const START_BURST = 3;
/** Unanswered requests after which another server is tried: a minute by then. */
const GIVE_UP_AFTER = 5;
/** ConnMan's interval of going back to a preferred server. */
const LEAVE_OUT_MS = 7_200_000;
/** Between the last request of one start and the first of the next. */
const LEAST_HEADWAY_MS = 8000;
const NEVER_SENT: Past = { sentAtMs: -Infinity, failures: 0, leastPoll: LEAST_POLL, notBeforeMs: -Infinity };

/** A new list, with no peers yet; `isKept`: the time is known, there is no hurry. */
export function begin(
  memory: Memory, list: { readonly names: readonly string[]; readonly network: string }, now: number, isKept: boolean,
): Servers {
  const names = [...new Set(list.names.filter((name) => name !== ''))].slice(0, MOST_NAMES).map((name): Name => {
    const address = parseIpAddress(name);
    const isLiteral = address !== undefined;
    const addresses = isLiteral ? [address] : [];
    return { name, isLiteral, addresses, failures: 0, resolveAtMs: isLiteral ? undefined : now };
  });
  const isSame = memory.network === list.network;
  const past = isSame ? memory.past : new Map([...memory.past].flatMap(([address, each]) => (
    each.notBeforeMs === Infinity ? [] : [[address, { ...each, failures: 0 }] as const]
  )));
  return { names, peers: [], memory: { network: list.network, past }, burst: isKept ? 0 : START_BURST };
}

/** The names to be looked up now; they are under way then. */
export function resolveDue(servers: Servers, { now }: Now): { servers: Servers; wanted: readonly string[] } {
  const wanted = servers.names.filter(({ resolveAtMs }) => resolveAtMs !== undefined && resolveAtMs <= now);
  if (wanted.length === 0) return { servers, wanted: [] };
  const names = servers.names.map((each) => (wanted.includes(each) ? { ...each, resolveAtMs: undefined } : each));
  return { servers: { ...servers, names }, wanted: wanted.map(({ name }) => name) };
}

/** A lookup is done; none found is tried again later and later. */
export function resolved(
  servers: Servers, found: { readonly name: string; readonly addresses: readonly IpAddress[] }, { now, random }: Now,
): Servers {
  const names = servers.names.map((each): Name => {
    if (each.name !== found.name || each.isLiteral) return each;
    if (found.addresses.length > 0) return { ...each, addresses: found.addresses, failures: 0 };
    const waitSec = Math.min(2 ** MOST_POLL, 2 ** (each.failures + 1)) * (1 + 0.1 * random.fraction());
    return { ...each, failures: each.failures + 1, resolveAtMs: now + 1000 * waitSec };
  });
  return { ...servers, names };
}

/**
 * Chooses the peers anew: of each name those that answer, or else addresses not tried yet; where
 * nothing better is left those that fail stay and are asked more and more rarely. One name gives up
 * to four servers, as pools do, two names two each, more one each.
 */
export function fill(servers: Servers, env: Now): Servers {
  const { names, memory } = servers;
  const possible = names.filter(({ addresses, failures }) => addresses.length > 0 || failures === 0);
  const perName = possible.length === 1 ? MOST_PEERS : possible.length === 2 ? 2 : 1;
  const current = servers.peers.filter(({ name, address }) =>
    pastOf(memory, address).notBeforeMs !== Infinity && names.some((each) => each.name === name));
  const isGood = (peer: Peer): boolean => peer.failures < GIVE_UP_AFTER;
  const chosen: Peer[] = [];
  const isFree = ({ address }: { readonly address: IpAddress }): boolean =>
    !chosen.some((peer) => peer.address.equals(address));
  const take = (peer: Peer | undefined): void => void (peer && chosen.length < MOST_PEERS && chosen.push(peer));
  const fresh = (name: Name): Peer[] => name.addresses
    .filter((address) => !current.some((peer) => peer.address.equals(address)))
    .map((address) => newPeer(servers, name.name, address, env.now));
  for (let round = 0; round < perName; round++) {
    for (const name of names) {
      const own = current.filter((peer) => peer.name === name.name);
      take(own.find((peer) => isGood(peer) && isFree(peer))
        ?? fresh(name).find((peer) => isGood(peer) && isFree(peer) && isAllowed(memory, peer, env.now)));
    }
  }
  for (const peer of [...current, ...names.flatMap(fresh)]) {
    if (isFree(peer) && pastOf(memory, peer.address).notBeforeMs !== Infinity) take(peer);
  }
  const isSame = chosen.length === servers.peers.length && chosen.every((peer, index) => peer === servers.peers[index]);
  if (isSame) return servers;
  const dropped = servers.peers.filter((peer) => !isGood(peer) && isFree(peer));
  const after = dropped.reduce((rest, peer) => bar(rest, { ...peer, failures: 0 }, env.now + LEAVE_OUT_MS), servers);
  return { ...after, peers: chosen };
}

/** Puts the newer state of a peer in its place. */
export function replace(servers: Servers, peer: Peer): Servers {
  const peers = servers.peers.map((each) => (each.address.equals(peer.address) ? peer : each));
  return { ...servers, peers };
}

/** Remembers that a request leaves for `peer`, whose name is looked up again when it goes on being silent. */
export function noteSent(servers: Servers, peer: Peer, now: number): Servers {
  const { failures, leastPoll } = peer;
  const { notBeforeMs } = pastOf(servers.memory, peer.address);
  const memory = remember(servers.memory, peer.address, { sentAtMs: now, failures, leastPoll, notBeforeMs });
  const isSilent = peer.failures > 0 && peer.failures % GIVE_UP_AFTER === 0;
  return isSilent ? lookUpAgain({ ...servers, memory }, peer.name, now) : { ...servers, memory };
}

/** Remembers not to ask `peer` before `untilMs`. */
export function bar(servers: Servers, { address, failures, leastPoll }: Peer, untilMs: number): Servers {
  const { sentAtMs } = pastOf(servers.memory, address);
  const past = { sentAtMs, failures, leastPoll, notBeforeMs: untilMs };
  return { ...servers, memory: remember(servers.memory, address, past) };
}

/** Has a name looked up at the next tick. */
export function lookUpAgain(servers: Servers, name: string, now: number): Servers {
  const names = servers.names.map((each) => (
    each.name === name && !each.isLiteral ? { ...each, resolveAtMs: each.resolveAtMs ?? now } : each
  ));
  return { ...servers, names };
}

/** All peers that allow it are asked at once and `burst` times more. */
export function askAgain(servers: Servers, burst: number, now: number): Servers {
  const peers = servers.peers.map((peer): Peer => {
    if (peer.leastPoll > LEAST_POLL) return peer;
    const { sentAtMs, notBeforeMs } = pastOf(servers.memory, peer.address);
    return { ...peer, burst, failures: 0, nextAtMs: Math.max(now, sentAtMs + BURST_SPACING_MS, notBeforeMs) };
  });
  return { ...servers, peers };
}

function newPeer({ memory, burst }: Servers, name: string, address: IpAddress, now: number): Peer {
  const { sentAtMs, failures, leastPoll, notBeforeMs } = pastOf(memory, address);
  const headwayMs = Math.max(LEAST_HEADWAY_MS, failures > 0 ? 1000 * 2 ** Math.min(failures, MOST_POLL) : 0);
  const nextAtMs = Math.max(now, sentAtMs + headwayMs, notBeforeMs);
  return {
    name, address, failures, burst, leastPoll, nextAtMs,
    samples: [], source: undefined, request: undefined,
  };
}

function isAllowed(memory: Memory, { address }: Peer, now: number): boolean {
  return pastOf(memory, address).notBeforeMs <= now;
}

function pastOf({ past }: Memory, address: IpAddress): Past {
  return past.get(String(address)) ?? NEVER_SENT;
}

function remember(memory: Memory, address: IpAddress, each: Past): Memory {
  const past = new Map(memory.past);
  past.delete(String(address));
  past.set(String(address), each);
  const [oldest] = past.keys();
  if (past.size > MOST_REMEMBERED && oldest !== undefined) past.delete(oldest);
  return { ...memory, past };
}
