/**
 * Checkpoints: what is configured is put back as it was unless somebody confirms in time that the
 * machine can still be reached. They outlive the daemon: the next one goes on waiting, or puts back
 * at its start what nobody confirmed. Several may wait; putting one back drops those made after it.
 * Invariant: a checkpoint on disk goes only when it was confirmed or put back.
 */

import type { CheckpointFiles, StoredCheckpoint } from '../daemon/checkpoint-files.ts';
import type { Clock } from '../shared/clock.ts';
import { Emitter, type Observable } from '../shared/emitter.ts';
import { ConnmanError, messageOf } from '../shared/errors.ts';
import { logger } from '../shared/log.ts';
import type { Scope } from '../shared/scope.ts';

const log = logger('src/checkpoint/checkpoints.ts');

/** How many may wait at once. */
const MOST = 8;
/** A checkpoint that cannot be put back, on a full disk for instance, is tried again so often. */
const RETRY_MS = 60_000;
/** A day: whoever needs longer is on site. */
const LONGEST_SEC = 86_400;

/** One that waits. */
export interface Checkpoint {
  readonly id: string;
  readonly createdAt: Date;
  /** Until it is put back. */
  readonly leftSec: number;
}

/** How a checkpoint ended. */
export interface CheckpointEnd {
  readonly id: string;
  readonly end: 'confirmed' | 'restored' | 'dropped';
  /** Nobody had confirmed it in time. */
  readonly isTimedOut: boolean;
}

/** What checkpoints need. */
export interface CheckpointsEnv {
  readonly files: CheckpointFiles;
  readonly clock: Clock;
  /** Has the daemon write what it has not written yet. */
  flush(): void;
  /** Has the daemon take over what is on disk now. */
  reload(): void;
}

/** Puts back what nobody confirmed while no daemon was there; whether there was any. Before anything else is read. */
export function replayCheckpoints(files: CheckpointFiles, clock: Pick<Clock, 'now'>): boolean {
  const waiting = files.list();
  if (waiting.length === 0) return false;
  const bootId = files.bootId();
  const due = waiting.find((each) => each.bootId !== bootId || each.untilMs <= clock.now());
  if (due === undefined) return false;
  try {
    files.restore(due.id);
    for (const each of waiting.slice(waiting.indexOf(due))) files.remove(each.id);
    log.warn('checkpoint %s was not confirmed: what was configured before is back', due.id);
    return true;
  } catch (error) {
    log.error('checkpoint %s cannot be put back: %s', due.id, messageOf(error));
    return false;
  }
}

/** Those that wait. */
export class Checkpoints {
  readonly #env: CheckpointsEnv;
  readonly #scope: Scope;
  readonly #ended = new Emitter<CheckpointEnd>();
  readonly #waiting = new Map<string, { readonly stored: StoredCheckpoint; untilMs: number; readonly scope: Scope }>();

  /** Goes on with those that `replayCheckpoints` left; their times stop with `scope`, they do not. */
  constructor(env: CheckpointsEnv, scope: Scope) {
    this.#env = env;
    this.#scope = scope;
    for (const stored of env.files.list()) {
      const isOfThisRun = stored.bootId === env.files.bootId();
      this.#wait(isOfThisRun ? stored : { ...stored, untilMs: env.clock.now() + RETRY_MS });
    }
  }

  /** Emits when one is gone. */
  get ended(): Observable<CheckpointEnd> {
    return this.#ended;
  }

  /** In the order in which they were made. */
  get list(): readonly Checkpoint[] {
    const now = this.#env.clock.now();
    return [...this.#waiting.values()].map(({ stored, untilMs }) => {
      return { id: stored.id, createdAt: new Date(stored.createdMs), leftSec: Math.max(0, (untilMs - now) / 1000) };
    });
  }

  /**
   * Takes one that is put back after so many seconds; its name. Throws InvalidArguments for a time
   * out of bounds, Failed where there are too many or the disk does not take it.
   */
  create(timeoutSec: number): string {
    if (timeoutSec < 1 || timeoutSec > LONGEST_SEC) throw new ConnmanError('InvalidArguments');
    if (this.#waiting.size >= MOST) throw new ConnmanError('Failed', 'Too many checkpoints wait to be confirmed');
    const { files, clock } = this.#env;
    const id = String(1 + Math.max(0, ...[...this.#waiting.keys()].map(Number)));
    const untilMs = clock.now() + timeoutSec * 1000;
    const stored = { id, createdMs: clock.wallTime().getTime(), untilMs, bootId: files.bootId() };
    this.#env.flush();
    this.#attempt('cannot be taken', id, () => files.create(stored));
    this.#wait(stored);
    log.info('checkpoint %s waits %d s to be confirmed', id, timeoutSec);
    return id;
  }

  /** What was done since is to stay. Throws NotFound; with '' the only one is meant. */
  confirm(id: string): void {
    const known = this.#find(id);
    this.#attempt('cannot be removed', known, () => this.#env.files.remove(known));
    this.#end({ id: known, end: 'confirmed', isTimedOut: false });
  }

  /** Puts it back now. Throws NotFound, and Failed where the disk does not take it; it is tried again then. */
  rollback(id: string): void {
    this.#restore(this.#find(id), false);
  }

  #find(id: string): string {
    const [only, second] = this.#waiting.keys();
    if (id === '' && only !== undefined && second === undefined) return only;
    if (!this.#waiting.has(id)) throw new ConnmanError('NotFound');
    return id;
  }

  #wait(stored: StoredCheckpoint): void {
    const scope = this.#scope.child();
    const entry = { stored, untilMs: stored.untilMs, scope };
    this.#waiting.set(stored.id, entry);
    const alarm = this.#env.clock.alarm(`checkpoint ${stored.id}`, scope, () => {
      try {
        this.#restore(stored.id, true);
      } catch {
        entry.untilMs = this.#env.clock.now() + RETRY_MS;
        alarm.set(entry.untilMs);
      }
    });
    alarm.set(stored.untilMs);
  }

  #restore(id: string, isTimedOut: boolean): void {
    const { files } = this.#env;
    const later = [...this.#waiting.keys()].filter((each) => Number(each) > Number(id));
    this.#attempt('cannot be put back', id, () => {
      files.restore(id);
      for (const each of [id, ...later]) files.remove(each);
    });
    const why = isTimedOut ? 'was not confirmed' : 'was called';
    log.warn('checkpoint %s %s: what was configured before is back', id, why);
    this.#end({ id, end: 'restored', isTimedOut });
    for (const each of later) this.#end({ id: each, end: 'dropped', isTimedOut: false });
    this.#env.reload();
  }

  #end(ended: CheckpointEnd): void {
    void this.#waiting.get(ended.id)?.scope.close();
    this.#waiting.delete(ended.id);
    this.#ended.emit(ended);
  }

  #attempt(what: string, id: string, action: () => void): void {
    try {
      action();
    } catch (error) {
      const text = messageOf(error);
      log.error('checkpoint %s %s: %s', id, what, text);
      throw new ConnmanError('Failed', `Checkpoint ${id} ${what}: ${text}`, { cause: error });
    }
  }
}
