/**
 * What procfs knows of other processes. Where it is mounted for another PID namespace, as in some
 * containers, it knows nothing: the same number is another process there.
 */

import { readlinkSync } from 'node:fs';
import { basename } from 'node:path';
import { readSmallFile } from './files.ts';

/** The name of the program that a process runs, of a script rather than its interpreter. */
export function commandOf(pid: number): string | undefined {
  try {
    if (readlinkSync('/proc/self') !== String(process.pid)) return undefined;
    const [program = '', script = ''] = (readSmallFile(`/proc/${pid}/cmdline`) ?? '').split('\0');
    const isInterpreter = /^(node|python[\d.]*|perl|sh|bash|dash)$/.test(basename(program));
    const name = basename(isInterpreter && script !== '' && !script.startsWith('-') ? script : program);
    return name.replace(/\.\w{1,3}$/, '').replaceAll(/[^\w.+-]/g, '?').slice(0, 64) || undefined;
  } catch {
    return undefined; // gone
  }
}
