/**
 * What a program that stays waits for: being told to end, or the loss of the bus.
 */

import type { Context } from './context.ts';
import { busLost } from './wait.ts';

/** Resolves with the exit status: 0 after SIGINT, SIGTERM, SIGHUP or `leave`, 2 when the bus is lost. */
export async function untilEnd(context: Context): Promise<number> {
  const bus = await context.bus();
  return new Promise((resolve) => {
    const signals = ['SIGINT', 'SIGTERM', 'SIGHUP'] as const;
    for (const signal of signals) process.once(signal, () => resolve(0));
    context.leaving.addEventListener('abort', () => resolve(0));
    if (context.leaving.aborted) resolve(0);
    bus.lost.observe(context.scope, () => {
      const { lines, status } = busLost();
      for (const line of lines) context.output.complain(line);
      resolve(status);
    });
  });
}
