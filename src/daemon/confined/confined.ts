/**
 * Runs one task in a confined program (src/confined): a child of a few hundred milliseconds to
 * minutes that reads what a hostile network sent, without rights, files or sockets but those it is
 * handed. Invariant: whatever it does, the promise settles within the time limit, the child and all
 * it started are gone by then, and what it said is JSON of bounded size, to be checked by the caller.
 */

import { dirname } from 'node:path';
import { addonPath } from '../../system/addon.ts';
import type { Clock } from '../../shared/clock.ts';
import { logger } from '../../shared/log.ts';
import { createScope } from '../../shared/scope.ts';
import { parseMessage, type Message } from './message.ts';
import { LineSplitter } from './line-splitter.ts';

const log = logger('src/daemon/confined/confined.ts');

/** A task for a confined program. */
export interface ConfinedTask {
  readonly program: 'confined-pac' | 'confined-wispr';
  /** What it is told first; plain JSON. */
  readonly task: object;
  /** Open files it gets as 3 and on; they stay the caller's, to close when `onStarted` is called or at the end. */
  readonly descriptors?: readonly number[];
  onStarted?(): void;
  /** For all of it, answers to its questions included. */
  readonly timeLimitMs: number;
  /** Answers a question with plain JSON; undefined, or to throw, ends the task. */
  answer(question: unknown, signal: AbortSignal): Promise<object | undefined>;
}

/**
 * Why a task has no result: `start` the program could not be run, `timeout`, `crashed` it ended
 * without one, `protocol` it said what it may not, `task` it says so itself.
 */
export type ConfinedFailure = 'start' | 'timeout' | 'crashed' | 'protocol' | 'task';

/** A task without a result. */
export class ConfinedError extends Error {
  readonly failure: ConfinedFailure;

  constructor(failure: ConfinedFailure, detail: string) {
    super(detail);
    this.name = 'ConfinedError';
    this.failure = failure;
  }
}

const MOST_QUESTIONS = 200;

/** What the program made of the task. Throws ConfinedError, or `signal.reason` when aborted. */
export async function runConfined(
  task: ConfinedTask, env: { readonly clock: Clock }, signal: AbortSignal,
): Promise<unknown> {
  signal.throwIfAborted();
  // Node's part of it is loaded when it is needed, not when the daemon starts.
  const { startChild } = await import('../children.ts');
  const scope = createScope();
  try {
    const limit = env.clock.deadline(task.program, task.timeLimitMs, signal, scope);
    return await new Promise((resolve, reject) => {
      limit.addEventListener('abort', () => {
        reject(signal.aborted ? signal.reason : new ConfinedError('timeout', `${task.program}: not done in time`));
      });
      const conversation = new Conversation(task, limit, { resolve, reject });
      const child = startChild({
        file: process.execPath,
        args: [...FLAGS, `${dirname(addonPath())}/${task.program}.cjs`],
        environment: environmentOf(process.env),
        ...(task.descriptors !== undefined && { descriptors: task.descriptors }),
        maxOutputBytes: 2048,
        // It has nothing to clean up, and might not want to end.
        isKilledAtOnce: true,
        onOutput: (stream, bytes) => {
          if (stream === 'stdout') conversation.hear(bytes);
        },
      }, env.clock, scope);
      task.onStarted?.();
      conversation.say = (value) => child.write(lineOf(value));
      conversation.say(task.task);
      void child.exited.then(({ status, signal: killer, error, stderr }) => {
        const complaint = Buffer.from(stderr).toString('latin1').split('\n').find((line) => /\S/.test(line)) ?? '';
        const how = error?.message ?? `ended with ${killer ?? status} ${complaint}`.trim();
        reject(new ConfinedError(error === undefined ? 'crashed' : 'start', `${task.program}: ${how}`));
      });
    });
  } finally {
    await scope.close();
  }
}

/** Few threads, a small heap; RLIMIT_DATA bounds the rest. */
const FLAGS = ['--v8-pool-size=0', '--max-old-space-size=24', '--max-semi-space-size=1'];

interface Outcome {
  resolve(result: unknown): void;
  reject(error: unknown): void;
}

class Conversation {
  readonly #task: ConfinedTask;
  readonly #signal: AbortSignal;
  readonly #outcome: Outcome;
  readonly #lines = new LineSplitter();
  #questions = 0;
  #isAnswering = false;
  say: (value: object) => void = () => undefined;

  constructor(task: ConfinedTask, signal: AbortSignal, outcome: Outcome) {
    this.#task = task;
    this.#signal = signal;
    this.#outcome = outcome;
  }

  hear(bytes: Uint8Array): void {
    const lines = this.#lines.push(bytes);
    if (lines === undefined) return this.#refuse('a line without end');
    for (const line of lines) this.#onMessage(parseMessage(line));
  }

  #onMessage(message: Message | undefined): void {
    if (message === undefined || this.#isAnswering) return this.#refuse('not a message');
    switch (message.kind) {
      case 'result':
        return this.#outcome.resolve(message.value);
      case 'error':
        return this.#outcome.reject(new ConfinedError('task', `${this.#task.program}: ${message.text}`));
      case 'ask':
        if (++this.#questions > MOST_QUESTIONS) return this.#refuse('too many questions');
        void this.#answer(message.value);
    }
  }

  async #answer(question: unknown): Promise<void> {
    this.#isAnswering = true;
    try {
      const answer = await this.#task.answer(question, this.#signal);
      if (answer === undefined) return this.#refuse('not a question');
      this.#isAnswering = false;
      this.say(answer);
    } catch (error) {
      this.#outcome.reject(error);
    }
  }

  #refuse(what: string): void {
    log.debug('%s says %s', this.#task.program, what);
    this.#outcome.reject(new ConfinedError('protocol', `${this.#task.program}: ${what}`));
  }
}

/** One line of ASCII. */
function lineOf(value: object): string {
  const escape = (character: string): string => `\\u${character.charCodeAt(0).toString(16).padStart(4, '0')}`;
  return `${JSON.stringify(value).replace(/[\u0080-\uffff]/g, escape)}\n`;
}

/** The time zone, where certificates are, and for tests where the addon is. */
function environmentOf(whole: NodeJS.ProcessEnv): Record<string, string> {
  return Object.fromEntries(
    ['TZ', 'NODE_EXTRA_CA_CERTS', 'SSL_CERT_FILE', 'CAUSEWAY_ADDON'].flatMap((name) => {
      const value = whole[name];
      return value === undefined ? [] : [[name, value]];
    }),
  );
}
