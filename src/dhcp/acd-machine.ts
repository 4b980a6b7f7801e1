/**
 * IPv4 address conflict detection (RFC 5227) as a pure function over a union of states: probe,
 * announce, watch, defend once. Time, randomness and packets are arguments. Invariant: no input in
 * any state throws, and while an address is merely watched over there is no tick.
 */

import { equalBytes } from '../shared/bytes.ts';
import type { IpAddress } from '../shared/ipaddress.ts';
import type { Random } from '../shared/random.ts';
import { arpAnnouncement, type ArpPacket, arpProbe } from './arp.ts';
import type { Stepped, Tick } from './driver.ts';

/** Where the detection is. */
export type AcdState =
  | { readonly name: 'probing'; readonly sent: number; readonly nextAt: number }
  | { readonly name: 'announcing'; readonly sent: number; readonly nextAt: number; readonly contestedAt: number }
  /** `contestedAt`: when the address was last defended; `-Infinity` when it never was. */
  | { readonly name: 'monitoring'; readonly contestedAt: number }
  | { readonly name: 'ended' };

/** What can happen to it. */
export type AcdInput = Tick | { readonly kind: 'packet'; readonly packet: ArpPacket };

/** What it has to say. */
export type AcdEvent =
  /** Nobody has the address: use it from now on. */
  | { readonly kind: 'free' }
  /** Said instead of `free`: another host has the address, or wants it too. Nothing follows. */
  | { readonly kind: 'conflict'; readonly hardwareAddress: Uint8Array }
  /** Another host claimed the address in use; it was defended and stays ours. */
  | { readonly kind: 'defended'; readonly hardwareAddress: Uint8Array }
  /** Another host claimed it again within ten seconds: take it off at once. Nothing follows. */
  | { readonly kind: 'lost'; readonly hardwareAddress: Uint8Array };

/** Time, randomness and what is at stake. */
export interface AcdEnv {
  readonly now: number;
  readonly random: Random;
  readonly hardwareAddress: Uint8Array;
  readonly address: IpAddress;
}

/** How a detection begins. */
export interface AcdStart {
  /** The address is in use here already: it is announced at once, without probes. */
  readonly isInUse: boolean;
  /** Conflicts met before, with this address or others; past ten, probing waits a minute. */
  readonly conflicts: number;
}

/** One step's result. */
export type AcdStep = Stepped<AcdState, ArpPacket, AcdEvent>;

// RFC 5227, 1.1.
const PROBE_WAIT_MS = 1000;
const PROBE_COUNT = 3;
const PROBE_LEAST_MS = 1000;
const PROBE_MOST_MS = 2000;
const ANNOUNCE_WAIT_MS = 2000;
const ANNOUNCE_COUNT = 2;
const ANNOUNCE_INTERVAL_MS = 2000;
const MOST_CONFLICTS = 10;
const RATE_LIMIT_MS = 60_000;
const DEFEND_INTERVAL_MS = 10_000;

/** The first state. RFC 5227, 2.1.1: a random wait, so that hosts switched on together do not collide. */
export function firstAcdState({ isInUse, conflicts }: AcdStart, env: AcdEnv): AcdState {
  if (isInUse) return { name: 'announcing', sent: 0, nextAt: env.now, contestedAt: -Infinity };
  const limitMs = conflicts >= MOST_CONFLICTS ? RATE_LIMIT_MS : 0;
  return { name: 'probing', sent: 0, nextAt: env.now + limitMs + env.random.fraction() * PROBE_WAIT_MS };
}

/** Advances the detection. A step that must send is taken again later when sending fails. */
export function stepAcd(state: AcdState, input: AcdInput, env: AcdEnv): AcdStep {
  switch (input.kind) {
    case 'tick': return (nextAcdTickAt(state) ?? Infinity) <= env.now ? tick(state, env) : to(state);
    case 'packet': return receive(state, input.packet, env);
  }
}

/** When the next tick is needed, in clock milliseconds; undefined while only a packet matters. */
export function nextAcdTickAt(state: AcdState): number | undefined {
  switch (state.name) {
    case 'probing':
    case 'announcing': return state.nextAt;
    case 'monitoring':
    case 'ended': return undefined;
  }
}

function tick(state: AcdState, env: AcdEnv): AcdStep {
  switch (state.name) {
    case 'probing': return state.sent < PROBE_COUNT ? probe(state.sent + 1, env) : announce(0, -Infinity, env);
    case 'announcing': return announce(state.sent, state.contestedAt, env);
    case 'monitoring':
    case 'ended': return to(state);
  }
}

function probe(sent: number, env: AcdEnv): AcdStep {
  const waitMs = sent < PROBE_COUNT
    ? PROBE_LEAST_MS + env.random.fraction() * (PROBE_MOST_MS - PROBE_LEAST_MS)
    : ANNOUNCE_WAIT_MS;
  return to(
    { name: 'probing', sent, nextAt: env.now + waitMs },
    { kind: 'send', packet: arpProbe(env.hardwareAddress, env.address) },
  );
}

/** RFC 5227, 2.3: the address may be used as soon as the first announcement is out. */
function announce(sent: number, contestedAt: number, env: AcdEnv): AcdStep {
  const state: AcdState = sent + 1 < ANNOUNCE_COUNT
    ? { name: 'announcing', sent: sent + 1, nextAt: env.now + ANNOUNCE_INTERVAL_MS, contestedAt }
    : { name: 'monitoring', contestedAt };
  const free: AcdStep['actions'] = sent === 0 ? [{ kind: 'event', event: { kind: 'free' } }] : [];
  return to(state, announcement(env), ...free);
}

function receive(state: AcdState, packet: ArpPacket, env: AcdEnv): AcdStep {
  const { senderHardware: hardwareAddress, sender, target } = packet;
  // Our own, sent back by a switch or a bridge.
  if (equalBytes(hardwareAddress, env.hardwareAddress)) return to(state);
  const isClaim = sender.equals(env.address);
  switch (state.name) {
    // RFC 5227, 2.1.1: somebody has it, or probes for it at the same time.
    case 'probing': return isClaim || (sender.isUnspecified && target.equals(env.address))
      ? to({ name: 'ended' }, { kind: 'event', event: { kind: 'conflict', hardwareAddress } })
      : to(state);
    case 'announcing':
    case 'monitoring': return isClaim ? contest(state, hardwareAddress, env) : to(state);
    case 'ended': return to(state);
  }
}

/** RFC 5227, 2.4 (b): defends once in ten seconds, then gives way. */
function contest(
  state: Extract<AcdState, { readonly contestedAt: number }>,
  hardwareAddress: Uint8Array,
  env: AcdEnv,
): AcdStep {
  if (env.now - state.contestedAt < DEFEND_INTERVAL_MS) {
    return to({ name: 'ended' }, { kind: 'event', event: { kind: 'lost', hardwareAddress } });
  }
  const defended: AcdEvent = { kind: 'defended', hardwareAddress };
  return to({ ...state, contestedAt: env.now }, announcement(env), { kind: 'event', event: defended });
}

function announcement(env: AcdEnv): AcdStep['actions'][number] {
  return { kind: 'send', packet: arpAnnouncement(env.hardwareAddress, env.address) };
}

function to(state: AcdState, ...actions: AcdStep['actions'][number][]): AcdStep {
  return { state, actions };
}
