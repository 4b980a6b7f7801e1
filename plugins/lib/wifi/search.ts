/**
 * When known networks that are not heard are looked for where they were: often while they have just
 * gone, as one scan of few channels costs next to nothing, and ever rarer. Scans of everything go on
 * beside it (autoscan.ts). Pure.
 */

const SHORTEST_MS = 2_000;
const LONGEST_MS = 60_000;
/** Whoever was gone for a while is noticed within this part of it. */
const SHARE = 1 / 16;

/** When to look next, of a search that began at `sinceMs`. */
export function nextSearchAt(sinceMs: number, nowMs: number): number {
  return nowMs + Math.min(Math.max((nowMs - sinceMs) * SHARE, SHORTEST_MS), LONGEST_MS);
}
