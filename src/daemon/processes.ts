/**
 * What procfs knows of other processes.
 */

import { readSmallFile } from './files.ts';

/** The name of a process, as it calls itself; undefined when it is gone. */
export function commandOf(pid: number): string | undefined {
  try {
    const name = readSmallFile(`/proc/${pid}/comm`)?.trimEnd();
    return name === '' ? undefined : name;
  } catch {
    return undefined;
  }
}
