/**
 * Colours of a terminal, where wanted (NO_COLOR, TERM=dumb), and small pictures of numbers.
 */

import type { Output } from '../output.ts';

/** What a text means; never how it looks. */
export type Style = 'good' | 'warm' | 'bad' | 'faint' | 'strong';

const CODES: Readonly<Record<Style, string>> = { good: '32', warm: '33', bad: '31', faint: '2', strong: '1' };

/** Paints a clean text. */
export function paint(output: Pick<Output, 'hasColours'>, style: Style | undefined, text: string): string {
  return output.hasColours && style !== undefined && text !== '' ? `\x1b[${CODES[style]}m${text}\x1b[0m` : text;
}

/** How a service's or the manager's state is meant. */
export function styleOfState(state: string): Style | undefined {
  switch (state) {
    case 'online':
      return 'good';
    case 'ready':
    case 'association':
    case 'configuration':
      return 'warm';
    case 'failure':
      return 'bad';
    default:
      return 'faint';
  }
}

/** Four bars for a strength of 0 to 100. */
export function signalBars(strength: number): string {
  const bars = '▂▄▆█';
  const lit = Math.min(4, Math.ceil(strength / 25));
  return bars.slice(0, lit).padEnd(4, '·');
}

/** A line of figures, scaled to the largest. */
export function sparkline(values: readonly number[]): string {
  const most = Math.max(1, ...values);
  return values.map((value) => '▁▂▃▄▅▆▇█'.charAt(Math.min(7, Math.round((value / most) * 7)))).join('');
}

/** Bytes a second, in four figures or less. */
export function formatRate(bytesPerSecond: number): string {
  return `${formatBytes(bytesPerSecond)}/s`;
}

/** Bytes, in four figures or less. */
export function formatBytes(bytes: number): string {
  const units = ['B', 'kB', 'MB', 'GB'];
  let value = bytes;
  let unit = 0;
  while (value >= 1000 && unit < units.length - 1) {
    value /= 1000;
    unit++;
  }
  return `${unit === 0 || value >= 100 ? Math.round(value) : value.toFixed(1)} ${units[unit] ?? ''}`;
}
