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
