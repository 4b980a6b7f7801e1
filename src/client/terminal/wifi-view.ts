/**
 * Wi-Fi networks as `connmanctl wifi` shows them: for people in columns with the strength of the last
 * moments, for programs a line a change. Pure.
 */

import { identifierOf, type Listed } from '../listings.ts';
import type { Output } from '../output.ts';
import { clean, displayWidth, fit, type Show, shorten } from '../text.ts';
import { textOf } from '../values.ts';
import { paint, signalBars, styleOfState } from './style.ts';

/** A network. */
export interface WifiNetwork {
  readonly identifier: string;
  /** Undefined where it keeps that to itself. */
  readonly name: string | undefined;
  readonly strength: number;
  readonly security: readonly string[];
  readonly state: string;
}

/** How many moments are kept of a network. */
export const KEPT_STRENGTHS = 20;

/** The Wi-Fi networks among services, the strongest first, those in use before all. */
export function wifiNetworks(services: readonly Listed[]): readonly WifiNetwork[] {
  return services
    .filter(([, properties]) => textOf(properties, 'Type') === 'wifi')
    .map(([path, properties]) => ({
      identifier: identifierOf(path),
      name: textOf(properties, 'Name'),
      strength: properties.get('Strength')?.as('y') ?? 0,
      security: properties.get('Security')?.as('as') ?? [],
      state: textOf(properties, 'State') ?? '',
    }))
    .sort((one, other) => Number(isInUse(other)) - Number(isInUse(one)) || other.strength - one.strength);
}

/** Columns: state, strength as figure and bars, its last moments, security, name. */
export function formatWifiTable(
  networks: readonly WifiNetwork[],
  past: ReadonlyMap<string, readonly number[]>,
  output: Pick<Output, 'hasColours' | 'columns'>,
): string {
  if (networks.length === 0) return `${paint(output, 'faint', 'no Wi-Fi networks')}\n`;
  const words = networks.map(({ security }) => clean(security.join(' ')));
  const width = Math.max(...words.map(displayWidth));
  const hasPast = networks.some(({ identifier }) => (past.get(identifier)?.length ?? 0) > 1);
  const used = 2 + 4 + 5 + (hasPast ? KEPT_STRENGTHS + 1 : 0) + width + 1;
  return networks.map(({ identifier, name, strength, state }, index) => {
    const style = styleOfState(state);
    const cells = [
      paint(output, style, MARKS[state] ?? ' '),
      String(strength).padStart(3),
      paint(output, styleOfStrength(strength), signalBars(strength)),
      ...(hasPast ? [paint(output, 'faint', history(past.get(identifier) ?? []).padStart(KEPT_STRENGTHS))] : []),
      fit(words[index] ?? '', width),
      paint(output, isInUse({ state }) ? 'strong' : undefined, nameOf(name, output.columns - used)),
    ];
    return `${cells.join(' ')}\n`;
  }).join('');
}

/** `IDENTIFIER STRENGTH SECURITY STATE NAME`; the name is quoted as JSON where it is not one plain word. */
export function formatWifiLine(network: WifiNetwork, show: Show): string {
  const { identifier, strength, security, state, name = '' } = network;
  const shown = /^[\x21\x23-\x7e]+$/.test(name) ? name : JSON.stringify(name);
  return `${identifier} ${strength} ${security.join(',') || 'none'} ${state} ${show(shown)}\n`;
}

const MARKS: Readonly<Record<string, string>> = {
  online: '●', ready: '●', association: '…', configuration: '…', disconnect: '…', failure: '✘',
};

function isInUse({ state }: Pick<WifiNetwork, 'state'>): boolean {
  return state === 'online' || state === 'ready';
}

function styleOfStrength(strength: number): 'good' | 'warm' | 'bad' {
  return strength >= 60 ? 'good' : strength >= 35 ? 'warm' : 'bad';
}

function history(values: readonly number[]): string {
  return values.map((value) => '▁▂▃▄▅▆▇█'.charAt(Math.min(7, Math.floor((value / 100) * 8)))).join('');
}

function nameOf(name: string | undefined, room: number): string {
  return shorten(clean(name ?? '(hidden)'), Math.max(8, room));
}
