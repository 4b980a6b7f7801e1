/**
 * What may come next on a command line, for the interactive console and for shells. Names of
 * services and their like are asked of the daemon at that moment; without a daemon there are none.
 */

import { vpnManagerInterface } from '../dbus/interfaces/vpn-manager.ts';
import type { Command, Completion } from './command.ts';
import { COMMANDS, findCommand } from './commands.ts';
import { CONNMAN_VPN, type Context } from './context.ts';
import { identifierOf, type Listed } from './listings.ts';
import { clean } from './text.ts';
import { textOf } from './values.ts';
import { optionName } from './words.ts';

/** One word that may come, and what it stands for. */
export interface Candidate {
  readonly word: string;
  readonly about: string;
}

/** What may stand for the last of `words`, which may be empty. Never rejects. */
export async function candidates(context: Context, words: readonly string[]): Promise<Candidate[]> {
  const typed = words.at(-1) ?? '';
  const all = await possible(context, words).catch(() => []);
  return all.filter(({ word }) => word.startsWith(typed));
}

/** For shell completion: a candidate a line, with a tab before its meaning. */
export async function printCandidates(context: Context, words: readonly string[]): Promise<void> {
  for (const { word, about } of await candidates(context, words)) {
    context.output.print(about === '' ? `${word}\n` : `${word}\t${about}\n`);
  }
}

async function possible(context: Context, words: readonly string[]): Promise<Candidate[]> {
  const [name = '', ...rest] = words;
  if (name === OFFLINE && rest.length > 1) return possible(context, rest);
  if (name === OFFLINE && rest.length === 1) return COMMANDS.filter(isOffline).map(candidate);
  if (rest.length === 0) return COMMANDS.map(candidate);
  const command = findCommand(name);
  if (command === undefined) return [];
  const typed = rest.at(-1) ?? '';
  const extras = typed.startsWith('--') ? extraCandidates(command) : [];
  const before = rest.slice(0, -1);
  const option = before.length > 0 ? findOption(command, before.at(-1) ?? '') : undefined;
  if (option?.complete !== undefined) return [...extras, ...(await expand(context, command, option.complete))];
  const places = command.name === 'help' ? [COMMANDS.map((one) => one.name)] : (command.complete ?? []);
  const place = places[before.length] ?? places.at(-1);
  if (place === undefined || (before.length >= places.length && place !== 'option')) return extras;
  return [...extras, ...(await expand(context, command, place))];
}

const OFFLINE = '--offline';

function isOffline({ extras = {} }: Command): boolean {
  return extras['offline'] !== undefined;
}

function candidate({ name, about }: Command): Candidate {
  return { word: name, about: about.trim() };
}

function findOption({ options = [] }: Command, word: string) {
  return options.find(({ name }) => name === optionName(word));
}

function extraCandidates({ extras = {} }: Command): Candidate[] {
  return Object.entries(extras).map(([name, { about }]) => ({ word: `--${name}`, about }));
}

async function expand(context: Context, command: Command, what: Completion): Promise<Candidate[]> {
  switch (what) {
    case 'switch':
      return plain(['on', 'off']);
    case 'option':
      return (command.options ?? []).map(({ name, help }) => ({ word: `--${name}`, about: help.replace(/\s+/g, ' ') }));
    case 'technology': {
      const types = named(await (await context.manager()).GetTechnologies());
      return /^(en|dis)able$/.test(command.name) ? [...types, { word: 'offline', about: 'offline mode' }] : types;
    }
    case 'service':
      return named(await (await context.manager()).GetServices());
    case 'peer':
      return named(await (await context.manager()).GetPeers());
    case 'vpn':
      return named(await (await context.proxy(vpnManagerInterface, '/', CONNMAN_VPN)).GetConnections());
    default:
      return plain(what);
  }
}

function plain(words: readonly string[]): Candidate[] {
  return words.map((word) => ({ word, about: '' }));
}

function named(list: readonly Listed[]): Candidate[] {
  return list.map(([path, properties]) => {
    return { word: identifierOf(path), about: clean(textOf(properties, 'Name') ?? '') };
  });
}
