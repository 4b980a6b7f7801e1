/**
 * What a program that stays waits for: being told to end, or the loss of the bus.
 */

import type { Context } from './context.ts';
import { busLost } from './wait.ts';

/** Resolves with the exit status: 0 after `leave`, 2 when the bus is lost. */
export function untilEnd(context: Context): Promise<number> {
  return new Promise((resolve) => {
    const lose = (): void => {
      const { lines, status } = busLost();
      for (const line of lines) context.output.complain(line);
      resolve(status);
    };
    context.leaving.addEventListener('abort', () => resolve(0));
    context.lost.addEventListener('abort', lose);
    if (context.leaving.aborted) resolve(0);
    else if (context.lost.aborted) lose();
  });
}
