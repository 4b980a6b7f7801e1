/**
 * The sample main.conf, made from the table that reads the real one: every option with what it
 * does and its default, commented out, so that the sample as it is changes nothing.
 */

import type { OptionTable } from '../src/shared/options.ts';

/** A group of options as a key file of comments. */
export function formatSample(group: string, table: OptionTable): string {
  const entries = Object.entries(table).filter(([, option]) => option.deprecated === undefined);
  const paragraphs = entries.map(([key, option]) => {
    const value = [option.default ?? ''].flat().join(',');
    return `# ${option.about} (${option.parse.wants})\n#${`${key} = ${value}`.trimEnd()}\n`;
  });
  return `[${group}]\n\n${paragraphs.join('\n')}`;
}
