/**
 * Whether a link still leads anywhere, judged by its gateways (neighbour unreachability detection, RFC
 * 4861, 7.3; the kernel does the same for ARP), and what to do about one that does not: join it again,
 * ever later. A gateway that nobody has spoken to for long is asked. A pure machine.
 */

import type { NeighbourState } from '../netlink/neighbour/neighbour.ts';

/** A link that nobody uses is asked after so long. */
const IDLE_MS = 120_000;
/** Between two attempts to revive it. */
const FIRST_MS = 30_000;
const LONGEST_MS = 600_000;

/** What is known of the link. */
export type Health =
  | { readonly name: 'well' }
  /** Its gateways have not been heard of late; asked at `askAtMs`. */
  | { readonly name: 'silent'; readonly askAtMs: number }
  /** They do not answer after so many attempts to revive it; asked at `askAtMs`. */
  | { readonly name: 'dead'; readonly attempts: number; readonly notBeforeMs: number; readonly askAtMs: number };

/** What to do: join the network again, or ask the gateways. */
export type HealthAction = 'revive' | 'ask' | undefined;

/** As a link begins. */
export const WELL: Health = { name: 'well' };

/** Advances with what the kernel knows of the gateways now. */
export function stepStates(
  health: Health, states: readonly NeighbourState[], nowMs: number,
): { health: Health; action: HealthAction } {
  if (states.some(isHeard)) return { health: WELL, action: undefined };
  const isDead = states.length > 0 && states.every((state) => state === 'failed');
  if (isDead) return revive(health, nowMs);
  if (health.name !== 'well' || !states.includes('stale')) return { health, action: undefined };
  return { health: { name: 'silent', askAtMs: nowMs + IDLE_MS }, action: undefined };
}

/** Advances with the time that `nextTickAt` said. */
export function stepTime(health: Health, nowMs: number): { health: Health; action: HealthAction } {
  switch (health.name) {
    case 'well':
      return { health, action: undefined };
    case 'silent':
      return { health: { name: 'silent', askAtMs: nowMs + IDLE_MS }, action: 'ask' };
    case 'dead':
      return { health: { ...health, askAtMs: nowMs + FIRST_MS }, action: 'ask' };
  }
}

/** When it needs the time next; undefined while only gateways can help. */
export function nextTickAt(health: Health): number | undefined {
  switch (health.name) {
    case 'well':
      return undefined;
    case 'silent':
    case 'dead':
      return health.askAtMs;
  }
}

function revive(health: Health, nowMs: number): { health: Health; action: HealthAction } {
  const isDead = health.name === 'dead';
  if (isDead && nowMs < health.notBeforeMs) return { health, action: undefined };
  const attempts = isDead ? health.attempts : 0;
  const nextMs = nowMs + Math.min(FIRST_MS * 2 ** Math.min(attempts, 10), LONGEST_MS);
  return {
    health: { name: 'dead', attempts: attempts + 1, notBeforeMs: nextMs, askAtMs: nextMs }, action: 'revive',
  };
}

function isHeard(state: NeighbourState): boolean {
  return state === 'reachable' || state === 'permanent' || state === 'noarp';
}
