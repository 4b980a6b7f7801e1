/**
 * A single question to the person at the terminal, outside the interactive console.
 */

import { createInterface } from 'node:readline';
import { QuietOutput } from './quiet-output.ts';

/**
 * Resolves with the line typed, which is not shown where it is secret. Rejects when `signal` aborts,
 * and at the end of input or Ctrl-C.
 */
export function askOnce(question: string, signal: AbortSignal, isSecret = false): Promise<string> {
  const output = new QuietOutput();
  const lines = createInterface({ input: process.stdin, output, historySize: 0 });
  return new Promise<string>((resolve, reject) => {
    lines.once('close', () => reject(new Error('no answer')));
    signal.addEventListener('abort', () => reject(signal.reason), { once: true });
    lines.question(question, { signal }, resolve);
    output.isQuiet = isSecret;
  }).finally(() => {
    lines.close();
    output.destroy();
    if (isSecret) process.stdout.write('\n');
  });
}
