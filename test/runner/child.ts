/**
 * Runs one bundled test file in a Node of its own and counts what it did. A file that crashes,
 * hangs, runs past its limit, skips or runs no test at all counts as one failure more.
 */

import { spawn, type ChildProcess } from 'node:child_process';

/** How long a process may live on once its tests have ended, and between SIGTERM and SIGKILL. */
const GRACE_MS = 3_000;

/** What one file did. `problem` says why it failed where no test of its own says so. */
export interface Outcome {
  readonly passed: number;
  readonly failed: number;
  readonly problem: string | undefined;
  readonly output: string;
  readonly elapsedMs: number;
}

/** One run of `command`, which must end by itself within `limitMs`. */
export interface Run {
  readonly command: readonly [string, ...string[]];
  readonly limitMs: number;
  readonly env: NodeJS.ProcessEnv;
  /** A test file counts by its summary, a program as one test by its exit status. */
  readonly kind: 'testFile' | 'program';
}

const running = new Set<ChildProcess>();

/** Runs and never rejects. Aborting `signal` ends the process and its group. */
export function runChild(run: Run, signal: AbortSignal): Promise<Outcome> {
  const [program, ...args] = run.command;
  const startedAt = performance.now();
  const child = spawn(program, args, { env: run.env, stdio: ['ignore', 'pipe', 'pipe'], detached: true });
  const end = new Ending(child);
  let output = '';
  running.add(child);
  const limit = setTimeout(() => end.because(`still running after ${run.limitMs / 1000} s`), run.limitMs);
  const stop = (): void => end.because('interrupted');
  if (signal.aborted) stop();
  signal.addEventListener('abort', stop, { once: true });
  const take = (text: string): void => {
    output += text;
    if (run.kind === 'testFile' && text.includes('  Duration:')) end.soon();
  };
  child.stdout.setEncoding('utf8').on('data', take);
  child.stderr.setEncoding('utf8').on('data', take);
  return new Promise((resolve) => {
    const finish = (problem: string | undefined): void => {
      clearTimeout(limit);
      end.clear();
      // What the process left behind in its group.
      killGroup(child, 'SIGKILL');
      signal.removeEventListener('abort', stop);
      running.delete(child);
      resolve({ ...count(run.kind, output, problem), output, elapsedMs: performance.now() - startedAt });
    };
    child.once('error', (error) => finish(`cannot start ${program}: ${error.message}`));
    child.once('exit', (status, endedBy) => {
      clearTimeout(limit);
      end.clear();
      const problem = end.reason ?? describeExit(status, endedBy);
      const abandoned = setTimeout(() => {
        child.stdout.destroy();
        child.stderr.destroy();
        finish(problem ?? 'ended, but a process it started still holds its output');
      }, GRACE_MS);
      child.once('close', () => {
        clearTimeout(abandoned);
        finish(problem);
      });
    });
  });
}

/** Kills what is still running, at once; for the runner's own end. */
export function killChildren(): void {
  for (const child of running) killGroup(child, 'SIGKILL');
}

/** Ends a process group: politely first, so that a test can take its namespaces down. */
class Ending {
  reason: string | undefined;
  readonly #child: ChildProcess;
  #timer: NodeJS.Timeout | undefined;

  constructor(child: ChildProcess) {
    this.#child = child;
  }

  because(reason: string): void {
    this.reason ??= reason;
    clearTimeout(this.#timer);
    killGroup(this.#child, 'SIGTERM');
    this.#timer = setTimeout(() => killGroup(this.#child, 'SIGKILL'), GRACE_MS);
  }

  soon(): void {
    const reason = 'its tests ended, the process did not: something is still open';
    this.#timer ??= setTimeout(() => this.because(reason), GRACE_MS);
  }

  clear(): void {
    clearTimeout(this.#timer);
  }
}

function killGroup(child: ChildProcess, signal: NodeJS.Signals): void {
  if (child.pid === undefined) return;
  try {
    process.kill(-child.pid, signal);
  } catch {
    // ESRCH: the whole group has ended.
  }
}

function describeExit(status: number | null, signal: NodeJS.Signals | null): string | undefined {
  if (signal !== null) return `killed by ${signal}`;
  return status === 0 ? undefined : `exit status ${status}`;
}

type Count = Pick<Outcome, 'passed' | 'failed' | 'problem'>;

function count(kind: Run['kind'], output: string, problem: string | undefined): Count {
  const isBad = problem !== undefined;
  if (kind === 'program') return { passed: isBad ? 0 : 1, failed: isBad ? 1 : 0, problem };
  const total = lastNumber(output, 'Total');
  const passed = lastNumber(output, 'Passed');
  const skipped = lastNumber(output, 'Skipped');
  if (total === undefined || passed === undefined || skipped === undefined) {
    return { passed: 0, failed: 1, problem: problem ?? 'ended before its tests did' };
  }
  const failed = total - passed;
  // uvu's own exit status 1 for a failed test says nothing new.
  if (failed > 0 && problem === 'exit status 1') return { passed, failed, problem: undefined };
  const oddity = problem ?? describeOddity(total, skipped);
  return { passed, failed: failed + (oddity === undefined ? 0 : 1), problem: oddity };
}

function describeOddity(total: number, skipped: number): string | undefined {
  if (total === 0) return 'ran no test';
  return skipped > 0 ? `${skipped} skipped by only or skip` : undefined;
}

function lastNumber(output: string, label: string): number | undefined {
  const found = [...output.matchAll(new RegExp(`^ {2}${label}: +(\\d+)$`, 'gm'))].at(-1)?.[1];
  return found === undefined ? undefined : Number(found);
}
