/**
 * What a daemon has made that outlives it when it is killed: process groups and interfaces, written
 * down in a directory until they are gone, so that the next one ends them (proc_pid_stat(5), starttime).
 * Invariant: only the very process that was started is ended, never another with its number.
 */

import { mkdirSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { messageOf } from '../shared/errors.ts';
import { logger } from '../shared/log.ts';
import type { Scope } from '../shared/scope.ts';

const log = logger('src/daemon/leftovers.ts');

/** Notes in one directory, which is this daemon's alone. */
export class Leftovers {
  readonly #directory: string;
  readonly #earlier: readonly string[];

  constructor(directory: string) {
    this.#directory = directory;
    this.#earlier = list(directory);
  }

  /** Notes the leader of a process group until `scope` closes. */
  noteProcess(pid: number, scope: Scope): void {
    this.#note(`process-${pid}`, startOf(pid) ?? '', scope);
  }

  /** Notes an interface until `scope` closes. */
  noteDevice(name: string, scope: Scope): void {
    this.#note(`device-${name}`, '', scope);
  }

  /** Ends the processes noted before this object was made, and returns the interfaces; those notes are gone then. */
  takeOver(): readonly string[] {
    const devices: string[] = [];
    for (const name of this.#earlier) {
      const path = `${this.#directory}/${name}`;
      const [, kind, what = ''] = /^(process|device)-(.+)$/.exec(name) ?? [];
      if (kind === 'device') devices.push(what);
      if (kind === 'process' && /^[1-9][0-9]{0,9}$/.test(what)) endGroup(Number(what), read(path));
      rmSync(path, { force: true });
    }
    return devices;
  }

  #note(name: string, content: string, scope: Scope): void {
    const path = `${this.#directory}/${name}`;
    try {
      mkdirSync(this.#directory, { recursive: true, mode: 0o700 });
      writeFileSync(path, content, { mode: 0o600 });
      scope.defer(() => rmSync(path, { force: true }));
    } catch (error) {
      log.warn('%s: %s', path, messageOf(error));
    }
  }
}

// Nobody is left who would wait for its end: it gets no time.
function endGroup(pid: number, startedAt: string | undefined): void {
  if (startedAt === undefined || startedAt === '' || startOf(pid) !== startedAt) return;
  try {
    process.kill(-pid, 'SIGKILL');
    log.info('process group %d of an earlier daemon is ended', pid);
  } catch (error) {
    log.debug('process group %d: %s', pid, messageOf(error));
  }
}

// Field 22; the name before it may have blanks and parentheses.
function startOf(pid: number): string | undefined {
  const text = read(`/proc/${pid}/stat`);
  return text?.slice(text.lastIndexOf(')') + 2).split(' ')[19];
}

function list(directory: string): string[] {
  try {
    return readdirSync(directory);
  } catch {
    return [];
  }
}

function read(path: string): string | undefined {
  try {
    return readFileSync(path, 'latin1');
  } catch {
    return undefined;
  }
}
