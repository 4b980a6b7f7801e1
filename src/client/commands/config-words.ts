/**
 * The words of `config` as properties of net.connman.Service. Everything is read before anything is
 * set, so that a slip of the pen changes nothing. Where ConnMan's console writes its complaint about
 * a word, to standard output or error, is kept.
 */

import { variant, type Variant } from '../../dbus/signature.ts';
import type { Setting } from '../settings.ts';
import { optionName, parseBoolean } from '../words.ts';

/** What the words ask for, or what is wrong with them. */
export interface ConfigRequest {
  readonly settings: readonly Setting[];
  readonly isRemoval: boolean;
  /** Words that mean nothing: ConnMan complains of them on standard output. */
  readonly unknown: readonly string[];
  /** Values that mean nothing: on standard error. */
  readonly wrong: readonly string[];
}

/** Reads the words after the service. */
export function parseConfig(words: readonly string[]): ConfigRequest {
  const request: Draft = { settings: [], isRemoval: false, unknown: [], wrong: [] };
  const queue = [...words];
  for (let word = queue.shift(); word !== undefined; word = queue.shift()) {
    const option = optionName(word);
    const read = Object.hasOwn(OPTIONS, option) ? OPTIONS[option] : undefined;
    if (read === undefined) request.unknown.push(word);
    else read(request, queue, word);
  }
  return request;
}

interface Draft {
  readonly settings: Setting[];
  isRemoval: boolean;
  readonly unknown: string[];
  readonly wrong: string[];
}

/** Takes what belongs to the option from the queue. */
type Read = (request: Draft, queue: string[], word: string) => void;

const OPTIONS: Readonly<Record<string, Read>> = {
  autoconnect: readBoolean('AutoConnect'),
  mdns: readBoolean('mDNS.Configuration'),
  nameservers: readList('Nameservers.Configuration'),
  timeservers: readList('Timeservers.Configuration'),
  domains: readList('Domains.Configuration'),
  ipv4: readIpv4,
  ipv6: readIpv6,
  proxy: readProxy,
  remove(request) {
    request.isRemoval = true;
  },
};

function readBoolean(property: string): Read {
  return (request, queue, word) => {
    const value = parseBoolean(queue[0]);
    if (value === undefined) {
      request.unknown.push(word);
      if (queue[0] !== undefined && !isOption(queue[0])) queue.shift();
      return;
    }
    queue.shift();
    request.settings.push({ property, value: variant('b', value) });
  };
}

function readList(property: string): Read {
  return (request, queue) => {
    request.settings.push({ property, value: variant('as', takeValues(queue, Infinity)) });
  };
}

/** Method, Address, Netmask, Gateway, by place; an address may bring its prefix. */
function readIpv4(request: Draft, queue: string[]): void {
  const [method, address, ...rest] = takeValues(queue, queue[1]?.includes('/') === true ? 3 : 4);
  const [, plain = '', prefix] = /^([^/]+)\/(\d+)$/.exec(address ?? '') ?? [];
  const netmask = prefix === undefined ? undefined : netmaskOf(Number(prefix));
  if (prefix !== undefined && netmask === undefined) {
    request.wrong.push(address ?? '');
    return;
  }
  const values = [method, ...(netmask === undefined ? [address, ...rest] : [plain, netmask, ...rest])];
  const names = ['Method', 'Address', 'Netmask', 'Gateway'];
  const entries = names.flatMap((name, index) => entry(name, values[index]));
  request.settings.push({ property: 'IPv4.Configuration', value: variant('a{sv}', new Map(entries)) });
}

function readIpv6(request: Draft, queue: string[]): void {
  const [method] = takeValues(queue, 1);
  const entries: [string, Variant][] = [];
  if (method === 'auto') {
    const word = takeValues(queue, 1)[0];
    const privacy = word === undefined ? undefined : privacyOf(word);
    if (word !== undefined && privacy === undefined) request.wrong.push(word);
    entries.push(...entry('Privacy', privacy));
  } else if (method === 'manual') {
    const [address, length, gateway] = takeValues(queue, 3);
    if (length !== undefined && !isPrefixLength(length)) request.wrong.push(length);
    else {
      entries.push(...entry('Address', address));
      if (length !== undefined) entries.push(['PrefixLength', variant('y', Number(length))]);
      entries.push(...entry('Gateway', gateway));
    }
  } else if (method !== 'off') request.wrong.push(method ?? '(null)');
  entries.push(...entry('Method', method));
  request.settings.push({ property: 'IPv6.Configuration', value: variant('a{sv}', new Map(entries)) });
}

function readProxy(request: Draft, queue: string[]): void {
  const [method] = takeValues(queue, 1);
  const entries: [string, Variant][] = [];
  if (method === 'auto') entries.push(...entry('URL', takeValues(queue, 1)[0]));
  else if (method === 'manual') {
    const words = takeValues(queue, Infinity, EXCLUDES);
    const at = words.findIndex((word) => EXCLUDES.includes(word));
    entries.push(['Servers', variant('as', at < 0 ? words : words.slice(0, at))]);
    entries.push(['Excludes', variant('as', at < 0 ? [] : words.slice(at + 1))]);
  } else if (method !== 'direct') {
    if (method === undefined) request.wrong.push('(null)');
    else request.unknown.push(method);
  }
  entries.push(...entry('Method', method));
  request.settings.push({ property: 'Proxy.Configuration', value: variant('a{sv}', new Map(entries)) });
}

// The help text says one, ConnMan's parser wants another: all are taken.
const EXCLUDES: readonly string[] = ['--excludes', '--exclude', 'excludes', 'exclude'];

/** Up to `most` words; a known `--option` ends them. */
function takeValues(queue: string[], most: number, allowed: readonly string[] = []): string[] {
  let count = 0;
  while (count < most && count < queue.length && (allowed.includes(queue[count] ?? '') || !isOption(queue[count]))) {
    count++;
  }
  return queue.splice(0, count);
}

function isOption(word: string | undefined): boolean {
  return word !== undefined && word.startsWith('--') && Object.hasOwn(OPTIONS, word.slice(2));
}

function entry(name: string, value: string | undefined): [string, Variant][] {
  return value === undefined ? [] : [[name, variant('s', value)]];
}

function privacyOf(word: string): string | undefined {
  if (word === 'preferred' || word === 'prefered') return 'prefered';
  const isOn = parseBoolean(word);
  return isOn === undefined ? undefined : isOn ? 'enabled' : 'disabled';
}

function isPrefixLength(word: string): boolean {
  return /^\d{1,3}$/.test(word) && Number(word) <= 128;
}

function netmaskOf(prefixLength: number): string | undefined {
  if (prefixLength > 32) return undefined;
  const bits = prefixLength === 0 ? 0 : (0xffff_ffff << (32 - prefixLength)) >>> 0;
  return [24, 16, 8, 0].map((shift) => (bits >>> shift) & 255).join('.');
}
