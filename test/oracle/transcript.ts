/**
 * Transcripts as text, for people to read and for git to compare: a line `== step`, then what was
 * seen in it, one line each.
 */

import type { Step } from './recorder.ts';

/** The text of a transcript. */
export function formatTranscript(title: string, steps: readonly Step[]): string {
  const blocks = steps.map(({ name, lines }) => [`== ${name}`, ...lines].join('\n'));
  return `# ${title}\n${blocks.join('\n')}\n`;
}

/** The steps of a transcript. */
export function parseTranscript(text: string): Step[] {
  return text
    .trimEnd()
    .split('\n== ')
    .slice(1)
    .map((block) => {
      const [name = '', ...lines] = block.split('\n');
      return { name, lines };
    });
}
