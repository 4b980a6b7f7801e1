/**
 * Leveled logging. Each file owns one logger named by its path; `-d` patterns switch debug output
 * per file. Levels: `error` an operation failed and the user will notice; `warn` odd input, we
 * cope; `info` rare; `debug` anything. Messages start lower case and carry no secrets.
 * The set of debug patterns and the sink are the project's only process-wide variables.
 */

import { format } from 'node:util';
import { matchesGlob } from './glob.ts';

/** How much a line matters, most important first. */
export type LogLevel = 'error' | 'warn' | 'info' | 'debug';

/** Takes one finished line, without a newline. */
export type LogSink = (level: LogLevel, line: string) => void;

/** Writes to the log on behalf of one source file. Arguments are `printf` style (`node:util`). */
export interface Logger {
  error(message: string, ...args: unknown[]): void;
  warn(message: string, ...args: unknown[]): void;
  info(message: string, ...args: unknown[]): void;
  /** Formatted only when on; guard costly arguments with `debugging`. */
  debug(message: string, ...args: unknown[]): void;
  /** Whether `debug` writes anything. */
  readonly debugging: boolean;
}

class FileLogger implements Logger {
  readonly file: string;
  debugging: boolean;

  constructor(file: string) {
    this.file = file;
    this.debugging = isDebugged(file);
  }

  error(message: string, ...args: unknown[]): void {
    sink('error', format(message, ...args));
  }

  warn(message: string, ...args: unknown[]): void {
    sink('warn', format(message, ...args));
  }

  info(message: string, ...args: unknown[]): void {
    sink('info', format(message, ...args));
  }

  debug(message: string, ...args: unknown[]): void {
    if (this.debugging) sink('debug', `${this.file}: ${format(message, ...args)}`);
  }
}

let sink: LogSink = (_level, line) => void process.stderr.write(`${line}\n`);
let debugPatterns: readonly string[] = [];
const loggers: FileLogger[] = [];

/** The logger of a source file; `file` is its path from the project's top, a literal. */
export function logger(file: string): Logger {
  const made = new FileLogger(file);
  loggers.push(made);
  return made;
}

/** Sends the log elsewhere than standard error; returns where it went before. */
export function setLogSink(next: LogSink): LogSink {
  const previous = sink;
  sink = next;
  return previous;
}

/** Switches debug output on for files that match one of the glob `patterns`, off for the rest. */
export function debugFiles(patterns: readonly string[]): void {
  debugPatterns = patterns;
  for (const each of loggers) each.debugging = isDebugged(each.file);
}

function isDebugged(file: string): boolean {
  return debugPatterns.some((pattern) => matchesGlob(pattern, file));
}
