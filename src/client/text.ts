/**
 * Text from strangers on a terminal: an SSID is 32 bytes of anything, and a terminal obeys escape
 * sequences. Invariant: what `clean` returns moves no cursor, changes no colour and direction, and
 * is one line. On a pipe nothing is changed: programs read there.
 */

/** Control characters, line and paragraph separators, and what turns the direction of writing. */
const UNSAFE = /[\p{Cc}\p{Zl}\p{Zp}\u061c\u200e\u200f\u202a-\u202e\u2066-\u2069]/gu;

/** Turns text as received into text to show. */
export type Show = (text: string) => string;

/** For a terminal: what is unsafe becomes visible, as in `\x1b`. */
export const clean: Show = (text) => text.replace(UNSAFE, escapeCharacter);

/** For a pipe: as received. */
export const raw: Show = (text) => text;

/** Columns a clean text takes on a terminal. */
export function displayWidth(text: string): number {
  let width = 0;
  for (const character of text) width += characterWidth(character);
  return width;
}

/** Fills or cuts a clean text to `columns`; cut text ends in `…`. */
export function fit(text: string, columns: number): string {
  const width = displayWidth(text);
  if (width <= columns) return text + ' '.repeat(columns - width);
  let kept = '';
  let used = 0;
  for (const character of text) {
    const next = characterWidth(character);
    if (used + next > columns - 1) break;
    kept += character;
    used += next;
  }
  return `${kept}…${' '.repeat(Math.max(0, columns - 1 - used))}`;
}

/** Cuts a clean text to `columns` where it is longer. */
export function shorten(text: string, columns: number): string {
  return displayWidth(text) > columns ? fit(text, columns) : text;
}

/**
 * Breaks lines that are longer than `columns` between words. What is broken off stands further in by
 * `hanging`: unless said as far as a sentence did, of a row of columns four further. Lines that fit stay
 * as they are, tabs in others become blanks.
 */
export function wrap(text: string, columns: number, hanging?: number): string {
  return text.split('\n').map((line) => wrapLine(line, columns, hanging)).join('\n');
}

/** Instead of more than a third of the columns. */
const LONGEST_INDENT = ' '.repeat(7);

function wrapLine(line: string, columns: number, hanging: number | undefined): string {
  const plain = expandTabs(line);
  if (displayWidth(plain) <= columns) return line;
  const [wide = ''] = /^ */.exec(plain) ?? [];
  const body = plain.slice(wide.length);
  const indent = wide.length < columns / 3 ? wide : LONGEST_INDENT;
  const isRow = /\S {2,}\S/.test(body);
  const inner = indent + ' '.repeat(hanging ?? (isRow ? 4 : Math.min(2, indent.length)));
  const lines: string[] = [];
  let current = indent;
  for (const [, blanks = '', word = ''] of body.matchAll(/( *)(\S+)/g)) {
    const isFirst = current.trim() === '';
    const longer = isFirst ? current + word : current + blanks + word;
    if (isFirst || displayWidth(longer) <= columns) {
      current = longer;
      continue;
    }
    lines.push(current);
    current = inner + word;
  }
  return [...lines, current].join('\n');
}

function expandTabs(line: string): string {
  const [first = '', ...rest] = line.split('\t');
  return rest.reduce((before, part) => before + ' '.repeat(8 - (displayWidth(before) % 8)) + part, first);
}

/** Pads as C's `%-Ns` does: by bytes of UTF-8. */
export function padBytes(text: string, lengthBytes: number): string {
  return text + ' '.repeat(Math.max(0, lengthBytes - Buffer.byteLength(text)));
}

function escapeCharacter(character: string): string {
  const code = character.codePointAt(0) ?? 0;
  return code < 0x100 ? `\\x${code.toString(16).padStart(2, '0')}` : `\\u{${code.toString(16)}}`;
}

const COMBINING = /^[\p{Mn}\p{Me}\p{Cf}]$/u;
// East Asian wide and fullwidth blocks and pictographs (Unicode Standard Annex 11), as terminals draw them.
const WIDE = new RegExp(
  '^[\\u1100-\\u115f\\u2e80-\\u303e\\u3041-\\ua4cf\\uac00-\\ud7a3\\uf900-\\ufaff\\ufe30-\\ufe6f' +
    '\\uff00-\\uff60\\uffe0-\\uffe6\\u{1f300}-\\u{1faff}\\u{20000}-\\u{3fffd}]$',
  'u',
);

function characterWidth(character: string): number {
  if (character >= ' ' && character <= '~') return 1;
  if (COMBINING.test(character)) return 0;
  return WIDE.test(character) ? 2 : 1;
}
