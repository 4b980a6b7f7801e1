/**
 * Confines the running program for good: a user without rights, no new privileges, and no new
 * sockets, files or processes (src/system/addon/confine.c). For programs that read hostile content.
 */

import { check, loadAddon } from './addon.ts';

/** What a confined program may still do. */
export interface Confinement {
  /** Whom root becomes. */
  readonly user: number;
  /** Private writable memory beyond what the program has now, in bytes (RLIMIT_DATA). */
  readonly moreBytes: number;
  /** Seconds of CPU time since its start (RLIMIT_CPU). */
  readonly cpuSec: number;
}

/** Cannot be undone. Throws SystemError where any of it is refused; the caller must end then. */
export function confine({ user, moreBytes, cpuSec }: Confinement): void {
  const addon = loadAddon();
  check(addon, addon.confine(user, moreBytes, cpuSec), 'confine');
}
