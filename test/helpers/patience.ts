/**
 * How long tests wait for what must happen: in a guest, whose processor is emulated, everything takes
 * longer, and TIME_SCALE says by how much. Only limits are scaled, never what is measured.
 */

const SCALE = Number(process.env['TIME_SCALE'] ?? 1);

/** A time limit for where this program runs, from one for an ordinary machine. */
export function patience(limitMs: number): number {
  return limitMs * SCALE;
}
