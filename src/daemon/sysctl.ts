/**
 * Kernel parameters below /proc/sys (sysctl(8)), named by their path there.
 */

import { readFileSync, writeFileSync } from 'node:fs';

/** Reads and writes kernel parameters. */
export interface Sysctl {
  /** The value without its newline; undefined where there is no such parameter. */
  read(name: string): string | undefined;
  /** Throws what the system says. */
  write(name: string, value: string): void;
}

/** The kernel's, of this network namespace where a parameter belongs to one. */
export const sysctl: Sysctl = {
  read(name) {
    try {
      return readFileSync(`/proc/sys/${name}`, 'utf8').trimEnd();
    } catch {
      return undefined; // a kernel without it
    }
  },
  write: (name, value) => writeFileSync(`/proc/sys/${name}`, value),
};
