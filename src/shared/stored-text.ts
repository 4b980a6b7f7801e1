/**
 * Text in a settings file in C's notation, as ConnMan stores passphrases (g_strescape): control
 * characters and bytes past ASCII as backslash escapes.
 */

const LETTERS: Readonly<Record<string, number>> = { b: 8, f: 12, n: 10, r: 13, t: 9, v: 11 };
const ESCAPES: ReadonlyMap<number, string> = new Map([
  ...Object.entries(LETTERS).map(([letter, code]) => [code, `\\${letter}`] as const),
  [0x22, '\\"'],
  [0x5c, '\\\\'],
]);

/** Escapes; the result is ASCII. */
export function escapeText(text: string): string {
  return [...Buffer.from(text)].map((byte) => {
    const isPlain = byte >= 0x20 && byte < 0x7f;
    return ESCAPES.get(byte) ?? (isPlain ? String.fromCharCode(byte) : `\\${byte.toString(8).padStart(3, '0')}`);
  }).join('');
}

/** Undoes it; a backslash before anything else stands for what follows. */
export function unescapeText(escaped: string): string {
  const bytes: Buffer[] = [];
  for (const [part, octal, letter] of escaped.matchAll(/\\([0-7]{1,3})|\\(.)|[^\\]+|\\$/gsu)) {
    if (octal !== undefined) bytes.push(Buffer.from([Number.parseInt(octal, 8) & 0xff]));
    else if (letter === undefined) bytes.push(Buffer.from(part));
    else bytes.push(letter in LETTERS ? Buffer.from([LETTERS[letter] ?? 0]) : Buffer.from(letter));
  }
  return Buffer.concat(bytes).toString();
}
