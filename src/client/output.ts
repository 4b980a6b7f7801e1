/**
 * Where a command's words go: standard output and error, as they are on a pipe, cleaned on a
 * terminal. The interactive console has an output of its own that keeps the line being typed.
 */

import { isatty } from 'node:tty';
import { clean, raw, type Show, wrap } from './text.ts';

/** What commands write to. */
export interface Output {
  /** Whether people rather than programs read standard output. */
  readonly isTerminal: boolean;
  /** Whether colours are wanted. */
  readonly hasColours: boolean;
  /** Columns of the terminal; 80 on a pipe. */
  readonly columns: number;
  /** For every value printed that comes from outside. */
  readonly show: Show;
  /** Writes to standard output; the text brings its own line ends. */
  print(text: string): void;
  /** Writes a line to standard error. */
  complain(line: string): void;
}

/** The process's own streams. A reader that has gone away ends the program quietly. */
export function processOutput(env: NodeJS.ProcessEnv = process.env): Output {
  const { stdout, stderr } = process;
  for (const stream of [stdout, stderr]) stream.on('error', leaveQuietly);
  const isTerminal = isatty(1);
  const showOnStderr: Show = isatty(2) ? (line) => wrap(clean(line), stderr.columns || UNKNOWN_COLUMNS) : raw;
  return {
    isTerminal,
    hasColours: isTerminal && (env['NO_COLOR'] ?? '') === '' && env['TERM'] !== 'dumb',
    get columns() {
      return isTerminal ? stdout.columns || UNKNOWN_COLUMNS : UNKNOWN_COLUMNS;
    },
    show: isTerminal ? clean : raw,
    print: (text) => void stdout.write(text),
    complain: (line) => void stderr.write(`${showOnStderr(line)}\n`),
  };
}

/** On a pipe, and on a terminal that does not say (0). */
const UNKNOWN_COLUMNS = 80;

function leaveQuietly(error: NodeJS.ErrnoException): void {
  // 141 is what a shell says of a program that SIGPIPE ended.
  if (error.code === 'EPIPE') process.exit(141);
  throw error;
}
