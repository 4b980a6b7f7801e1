/**
 * Names of errno values. Node knows those libuv knows and those of POSIX; Linux's own are listed
 * here with the numbers of asm-generic/errno.h.
 */

import { constants } from 'node:os';
import { getSystemErrorName } from 'node:util';

const LINUX_NAMES: Readonly<Record<number, string>> = {
  76: 'ENOTUNIQ',
  123: 'ENOMEDIUM',
  126: 'ENOKEY',
  127: 'EKEYEXPIRED',
  129: 'EKEYREJECTED',
  132: 'ERFKILL',
};

/** The name of a positive errno, such as `ENETDOWN`; `E<number>` for one without a known name. */
export function errnoName(errno: number): string {
  const known = errno > 0 ? getSystemErrorName(-errno) : '';
  if (/^E[A-Z0-9]+$/.test(known)) return known;
  const posix = Object.entries(constants.errno).find(([, value]) => value === errno);
  return posix?.[0] ?? LINUX_NAMES[errno] ?? `E${errno}`;
}
