/**
 * The scripts of a directory that may be run as root: its own plain files, executable, owned by root
 * and written by nobody else, as is the directory. Whatever else lies there is named once and left
 * alone. Names that packages and editors leave behind do not count.
 */

import { lstatSync, readdirSync, type Stats } from 'node:fs';
import { messageOf } from '../shared/errors.ts';
import { logger } from '../shared/log.ts';
import { isErrno } from './files.ts';

const log = logger('src/daemon/hook-scripts.ts');

/** A directory of scripts. */
export interface HookScripts {
  /** Paths in the order of their names, looked up now. */
  list(): string[];
}

/** Those in `directory`, which need not be there. */
export function hookScripts(directory: string): HookScripts {
  let complaints = new Set<string>();
  return {
    list() {
      const known = complaints;
      complaints = new Set();
      const complain = (path: string, why: string): void => {
        const complaint = `${path} is not run: ${why}`;
        complaints.add(complaint);
        if (!known.has(complaint)) log.warn('%s', complaint);
      };
      const names = namesIn(directory, complain);
      return names.map((name) => `${directory}/${name}`).filter((path) => mayRun(path, complain));
    },
  };
}

type Complain = (path: string, why: string) => void;

const NAME = /^[A-Za-z0-9_][\w.-]*$/;
const LEFT_BEHIND = /\.(dpkg-\w+|rpm(save|new|orig)|bak|orig|swp|tmp|ucf-\w+)$/;

function namesIn(directory: string, complain: Complain): string[] {
  try {
    const names = readdirSync(directory).filter((name) => NAME.test(name) && !LEFT_BEHIND.test(name)).sort();
    const why = names.length === 0 ? undefined : fault(lstatSync(directory));
    if (why === undefined) return names;
    complain(directory, why);
  } catch (error) {
    if (!isErrno(error, 'ENOENT')) complain(directory, messageOf(error));
  }
  return [];
}

function mayRun(path: string, complain: Complain): boolean {
  try {
    const stat = lstatSync(path);
    const why = stat.isFile() ? fault(stat) : 'it is no plain file';
    if (why !== undefined) complain(path, why);
    // One that is not executable is switched off, which is no mistake.
    return why === undefined && (stat.mode & 0o100) !== 0;
  } catch (error) {
    log.debug('%s is gone: %s', path, messageOf(error));
    return false;
  }
}

function fault({ uid, mode }: Stats): string | undefined {
  if (uid !== 0) return `it belongs to uid ${uid}, not to root`;
  if ((mode & 0o022) !== 0) return 'others than root may write to it';
  return (mode & 0o6000) === 0 ? undefined : 'it is set-uid or set-gid';
}
