/**
 * Helper programs a daemon starts (VPN programs, confined helpers). Each leads a process group of
 * its own, so that what it starts ends with it: TERM, two seconds later INT, a second later KILL.
 * Invariant: a child never outlives its scope, and its output never grows without bound.
 */

import { spawn, type ChildProcess } from 'node:child_process';
import type { Readable } from 'node:stream';
import type { Clock } from '../shared/clock.ts';
import { messageOf } from '../shared/errors.ts';
import { logger } from '../shared/log.ts';
import { createScope, type Scope } from '../shared/scope.ts';

const log = logger('src/daemon/children.ts');

/** The steps of stopping a child, and how long each may take to work. */
const LADDER = [
  { signal: 'SIGTERM', patienceMs: 2000 },
  { signal: 'SIGINT', patienceMs: 1000 },
  { signal: 'SIGKILL', patienceMs: 1000 },
] as const;

const DEFAULT_OUTPUT_BYTES = 64 * 1024;

/** A child that does not read is not written to any more. */
const MAX_QUEUED_BYTES = 64 * 1024;

/** How long output is waited for that a child's child holds open after its end. */
const LAST_OUTPUT_MS = 1000;

/** What to start, and its limits. */
export interface ChildOptions {
  /** Program, by path or found in the PATH of `environment`. */
  readonly file: string;
  readonly args?: readonly string[];
  /** All of it; nothing is inherited. */
  readonly environment?: Readonly<Record<string, string>>;
  readonly user?: { readonly uid: number; readonly gid: number };
  /** What the child finds open as 3, 4 and so on; they stay the caller's, who may close them at once. */
  readonly descriptors?: readonly number[];
  /** Written to standard input, which is then closed. Absent: it stays open for `write`. */
  readonly input?: string | Uint8Array;
  /** Stopped when it runs longer. */
  readonly timeLimitMs?: number;
  /** KILL is the first signal it gets when it is stopped, and the only one. */
  readonly isKilledAtOnce?: boolean;
  /** How much of each output stream is kept; the rest is read and dropped. Default 64 KiB. */
  readonly maxOutputBytes?: number;
  /** Hears everything, beyond `maxOutputBytes` too. The bytes are the receiver's. */
  readonly onOutput?: (stream: 'stdout' | 'stderr', bytes: Uint8Array) => void;
}

/** How a child ended. */
export interface ChildExit {
  /** Undefined when a signal ended it or it could not be started. */
  readonly status: number | undefined;
  readonly signal: NodeJS.Signals | undefined;
  /** Why it could not be started. */
  readonly error: Error | undefined;
  readonly isTimedOut: boolean;
  /** What it wrote, at most `maxOutputBytes` of each. */
  readonly stdout: Uint8Array;
  readonly stderr: Uint8Array;
}

/** A child that was started, or could not be: `exited` tells. */
export interface Child {
  /** Undefined when it could not be started. */
  readonly pid: number | undefined;
  /** Never rejects. Resolves when it has ended and its output streams are closed. */
  readonly exited: Promise<ChildExit>;
  /** Writes to its standard input; what it does not take is dropped. */
  write(data: string | Uint8Array): void;
  /** Begins the ladder of signals; resolves when it has ended. */
  stop(): Promise<ChildExit>;
}

/** Starts a child; it is stopped when `scope` closes, which waits for its end. */
export function startChild(options: ChildOptions, clock: Clock, scope: Scope): Child {
  const running = new RunningChild(options, clock);
  const own = scope.child();
  own.defer(async () => void (await running.stop()));
  void running.exited.then(() => own.close());
  return running;
}

class RunningChild implements Child {
  readonly #name: string;
  readonly #clock: Clock;
  readonly #process: ChildProcess | undefined;
  /** Owns the child's timers; closed at its end, so later than any scope it was started in. */
  readonly #life = createScope();
  readonly exited: Promise<ChildExit>;
  readonly #firstRung: number;
  #isStopping = false;
  #isTimedOut = false;

  constructor(options: ChildOptions, clock: Clock) {
    this.#name = options.file;
    this.#clock = clock;
    this.#firstRung = options.isKilledAtOnce === true ? LADDER.length - 1 : 0;
    const started = start(options);
    if (started instanceof Error) {
      this.exited = Promise.resolve(notStarted(started));
      void this.#life.close();
      return;
    }
    this.#process = started;
    this.exited = this.#watch(started, options);
    if (options.timeLimitMs !== undefined) {
      clock.after(`time limit of ${this.#name}`, options.timeLimitMs, this.#life, () => {
        this.#isTimedOut = true;
        void this.stop();
      });
    }
    started.stdin?.on('error', (error) => log.debug('%s takes no input: %s', this.#name, error.message));
    if (options.input !== undefined) started.stdin?.end(options.input);
  }

  get pid(): number | undefined {
    return this.#process?.pid;
  }

  write(data: string | Uint8Array): void {
    const stdin = this.#process?.stdin;
    if (stdin?.writable === true && stdin.writableLength < MAX_QUEUED_BYTES) stdin.write(data);
  }

  stop(): Promise<ChildExit> {
    if (!this.#isStopping) {
      this.#isStopping = true;
      this.#climb(this.#firstRung);
    }
    return this.exited;
  }

  #climb(rung: number): void {
    const step = LADDER[rung];
    if (step === undefined) return;
    this.#signal(step.signal);
    this.#clock.after(`end of ${this.#name}`, step.patienceMs, this.#life, () => this.#climb(rung + 1));
  }

  // To the whole group, what the child started included.
  #signal(signal: NodeJS.Signals): void {
    const pid = this.pid;
    if (pid === undefined) return;
    try {
      process.kill(-pid, signal);
    } catch (error) {
      log.debug('%s cannot be sent %s: %s', this.#name, signal, messageOf(error));
    }
  }

  #watch(child: ChildProcess, options: ChildOptions): Promise<ChildExit> {
    const limit = options.maxOutputBytes ?? DEFAULT_OUTPUT_BYTES;
    const collect = (name: 'stdout' | 'stderr'): (() => Uint8Array) =>
      collectOutput(child[name], limit, (bytes) => options.onOutput?.(name, bytes));
    const stdout = collect('stdout');
    const stderr = collect('stderr');
    return new Promise((resolve) => {
      const end = (exit: Pick<ChildExit, 'status' | 'signal' | 'error'>): void => {
        void this.#life.close();
        resolve({ ...exit, isTimedOut: this.#isTimedOut, stdout: stdout(), stderr: stderr() });
      };
      child.once('error', (error) => end({ status: undefined, signal: undefined, error }));
      child.once('exit', () => {
        this.#signal('SIGKILL');
        this.#clock.after(`output of ${this.#name}`, LAST_OUTPUT_MS, this.#life, () => {
          child.stdout?.destroy();
          child.stderr?.destroy();
        });
      });
      child.once('close', (status, signal) => {
        end({ status: status ?? undefined, signal: signal ?? undefined, error: undefined });
      });
    });
  }
}

function start(options: ChildOptions): ChildProcess | Error {
  try {
    return spawn(options.file, options.args ?? [], {
      env: options.environment ?? {},
      cwd: '/',
      stdio: ['pipe', 'pipe', 'pipe', ...(options.descriptors ?? [])],
      // A session of its own, and so a process group of its own.
      detached: true,
      ...options.user,
    });
  } catch (error) {
    return error instanceof Error ? error : new Error(String(error));
  }
}

function notStarted(error: Error): ChildExit {
  const nothing = new Uint8Array();
  return { status: undefined, signal: undefined, error, isTimedOut: false, stdout: nothing, stderr: nothing };
}

function collectOutput(stream: Readable | null, limit: number, onBytes: (bytes: Uint8Array) => void): () => Uint8Array {
  const chunks: Uint8Array[] = [];
  let room = limit;
  stream?.on('data', (bytes: Uint8Array) => {
    if (room > 0) chunks.push(bytes.subarray(0, room));
    room -= Math.min(room, bytes.length);
    onBytes(bytes);
  });
  return () => Buffer.concat(chunks);
}
