/**
 * `help`: ConnMan's text to the byte, since scripts parse it; on a terminal also what is ours.
 * `help COMMAND` says all about one command.
 */

import type { Call, Command } from '../command.ts';
import { COMMANDS, findCommand } from '../commands.ts';
import type { Context } from '../context.ts';
import { wrap } from '../text.ts';

/** Prints help. */
export async function help(context: Context, { words }: Call): Promise<void> {
  const command = words.length === 1 ? findCommand(words[0] ?? '') : undefined;
  const { isTerminal, columns } = context.output;
  const text = command === undefined
    ? `${formatHelp(context.isInteractive)}${isTerminal ? formatOurs() : ''}`
    : formatCommandHelp(isTerminal ? withoutBreaks(command) : command);
  context.output.print(isTerminal ? wrap(text, columns) : text);
}

/** What ConnMan's console prints. */
export function formatHelp(isInteractive: boolean): string {
  const commands = COMMANDS.filter((command) => command.isOurs !== true).map(commandHelp);
  if (isInteractive) return commands.join('');
  const note = '\nNote: arguments and output are considered EXPERIMENTAL for now.\n';
  return `Usage: connmanctl [[command] [args]]\n${commands.join('')}${note}`;
}

function commandHelp(command: Command): string {
  return commandLine(command) + optionLines(command);
}

function commandLine({ name, arguments: words, about }: Command): string {
  return `${name.padEnd(16)}${words.padEnd(22)}${about}\n`;
}

function optionLines({ options = [] }: Command): string {
  return options.map(({ name, help: text }) => `   --${name.padEnd(16)}${text}\n`).join('');
}

/** All about one command, ours included. */
export function formatCommandHelp(command: Command): string {
  const { name, arguments: words, about, details } = command;
  const head = `${`${name} ${words.trim()}`.trim()}\n    ${about.trim()}\n`;
  const parts = [head, optionLines(command), extraLines(command)];
  if (details !== undefined) parts.push(`${details}\n`);
  return parts.filter((part) => part !== '').join('\n');
}

/** Its sentences one line each paragraph: a terminal has other columns than this file. */
function withoutBreaks(command: Command): Command {
  return command.details === undefined ? command : { ...command, details: command.details.replaceAll('\n', ' ') };
}

function extraLines({ extras = {} }: Command): string {
  return Object.entries(extras)
    .map(([name, { value, isOptional, about }]) => {
      const shown = value === undefined ? '' : isOptional === true ? `[=${value}]` : ` ${value}`;
      return `   --${`${name}${shown}`.padEnd(24)}  ${about}\n`;
    })
    .join('');
}

function formatOurs(): string {
  const ours = COMMANDS.filter(({ isOurs }) => isOurs === true).map(commandLine);
  const extended = COMMANDS.filter(({ extras, details }) => extras !== undefined || details !== undefined);
  const names = extended.map(({ name }) => name).join(', ');
  return `\nBeyond ConnMan:\n${ours.join('')}\nMore options, see \`help COMMAND\`: ${names}\n`;
}
