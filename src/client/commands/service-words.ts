/**
 * The words of `service add` and `service set` as keys of a provisioning file: those of `config`
 * mean what they mean online, the others are keys under a name of their own. Values are not judged
 * here but as they stand in the file, so that a mistake is the same wherever it was made.
 */

import type { Variant } from '../../dbus/signature.ts';
import type { Setting } from '../settings.ts';
import { parseBoolean } from '../words.ts';
import { parseConfig } from './config-words.ts';
import { KEY_WORDS } from './service-options.ts';

/** A key's new value; undefined takes the key away. */
export type Change = readonly [key: string, value: string | undefined];

/** What the words ask for. */
export interface ServiceWords {
  readonly changes: readonly Change[];
  readonly isRemoval: boolean;
  /** Words that mean nothing, or lack their value. */
  readonly wrong: readonly string[];
}

/** Reads the words behind the name of the service. */
export function parseServiceWords(words: readonly string[]): ServiceWords {
  const changes: Change[] = [];
  const wrong: string[] = [];
  const rest: string[] = [];
  const queue = [...words];
  for (let word = queue.shift(); word !== undefined; word = queue.shift()) {
    const [, name = '', attached] = /^--([a-z0-9-]+)(?:=(.*))?$/s.exec(word) ?? [];
    const key = KEY_WORDS.get(name);
    const value = key === undefined ? undefined : (attached ?? queue.shift());
    if (key === undefined) rest.push(word);
    else if (value === undefined) wrong.push(word);
    else changes.push([key, key === 'Hidden' ? String(parseBoolean(value) ?? value) : value || undefined]);
  }
  const request = parseConfig(rest);
  changes.push(...request.settings.flatMap(changesOf));
  return { changes, isRemoval: request.isRemoval, wrong: [...wrong, ...request.unknown, ...request.wrong] };
}

function changesOf({ property, value }: Setting): Change[] {
  switch (property) {
    case 'AutoConnect':
      return [['AutoConnect', String(value.as('b'))]];
    case 'mDNS.Configuration':
      return [['mDNS', String(value.as('b'))]];
    case 'Nameservers.Configuration':
      return [['Nameservers', listOf(value)]];
    case 'Timeservers.Configuration':
      return [['Timeservers', listOf(value)]];
    case 'Domains.Configuration':
      return [['SearchDomains', listOf(value)]];
    case 'IPv4.Configuration':
      return [['IPv4', addressOf(value, 'Netmask')]];
    case 'IPv6.Configuration':
      return [['IPv6', addressOf(value, 'PrefixLength')], ['IPv6.Privacy', textOf(value, 'Privacy')]];
    case 'Proxy.Configuration':
      return [
        ['Proxy.Method', textOf(value, 'Method')],
        ['Proxy.URL', textOf(value, 'URL')],
        ['Proxy.Servers', listOf(value.as('a{sv}')?.get('Servers'))],
        ['Proxy.Excludes', listOf(value.as('a{sv}')?.get('Excludes'))],
      ];
    default:
      throw new Error(`config has learnt of ${property}, service has not`);
  }
}

/** `ADDRESS/NETWORK/GATEWAY` as far as it goes for `manual`, else the method. */
function addressOf(value: Variant, network: string): string {
  const method = textOf(value, 'Method') ?? '';
  const parts = ['Address', network, 'Gateway'].flatMap((name) => textOf(value, name) ?? []);
  return method === 'manual' ? parts.join('/') : method;
}

function textOf(dictionary: Variant, key: string): string | undefined {
  const value = dictionary.as('a{sv}')?.get(key);
  return value?.as('s') ?? value?.as('y')?.toString();
}

function listOf(value: Variant | undefined): string | undefined {
  return value?.as('as')?.join(',') || undefined;
}
