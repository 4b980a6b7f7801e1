/**
 * How long tests wait for what must happen: in a guest, whose processor is emulated, everything takes
 * longer, and TIME_SCALE says by how much. Only limits are scaled, never what is measured.
 */

const SCALE = Number(process.env['TIME_SCALE'] ?? 1);

/** A time limit for where this program runs, from one for an ordinary machine. */
export function patience(limitMs: number): number {
  return limitMs * SCALE;
}

const LOOK_EVERY_MS = 50;

/** Looks until it is so; for what no event tells. Rejects with `what` after `limitMs` of an ordinary machine. */
export async function until(what: string, isSo: () => boolean | Promise<boolean>, limitMs = 30_000): Promise<void> {
  const limit = performance.now() + patience(limitMs);
  while (!(await isSo())) {
    if (performance.now() > limit) throw new Error(`waited ${patience(limitMs)} ms in vain for ${what}`);
    await new Promise((resolve) => setTimeout(resolve, LOOK_EVERY_MS));
  }
}
