/** The bench's figures as a Markdown table: medians, and how ours compare with the better peer's. */

import type { Figures } from './cells.ts';

/** Rounds of one daemon, under the heading of its column. */
export interface Column {
  readonly heading: string;
  readonly rounds: readonly Figures[];
}

/** The first column is ours; lower is better in every row. A text in place of a figure is shown as it is. */
export function formatTable(columns: readonly Column[]): string {
  const [ours, ...peers] = columns;
  const rows = [...new Set(columns.flatMap(({ rounds }) => rounds.flatMap((figures) => Object.keys(figures))))];
  const lines = rows.map((row) => {
    const medians = columns.map(({ rounds }) =>
      medianOf(rounds.flatMap((figures) => (row in figures ? [figures[row]] : []))));
    const [own, ...others] = medians;
    const best = Math.min(...others.filter((value) => typeof value === 'number'));
    const ratio = typeof own !== 'number' || !Number.isFinite(best) || best === 0 ? '–' : (own / best).toFixed(2);
    const cells = medians.map((value) => (typeof value === 'number' ? format(value) : value ?? '–'));
    return `| ${[row, ...cells, ...(peers.length > 0 ? [ratio] : [])].join(' | ')} |`;
  });
  const headings = columns.map(({ heading }) => heading);
  const compared = peers.length > 0 ? [`${ours?.heading.split(' ')[0]} : better peer`] : [];
  const head = ['median', ...headings, ...compared];
  return [`| ${head.join(' | ')} |`, `|---|${'---:|'.repeat(head.length - 1)}`, ...lines].join('\n');
}

/** The median of the numbers, or what is said in place of one. */
function medianOf(values: readonly (number | string | undefined)[]): number | string | undefined {
  const measured = values.filter((value) => typeof value !== 'string');
  return measured.length > values.length / 2 ? median(measured) : values.find((value) => typeof value === 'string');
}

/** The middle value; a round without one makes none of half of them or more. */
export function median(values: readonly (number | undefined)[]): number | undefined {
  const sorted = values.map((value) => value ?? Number.POSITIVE_INFINITY).sort((one, other) => one - other);
  const middle = ((sorted[(sorted.length - 1) >> 1] ?? Infinity) + (sorted[sorted.length >> 1] ?? Infinity)) / 2;
  return Number.isFinite(middle) ? middle : undefined;
}

function format(value: number): string {
  return value >= 100 ? value.toFixed(0) : value >= 10 ? value.toFixed(1) : value.toFixed(2).replace(/\.?0+$/, '');
}
