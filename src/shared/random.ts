/**
 * Randomness as an argument: transaction ids, jitter and ports come from a `Random`, so that tests
 * decide what is random. It is drawn 4 KiB at a time, from the kernel in the end.
 */

/** A source of unpredictable numbers. */
export interface Random {
  /** An integer from 0 to 2^32 - 1. */
  u32(): number;
  /** A number from 0 (included) to 1 (excluded). */
  fraction(): number;
}

/** Numbers of what `fill` writes over bytes, such as `System.fillRandom`. */
export function randomFrom(fill: (bytes: Uint8Array) => void): Random {
  const pool = new Uint8Array(4096);
  const numbers = new DataView(pool.buffer);
  let at = pool.length;
  const u32 = (): number => {
    if (at === pool.length) {
      fill(pool);
      at = 0;
    }
    at += 4;
    return numbers.getUint32(at - 4);
  };
  return { u32, fraction: () => u32() / 0x1_0000_0000 };
}

/** By OpenSSL, for programs without the addon; it is loaded, in 5 ms, with the first number. */
export const systemRandom: Random = randomFrom((bytes) => {
  process.getBuiltinModule('node:crypto').randomFillSync(bytes);
});
