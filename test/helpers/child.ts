/**
 * Child processes of tests and tools: one command run to its end, or one that stays, with its
 * output by lines. A command is never left behind: what stays lives in a cell's process namespace
 * (namespace.ts), what runs has a time limit.
 */

import { spawn, type ChildProcessWithoutNullStreams } from 'node:child_process';
import { readFileSync } from 'node:fs';
import { createInterface } from 'node:readline';
import type { Readable } from 'node:stream';
import { patience } from './patience.ts';

/** How a command ended and what it said. */
export interface Finished {
  readonly status: number | undefined;
  readonly stdout: string;
  readonly stderr: string;
}

/** What can be said about a command beside its words. */
export interface RunOptions {
  readonly input?: string;
  readonly cwd?: string;
  readonly env?: NodeJS.ProcessEnv;
  /** Default 30 s; the command is killed then and `status` is undefined. */
  readonly timeoutMs?: number;
}

/** Runs a command to its end, whatever its status; rejects only when it cannot be started. */
export function run(argv: readonly string[], options: RunOptions = {}): Promise<Finished> {
  const { input = '', env = process.env, cwd, timeoutMs = 30_000 } = options;
  const child = start(argv, env, cwd);
  child.stdin.on('error', () => undefined).end(input);
  const stdout = collect(child.stdout);
  const stderr = collect(child.stderr);
  const timer = setTimeout(() => child.kill('SIGKILL'), patience(timeoutMs));
  return new Promise((resolve, reject) => {
    child.once('error', (error) => {
      clearTimeout(timer);
      reject(new Error(`cannot run ${argv[0]}: ${error.message}`));
    });
    child.once('close', (status) => {
      clearTimeout(timer);
      resolve({ status: status ?? undefined, stdout: stdout(), stderr: stderr() });
    });
  });
}

/** What a command wrote to standard output; rejects with its complaint unless it ends with 0. */
export async function output(argv: readonly string[], options: RunOptions = {}): Promise<string> {
  const { status, stdout, stderr } = await run(argv, options);
  if (status !== 0) throw new Error(`${argv.join(' ')} ended with ${status ?? 'a signal'}: ${stderr || stdout}`);
  return stdout;
}

/** A process that stays until it is stopped or its cell goes. */
export class Child {
  readonly #process: ChildProcessWithoutNullStreams;
  readonly #name: string;
  readonly #isWrapped: boolean;
  readonly #lines: string[] = [];
  #onLine: ((line: string) => void) | undefined;
  /** Resolves with the exit status, or the signal's name. */
  readonly exited: Promise<number | string>;

  /** `isWrapped`: the command is the only child of the process started, as with `nsenter --pid`. */
  constructor(argv: readonly string[], env: NodeJS.ProcessEnv, isWrapped: boolean) {
    this.#name = argv.join(' ');
    this.#isWrapped = isWrapped;
    this.#process = start(argv, env);
    this.#process.stdin.on('error', () => undefined);
    for (const stream of [this.#process.stdout, this.#process.stderr]) {
      createInterface({ input: stream }).on('line', (line) => this.#take(line));
    }
    this.exited = new Promise((resolve) => {
      this.#process.once('error', (error) => {
        this.#take(`cannot run: ${error.message}`);
        resolve(127);
      });
      this.#process.once('close', (status, signal) => resolve(status ?? signal ?? 'unknown'));
    });
  }

  /** The process id of the command itself, in the process namespace of this program. */
  get pid(): number {
    const { pid } = this.#process;
    if (pid === undefined) throw new Error(`${this.#name} was not started`);
    if (!this.#isWrapped) return pid;
    const child = Number.parseInt(readFileSync(`/proc/${pid}/task/${pid}/children`, 'utf8'), 10);
    if (Number.isNaN(child)) throw new Error(`${this.#name} is not running: ${this.text}`);
    return child;
  }

  /** Whether it still runs. */
  get isRunning(): boolean {
    return this.#process.exitCode === null && this.#process.signalCode === null;
  }

  /** All it has written so far, standard error included. */
  get text(): string {
    return this.#lines.join('\n');
  }

  /** Calls `onLine` for every line, those written before included; replaces the observer before. */
  observe(onLine: (line: string) => void): void {
    for (const line of this.#lines) onLine(line);
    this.#onLine = onLine;
  }

  /** The first line that matches, written before or to come; rejects when the process ends before or the time is up. */
  async waitForLine(matches: (line: string) => boolean, timeoutMs = 10_000): Promise<string> {
    const written = this.#lines.find(matches);
    if (written !== undefined) return written;
    const before = this.#onLine;
    let timer: NodeJS.Timeout | undefined;
    try {
      return await Promise.race([
        new Promise<string>((resolve, reject) => {
          timer = setTimeout(() => reject(new Error(`${this.#name} is not ready: ${this.text}`)), patience(timeoutMs));
          this.#onLine = (line) => {
            before?.(line);
            if (matches(line)) resolve(line);
          };
        }),
        this.exited.then((status) => Promise.reject(new Error(`${this.#name} ended with ${status}: ${this.text}`))),
      ]);
    } finally {
      clearTimeout(timer);
      this.#onLine = before;
    }
  }

  /** Writes to its standard input. */
  write(text: string): void {
    this.#process.stdin.write(text);
  }

  /** Ends its standard input. */
  closeInput(): void {
    this.#process.stdin.end();
  }

  /** Sends a signal to the command itself; nothing happens when it has ended. */
  kill(signal: NodeJS.Signals = 'SIGTERM'): void {
    try {
      if (this.isRunning) process.kill(this.pid, signal);
    } catch {
      // It ended between the question and the signal.
    }
  }

  /** Stops it where it is, until `thaw`; what is sent to it waits. */
  freeze(): void {
    this.kill('SIGSTOP');
  }

  /** Lets it go on. nsenter(1) stops itself along with what it runs. */
  thaw(): void {
    this.#process.kill('SIGCONT');
    this.kill('SIGCONT');
  }

  /** SIGTERM, after `graceMs` SIGKILL; resolves with how it ended. */
  async stop(graceMs = 5000): Promise<number | string> {
    this.kill('SIGTERM');
    const timer = setTimeout(() => this.kill('SIGKILL'), patience(graceMs));
    // nsenter(1) may stop itself after what it runs was thawed, and would then wait for ever.
    const nudge = setInterval(() => this.#process.kill('SIGCONT'), 100);
    const status = await this.exited;
    clearTimeout(timer);
    clearInterval(nudge);
    return status;
  }

  #take(line: string): void {
    this.#lines.push(line);
    this.#onLine?.(line);
  }
}

// Each in a session of its own, so that Ctrl-C reaches this program alone, which then cleans up.
function start(argv: readonly string[], env: NodeJS.ProcessEnv, cwd?: string): ChildProcessWithoutNullStreams {
  const [command, ...words] = argv;
  if (command === undefined) throw new Error('an empty command');
  return spawn(command, words, { env, cwd, stdio: 'pipe', detached: true });
}

function collect(stream: Readable): () => string {
  const chunks: Buffer[] = [];
  stream.on('data', (chunk: Buffer) => chunks.push(chunk));
  return () => Buffer.concat(chunks).toString('utf8');
}
