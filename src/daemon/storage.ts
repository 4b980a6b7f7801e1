/**
 * Settings on disk in ConnMan's layout: `settings`, `<service>/settings`, `<service>/lease`,
 * `provider_<ident>/settings`. Files 0600, directories 0700. Nothing found on disk and no full disk
 * ends the daemon: what cannot be read is kept aside, what cannot be written is logged.
 */

import { mkdirSync, readdirSync, renameSync, rmdirSync, statSync, unlinkSync } from 'node:fs';
import type { Clock } from '../shared/clock.ts';
import { messageOf } from '../shared/errors.ts';
import { parseKeyFile, type KeyFile } from '../shared/keyfile.ts';
import { logger } from '../shared/log.ts';
import type { Scope } from '../shared/scope.ts';
import { isErrno, readSmallFile, watchFiles, writeFileAtomically, type FileChange } from './files.ts';

const log = logger('src/daemon/storage.ts');

/** Settings below one directory. Names are paths from there: at most a directory and a file. */
export interface Storage {
  readonly directory: string;
  /**
   * A settings file; undefined when there is none. One that is no key file is renamed to
   * `<name>.corrupt`, warned about, and counts as none. A `.config` is left where it is: it is the
   * administrator's.
   */
  read(name: string): KeyFile | undefined;
  /** A file's text, for those who read past mistakes; undefined if none can be had, logged unless it is not there. */
  readText(name: string): string | undefined;
  /** Replaces a file, making its directory; a failure is logged and leaves the old one. */
  write(name: string, file: KeyFile): void;
  /** Removes a directory with the files in it. */
  remove(directoryName: string): void;
  /** Directories that hold `settings`: those of services, or those of VPN providers. */
  list(what?: 'services' | 'providers'): string[];
  /**
   * Tells of the files in the storage directory whose names end in `suffix`: first, before it
   * returns, of all that are there, then of changes.
   */
  watch(suffix: string, clock: Clock, scope: Scope, onChange: (change: FileChange) => void): void;
}

/** Opens the storage in `directory`, making it if needed; never throws. */
export function openStorage(directory: string): Storage {
  attempt(`make ${directory}`, () => mkdirSync(directory, { recursive: true, mode: 0o755 }));
  return {
    directory,
    read: (name) => read(directory, name),
    readText: (name) => readText(directory, name),
    write: (name, file) => write(directory, name, file.toString()),
    remove: (directoryName) => remove(directory, directoryName),
    list: (what = 'services') => list(directory, what),
    watch: (suffix, clock, scope, onChange) => watchFiles({ directory, suffix }, clock, scope, onChange),
  };
}

function read(directory: string, name: string): KeyFile | undefined {
  const path = pathOf(directory, name);
  if (path === undefined) return undefined;
  try {
    const content = readSmallFile(path);
    return content === undefined ? undefined : parseKeyFile(content);
  } catch (error) {
    log.warn('%s cannot be read: %s', path, messageOf(error));
    // A failing system call says nothing about the content.
    const isItsFault = !(error instanceof Error && 'code' in error);
    if (isItsFault && !name.endsWith('.config')) keepAside(path);
    return undefined;
  }
}

function readText(directory: string, name: string): string | undefined {
  const path = pathOf(directory, name);
  let text: string | undefined;
  if (path !== undefined) attempt(`read ${path}`, () => void (text = readSmallFile(path)));
  return text;
}

function keepAside(path: string): void {
  if (attempt(`keep ${path} aside`, () => renameSync(path, `${path}.corrupt`))) {
    log.warn('%s is kept as %s.corrupt', path, path);
  }
}

function write(directory: string, name: string, content: string): void {
  const path = pathOf(directory, name);
  if (path === undefined || isUnchanged(path, content)) return;
  attempt(`write ${path}`, () => {
    if (name.includes('/')) makePrivateDirectory(path.slice(0, path.lastIndexOf('/')));
    writeFileAtomically(path, content);
  });
}

// Not `recursive`, with which Node takes a read-only disk for a missing directory.
function makePrivateDirectory(path: string): void {
  try {
    mkdirSync(path, 0o700);
  } catch (error) {
    if (!isErrno(error, 'EEXIST')) throw error;
  }
}

// Spares flash a write, and the loop a sync.
function isUnchanged(path: string, content: string): boolean {
  try {
    return readSmallFile(path) === content;
  } catch {
    return false;
  }
}

function remove(directory: string, name: string): void {
  const path = pathOf(directory, name);
  if (path === undefined || name.includes('/')) return;
  attempt(`remove ${path}`, () => {
    for (const file of readdirSync(path)) unlinkSync(`${path}/${file}`);
    rmdirSync(path);
  });
}

function list(directory: string, what: 'services' | 'providers'): string[] {
  let names: string[] = [];
  attempt(`list ${directory}`, () => void (names = readdirSync(directory).sort()));
  const prefixed = names.filter((name) => name.startsWith('provider_') === (what === 'providers'));
  return prefixed.filter((name) => isFile(`${directory}/${name}/settings`));
}

function isFile(path: string): boolean {
  try {
    return statSync(path).isFile();
  } catch {
    return false;
  }
}

// Names hold identifiers that came from bus and network: none may lead out of the directory.
function pathOf(directory: string, name: string): string | undefined {
  const parts = name.split('/');
  if (parts.length <= 2 && parts.every((part) => /^(?!\.\.?$)[^\0]{1,255}$/.test(part))) return `${directory}/${name}`;
  log.error('%j is no name for a settings file', name);
  return undefined;
}

function attempt(what: string, action: () => void): boolean {
  try {
    action();
    return true;
  } catch (error) {
    if (what.startsWith('remove') && isErrno(error, 'ENOENT')) return true;
    log.error('cannot %s: %s', what, messageOf(error));
    return false;
  }
}
