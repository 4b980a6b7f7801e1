/**
 * Services for people: flags, name, signal, state, address and identifier in columns. Only ever
 * written to a terminal.
 */

import { identifierOf, type Listed, serviceFlags } from '../listings.ts';
import type { Output } from '../output.ts';
import { clean, displayWidth, fit } from '../text.ts';
import { type Properties, textOf } from '../values.ts';
import { paint, signalBars, styleOfState } from './style.ts';

/** What a table must know of its terminal. */
export type Look = Pick<Output, 'hasColours' | 'columns'>;

/** The table; says so when there is nothing to show. */
export function formatServiceTable(services: readonly Listed[], output: Look): string {
  if (services.length === 0) return `${paint(output, 'faint', 'no services')}\n`;
  const rows = services.map(cellsOf);
  const width = (pick: (row: Cells) => string): number => Math.max(...rows.map((row) => displayWidth(pick(row))));
  const names = Math.min(Math.max(8, width(({ name }) => name)), 32);
  const states = width(({ state }) => state);
  const addresses = Math.min(width(({ address }) => address), 39);
  return rows
    .map((row) => {
      const { flags, bars, name, state, address } = row;
      const style = styleOfState(state);
      const left = `${paint(output, style, flags)} ${paint(output, styleOfName(state), fit(name, names))} `;
      const shown = paint(output, style, fit(state, states));
      const middle = `${paint(output, style, bars)} ${shown} ${fit(address, addresses)}`;
      const room = output.columns - (3 + 1 + names + 1 + 4 + 1 + states + 1 + addresses + 1);
      return `${left}${middle}${paint(output, 'faint', identifierIn(room, row, rows))}\n`.replace(/ +\n$/, '\n');
    })
    .join('');
}

/** Never cut, since it is there to be copied; where there is no room, a name that is unique will do. */
function identifierIn(room: number, { identifier, name }: Cells, rows: readonly Cells[]): string {
  const isUnique = rows.filter((row) => row.name === name).length === 1;
  return identifier.length <= room || !isUnique ? ` ${identifier}` : '';
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
    bars: strength === undefined ? '    ' : signalBars(strength),
    state: clean(textOf(properties, 'State') ?? ''),
    address: error === undefined ? addressOf(properties) : clean(error),
    identifier: identifierOf(path),
  };
}

function styleOfName(state: string): 'strong' | undefined {
  return state === 'online' || state === 'ready' ? 'strong' : undefined;
}
