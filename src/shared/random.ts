/**
 * Randomness as an argument: transaction ids, jitter and ports come from a `Random`, so that tests
 * decide what is random. `systemRandom` draws from the kernel 4 KiB at a time.
 */

import { randomFillSync } from 'node:crypto';

/** A source of unpredictable numbers. */
export interface Random {
  /** An integer from 0 to 2^32 - 1. */
  u32(): number;
  /** A number from 0 (included) to 1 (excluded). */
  fraction(): number;
}

/** The kernel's randomness. */
export const systemRandom: Random = {
  u32: drawU32,
  fraction: () => drawU32() / 0x1_0000_0000,
};

const pool = new DataView(new ArrayBuffer(4096));
let poolAt = pool.byteLength;

function drawU32(): number {
  if (poolAt === pool.byteLength) {
    randomFillSync(pool);
    poolAt = 0;
  }
  const value = pool.getUint32(poolAt);
  poolAt += 4;
  return value;
}
