/**
 * What connmand-wait-online waits for: its command line, and the decision over the services of one
 * moment. Pure.
 */

import { type CommandLineTable, parseCommandLine, UsageError } from '../shared/command-line.ts';
import type { Listed } from './listings.ts';
import { textOf } from './values.ts';

/** The command line; the first three are ConnMan's. */
export const WAIT_ONLINE = {
  interface: { short: 'i', argument: 'required', placeholder: 'DEV', about: 'wait for these interfaces only, a,b,c' },
  ignore: { short: 'I', argument: 'required', placeholder: 'DEV', about: 'not these; wins over --interface' },
  timeout: { argument: 'required', placeholder: 'SECONDS', about: 'give up after this long, 0: never; else 120' },
  online: { about: 'wait until the Internet answers; a link with an address is not enough' },
  ready: { about: 'a link with an address is enough (unless --online, this is so)' },
  ipv4: { about: 'an IPv4 address is needed' },
  ipv6: { about: 'an IPv6 address is needed; with --ipv4, both' },
  any: { about: 'one interface is enough (unless --all, this is so)' },
  all: { about: 'every interface of --interface is needed' },
  version: { short: 'v', about: 'show the version' },
  help: { short: 'h', about: 'show this' },
} as const satisfies CommandLineTable;

/** What to wait for. */
export interface WaitRequest {
  readonly interfaces: readonly string[];
  readonly ignored: readonly string[];
  /** Infinity for ever. */
  readonly timeoutMs: number;
  readonly needsOnline: boolean;
  readonly families: readonly ('IPv4' | 'IPv6')[];
  readonly needsAll: boolean;
}

/** Reads the command line; throws UsageError. */
export function parseWaitOnline(argv: readonly string[]): WaitRequest | 'help' | 'version' {
  const { options } = parseCommandLine(WAIT_ONLINE, argv);
  if (options.help) return 'help';
  if (options.version) return 'version';
  const timeout = options.timeout.at(-1) ?? '120';
  if (!/^[+-]?\d+$/.test(timeout)) throw new UsageError(`Cannot parse integer value “${timeout}” for --timeout`);
  const interfaces = options.interface.flatMap(splitList);
  if (options.all && interfaces.length === 0) throw new UsageError('--all needs --interface');
  if (options.all && options.any) throw new UsageError('--all and --any exclude each other');
  if (options.online && options.ready) throw new UsageError('--online and --ready exclude each other');
  return {
    interfaces,
    ignored: options.ignore.flatMap(splitList),
    timeoutMs: Number(timeout) > 0 ? Number(timeout) * 1000 : Infinity,
    needsOnline: options.online,
    families: [...(options.ipv4 ? ['IPv4' as const] : []), ...(options.ipv6 ? ['IPv6' as const] : [])],
    needsAll: options.all,
  };
}

/** Whether these services are what was waited for. */
export function isSatisfied(request: WaitRequest, services: readonly Listed[]): boolean {
  const links = new Set(services.filter((service) => isGood(request, service)).map(interfaceOf));
  const wanted = request.interfaces.filter((name) => !request.ignored.includes(name));
  if (request.needsAll) return wanted.length > 0 && wanted.every((name) => links.has(name));
  return [...links].some((name) => isWanted(request, name));
}

function isGood({ needsOnline, families }: WaitRequest, [, properties]: Listed): boolean {
  const state = textOf(properties, 'State');
  if (state !== 'online' && (needsOnline || state !== 'ready')) return false;
  return families.every((family) => {
    const configuration = properties.get(family)?.as('a{sv}');
    return configuration !== undefined && textOf(configuration, 'Address') !== undefined;
  });
}

function isWanted({ interfaces, ignored }: WaitRequest, name: string | undefined): boolean {
  if (interfaces.length === 0 && ignored.length === 0) return true;
  if (name === undefined || ignored.includes(name)) return false;
  return interfaces.length === 0 || interfaces.includes(name);
}

function interfaceOf([, properties]: Listed): string | undefined {
  const ethernet = properties.get('Ethernet')?.as('a{sv}');
  return ethernet && textOf(ethernet, 'Interface');
}

function splitList(text: string): string[] {
  return text.split(',').filter((name) => name !== '');
}
