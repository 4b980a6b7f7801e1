/**
 * Provisioning files for the console: from standard input and to standard output, or `*.config` in a
 * directory. A file is replaced at once, readable by its owner alone: it may hold a passphrase.
 */

import { closeSync, fsyncSync, openSync, readdirSync, readFileSync, renameSync, rmSync, writeFileSync } from 'node:fs';
import type { Context } from './context.ts';
import { CommandError, STATUS } from './errors.ts';

/** One file's text. */
export interface ConfigFile {
  /** As messages call it. */
  readonly name: string;
  readonly text: string;
}

/** Where provisioning files are. */
export interface ConfigFiles {
  /** All of them, by name. Rejects with CommandError. */
  read(): Promise<ConfigFile[]>;
  /** Replaces one; without text it is removed. Throws CommandError. */
  write(name: string, text: string): void;
}

/** The files of a directory; the daemon reads those whose names end so. Messages name them by `directory`. */
export function filesIn(directory: string): ConfigFiles {
  return {
    read: () =>
      attempt(directory, () => {
        const names = readdirSync(directory).filter((name) => name.endsWith('.config')).sort();
        return Promise.resolve(names.map((name) => ({ name, text: readFileSync(`${directory}/${name}`, 'utf8') })));
      }),
    write: (name, text) => attempt(`${directory}/${name}`, () => replace(`${directory}/${name}`, text)),
  };
}

/** Standard input as the one file there is; what is written goes to standard output. */
export function standardFiles(context: Context): ConfigFiles {
  return {
    async read() {
      if (context.isInteractive) throw new CommandError(STATUS.invalid, ['Error: here --dir is needed'], 'Invalid');
      process.stdin.setEncoding('utf8');
      let text = '';
      for await (const chunk of process.stdin) text += String(chunk);
      return [{ name: 'standard input', text }];
    },
    write: (_, text) => context.output.print(text),
  };
}

function replace(path: string, text: string): void {
  if (text === '') return rmSync(path, { force: true });
  const temporary = `${path}.tmp`;
  try {
    rmSync(temporary, { force: true });
    const fd = openSync(temporary, 'wx', 0o600);
    try {
      writeFileSync(fd, text);
      fsyncSync(fd);
    } finally {
      closeSync(fd);
    }
    renameSync(temporary, path);
  } catch (error) {
    rmSync(temporary, { force: true });
    throw error;
  }
}

/** A failing system call ends the command with its errno. */
function attempt<T>(what: string, action: () => T): T {
  try {
    return action();
  } catch (error) {
    if (!(error instanceof Error && 'errno' in error && typeof error.errno === 'number')) throw error;
    throw new CommandError(-error.errno, [`Error ${what}: ${error.message}`], 'System');
  }
}
