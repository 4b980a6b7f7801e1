/**
 * Where resolv.conf goes. Unless main.conf names a file, it is `<runstatedir>/connman/resolv.conf`,
 * and /etc/resolv.conf only as far as that is ours: a link to the former is left alone, a missing one
 * is made, a file that begins with our first line is replaced, an empty one filled. Anything else
 * belongs to somebody else and is never touched.
 */

import { chmodSync, lstatSync, mkdirSync, realpathSync, symlinkSync, writeFileSync, type Stats } from 'node:fs';
import { dirname } from 'node:path';
import { messageOf } from '../shared/errors.ts';
import { logger } from '../shared/log.ts';
import { isErrno, readSmallFile, replacePublicFile } from './files.ts';

const log = logger('src/daemon/resolv-conf.ts');

/** What decides where to write. */
export interface ResolvConfPaths {
  /** `<runstatedir>/connman/resolv.conf`. */
  readonly runtime: string;
  /** `/etc/resolv.conf`. */
  readonly system: string;
  /** main.conf ResolvConf: the only file written; empty or `/dev/null` for none. */
  readonly configured: string | undefined;
  /** The first line by which a file of ours is known. */
  readonly header: string;
}

/** The file programs read. Failures are logged, each once until it is over, and never thrown. */
export function resolvConfFile(paths: ResolvConfPaths): { write(text: string): void } {
  const failing = new Set<string>();
  const attempt = (path: string, action: () => void): void => {
    try {
      action();
      failing.delete(path);
    } catch (error) {
      const text = messageOf(error);
      if (!failing.has(path)) log.error('%s cannot be written: %s', path, text);
      failing.add(path);
    }
  };
  return {
    write(text) {
      const { configured, runtime, system, header } = paths;
      if (configured !== undefined) {
        if (configured === '' || configured === '/dev/null') return;
        attempt(configured, () => replace(targetOf(configured), text));
        return;
      }
      attempt(runtime, () => {
        mkdirSync(dirname(runtime), { recursive: true });
        // The daemon's umask is for secrets; this is for everyone.
        chmodSync(dirname(runtime), 0o755);
        replace(runtime, text);
      });
      attempt(system, () => offer(system, runtime, { text, header }));
    },
  };
}

/** Brings the file to `system` if what is there is ours or nothing. */
function offer(system: string, runtime: string, { text, header }: { text: string; header: string }): void {
  const stat = lstatSync(system, { throwIfNoEntry: false });
  if (stat === undefined) {
    symlinkSync(runtime, system);
  } else if (stat.isFile() && isOurs(system, stat, header)) {
    replace(system, text);
  } else if (!stat.isSymbolicLink() || targetOf(system) !== targetOf(runtime)) {
    log.debug('%s is not ours and stays as it is', system);
  }
}

function isOurs(path: string, stat: Stats, header: string): boolean {
  return stat.size === 0 || readSmallFile(path)?.split('\n', 1)[0] === header;
}

/** What a path leads to; itself where it leads nowhere. */
function targetOf(path: string): string {
  try {
    return realpathSync.native(path);
  } catch (error) {
    if (isErrno(error, 'ENOENT')) return path;
    throw error;
  }
}

function replace(path: string, text: string): void {
  try {
    replacePublicFile(path, text);
  } catch (error) {
    // A file that is a mount point, as in containers, or in a directory that cannot be written to.
    if (!['EBUSY', 'EXDEV', 'EACCES', 'EPERM', 'EROFS'].some((code) => isErrno(error, code))) throw error;
    writeFileSync(path, text);
  }
}
