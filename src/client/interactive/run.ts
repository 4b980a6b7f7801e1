/**
 * connmanctl without a command: a console for the person at a terminal, or commands from a file or
 * pipe, one a line.
 */

import { isatty } from 'node:tty';
import type { Clock } from '../../shared/clock.ts';
import type { Scope } from '../../shared/scope.ts';
import { runBatch } from './batch.ts';
import { runConsole } from './console.ts';

/** Runs until the end of input, `quit` or the loss of the bus; the exit status. */
export function runInteractive(env: { readonly clock: Clock; readonly scope: Scope }): Promise<number> {
  return isatty(0) ? runConsole(env) : runBatch(env);
}
