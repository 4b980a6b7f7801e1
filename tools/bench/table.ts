/** The bench's figures as a Markdown table: medians, and how ours compare with the better peer's. */

import type { Figures } from './measure.ts';

/** Rounds of one daemon, under the heading of its column. */
export interface Column {
  readonly heading: string;
  readonly rounds: readonly Figures[];
}

/** The first column is ours; lower is better in every row. */
export function formatTable(columns: readonly Column[]): string {
  const [ours, ...peers] = columns;
  const rows = [...new Set(columns.flatMap(({ rounds }) => rounds.flatMap((figures) => Object.keys(figures))))];
  const lines = rows.map((row) => {
    const medians = columns.map(({ rounds }) => median(rounds.map((figures) => figures[row])));
    const [own, ...others] = medians;
    const best = Math.min(...others.filter((value) => value !== undefined));
    const ratio = own === undefined || !Number.isFinite(best) ? '–' : (own / best).toFixed(2);
    const cells = medians.map((value) => (value === undefined ? '–' : format(value)));
    return `| ${[row, ...cells, ...(peers.length > 0 ? [ratio] : [])].join(' | ')} |`;
  });
  const headings = columns.map(({ heading }) => heading);
  const compared = peers.length > 0 ? [`${ours?.heading.split(' ')[0]} : better peer`] : [];
  const head = ['median', ...headings, ...compared];
  return [`| ${head.join(' | ')} |`, `|---|${'---:|'.repeat(head.length - 1)}`, ...lines].join('\n');
}

/** The middle value; a round without one makes none of half of them or more. */
export function median(values: readonly (number | undefined)[]): number | undefined {
  const sorted = values.map((value) => value ?? Number.POSITIVE_INFINITY).sort((one, other) => one - other);
  const middle = ((sorted[(sorted.length - 1) >> 1] ?? Infinity) + (sorted[sorted.length >> 1] ?? Infinity)) / 2;
  return Number.isFinite(middle) ? middle : undefined;
}

function format(value: number): string {
  return value >= 100 ? value.toFixed(0) : value.toFixed(1);
}
