/**
 * A confined program's life: it loads what it needs, gives up its rights, reads one task from
 * standard input, may ask the daemon that started it, and writes one result. Each message is a line
 * of JSON. Reading and writing block: there is one conversation and nothing else to do.
 */

import { readSync, writeSync } from 'node:fs';
import { messageOf } from '../shared/errors.ts';
import { confine } from '../system/confine.ts';

/** What the daemon may say or be told. */
export type Json = string | number | boolean | null | readonly Json[] | { readonly [key: string]: Json };

/** Asks the daemon; its answer. Throws where the daemon is gone. */
export type Ask = (question: Json) => unknown;

/** The limits of a program. */
export interface Limits {
  /** Memory beyond what starting took, in bytes. */
  readonly moreBytes: number;
  /** CPU time for the task alone; the kernel counts in whole seconds, so half a second more or less. */
  readonly cpuSec: number;
}

/** uid and gid of `nobody`, the kernel's overflow ids too. */
const NOBODY = 65534;
const LONGEST_LINE = 4 * 1024 * 1024;

/** Runs `work` on the task. What it throws is told as `{"error": message}`. */
export function serve(limits: Limits, work: (task: unknown, ask: Ask) => Json | Promise<Json>): void {
  // The time zone is read from a file at first use, and later none can be opened.
  new Date(0).getHours();
  const { user, system } = process.cpuUsage();
  const usedSec = (user + system) / 1e6;
  confine({ user: NOBODY, moreBytes: limits.moreBytes, cpuSec: Math.round(usedSec + limits.cpuSec) });
  void run(work);
}

async function run(work: (task: unknown, ask: Ask) => Json | Promise<Json>): Promise<void> {
  const lines = new LineReader();
  const ask: Ask = (question) => {
    writeLine({ ask: question });
    return lines.read();
  };
  try {
    writeLine({ result: await work(lines.read(), ask) });
  } catch (error) {
    writeLine({ error: (messageOf(error)).slice(0, 300) });
  }
}

class LineReader {
  readonly #chunk = Buffer.alloc(65_536);
  #rest = '';

  /** The next line's value; throws at the end of input. */
  read(): unknown {
    const pieces = [this.#rest];
    let length = this.#rest.length;
    while (!pieces.at(-1)?.includes('\n')) {
      const count = readSync(0, this.#chunk, 0, this.#chunk.length, null);
      if (count === 0 || length > LONGEST_LINE) throw new Error('the conversation has ended');
      // The daemon escapes all that is not ASCII, so that no character is cut in two.
      pieces.push(this.#chunk.toString('latin1', 0, count));
      length += count;
    }
    const text = pieces.join('');
    const end = text.indexOf('\n');
    this.#rest = text.slice(end + 1);
    return JSON.parse(text.slice(0, end));
  }
}

function writeLine(value: Json): void {
  const line = Buffer.from(`${JSON.stringify(value)}\n`);
  for (let at = 0; at < line.length; ) at += writeSync(1, line, at);
}
