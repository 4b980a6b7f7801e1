/**
 * Leaving the terminal: without `-n` the program starts itself again, detached and with no standard
 * streams, and waits until that child tells through a pipe how its start went. So the exit status
 * the user sees is true: 0 once the daemon owns its bus name, 1 with what went wrong.
 */

import { closeSync, writeSync } from 'node:fs';
import { messageOf } from '../shared/errors.ts';
import { logger } from '../shared/log.ts';

const log = logger('src/daemon/daemonise.ts');

/** Names the descriptor of the pipe in the child's environment. */
const VARIABLE = 'CAUSEWAY_START_FD';

const PIPE_FD = 3;
const STARTED = 'started\n';
const MAX_MESSAGE_CHARACTERS = 4096;

/**
 * Starts this program again as a daemon and resolves with the exit status of the one that asked,
 * when the daemon is up or has failed; what went wrong is then on standard error.
 */
export async function daemonise(): Promise<number> {
  const { spawn } = await import('node:child_process'); // 2 ms that a daemon in the foreground does not need
  const [, script = '', ...args] = process.argv;
  const child = spawn(process.execPath, [...process.execArgv, script, ...args], {
    detached: true,
    stdio: ['ignore', 'ignore', 'ignore', 'pipe'],
    env: { ...process.env, [VARIABLE]: String(PIPE_FD) },
  });
  let message = '';
  const pipe = child.stdio[PIPE_FD];
  return new Promise((resolve) => {
    const end = (status: number, text: string): void => {
      if (text !== '') process.stderr.write(text.endsWith('\n') ? text : `${text}\n`);
      child.unref();
      resolve(status);
    };
    child.once('error', (error) => end(1, error.message));
    pipe?.on('data', (bytes: Uint8Array) => {
      message = (message + Buffer.from(bytes).toString()).slice(0, MAX_MESSAGE_CHARACTERS);
      if (message === STARTED) end(0, '');
    });
    child.once('close', (status, signal) => {
      end(1, message === '' ? `the daemon ended with ${status ?? signal}` : message);
    });
  });
}

/** Whether this process was started by `daemonise`. */
export function isDaemonised(): boolean {
  return process.env[VARIABLE] === String(PIPE_FD);
}

/** Tells whoever started the daemon how the start went. Only the first word counts. */
export interface StartReport {
  started(): void;
  failed(message: string): void;
}

/** For a child of `daemonise` the pipe to its parent; in the foreground, standard error. */
export function openStartReport(): StartReport {
  let isOpen = true;
  const isChild = isDaemonised();
  // Programs the daemon starts must not take the variable for theirs.
  delete process.env[VARIABLE];
  const once = (action: () => void): void => {
    if (isOpen) action();
    isOpen = false;
  };
  if (!isChild) {
    const complain = (message: string): void => void process.stderr.write(`${message}\n`);
    return { started: () => once(() => undefined), failed: (message) => once(() => complain(message)) };
  }
  return {
    started: () =>
      once(() => {
        tell(STARTED);
        process.chdir('/');
      }),
    failed: (message) => once(() => tell(message)),
  };
}

function tell(message: string): void {
  try {
    writeSync(PIPE_FD, message);
    closeSync(PIPE_FD);
  } catch (error) {
    log.debug('nobody waits for the start: %s', messageOf(error));
  }
}
