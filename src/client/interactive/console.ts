/**
 * The console for the person at a terminal. A command runs while the next can be typed; what comes
 * meanwhile is written above the line being typed, which stays. Questions of the daemons take the
 * prompt over; their answers, passphrases among them, never enter the history.
 */

import { clearScreenDown, createInterface, cursorTo, type Interface, moveCursor } from 'node:readline';
import type { Clock } from '../../shared/clock.ts';
import type { Scope } from '../../shared/scope.ts';
import { candidates } from '../completion.ts';
import { Context } from '../context.ts';
import { CommandError } from '../errors.ts';
import { type Output, processOutput } from '../output.ts';
import { runCommand } from '../run-command.ts';
import { busLost } from '../wait.ts';
import { QuietOutput } from './quiet-output.ts';
import { splitWords } from './split-words.ts';

/** Runs until Ctrl-D, `quit` or the loss of the bus; the exit status. */
export async function runConsole({ clock, scope }: { readonly clock: Clock; readonly scope: Scope }): Promise<number> {
  const plain = processOutput();
  const line = new TypedLine(plain, (words) => completeWords(context, words));
  const context = new Context({
    output: line.output,
    clock,
    scope,
    findAsk: () => (question, signal, isSecret) => line.ask(question, signal, isSecret),
    isInteractive: true,
  });
  scope.defer(() => line.close());
  try {
    const bus = await context.bus();
    return await new Promise<number>((resolve, reject) => {
      bus.lost.observe(scope, () => reject(busLost()));
      context.leaving.addEventListener('abort', () => resolve(0));
      line.start((words) => runCommand(context, words).catch(reject), () => resolve(0));
    });
  } catch (error) {
    if (!(error instanceof CommandError)) throw error;
    line.close();
    for (const complaint of error.lines) plain.complain(complaint);
    return error.status;
  }
}

async function completeWords(context: Context, words: readonly string[]): Promise<string[]> {
  return (await candidates(context, words)).map(({ word }) => word);
}

const PROMPT = 'connmanctl> ';

interface Question {
  readonly answer: (line: string) => void;
  readonly giveUp: () => void;
}

/** The line at the bottom, and an output that writes above it. */
class TypedLine {
  readonly output: Output;
  readonly #lines: Interface;
  readonly #shown = new QuietOutput();
  /** The question whose answer is not shown. */
  #secret: string | undefined;
  #question: Question | undefined;
  #isOpen = true;

  constructor(plain: Output, complete: (words: readonly string[]) => Promise<string[]>) {
    this.output = {
      ...plain,
      get columns() {
        return plain.columns;
      },
      print: (text) => this.#above(() => plain.print(text)),
      complain: (text) => this.#above(() => plain.complain(text)),
    };
    this.#lines = createInterface({
      input: process.stdin,
      output: this.#shown,
      prompt: PROMPT,
      historySize: 500,
      completer: (line: string, done: (error: null, result: [string[], string]) => void) => {
        const words = line.trimStart().split(/\s+/);
        const typed = words.at(-1) ?? '';
        const isAnswer = this.#question !== undefined;
        void (isAnswer ? Promise.resolve([]) : complete(words)).then((found) => {
          done(null, [found.length === 1 ? [`${found[0]} `] : found, typed]);
        });
      },
    });
    // What is typed before the bus is joined waits in the terminal.
    this.#lines.pause();
    this.#lines.on('history', (history: string[]) => {
      if (this.#question !== undefined || /^\s*$/.test(history[0] ?? ' ')) history.shift();
    });
  }

  /** Shows the prompt and hands over each line's words. */
  start(onCommand: (words: readonly string[]) => unknown, onEnd: () => void): void {
    this.#lines.on('line', (line) => {
      const question = this.#question;
      if (question !== undefined) return question.answer(line);
      const words = splitWords(line);
      if (words.length > 0) onCommand(words);
      if (this.#isOpen) this.#lines.prompt();
    });
    this.#lines.on('SIGINT', () => {
      process.stdout.write('^C\n');
      if (this.#question !== undefined) this.#question.giveUp();
      else {
        this.#clear();
        this.#lines.prompt();
      }
    });
    this.#lines.on('close', () => {
      if (this.#isOpen) process.stdout.write('\n');
      this.#isOpen = false;
      this.#question?.giveUp();
      onEnd();
    });
    this.#lines.prompt();
  }

  /**
   * Puts a question in the prompt's place until it is answered or `signal` aborts. What was typed
   * by then is no answer: it comes back with the prompt.
   */
  ask(question: string, signal: AbortSignal, isSecret = false): Promise<string> {
    const typed = this.#lines.line;
    this.#clear();
    return new Promise<string>((resolve, reject) => {
      const giveUp = (): void => reject(new Error('cancelled by the user'));
      const answer = (line: string): void => {
        if (isSecret) process.stdout.write('\n');
        resolve(line);
      };
      this.#question = { answer, giveUp };
      signal.addEventListener('abort', () => reject(signal.reason), { once: true });
      if (signal.aborted) reject(signal.reason);
      this.#showPrompt(question);
      if (isSecret) this.#hide(question);
    }).finally(() => {
      this.#clear();
      this.#question = undefined;
      this.#hide(undefined);
      this.#showPrompt(PROMPT);
      if (this.#isOpen && typed !== '') this.#lines.write(typed);
    });
  }

  /** Gives the terminal back. */
  close(): void {
    if (!this.#isOpen) return;
    this.#erase();
    this.#isOpen = false;
    this.#lines.close();
    this.#shown.destroy();
  }

  #clear(): void {
    if (!this.#isOpen || this.#lines.line === '') return;
    this.#lines.write(null, { ctrl: true, name: 'e' });
    this.#lines.write(null, { ctrl: true, name: 'u' });
  }

  #showPrompt(prompt: string): void {
    if (!this.#isOpen) return;
    this.#erase();
    this.#lines.setPrompt(prompt);
    this.#lines.prompt();
  }

  #above(write: () => void): void {
    if (!this.#isOpen) return write();
    this.#erase();
    write();
    this.#lines.prompt(true);
    if (this.#secret !== undefined) process.stdout.write(this.#secret);
  }

  #hide(question: string | undefined): void {
    this.#secret = question;
    this.#shown.isQuiet = question !== undefined;
  }

  #erase(): void {
    // Of what is secret, nothing stands there.
    if (this.#secret === undefined) moveCursor(process.stdout, 0, -this.#lines.getCursorPos().rows);
    cursorTo(process.stdout, 0);
    clearScreenDown(process.stdout);
  }
}
