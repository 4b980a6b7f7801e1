/**
 * One server being asked (an association of RFC 5905, 9): when it is asked next, and what its reply
 * is worth. Invariant: a reply counts once, and only with the number that our last request carried,
 * so that nothing forged from elsewhere, kisses included, is believed (CVE-2015-7704, -7705, -8138).
 */

import type { IpAddress } from '../shared/ipaddress.ts';
import type { Random } from '../shared/random.ts';
import type { Leap, NtpReply } from './packet.ts';
import { addSample, DRIFT, estimate, takeSample, type Estimate, type Samples } from './sample.ts';

/** A server and what is known of it. */
export interface Peer {
  /** What it is called in the list of servers. */
  readonly name: string;
  readonly address: IpAddress;
  readonly samples: Samples;
  /** What its last good reply said. */
  readonly source: Source | undefined;
  /** Requests since its last good reply. */
  readonly failures: number;
  /** How many more requests follow at BURST_SPACING_MS once it answers. */
  readonly burst: number;
  /** The least poll exponent it has asked for. */
  readonly leastPoll: number;
  /** The request that may still be answered. */
  readonly request: { readonly nonce: bigint; readonly sentAtMs: number } | undefined;
  readonly nextAtMs: number;
}

/** Where a server has its time from. */
export interface Source {
  readonly stratum: number;
  readonly leap: Leap;
  readonly rootDelayMs: number;
  readonly rootDispersionMs: number;
}

/** What a message turned out to be. */
export type Verdict =
  /** Not the answer to our request; nothing changes. */
  | { readonly kind: 'foreign' }
  | { readonly kind: 'kiss'; readonly code: string; readonly poll: number; readonly peer: Peer }
  /** A server without a time to give. */
  | { readonly kind: 'unfit'; readonly why: string; readonly peer: Peer }
  | { readonly kind: 'sample'; readonly peer: Peer };

/** How far apart the requests of a burst are (RFC 8633, 3.5: sparingly, so only at the start). */
export const BURST_SPACING_MS = 2000;
/** Poll exponents: 64 s to 17 min (RFC 8633, 3.5). */
export const LEAST_POLL = 6;
export const MOST_POLL = 10;
/** A server may ask for as little as a request in 36 hours. */
const SLOWEST_POLL = 17;
/** MAXDIST of RFC 5905: who may be off by more is no help. */
const MOST_DISTANCE_MS = 1500;
/** MINDISP: no path is so even that less would be honest. */
const LEAST_ROUND_TRIP_MS = 5;
const MOST_STRATUM = 15;

/** Notes that a request leaves now. The next follows after 2 s, 4 s and so on until one is answered. */
export function asked(peer: Peer, nonce: bigint, nowMs: number): Peer {
  const retrySec = 2 ** Math.min(peer.failures + 1, MOST_POLL);
  const waitSec = Math.max(retrySec, peer.leastPoll > LEAST_POLL ? 2 ** peer.leastPoll : 0);
  return {
    ...peer,
    request: { nonce, sentAtMs: nowMs },
    failures: peer.failures + 1,
    nextAtMs: nowMs + 1000 * waitSec,
  };
}

/** Judges a message from the peer's address (the packet checks of RFC 5905, 8 and 9.2). */
export function judge(peer: Peer, reply: NtpReply, nowMs: number): Verdict {
  const { request } = peer;
  if (request === undefined || reply.mode !== 4 || reply.origin !== request.nonce) return { kind: 'foreign' };
  if (reply.version < 3 || reply.version > 4) return { kind: 'foreign' };
  const answered = { ...peer, request: undefined };
  if (reply.kiss !== undefined) return { kind: 'kiss', code: reply.kiss, poll: reply.poll, peer: answered };
  if (reply.leap === 'unknown') return { kind: 'unfit', why: 'it is not synchronised', peer: answered };
  if (reply.stratum > MOST_STRATUM) return { kind: 'unfit', why: `its stratum is ${reply.stratum}`, peer: answered };
  const sample = takeSample(reply, request.sentAtMs, nowMs);
  if (sample === undefined) return { kind: 'unfit', why: 'its times contradict each other', peer: answered };
  const { stratum, leap, rootDelayMs, rootDispersionMs } = reply;
  if (rootDelayMs / 2 + rootDispersionMs + sample.delayMs / 2 >= MOST_DISTANCE_MS) {
    return { kind: 'unfit', why: 'it may be off by more than a second', peer: answered };
  }
  return {
    kind: 'sample',
    peer: {
      ...answered,
      samples: addSample(peer.samples, sample),
      source: { stratum, leap, rootDelayMs, rootDispersionMs },
      failures: 0,
    },
  };
}

/** When the peer is asked again after a good reply: the burst goes on, or the poll interval begins. */
export function scheduled(peer: Peer, poll: number, nowMs: number, random: Random): Peer {
  if (peer.burst > 0 && peer.leastPoll <= LEAST_POLL) {
    return { ...peer, burst: peer.burst - 1, nextAtMs: nowMs + BURST_SPACING_MS };
  }
  const intervalMs = 1000 * 2 ** Math.max(poll, peer.leastPoll);
  // RFC 8633, 3.5: clients that were started together must not stay together.
  return { ...peer, nextAtMs: nowMs + intervalMs * (0.95 + 0.1 * random.fraction()) };
}

/** RFC 5905, 7.4: after RATE the interval grows, to what the server says if that is more. */
export function slowed(peer: Peer, poll: number, wanted: number, nowMs: number): Peer {
  const leastPoll = Math.min(SLOWEST_POLL, Math.max(Math.max(poll, peer.leastPoll) + 1, wanted));
  return { ...peer, leastPoll, burst: 0, nextAtMs: nowMs + 1000 * 2 ** leastPoll };
}

/** The peer's claim to the time of day, with its root distance (RFC 5905, A.5.5.2); undefined without one. */
export function claimOf(peer: Peer, nowMs: number): Claimed | undefined {
  const best = estimate(peer.samples, nowMs);
  if (best === undefined || peer.source === undefined) return undefined;
  const { rootDelayMs, rootDispersionMs } = peer.source;
  const roundTripMs = Math.max(LEAST_ROUND_TRIP_MS, rootDelayMs + best.sample.delayMs);
  const ownMs = best.distanceMs - best.sample.delayMs / 2;
  const distanceMs = roundTripMs / 2 + rootDispersionMs + ownMs + best.jitterMs;
  // What was good for a day is nothing to go by after it.
  if (distanceMs >= MOST_DISTANCE_MS + DRIFT * 1000 * 2 ** SLOWEST_POLL) return undefined;
  return { peer, estimate: best, baseMs: best.sample.baseMs, distanceMs };
}

/** A peer with its claim, ready for `select`. */
export interface Claimed {
  readonly peer: Peer;
  readonly estimate: Estimate;
  readonly baseMs: number;
  readonly distanceMs: number;
}
