/** What the heap holds after a full collection, for tests that let months pass. */

import { setFlagsFromString } from 'node:v8';
import { runInNewContext } from 'node:vm';

/** Bytes in use once everything unreachable is gone. */
export function heapInUse(): number {
  setFlagsFromString('--expose-gc');
  const collect: unknown = runInNewContext('gc');
  if (typeof collect === 'function') for (let turn = 0; turn < 3; turn++) Reflect.apply(collect, undefined, []);
  return process.memoryUsage().heapUsed;
}

/**
 * From now on functions are interpreted: V8 goes on compiling what runs for weeks of virtual time, and
 * its code and what it notes for it (half a megabyte was seen) hides what the program itself keeps.
 */
export function interpretOnly(): void {
  const flags = ['--no-opt', '--no-sparkplug', '--no-maglev', '--no-flush-bytecode', '--no-lazy-feedback-allocation'];
  for (const flag of flags) setFlagsFromString(flag);
}
