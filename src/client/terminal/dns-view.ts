/**
 * The DNS proxy for people: where it answers, how much it knows, and its servers in columns, the
 * silent ones marked. Only ever written to a terminal; pure.
 */

import { type DnsServerView, type DnsView, hitRate } from '../commands/dns.ts';
import { clean, displayWidth, fit, shorten } from '../text.ts';
import type { Look } from './service-table.ts';
import { formatBytes, paint } from './style.ts';

/** Lines of at most `output.columns` columns, as long as there are 40. */
export function formatDnsView({ listening, servers, cache }: DnsView, output: Look): string {
  const rate = hitRate(cache);
  const isUp = listening.length > 0;
  const [state, about] = isUp
    ? ['● answering', ` on ${listening.map(clean).join(', ')}`]
    : ['○ not answering', ': programs ask the servers'];
  const head = paint(output, isUp ? 'good' : 'bad', state) + shorten(about, output.columns - displayWidth(state));
  const facts = [
    `${cache.entries} answers`,
    formatBytes(Number(cache.bytes)),
    ...(rate === undefined ? [] : [`${Math.round(100 * rate)} % of ${cache.hits + cache.misses} known at once`]),
    ...(cache.stale === 0n ? [] : [`${cache.stale} given past their time`]),
  ];
  const known = `  ${paint(output, 'faint', 'cache')} ${shorten(facts.join(', '), output.columns - 8)}`;
  return `${head}\n${known}\n\n${serverTable(servers, output)}`;
}

/** A column: heading, and what stands in it. */
interface Column {
  readonly heading: string;
  readonly cell: (server: DnsServerView) => string;
}

const ASKED: Column = { heading: 'asked', cell: ({ asked }) => String(asked) };
const ANSWERED: Column = { heading: 'answered', cell: ({ answers }) => String(answers) };
const FAILED: Column = { heading: 'failed', cell: ({ failures }) => String(failures) };
const TAKES: Column = {
  heading: 'takes',
  cell: ({ isSilent, roundTripMs }) => (isSilent ? 'silent' : roundTripMs < 0 ? '—' : formatMs(roundTripMs)),
};

/** With fewer columns where names would have less room than this. */
const LEAST_NAME = 20;

function serverTable(servers: readonly DnsServerView[], output: Look): string {
  if (servers.length === 0) return `${paint(output, 'faint', 'no servers')}\n`;
  const roomBeside = (columns: readonly Column[]): number =>
    output.columns - 2 - columns.reduce((sum, column) => sum + 2 + widthOf(column, servers), 0);
  const all = [ASKED, ANSWERED, FAILED, TAKES];
  const sets = [all, [ANSWERED, FAILED, TAKES], [FAILED, TAKES]];
  const columns = sets.find((set) => roomBeside(set) >= LEAST_NAME) ?? [TAKES];
  const longest = Math.max(6, ...servers.map(({ name }) => displayWidth(clean(name))));
  const names = Math.max(8, Math.min(longest, roomBeside(columns)));
  const line = (text: (column: Column) => string): string =>
    columns.map((column) => `  ${text(column).padStart(widthOf(column, servers))}`).join('');
  const heading = paint(output, 'faint', `  ${fit('server', names)}${line((column) => column.heading)}`);
  const rows = servers.map((server) => {
    const mark = paint(output, server.isSilent ? 'bad' : 'good', server.isSilent ? '○' : '●');
    return `${mark} ${fit(clean(server.name), names)}${line(({ cell }) => cell(server))}`;
  });
  return `${[heading, ...rows].join('\n')}\n`;
}

function widthOf({ heading, cell }: Column, servers: readonly DnsServerView[]): number {
  return Math.max(heading.length, ...servers.map((server) => cell(server).length));
}

function formatMs(ms: number): string {
  return `${ms < 10 ? ms.toFixed(1) : Math.round(ms)} ms`;
}
