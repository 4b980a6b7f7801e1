/**
 * Commands from standard input that is no terminal: each runs to its end before the next, so that a
 * file of commands does what it says; a daemon's question takes the next line as its answer.
 */

import type { Clock } from '../../shared/clock.ts';
import type { Scope } from '../../shared/scope.ts';
import { Context } from '../context.ts';
import { CommandError } from '../errors.ts';
import { processOutput } from '../output.ts';
import { runCommand } from '../run-command.ts';
import { busLost } from '../wait.ts';
import { splitWords } from './split-words.ts';

/** Runs all lines; the status of the last command that failed, 0 if none did. */
export async function runBatch({ clock, scope }: { readonly clock: Clock; readonly scope: Scope }): Promise<number> {
  const output = processOutput();
  const lines = new Lines(process.stdin);
  const ask = async (question: string, signal: AbortSignal): Promise<string> => {
    output.print(`${question}\n`);
    const line = await lines.next(signal, true);
    if (line === undefined) throw new Error('no more input');
    return line;
  };
  scope.defer(() => lines.close());
  const context = new Context({ output, clock, scope, findAsk: () => ask, isInteractive: true });
  let status = 0;
  try {
    const bus = await context.bus();
    const lost = busLost();
    bus.lost.observe(scope, () => {
      for (const complaint of lost.lines) output.complain(complaint);
      process.exit(lost.status);
    });
  } catch (error) {
    if (!(error instanceof CommandError)) throw error;
    for (const complaint of error.lines) output.complain(complaint);
    return error.status;
  }
  for (;;) {
    const line = await lines.next(context.leaving);
    if (line === undefined) return status;
    const words = splitWords(line);
    if (words.length > 0) status = (await runCommand(context, words)) || status;
  }
}

interface Waiting {
  readonly take: (line: string | undefined) => void;
}

/** Lines of a stream, one for each who asks; an answer comes before the next command. */
class Lines {
  readonly #stream: NodeJS.ReadStream;
  readonly #ready: string[] = [];
  readonly #waiting: Waiting[] = [];
  #rest = '';
  #hasEnded = false;

  constructor(stream: NodeJS.ReadStream) {
    this.#stream = stream;
    stream.setEncoding('utf8').on('data', (text) => this.#take(String(text)));
    stream.on('end', () => this.#end());
    stream.on('error', () => this.#end());
  }

  /** The next line; undefined at the end of input and when `signal` aborts. */
  next(signal: AbortSignal, isAnswer = false): Promise<string | undefined> {
    return new Promise((resolve) => {
      if (signal.aborted) return resolve(undefined);
      const onAbort = (): void => waiting.take(undefined);
      const waiting: Waiting = {
        take: (line) => {
          signal.removeEventListener('abort', onAbort);
          const at = this.#waiting.indexOf(waiting);
          if (at >= 0) this.#waiting.splice(at, 1);
          resolve(line);
        },
      };
      signal.addEventListener('abort', onAbort);
      if (isAnswer) this.#waiting.unshift(waiting);
      else this.#waiting.push(waiting);
      this.#serve();
    });
  }

  /** Reads no further. */
  close(): void {
    this.#stream.destroy();
  }

  #take(text: string): void {
    const lines = (this.#rest + text).split('\n');
    this.#rest = lines.pop() ?? '';
    this.#ready.push(...lines.map((line) => line.replace(/\r$/, '')));
    this.#serve();
  }

  #end(): void {
    if (this.#rest !== '') this.#take('\n');
    this.#hasEnded = true;
    this.#serve();
  }

  #serve(): void {
    while (this.#waiting.length > 0 && (this.#ready.length > 0 || this.#hasEnded)) {
      this.#waiting[0]?.take(this.#ready.shift());
    }
  }
}
