/**
 * Services for people: flags, name, signal, protection, state, address and identifier in columns. Only ever
 * written to a terminal.
 */

import { identifierOf, type Listed, serviceFlags } from '../listings.ts';
import type { Output } from '../output.ts';
import { clean, displayWidth, shorten } from '../text.ts';
import { type Properties, textOf } from '../values.ts';
import { paint, signalBars, styleOfState } from './style.ts';

/** What a table must know of its terminal. */
export type Look = Pick<Output, 'hasColours' | 'columns'>;

/** The table, no wider than the terminal from 30 columns on; says so when there is nothing to show. */
export function formatServiceTable(services: readonly Listed[], output: Look): string {
  if (services.length === 0) return `${paint(output, 'faint', 'no services')}\n`;
  const rows = services.map(cellsOf);
  const layout = layoutOf(rows, output.columns);
  return rows.map((row) => formatRow(row, layout, output)).join('');
}

/** How wide each column is; 0 is left out. */
interface Layout {
  readonly names: number;
  readonly bars: number;
  readonly protections: number;
  readonly states: number;
  readonly addresses: number;
  /** Names that several services have. */
  readonly shared: ReadonlySet<string>;
}

const FLAGS = 3;
const LEAST_NAME = 12;

// Addresses, then protections, then bars make way for names.
function layoutOf(rows: readonly Cells[], columns: number): Layout {
  const width = (pick: (row: Cells) => string): number => Math.max(...rows.map((row) => displayWidth(pick(row))));
  const wanted = Math.min(Math.max(8, width(({ name }) => name)), 32);
  const states = width(({ state }) => state);
  const all = {
    bars: width(({ bars }) => bars),
    protections: width(({ protection }) => protection),
    addresses: Math.min(width(({ address }) => address), 39),
  };
  const most = columns - FLAGS - 1;
  const room = ({ bars, protections, addresses }: typeof all): number =>
    [bars, protections, states, addresses].reduce((left, cells) => left - (cells === 0 ? 0 : cells + 1), most);
  const least = { bars: 0, protections: 0, addresses: 0 };
  const narrower = [all, { ...all, addresses: 0 }, { ...all, addresses: 0, protections: 0 }];
  const chosen = narrower.find((set) => room(set) >= Math.min(wanted, LEAST_NAME)) ?? least;
  const names = rows.map(({ name }) => name);
  const shared = new Set(names.filter((name, index) => names.indexOf(name) !== index));
  return { ...chosen, states, names: Math.max(8, Math.min(wanted, room(chosen))), shared };
}

function formatRow(row: Cells, layout: Layout, output: Look): string {
  const { names, bars, protections, states, addresses, shared } = layout;
  const style = styleOfState(row.state);
  const cells = [
    [paint(output, style, row.flags), row.flags, FLAGS],
    [paint(output, styleOfName(row.state), shorten(row.name, names)), shorten(row.name, names), names],
    [paint(output, style, row.bars), row.bars, bars],
    [paint(output, 'faint', row.protection), row.protection, protections],
    [paint(output, style, row.state), row.state, states],
    [shorten(row.address, addresses), shorten(row.address, addresses), addresses],
  ] as const;
  const used = cells.filter(([, , width]) => width > 0);
  const line = used.map(([shown, text, width]) => shown + ' '.repeat(width - displayWidth(text))).join(' ');
  const room = output.columns - used.reduce((sum, [, , width]) => sum + width + 1, 0);
  // There to be copied, so never cut in its column; where a name says as much, it may be missing.
  const { identifier } = row;
  if (identifier.length <= room) return `${line} ${paint(output, 'faint', identifier)}\n`;
  const below = shorten(identifier, output.columns - FLAGS - 1);
  return `${line.trimEnd()}\n${shared.has(row.name) ? `    ${paint(output, 'faint', below)}\n` : ''}`;
}

/** The first address of a service, IPv4 before IPv6. */
export function addressOf(properties: Properties): string {
  for (const family of ['IPv4', 'IPv6']) {
    const configuration = properties.get(family)?.as('a{sv}');
    const address = configuration && textOf(configuration, 'Address');
    if (address !== undefined) return clean(address);
  }
  return '';
}

interface Cells {
  readonly flags: string;
  readonly name: string;
  readonly bars: string;
  readonly protection: string;
  readonly state: string;
  readonly address: string;
  readonly identifier: string;
}

function cellsOf([path, properties]: Listed): Cells {
  const strength = properties.get('Strength')?.as('y');
  const error = textOf(properties, 'Error');
  return {
    flags: serviceFlags(properties),
    name: clean(textOf(properties, 'Name') ?? '(hidden)'),
    bars: strength === undefined ? '' : signalBars(strength),
    protection: clean(properties.get('Security')?.as('as')?.[0] ?? ''),
    state: clean(textOf(properties, 'State') ?? ''),
    address: error === undefined ? addressOf(properties) : clean(error),
    identifier: identifierOf(path),
  };
}

function styleOfName(state: string): 'strong' | undefined {
  return state === 'online' || state === 'ready' ? 'strong' : undefined;
}
