/**
 * Key files: the format of main.conf, of stored settings and of provisioning files (GLib's key
 * file, close to the Desktop Entry Specification). Groups of `key=value` lines, `#` comments,
 * escapes `\s \n \t \r \\`, lists split at a separator. Comments, blank lines and the order of
 * groups and keys survive a parse and a write. Parsing is one pass and linear in the text.
 * Invariant: what was set reads back equal, here and in GLib, and no value breaks out of its line.
 * (Only a form feed in front of a value is lost: the format has no escape for it.)
 */

import { ConnmanError, DecodeError } from './errors.ts';

/** Largest and smallest value of a key file's integer: a C int. */
const INT_MAX = 0x7fff_ffff;
const INT_MIN = -0x8000_0000;

/** A key file in memory. Values are kept raw, as they stand behind the `=`. */
export class KeyFile {
  /** Lines before the first group. */
  #preamble: string[] = [];
  /** A line that is no `key=value` (comment, blank) stands under a symbol of its own. */
  readonly #groups = new Map<string, Map<string | symbol, string>>();
  /** Of groups and of `group]key`; only where the text was read with `onMistake`. */
  readonly #lines = new Map<string, number>();

  /** Names of all groups, in the order of the file. */
  groups(): string[] {
    return [...this.#groups.keys()];
  }

  hasGroup(group: string): boolean {
    return this.#groups.has(group);
  }

  /** Keys of a group in the order of the file; none for a group that is not there. */
  keys(group: string): string[] {
    return [...(this.#groups.get(group)?.keys() ?? [])].filter((key) => typeof key === 'string');
  }

  has(group: string, key: string): boolean {
    return this.getRaw(group, key) !== undefined;
  }

  /** The text behind the `=`, escapes and trailing blanks as they are. */
  getRaw(group: string, key: string): string | undefined {
    return this.#groups.get(group)?.get(key);
  }

  /** The value without escapes; a backslash that begins no known escape stands for itself. */
  get(group: string, key: string): string | undefined {
    const raw = this.getRaw(group, key);
    return raw === undefined ? undefined : unescape(raw);
  }

  /** The elements of a list; `separator` is one character, an escaped one does not split. */
  getList(group: string, key: string, separator: string): string[] | undefined {
    const raw = this.getRaw(group, key);
    return raw === undefined ? undefined : splitList(raw, separator);
  }

  /** `true`, `1`, `false` or `0`; undefined for any other text. */
  getBoolean(group: string, key: string): boolean | undefined {
    const text = this.getRaw(group, key)?.trimEnd();
    if (text === 'true' || text === '1') return true;
    return text === 'false' || text === '0' ? false : undefined;
  }

  /** A decimal integer that a C int can hold; undefined for any other text. */
  getInteger(group: string, key: string): number | undefined {
    const text = /^[+-]?[0-9]+(?=\s|$)/.exec(this.getRaw(group, key) ?? '')?.[0];
    if (text === undefined) return undefined;
    const value = Number(text);
    return value >= INT_MIN && value <= INT_MAX ? value + 0 : undefined;
  }

  /** Throws ConnmanError InvalidArguments for a group or key name the format cannot hold. */
  set(group: string, key: string, value: string): void {
    this.setRaw(group, key, escape(value, undefined));
  }

  /** Writes the separator behind every element, the last included, as GLib does. */
  setList(group: string, key: string, values: readonly string[], separator: string): void {
    this.setRaw(group, key, values.map((value) => escape(value, separator) + separator).join(''));
  }

  setBoolean(group: string, key: string, value: boolean): void {
    this.setRaw(group, key, String(value));
  }

  /** `value` is an integer within a C int. */
  setInteger(group: string, key: string, value: number): void {
    if (!Number.isInteger(value) || value > INT_MAX || value < INT_MIN) throw new ConnmanError('InvalidArguments');
    this.setRaw(group, key, String(value));
  }

  /** As `set`, with a value that is escaped already and holds no line break. */
  setRaw(group: string, key: string, raw: string): void {
    if (!isGroupName(group) || !isKeyName(key) || /[\n\r]/.test(raw)) throw new ConnmanError('InvalidArguments');
    this.#group(group).set(key, raw);
  }

  /** Removes a key, or with `key` absent the whole group. */
  remove(group: string, key?: string): void {
    if (key === undefined) this.#groups.delete(group);
    else this.#groups.get(group)?.delete(key);
  }

  /** The file's text; groups are parted by a blank line. */
  toString(): string {
    let text = this.#preamble.map((line) => `${line}\n`).join('');
    for (const [name, entries] of this.#groups) {
      if (text.length > 1 && !text.endsWith('\n\n')) text += '\n';
      text += `[${name}]\n`;
      for (const [key, value] of entries) text += typeof key === 'string' ? `${key}=${value}\n` : `${value}\n`;
    }
    return text;
  }

  /** The line, from 1, of a group or key in a text that was read with `onMistake`. */
  lineOf(group: string, key?: string): number | undefined {
    return this.#lines.get(key === undefined ? group : `${group}]${key}`);
  }

  /** What `parseKeyFile` does. */
  static parse(text: string, onMistake?: OnMistake): KeyFile {
    const file = new KeyFile();
    let group: { readonly name: string; readonly entries: Map<string | symbol, string> } | undefined;
    const lines = (text.startsWith(BYTE_ORDER_MARK) ? text.slice(1) : text).split('\n');
    if (lines.at(-1) === '') lines.pop();
    for (const [index, each] of lines.entries()) {
      const line = withoutTrailing(each, '\r');
      const content = withoutLeadingBlanks(line);
      const fail = (what: string): undefined => {
        if (onMistake === undefined) fails(what, index, lines);
        onMistake(index + 1, what, line);
      };
      if (content === '' || content.startsWith('#')) {
        if (group === undefined) file.#preamble.push(line);
        else group.entries.set(Symbol(), line);
      } else if (content.startsWith('[')) {
        const name = groupNameOf(content) ?? fail('not a group');
        group = name === undefined ? undefined : { name, entries: file.#group(name) };
        if (name !== undefined && onMistake !== undefined) file.#lines.set(name, index + 1);
      } else {
        const entry = group === undefined ? fail('a key outside of any group') : entryOf(content, fail);
        if (group === undefined || entry === undefined) continue;
        if (onMistake !== undefined) {
          if (group.entries.has(entry.key)) fail('given twice, this one counts');
          file.#lines.set(`${group.name}]${entry.key}`, index + 1);
        }
        group.entries.set(entry.key, entry.value);
      }
    }
    return file;
  }

  #group(name: string): Map<string | symbol, string> {
    const known = this.#groups.get(name);
    if (known !== undefined) return known;
    const made = new Map<string | symbol, string>();
    this.#groups.set(name, made);
    return made;
  }
}

/** Hears of a line, counted from 1, that means nothing or replaces an earlier one. */
export type OnMistake = (line: number, what: string, text: string) => void;

/**
 * Reads a key file; throws DecodeError, with the number of the line in its text. With `onMistake` it
 * never throws: such a line is left out, after a broken group the keys up to the next group as well,
 * and the lines of all others are kept for `lineOf`.
 */
export function parseKeyFile(text: string, onMistake?: OnMistake): KeyFile {
  return KeyFile.parse(text, onMistake);
}

/** What some editors put before a text. */
const BYTE_ORDER_MARK = '\ufeff';

/** Whether a group of this name can be written. */
export function isGroupName(name: string): boolean {
  return /^[^[\]\x00-\x1f\x7f]+$/.test(name);
}

/** Whether a key of this name can be written: no `=`, brackets only as a locale at the end. */
export function isKeyName(name: string): boolean {
  return isKey(name) && !/[=\x00-\x1f\x7f]|^[ #]| $/.test(name);
}

function isKey(name: string): boolean {
  return /^[^[\]]+(\[[\w@.-]+\])?$/.test(name);
}

function fails(what: string, index: number, lines: readonly string[]): never {
  const offset = lines.slice(0, index).reduce((sum, line) => sum + line.length + 1, 0);
  throw new DecodeError(`line ${index + 1}: ${what}`, offset);
}

function groupNameOf(content: string): string | undefined {
  const name = /^\[([^\]]*)\][ \t]*$/.exec(content)?.[1];
  return name !== undefined && isGroupName(name) ? name : undefined;
}

function entryOf(
  content: string,
  fail: (what: string) => undefined,
): { readonly key: string; readonly value: string } | undefined {
  const equals = content.indexOf('=');
  if (equals <= 0) return fail('neither a group, nor key=value, nor a comment');
  const key = withoutTrailing(content.slice(0, equals), ' \t\r\f');
  return isKey(key) ? { key, value: withoutLeadingBlanks(content.slice(equals + 1)) } : fail('not a key');
}

// A regular expression for this takes the square of the time on a long run in the middle.
function withoutTrailing(text: string, characters: string): string {
  let end = text.length;
  while (end > 0 && characters.includes(text.charAt(end - 1))) end--;
  return text.slice(0, end);
}

function withoutLeadingBlanks(text: string): string {
  return text.replace(/^[ \t\r\f]+/, '');
}

const ESCAPES: Readonly<Record<string, string>> = { s: ' ', n: '\n', t: '\t', r: '\r', '\\': '\\' };

function unescape(raw: string): string {
  return raw.replace(/\\([sntr\\])/g, (_, letter: string) => ESCAPES[letter] ?? letter);
}

function splitList(raw: string, separator: string): string[] {
  const elements: string[] = [];
  let element = '';
  for (let at = 0; at < raw.length; at++) {
    const character = raw.charAt(at);
    const next = raw.charAt(at + 1);
    if (character === separator) {
      elements.push(element);
      element = '';
    } else if (character === '\\' && next !== '' && (next === separator || ESCAPES[next] !== undefined)) {
      element += next === separator ? separator : ESCAPES[next];
      at++;
    } else {
      element += character;
    }
  }
  if (element !== '') elements.push(element);
  return elements;
}

// Only blanks in front need an escape: readers drop those, and keep all others.
function escape(value: string, separator: string | undefined): string {
  const blanks = /^[ \t]*/.exec(value)?.[0].length ?? 0;
  const head = value.slice(0, blanks).replaceAll(' ', '\\s').replaceAll('\t', '\\t');
  const tail = value.slice(blanks).replaceAll('\\', '\\\\').replaceAll('\n', '\\n').replaceAll('\r', '\\r');
  return head + (separator === undefined ? tail : tail.replaceAll(separator, `\\${separator}`));
}
