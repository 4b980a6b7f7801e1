/**
 * From words to a finished command and its exit status: finds the command, takes our own options
 * from among the words, counts the rest, runs, and says on standard error what went wrong.
 */

import { type Call, type Command, type Extra, Given } from './command.ts';
import { findCommand } from './commands.ts';
import type { Context } from './context.ts';
import { CommandError, invalid, STATUS, tooMany } from './errors.ts';

/** Runs one command; its exit status. Rejects only for a mistake in this program. */
export async function runCommand(context: Context, words: readonly string[]): Promise<number> {
  const isJson = words.includes('--json');
  try {
    const at = words.findIndex((word) => !FIRST.has(word));
    await start(context, at > 0 ? [...words.slice(at), ...words.slice(0, at)] : words);
    return 0;
  } catch (error) {
    if (!(error instanceof CommandError)) throw error;
    for (const line of isJson ? [formatJsonError(error)] : error.lines) context.output.complain(line);
    return error.status;
  }
}

/** Takes our options from among the words. Throws CommandError for one without its value. */
export function takeExtras(command: Command, words: readonly string[]): Call {
  const values = new Map<string, string>();
  const rest: string[] = [];
  const queue = [...words];
  for (let word = queue.shift(); word !== undefined; word = queue.shift()) {
    const [, name = '', attached] = /^--([a-z-]+)(?:=(.*))?$/s.exec(word) ?? [];
    const extra = Object.hasOwn(command.extras ?? {}, name) ? command.extras?.[name] : undefined;
    if (extra === undefined) rest.push(word);
    else values.set(name, valueOf(command, { name, extra, attached, queue }));
  }
  return { command, words: rest, given: new Given(values) };
}

/** Options that may also stand before the command. */
const FIRST: ReadonlySet<string> = new Set(['--json', '--offline']);

interface Found {
  readonly name: string;
  readonly extra: Extra;
  readonly attached: string | undefined;
  readonly queue: string[];
}

function valueOf(command: Command, { name, extra, attached, queue }: Found): string {
  if (extra.value === undefined) {
    if (attached !== undefined) throw invalid(command.name, `--${name} takes no value.`);
    return '';
  }
  const value = attached ?? (extra.isOptional === true ? '' : queue.shift());
  if (value === undefined) throw invalid(command.name, `--${name} needs a value: ${extra.value}.`);
  return value;
}

async function start(context: Context, words: readonly string[]): Promise<void> {
  const [name = '', ...rest] = words;
  const command = findCommand(isHelpOption(name) ? 'help' : name);
  if (command === undefined) {
    const advice = '`connmanctl help` lists the commands.';
    throw new CommandError(STATUS.invalid, [`Error '${name}': Unknown command`, advice], 'UnknownCommand');
  }
  if (rest.length === 1 && rest[0] === '--help' && command.name !== 'help') return start(context, ['help', name]);
  if (rest.includes('--offline') && command.extras?.['offline'] === undefined) {
    throw invalid(command.name, 'It needs the daemon; without it there is: connmanctl --offline service');
  }
  const call = takeExtras(command, rest);
  if (call.words.length > command.most) throw tooMany(command.name, usage(command));
  const run = await command.load();
  await run(context, call);
}

/** One line: how a command is written. */
export function usage({ name, arguments: words }: Command): string {
  const [first = ''] = words.split('\n');
  return `Usage: connmanctl ${`${name} ${first}`.trim()}   (more: connmanctl help ${name})`;
}

function isHelpOption(word: string): boolean {
  return word === '--help' || word === '-h';
}

function formatJsonError({ errorName, message }: CommandError): string {
  return JSON.stringify({ error: { name: errorName, message } });
}
