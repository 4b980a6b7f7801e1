/**
 * The project's files as the rules see them: everything git would track, read once. Rules collect
 * all offenders as `path:line: complaint`, so that one run shows everything there is to mend.
 */

import { readFileSync, readdirSync } from 'node:fs';

/** One file of the project, its path from the top. */
export interface Source {
  readonly path: string;
  readonly text: string;
  readonly lines: readonly string[];
}

const NOT_OURS = new Set(['node_modules', 'build', 'coverage', '.git', 'builtin.ts', 'directories.ts', 'LICENSE']);

/** All files, sorted by path. */
export const sources: readonly Source[] = walk('.')
  .toSorted()
  .map((path) => {
    const text = readFileSync(path, 'utf8');
    return { path, text, lines: text.split('\n') };
  });

/** Files of the product: what is linked into programs. */
export const productSources = sources.filter(({ path }) => /^(src|plugins|vpn)\/.*\.ts$/.test(path));

/** Hand-written code in any language. */
export const codeSources = sources.filter(({ path }) => /\.(ts|mjs|c|h)$/.test(path));

/** Complaints about single lines, in the form `path:line: text`. */
export function complainAboutLines(
  files: readonly Source[],
  judge: (line: string, file: Source) => string | undefined,
): string[] {
  return files.flatMap((file) =>
    file.lines.flatMap((line, index) => {
      const complaint = judge(line, file);
      return complaint === undefined ? [] : [`${file.path}:${index + 1}: ${complaint}`];
    }),
  );
}

/** Fails with the whole list. */
export function assertNone(complaints: readonly string[]): void {
  if (complaints.length === 0) return;
  const error = new Error(complaints.join('\n    '));
  error.stack = ''; // it would repeat the list
  throw error;
}

/** The file with blanks for comments, line by line. Good for looking for calls and types, not for parsing. */
export function withoutComments(file: Source): Source {
  const text = file.text
    .replace(/\/\*[\s\S]*?\*\//g, (comment) => comment.replace(/[^\n]/g, ''))
    .replace(/(^|[^:'"`\\])\/\/.*$/gm, '$1');
  return { ...file, text, lines: text.split('\n') };
}

function walk(folder: string): string[] {
  return readdirSync(folder, { withFileTypes: true }).flatMap((entry) => {
    const path = folder === '.' ? entry.name : `${folder}/${entry.name}`;
    if (NOT_OURS.has(entry.name)) return [];
    return entry.isDirectory() ? walk(path) : entry.isFile() ? [path] : [];
  });
}
