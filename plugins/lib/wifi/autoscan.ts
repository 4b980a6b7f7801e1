/**
 * When to look for networks while nothing is connected: 3 s after the start, then ever rarer, up to
 * every five minutes, as ConnMan. A pure machine: the clock is an argument.
 */

/** Seconds between scans. */
const FIRST_MS = 3_000;
const FACTOR = 3;
const LONGEST_MS = 300_000;

/** Not running, or the next scan at `dueMs` and its interval. */
export type Autoscan = { readonly name: 'stopped' } | { readonly name: 'waiting'; dueMs: number; intervalMs: number };

/** Nothing is looked for. */
export const STOPPED: Autoscan = { name: 'stopped' };

/** Begins anew unless it is running. Without background scanning there is one scan and no other. */
export function startAutoscan(state: Autoscan, nowMs: number): Autoscan {
  return state.name === 'waiting' ? state : { name: 'waiting', dueMs: nowMs + FIRST_MS, intervalMs: FIRST_MS };
}

/** A scan is due and begins now: what comes after it. */
export function afterTick(state: Autoscan, nowMs: number, isBackgroundScanning: boolean): Autoscan {
  if (state.name === 'stopped' || !isBackgroundScanning) return STOPPED;
  const intervalMs = Math.min(state.intervalMs * FACTOR, LONGEST_MS);
  return { name: 'waiting', dueMs: nowMs + intervalMs, intervalMs };
}
