/**
 * Cases inside a guest: many in one Node process, one after the other, each with a time limit of its
 * own, their results told line by line (tally.ts). One that hangs fails and the next begins; the
 * guest and everything in it end with the last.
 */

import { formatPlan, formatResult } from './tally.ts';

interface Case {
  readonly name: string;
  readonly body: () => void | Promise<void>;
}

const CASE_LIMIT_MS = 240_000;

const cases: Case[] = [];

/** Adds a case; it passes if `body` resolves within four minutes. */
export function guestCase(name: string, body: () => void | Promise<void>): void {
  cases.push({ name, body });
}

/** Runs all cases in order and ends the process, whatever is still open. */
export async function runCases(): Promise<never> {
  console.log(formatPlan(cases.length));
  let failed = 0;
  for (const { name, body } of cases) {
    const startedAt = performance.now();
    const problem = await outcome(body);
    console.log(formatResult(problem === undefined, name, performance.now() - startedAt));
    if (problem === undefined) continue;
    failed++;
    console.log(problem instanceof Error ? problem.stack : problem);
  }
  process.exit(failed === 0 ? 0 : 1);
}

// What was thrown, or undefined.
async function outcome(body: Case['body']): Promise<unknown> {
  let timer: NodeJS.Timeout | undefined;
  const limit = new Promise<never>((_, reject) => {
    timer = setTimeout(() => reject(new Error(`still running after ${CASE_LIMIT_MS / 1000} s`)), CASE_LIMIT_MS);
  });
  try {
    await Promise.race([Promise.resolve().then(body), limit]);
    return undefined;
  } catch (error) {
    return error ?? new Error('something undefined was thrown');
  } finally {
    clearTimeout(timer);
  }
}
