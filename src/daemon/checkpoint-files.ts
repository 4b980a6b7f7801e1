/**
 * Checkpoints of the storage directory on disk: each is one file with the content of all others, so
 * that it is there whole or not at all. Statistics, leases, the clock file and checkpoints themselves
 * are not part of it: putting those back would undo what is true. Putting back can be repeated.
 * Nothing outside the directory is read or written, and no link is followed.
 */

import {
  chmodSync, closeSync, constants, fstatSync, lstatSync, mkdirSync, openSync, readdirSync, readFileSync, rmdirSync,
  rmSync, unlinkSync,
} from 'node:fs';
import { dirname } from 'node:path';
import { messageOf } from '../shared/errors.ts';
import { logger } from '../shared/log.ts';
import { isErrno, writeFileAtomically } from './files.ts';

const log = logger('src/daemon/checkpoint-files.ts');

/** Until when a checkpoint waits to be confirmed. */
export interface CheckpointTime {
  /** Of the machine's run that `untilMs` counts in. */
  readonly bootId: string;
  /** CLOCK_BOOTTIME. */
  readonly untilMs: number;
}

/** A checkpoint that waits to be confirmed. */
export interface StoredCheckpoint extends CheckpointTime {
  readonly id: string;
  /** When it was made, in milliseconds since 1970. */
  readonly createdMs: number;
}

/** Checkpoints of one directory. */
export interface CheckpointFiles {
  /** In the order in which they were made; what cannot be read is named and set aside. */
  list(): StoredCheckpoint[];
  /** Takes one. Throws what the system says, and leaves nothing behind then. */
  create(checkpoint: StoredCheckpoint): void;
  /** Puts everything back as it was. Throws what the system says; the checkpoint is still there then. */
  restore(id: string): void;
  remove(id: string): void;
  /** Identifies this run of the machine. */
  bootId(): string;
}

interface Content extends StoredCheckpoint {
  /** By path below the directory. */
  readonly files: Readonly<Record<string, { readonly mode: number; readonly base64: string }>>;
}

/** Checkpoints of `storage`, in its subdirectory `causeway/checkpoints`. */
export function checkpointFiles(storage: string): CheckpointFiles {
  const directory = `${storage}/${OWN_PLACE}`;
  const pathOf = (id: string): string => {
    if (!ID.test(id)) throw new Error('no checkpoint has such a name');
    return `${directory}/${id}`;
  };
  return {
    list: () => listed(directory),
    create(checkpoint) {
      const files = Object.fromEntries(filesBelow(storage).map((path) => [path, take(`${storage}/${path}`)]));
      const content: Content = { ...checkpoint, files };
      makeDirectory(dirname(directory));
      makeDirectory(directory);
      writeFileAtomically(pathOf(checkpoint.id), JSON.stringify(content));
    },
    restore: (id) => putBack(storage, read(pathOf(id))),
    remove: (id) => rmSync(pathOf(id), { force: true }),
    bootId: () => readPlainFile('/proc/sys/kernel/random/boot_id', 64).toString().trim(),
  };
}

const OWN_PLACE = 'causeway/checkpoints';
const ID = /^[1-9][0-9]{0,8}$/;
/** All settings of a machine are far below this. */
const MOST_BYTES = 16 << 20;
const MOST_DEPTH = 4;

/** What stays as it is. */
function isLeftAlone(path: string): boolean {
  return path === OWN_PLACE || path === 'causeway/clock' || /^[^/]+\/(data|lease)$/.test(path) || path.endsWith('.tmp');
}

function filesBelow(storage: string, prefix = '', depth = 0): string[] {
  return readdirSync(`${storage}/${prefix}`, { withFileTypes: true }).flatMap((entry) => {
    const path = prefix + entry.name;
    if (isLeftAlone(path)) return [];
    if (entry.isDirectory()) return depth < MOST_DEPTH ? filesBelow(storage, `${path}/`, depth + 1) : [];
    return entry.isFile() ? [path] : [];
  });
}

function take(path: string): { mode: number; base64: string } {
  return { mode: lstatSync(path).mode & 0o777, base64: readPlainFile(path, MOST_BYTES).toString('base64') };
}

function readPlainFile(path: string, mostBytes: number): Buffer {
  const fd = openSync(path, constants.O_RDONLY | constants.O_NONBLOCK | constants.O_NOFOLLOW);
  try {
    const { size } = fstatSync(fd);
    if (size > mostBytes) throw new Error(`${path} is larger than ${mostBytes} bytes`);
    return readFileSync(fd);
  } finally {
    closeSync(fd);
  }
}

function listed(directory: string): StoredCheckpoint[] {
  let names: string[] = [];
  try {
    names = readdirSync(directory).filter((name) => ID.test(name));
  } catch (error) {
    if (!isErrno(error, 'ENOENT')) log.error('%s: %s', directory, messageOf(error));
  }
  return names.sort((one, other) => Number(one) - Number(other)).flatMap((id) => {
    try {
      const { bootId, untilMs, createdMs } = read(`${directory}/${id}`);
      return [{ id, bootId, untilMs, createdMs }];
    } catch (error) {
      log.error('checkpoint %s cannot be read and is dropped: %s', id, messageOf(error));
      rmSync(`${directory}/${id}`, { force: true });
      return [];
    }
  });
}

function read(path: string): Content {
  const value: unknown = JSON.parse(readPlainFile(path, 2 * MOST_BYTES).toString());
  if (!isContent(value)) throw new Error('it is no checkpoint');
  return value;
}

function isContent(value: unknown): value is Content {
  if (typeof value !== 'object' || value === null) return false;
  const { bootId, untilMs, createdMs, files }: Partial<Record<keyof Content, unknown>> = value;
  if (typeof bootId !== 'string' || typeof untilMs !== 'number' || typeof createdMs !== 'number') return false;
  return typeof files === 'object' && files !== null && Object.entries(files).every(([path, file]) => {
    const { mode, base64 }: { mode?: unknown; base64?: unknown } = Object(file);
    return path.split('/').every((part) => !['', '.', '..'].includes(part)) && typeof mode === 'number'
      && typeof base64 === 'string';
  });
}

// What came since goes first: it makes room on a full disk.
function putBack(storage: string, { files }: Content): void {
  for (const path of filesBelow(storage)) {
    if (!Object.hasOwn(files, path)) unlinkSync(`${storage}/${path}`);
  }
  for (const [path, { mode, base64 }] of Object.entries(files)) {
    const before = contentOf(`${storage}/${path}`);
    const content = Buffer.from(base64, 'base64');
    if (before?.equals(content) === true) continue;
    const parts = path.split('/').slice(0, -1);
    for (const at of parts.keys()) makeDirectory(`${storage}/${parts.slice(0, at + 1).join('/')}`);
    writeFileAtomically(`${storage}/${path}`, content, mode);
    chmodSync(`${storage}/${path}`, mode);
  }
  removeEmptyDirectories(storage, files);
}

function contentOf(path: string): Buffer | undefined {
  try {
    return readPlainFile(path, MOST_BYTES);
  } catch {
    return undefined; // gone, or not what it was
  }
}

// A service that came since: what it has beside settings goes with them.
function removeEmptyDirectories(storage: string, files: Content['files']): void {
  const known = new Set(Object.keys(files).map((path) => path.split('/', 1)[0]));
  for (const entry of readdirSync(storage, { withFileTypes: true })) {
    if (!entry.isDirectory() || known.has(entry.name) || entry.name === 'causeway') continue;
    const rest = readdirSync(`${storage}/${entry.name}`);
    if (!rest.every((name) => name === 'data' || name === 'lease')) continue;
    for (const name of rest) unlinkSync(`${storage}/${entry.name}/${name}`);
    rmdirSync(`${storage}/${entry.name}`);
  }
}

function makeDirectory(path: string): void {
  try {
    mkdirSync(path, 0o700);
  } catch (error) {
    if (!isErrno(error, 'EEXIST')) throw error;
  }
}
