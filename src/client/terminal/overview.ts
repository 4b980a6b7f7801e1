/**
 * The whole picture as text: is it online and by what, default routes, DNS, links with their
 * throughput, services. Pure: what is shown comes in as an argument.
 */

import type { Listed } from '../listings.ts';
import { clean, fit, shorten } from '../text.ts';
import { textOf } from '../values.ts';
import type { LinkView, RouteView } from './links.ts';
import { formatServiceTable, type Look } from './service-table.ts';
import { formatRate, paint, sparkline, styleOfState } from './style.ts';

/** Everything there is to see at one moment. */
export interface Overview {
  readonly state: string;
  readonly isOffline: boolean;
  readonly services: readonly Listed[];
  readonly routes: readonly RouteView[];
  readonly nameservers: readonly string[];
  readonly links: readonly LinkView[];
  /** Bytes a second of the last moments by link, the newest last; empty when nothing was measured. */
  readonly rates: ReadonlyMap<string, { readonly received: readonly number[]; readonly sent: readonly number[] }>;
}

/** Lines of at most `output.columns` columns, apart from long identifiers. */
export function formatOverview(overview: Overview, output: Look): string {
  const { state, isOffline, services, routes, nameservers, links } = overview;
  const [first] = services;
  const isUp = state === 'ready' || state === 'online';
  const by = isUp && first !== undefined ? ` by ${clean(textOf(first[1], 'Name') ?? 'a hidden network')}` : '';
  const head = `${paint(output, styleOfState(state), `● ${clean(state)}`)}${by}${isOffline ? ', offline mode' : ''}`;
  const facts = [
    fact(output, 'route', routes.map(formatRoute)),
    fact(output, 'DNS', nameservers),
    ...links.map((link) => fact(output, clean(link.name), linkWords(link, overview))),
  ];
  return `${head}\n${facts.join('')}\n${formatServiceTable(services, output)}`;
}

function fact(output: Look, name: string, words: readonly string[]): string {
  const text = words.length === 0 ? '—' : words.join(', ');
  const room = Math.max(20, output.columns - 13);
  return `  ${paint(output, 'faint', fit(name, 10))} ${shorten(text, room)}\n`;
}

function formatRoute({ link, gateway, metric }: RouteView): string {
  return `${gateway === undefined ? '' : `${gateway} `}on ${link}${metric === 0 ? '' : ` (${metric})`}`;
}

function linkWords(link: LinkView, { rates }: Overview): string[] {
  const rate = rates.get(link.name);
  if (rate === undefined) return [...link.addresses];
  const flow = (arrow: string, values: readonly number[]): string =>
    `${arrow}${formatRate(values.at(-1) ?? 0).padStart(9)} ${sparkline(values)}`;
  return [`${flow('↓', rate.received)} ${flow('↑', rate.sent)}`, ...link.addresses];
}
