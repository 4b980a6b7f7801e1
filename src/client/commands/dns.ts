/**
 * dns: what the DNS proxy of our daemon does (net.causeway.Dns1), and `dns flush`. Where the daemon
 * does not resolve by itself there is nothing to show, and the command says so.
 */

import { causewayDnsInterface } from '../../dbus/interfaces/causeway-dns.ts';
import { variant, type Variant } from '../../dbus/signature.ts';
import type { Call } from '../command.ts';
import { type Context, PATIENCE } from '../context.ts';
import { invalid } from '../errors.ts';
import { formatProperties, type Json, propertiesToJson } from '../values.ts';
import { rethrow } from './read.ts';

/** What there is to see of the proxy. */
export interface DnsView {
  /** `address:port%link` each. */
  readonly listening: readonly string[];
  readonly servers: readonly DnsServerView[];
  readonly cache: DnsCacheView;
}

/** One server; the round trip is -1 before the first answer. */
export interface DnsServerView {
  readonly name: string;
  readonly isSilent: boolean;
  readonly roundTripMs: number;
  readonly asked: bigint;
  readonly answers: bigint;
  readonly failures: bigint;
}

/** Counts since the start, and what is kept now. */
export interface DnsCacheView {
  readonly entries: number;
  readonly bytes: bigint;
  readonly hits: bigint;
  readonly misses: bigint;
  readonly stale: bigint;
}

/** `dns`, `dns flush`. */
export async function dns(context: Context, { command, words: [word], given }: Call): Promise<void> {
  if (word !== undefined && word !== 'flush') throw invalid(command.name, 'It shows, or with `flush` forgets answers.');
  const proxy = await context.proxy(causewayDnsInterface, '/');
  if (word === 'flush') return proxy.Flush({}, PATIENCE).then(() => undefined, rethrow('Error', NO_PROXY));
  const [listening, servers, cache] = await Promise.all([
    proxy.GetListening({}, PATIENCE), proxy.GetServers({}, PATIENCE), proxy.GetCache({}, PATIENCE),
  ]).catch(rethrow('Error', NO_PROXY));
  const view: DnsView = {
    listening,
    servers: servers.map(([name, isSilent, roundTripMs, asked, answers, failures]) => {
      return { name, isSilent, roundTripMs, asked, answers, failures };
    }),
    cache,
  };
  const { output } = context;
  if (given.has('json')) return output.print(`${JSON.stringify(dnsJson(view))}\n`);
  if (!output.isTerminal) return output.print(formatDns(view));
  const { formatDnsView } = await import('../terminal/dns-view.ts');
  output.print(formatDnsView(view, output));
}

/** For pipes: keys and values as of ConnMan's objects. */
export function formatDns({ listening, servers, cache }: DnsView): string {
  const show = (text: string): string => text;
  const head = new Map([
    ['Listening', variant('as', [...listening])],
    ['Cache', variant('a{sv}', cacheProperties(cache))],
  ]);
  const rest = servers.map((server) => `${server.name}\n${formatProperties(serverProperties(server), show)}`);
  return formatProperties(head, show) + rest.join('');
}

/** For `--json`. */
export function dnsJson({ listening, servers, cache }: DnsView): Json {
  return {
    Listening: [...listening],
    Cache: propertiesToJson(cacheProperties(cache)),
    Servers: servers.map((server) => {
      return propertiesToJson(new Map([['Name', variant('s', server.name)], ...serverProperties(server)]));
    }),
  };
}

/** Of the questions the part answered at once; undefined before the first. */
export function hitRate({ hits, misses }: DnsCacheView): number | undefined {
  return hits + misses === 0n ? undefined : Number(hits) / Number(hits + misses);
}

const NO_PROXY = 'The daemon does not resolve names by itself: it has another DNS backend, or is not Causeway.';

function cacheProperties(cache: DnsCacheView): Map<string, Variant> {
  const rate = hitRate(cache);
  return new Map([
    ['Entries', variant('u', cache.entries)],
    ['Bytes', variant('t', cache.bytes)],
    ['Hits', variant('t', cache.hits)],
    ['Misses', variant('t', cache.misses)],
    ['Stale', variant('t', cache.stale)],
    ...(rate === undefined ? [] : [['HitRate', variant('d', rate)] as const]),
  ]);
}

function serverProperties({ isSilent, roundTripMs, asked, answers, failures }: DnsServerView): Map<string, Variant> {
  return new Map([
    ['Silent', variant('b', isSilent)],
    ...(roundTripMs < 0 ? [] : [['RoundTrip', variant('d', roundTripMs)] as const]),
    ['Asked', variant('t', asked)],
    ['Answers', variant('t', answers)],
    ['Failures', variant('t', failures)],
  ]);
}
