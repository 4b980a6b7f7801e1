/**
 * A single question to the person at the terminal, outside the interactive console.
 */

import { createInterface } from 'node:readline';

/** Resolves with the line typed. Rejects when `signal` aborts, and at the end of input or Ctrl-C. */
export function askOnce(question: string, signal: AbortSignal): Promise<string> {
  const lines = createInterface({ input: process.stdin, output: process.stdout, historySize: 0 });
  return new Promise<string>((resolve, reject) => {
    lines.once('close', () => reject(new Error('no answer')));
    signal.addEventListener('abort', () => reject(signal.reason), { once: true });
    lines.question(question, { signal }, resolve);
  }).finally(() => lines.close());
}
