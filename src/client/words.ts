/**
 * The words of a command line: yes and no in all their spellings, identifiers, option names.
 */

/** What a word means as a boolean, in any case; undefined for any other word. */
export function parseBoolean(word: string | undefined): boolean | undefined {
  const lower = word?.toLowerCase() ?? '';
  if (TRUE.includes(lower)) return true;
  return FALSE.includes(lower) ? false : undefined;
}

/** Whether a word can be the last part of an object path. */
export function isIdentifier(word: string): boolean {
  return /^[A-Za-z0-9_]+$/.test(word);
}

/** Option names are taken with or without their dashes. */
export function optionName(word: string): string {
  return word.startsWith('--') ? word.slice(2) : word;
}

const TRUE = ['yes', 'true', 'on', 'enable', 'y', 't', '1'];
const FALSE = ['no', 'false', 'off', 'disable', 'n', 'f', '0'];
