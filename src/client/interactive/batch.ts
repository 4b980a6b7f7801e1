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
    const line = await lines.next(signal);
    if (line === undefined) throw new Error('no more input');
    return line;
  };
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

/** Lines of a stream, one for each who asks. */
class Lines {
  readonly #ready: string[] = [];
  #rest = '';
  #hasEnded = false;
  #wake: () => void = () => undefined;

  constructor(stream: NodeJS.ReadStream) {
    stream.setEncoding('utf8').on('data', (text) => this.#take(String(text)));
    stream.on('end', () => {
      if (this.#rest !== '') this.#take('\n');
      this.#hasEnded = true;
      this.#wake();
    });
    stream.on('error', () => {
      this.#hasEnded = true;
      this.#wake();
    });
  }

  /** The next line; undefined at the end of input and when `signal` is aborted. */
  async next(signal: AbortSignal): Promise<string | undefined> {
    const wake = (): void => this.#wake();
    signal.addEventListener('abort', wake);
    while (this.#ready.length === 0 && !this.#hasEnded && !signal.aborted) {
      await new Promise<void>((resolve) => (this.#wake = resolve));
    }
    signal.removeEventListener('abort', wake);
    if (signal.aborted) {
      process.stdin.destroy();
      return undefined;
    }
    return this.#ready.shift();
  }

  #take(text: string): void {
    const lines = (this.#rest + text).split('\n');
    this.#rest = lines.pop() ?? '';
    this.#ready.push(...lines.map((line) => line.replace(/\r$/, '')));
    this.#wake();
  }
}
