/**
 * What the kernel answers when it refuses a netlink request: an errno, and since Linux 4.12 often a
 * sentence and the offset of the attribute it dislikes (extended ACK, linux/netlink.h).
 */

import { constants } from 'node:os';

/** A request the kernel refused. `code` is the errno name (`EEXIST`), `errno` the positive number. */
export class NetlinkError extends Error {
  readonly code: string;
  readonly errno: number;
  /** The kernel's own sentence about what is wrong, if it had one. */
  readonly extendedAck?: string;

  /** `operation` names the request for the log, such as `RTM_NEWADDR`. */
  constructor(errno: number, operation: string, extendedAck?: string) {
    const code = errnoName(errno);
    super(extendedAck === undefined ? `${operation}: ${code}` : `${operation}: ${code} (${extendedAck})`);
    this.name = 'NetlinkError';
    this.code = code;
    this.errno = errno;
    if (extendedAck !== undefined) this.extendedAck = extendedAck;
  }
}

/** The name of a positive errno as in errno(3); `E<number>` for one that Node does not know. */
export function errnoName(errno: number): string {
  return NAMES.get(errno) ?? `E${errno}`;
}

// Two names for one number: the kernel's sources say EAGAIN and EOPNOTSUPP. 524 is the kernel's
// internal ENOTSUPP (include/linux/errno.h), which some drivers let out.
const NAMES: ReadonlyMap<number, string> = new Map([
  ...Object.entries(constants.errno).map(([name, number]): [number, string] => [number, name]),
  [constants.errno.EAGAIN, 'EAGAIN'],
  [constants.errno.EOPNOTSUPP, 'EOPNOTSUPP'],
  [524, 'EOPNOTSUPP'],
]);
