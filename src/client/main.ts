/**
 * connmanctl: one command from the command line, or commands line by line. Lean at start: no addon,
 * no readline unless a person types, and of the commands only the one that is run.
 */

import { isatty } from 'node:tty';
import { createScope } from '../shared/scope.ts';
import { DeadlineClock, nodeTimeSource } from '../shared/clock.ts';
import { stackOf } from '../shared/errors.ts';
import { type Ask, Context } from './context.ts';
import { processOutput } from './output.ts';
import { runCommand } from './run-command.ts';

async function main(words: readonly string[]): Promise<number> {
  const scope = createScope();
  try {
    const clock = new DeadlineClock(nodeTimeSource());
    if (words.length > 0) return await runOnce(new Context({ output: processOutput(), clock, scope, findAsk }), words);
    const { runInteractive } = await import('./interactive/run.ts');
    return await runInteractive({ clock, scope });
  } finally {
    await scope.close();
  }
}

async function runOnce(context: Context, words: readonly string[]): Promise<number> {
  if (words[0] === COMPLETE) {
    const { printCandidates } = await import('./completion.ts');
    await printCandidates(context, words.slice(1));
    return 0;
  }
  const status = await runCommand(context, words);
  if (status !== 0 || !context.isStaying) return status;
  const { untilEnd } = await import('./until-end.ts');
  return untilEnd(context);
}

/** What shell completion calls; not for people. */
const COMPLETE = '__complete';

/** A person at a terminal can be asked. */
function findAsk(): Ask | undefined {
  if (!isatty(0) || !isatty(1)) return undefined;
  return async (question, signal, isSecret) => {
    const { askOnce } = await import('./interactive/ask-once.ts');
    return askOnce(question, signal, isSecret);
  };
}

main(process.argv.slice(2)).then(
  (status) => (process.exitCode = status),
  (error: unknown) => {
    process.stderr.write(`connmanctl: ${stackOf(error)}\n`);
    process.exit(70); // EX_SOFTWARE: a mistake of ours
  },
);
