/**
 * House rules for every file: header comment, size, width, names, documented exports, no marks of
 * unfinished work, nothing of one machine.
 */

import { test } from 'uvu';
import { assertNone, codeSources, complainAboutLines, productSources, sources, withoutComments } from './sources.ts';

/** Constant tables that may be longer than other files. */
const LONG_TABLES: readonly string[] = [];

test('every file opens with a comment of at most six lines', () => {
  assertNone(
    codeSources.flatMap(({ path, text }) => {
      const header = /^(?:#!.*\n)?\/\*\*?\n?([\s\S]*?)\*\//.exec(text)?.[1];
      if (header === undefined) return [`${path}: no header comment`];
      const lines = header.split('\n').filter((line) => /\w/.test(line)).length;
      return lines >= 1 && lines <= 6 ? [] : [`${path}: a header of ${lines} lines`];
    }),
  );
});

test('no file is longer than 500 lines, no line than 120 columns', () => {
  assertNone([
    ...codeSources
      .filter(({ path, lines }) => lines.length > 501 && !LONG_TABLES.includes(path))
      .map(({ path, lines }) => `${path}: ${lines.length - 1} lines`),
    ...complainAboutLines(codeSources, (line) => (line.length > 120 ? `${line.length} columns` : undefined)),
  ]);
});

test('files are named in kebab case', () => {
  const kebab = /^([a-z0-9-]+\/)*[a-z0-9-]+(\.test|\.guest|\.d)?\.(ts|mjs|c|h)$/;
  assertNone(codeSources.filter(({ path }) => !kebab.test(path)).map(({ path }) => path));
});

test('every export of the product has a doc comment', () => {
  assertNone(
    productSources.flatMap(({ path, lines }) =>
      lines.flatMap((line, index) => {
        const [, kind, name] = /^export (?:async )?(function\*?|class|const|interface|type) (\w+)/.exec(line) ?? [];
        const before = lines[index - 1] ?? '';
        // Constants of one kind share the comment above the first; so do overloads.
        const isShared = before.startsWith('export const ') || before.startsWith(`export function ${name}`);
        return kind === undefined || isShared || before.endsWith('*/') ? [] : [`${path}:${index + 1}: ${name}`];
      }),
    ),
  );
});

test('a logger is named by the path of its file', () => {
  assertNone(
    productSources.flatMap(({ path, text }) =>
      [...text.matchAll(/^(?:export )?const \w+ = logger\((.*?)\);/gm)]
        .filter(([, argument]) => argument !== `'${path}'`)
        .map(([statement]) => `${path}: ${statement}`),
    ),
  );
});

test('types are not switched off, and every cast says why', () => {
  const off = /@ts-(ignore|nocheck|expect-error)|(\bas|:|<) ?any\b/;
  const cast = /\bas (?!const\b)[\w({[]/;
  const isRenaming = /^\s*(import|export|type|\w+ as \w+,)/;
  const typescript = codeSources.filter(({ path }) => path.endsWith('.ts')).map(withoutComments);
  assertNone([
    ...complainAboutLines(typescript, (line) => (off.test(withoutQuotes(line)) ? line.trim() : undefined)),
    ...productSources.flatMap((file) =>
      withoutComments(file).lines.flatMap((line, index) => {
        if (!cast.test(withoutQuotes(line)) || isRenaming.test(line)) return [];
        const isExplained = file.lines.slice(Math.max(0, index - 4), index + 1).some((near) => /\/\/|\*/.test(near));
        return isExplained ? [] : [`${file.path}:${index + 1}: ${line.trim()}`];
      }),
    ),
  ]);
});

test('no mark of unfinished work', () => {
  // Brackets in the patterns, here and below, let this file itself pass.
  const marks = /\bT[O]DO\b|\bF[I]XME\b|\bX{3}\b|\bnot (yet )?implement[e]d\b/;
  const ours = sources.filter(({ path }) => !path.startsWith('test/vectors/') && path !== 'package-lock.json');
  assertNone(complainAboutLines(ours, (line) => (marks.test(line) ? line.trim() : undefined)));
});

test('nothing names one machine or a package registry', () => {
  const places = /(^|[^\w.])\/(w[o]rk|f[a]rm|r[o]ot)\/|\bregistry\.[a-z]+\.|npm[j]s\.|"[r]esolved"/;
  assertNone(complainAboutLines(sources, (line) => (places.test(line) ? line.trim().slice(0, 100) : undefined)));
});

test('what runs before packages are there needs only Node', () => {
  const early = codeSources.filter(({ path }) => path.endsWith('.mjs'));
  assertNone(complainAboutLines(early, (line) => (/\bfrom '(?!node:)/.test(line) ? line.trim() : undefined)));
});

test('a vector file says where its bytes come from', () => {
  const vectors = sources.filter(({ path }) => /^test\/vectors\/.*\.hex$/.test(path));
  assertNone(vectors.filter(({ text }) => !/^# \S/.test(text)).map(({ path }) => path));
});

function withoutQuotes(line: string): string {
  return line.replace(/'[^']*'|"[^"]*"|`[^`]*`/g, "''");
}

test.run();
