/**
 * Files as a daemon needs them: read only what is a plain file of sensible size, write so that a
 * reader or a power cut sees the old content or the new, and watch directories for files that come,
 * change and go. Watching trusts the kernel's events only for "something happened": what did is
 * found by looking again, after a moment of quiet.
 */

import {
  closeSync, constants, fchmodSync, fstatSync, fsyncSync, openSync, readdirSync, readFileSync, renameSync, rmSync,
  statSync, watch, writeFileSync,
} from 'node:fs';
import type { Clock } from '../shared/clock.ts';
import { messageOf } from '../shared/errors.ts';
import { logger } from '../shared/log.ts';
import type { Scope } from '../shared/scope.ts';

const log = logger('src/daemon/files.ts');

/** No file of ours comes near this; a larger one is a mistake or an attack. */
const MAX_BYTES = 1 << 20;

/** The rights of a file that everybody may read. */
const PUBLIC = 0o644;

/** How long a watched directory must be quiet before it is looked at. */
const QUIET_MS = 100;

/**
 * The text of a file, undefined where there is none. Throws what the system says, or Error for
 * something that is no plain file or larger than a mebibyte. A FIFO does not block it.
 */
export function readSmallFile(path: string): string | undefined {
  const fd = openIfThere(path);
  if (fd === undefined) return undefined;
  try {
    const stat = fstatSync(fd);
    if (!stat.isFile()) throw new Error('not a plain file');
    if (stat.size > MAX_BYTES) throw new Error(`larger than ${MAX_BYTES} bytes`);
    return readFileSync(fd, 'utf8');
  } finally {
    closeSync(fd);
  }
}

/**
 * Replaces a file at once and for good: the content is on the disk before the name points to it.
 * Throws what the system says; then the old file is untouched and nothing is left behind.
 *
 * The sync costs milliseconds a few times a connection, as it did in ConnMan. Without it UBIFS and
 * F2FS leave an empty file after a power cut, and a passphrase lost in the field is a site visit.
 * The directory is not synced: a rename that is lost leaves the complete older file.
 */
export function writeFileAtomically(path: string, content: string | Uint8Array, mode = 0o600): void {
  replaceFile(path, { temporary: `${path}.tmp`, mode }, (fd) => {
    writeFileSync(fd, content);
    fsyncSync(fd);
  });
}

/**
 * Replaces a file that everybody may read, at once but not for good: it is made anew whenever it
 * matters, and waiting for a disk would delay those who wait for us. Throws what the system says;
 * then the old file is untouched and nothing is left behind.
 */
export function replacePublicFile(path: string, content: string | Uint8Array): void {
  replaceFile(path, { temporary: `${path}.connman`, mode: PUBLIC }, (fd) => {
    writeFileSync(fd, content);
    fchmodSync(fd, PUBLIC); // whatever the umask
  });
}

/** A file that came or changed, or with `isGone` one that went. */
export interface FileChange {
  readonly name: string;
  readonly isGone: boolean;
}

/**
 * Tells of the files of `directory` whose names end in `suffix`: first, before it returns, of all
 * that are there, then of changes, until `scope` closes. A directory that cannot be watched is
 * logged and looked at once.
 */
export function watchFiles(
  { directory, suffix }: { directory: string; suffix: string },
  clock: Clock,
  scope: Scope,
  onChange: (change: FileChange) => void,
): void {
  let known: ReadonlyMap<string, string> = new Map();
  const look = (): void => {
    const before = known;
    known = fingerprints(directory, suffix);
    for (const name of before.keys()) if (!known.has(name)) onChange({ name, isGone: true });
    for (const [name, print] of known) if (before.get(name) !== print) onChange({ name, isGone: false });
  };
  const quiet = clock.alarm(`look at ${directory}`, scope, look);
  try {
    const watcher = watch(directory, { persistent: false });
    watcher.on('change', () => quiet.set(clock.now() + QUIET_MS));
    watcher.on('error', (error) => log.warn('watching %s failed: %s', directory, error.message));
    scope.defer(() => watcher.close());
  } catch (error) {
    log.warn('%s cannot be watched: %s', directory, messageOf(error));
  }
  look();
}

interface NewFile {
  /** Its name until it is complete. */
  readonly temporary: string;
  readonly mode: number;
}

function replaceFile(path: string, { temporary, mode }: NewFile, write: (fd: number) => void): void {
  try {
    const fd = openNew(temporary, mode);
    try {
      write(fd);
    } finally {
      closeSync(fd);
    }
    renameSync(temporary, path);
  } catch (error) {
    removeQuietly(temporary);
    throw error;
  }
}

/** A leftover of a crash may have other rights, or be a link to somewhere else. */
function openNew(path: string, mode: number): number {
  try {
    return openSync(path, 'wx', mode);
  } catch (error) {
    if (!isErrno(error, 'EEXIST')) throw error;
    rmSync(path, { force: true });
    return openSync(path, 'wx', mode);
  }
}

function openIfThere(path: string): number | undefined {
  try {
    return openSync(path, constants.O_RDONLY | constants.O_NONBLOCK);
  } catch (error) {
    if (isErrno(error, 'ENOENT') || isErrno(error, 'ENOTDIR')) return undefined;
    throw error;
  }
}

/** Whether `error` is a system error with this errno name. */
export function isErrno(error: unknown, code: string): boolean {
  return error instanceof Error && 'code' in error && error.code === code;
}

function removeQuietly(path: string): void {
  try {
    rmSync(path, { force: true });
  } catch (error) {
    log.debug('%s stays: %s', path, messageOf(error));
  }
}

/** For each file what changes whenever its content may have. */
function fingerprints(directory: string, suffix: string): Map<string, string> {
  const prints = new Map<string, string>();
  for (const name of namesIn(directory)) {
    if (!name.endsWith(suffix)) continue;
    const stat = statSync(`${directory}/${name}`, { bigint: true, throwIfNoEntry: false });
    if (stat?.isFile() === true) prints.set(name, `${stat.ino} ${stat.size} ${stat.mtimeNs} ${stat.ctimeNs}`);
  }
  return prints;
}

function namesIn(directory: string): string[] {
  try {
    return readdirSync(directory).sort();
  } catch (error) {
    log.debug('%s cannot be listed: %s', directory, messageOf(error));
    return [];
  }
}
