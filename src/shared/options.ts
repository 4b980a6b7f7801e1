/**
 * Configuration as tables: one entry an option gives parsing, default, range check, the warning
 * about options nobody knows, and the reference text. A wrong value is reported with its key, the
 * value and what would be right; it never stops a daemon. Lists are split at `,` and trimmed.
 */

import { parseIpAddress, type IpAddress } from './ipaddress.ts';
import type { KeyFile } from './keyfile.ts';

/** Tells the administrator about one thing wrong in a file; a whole sentence without its end. */
export type Report = (problem: string) => void;

/** One kind of value. */
export interface ValueType<T> {
  /** What a right value looks like, for reports and the reference. */
  readonly wants: string;
  /**
   * The value, or undefined where the default must do. What is wrong goes to `wrong`, part by part,
   * so that one bad element need not cost a list the others.
   */
  read(value: Value, wrong: (part: string) => void): T | undefined;
}

/** A value as it stands in a file. */
export interface Value {
  /** Unescaped, without blanks at either end. */
  readonly text: string;
  /** Its elements, trimmed; empty ones are left out. */
  readonly list: readonly string[];
}

/** One option of a table. */
export interface Option<T> {
  readonly parse: ValueType<T>;
  /** Holds when the key is absent or wrong. */
  readonly default: T | undefined;
  /** The effect in one line. */
  readonly about: string;
  /** Never print the value. */
  readonly secret?: true;
  /** What to use instead; reported when the key is set. */
  readonly deprecated?: string;
}

/** Options by key, spelled as in the file. Write tables `as const satisfies OptionTable`. */
export type OptionTable = Readonly<Record<string, Option<unknown>>>;

/** The values a table gives: undefined is possible only where it is the default. */
export type OptionsOf<T extends OptionTable> = {
  readonly [K in keyof T]:
    | (T[K]['parse'] extends ValueType<infer V> ? V : never)
    | (T[K]['default'] extends undefined ? undefined : never);
};

/** Reads one group of a file; what is absent, wrong or unknown is reported and has its default. */
export function parse<T extends OptionTable>(table: T, file: KeyFile, group: string, report: Report): OptionsOf<T> {
  for (const key of file.keys(group)) {
    if (!Object.hasOwn(table, key)) report(`Unknown option ${key}`);
  }
  const values = Object.entries(table).map(([key, option]) => {
    const value = valueOf(file, group, key);
    return [key, value === undefined ? option.default : readOption(key, option, value, report)];
  });
  // The mapped type says per key what the loop above does; TypeScript cannot follow it there.
  return Object.freeze(Object.fromEntries(values)) as OptionsOf<T>;
}

/** The reference of a table: for each key its values, its default and what it does. */
export function formatReference(table: OptionTable): string {
  return Object.entries(table)
    .map(([key, { about, parse: { wants }, default: value }]) => {
      return `${key}\n    ${about}\n    ${wants}; ${formatDefault(value)}\n`;
    })
    .join('\n');
}

function valueOf(file: KeyFile, group: string, key: string): Value | undefined {
  const text = file.get(group, key)?.trim();
  if (text === undefined) return undefined;
  const list = file.getList(group, key, ',') ?? [];
  return { text, list: list.map((element) => element.trim()).filter((element) => element !== '') };
}

function readOption(key: string, option: Option<unknown>, value: Value, report: Report): unknown {
  if (option.deprecated !== undefined) report(`Option ${key} is deprecated: ${option.deprecated}`);
  const read = option.parse.read(value, (part) => {
    const shown = option.secret === true ? '***' : JSON.stringify(part);
    report(`Option ${key} has a wrong value ${shown}: ${option.parse.wants} wanted`);
  });
  return read ?? option.default;
}

function formatDefault(value: unknown): string {
  if (value === undefined || value === '') return 'not set by default';
  if (!Array.isArray(value)) return `default ${String(value)}`;
  return value.length === 0 ? 'empty by default' : `default ${value.join(',')}`;
}

/** `true`, `1`, `false` or `0`; for any other text the default holds. */
export const strictBoolean: ValueType<boolean> = {
  wants: 'true or false',
  read({ text }, wrong) {
    if (text === 'true' || text === '1') return true;
    if (text === 'false' || text === '0') return false;
    wrong(text);
    return undefined;
  },
};

/** As `strictBoolean`, but any other text is false, as it always was in ConnMan's files. */
export const boolean: ValueType<boolean> = {
  wants: 'true or false',
  read: (value, wrong) => strictBoolean.read(value, wrong) ?? false,
};

/** Any text. An empty one counts, so that a default can be switched off. */
export const text: ValueType<string> = { wants: 'a text', read: (value) => value.text };

/** A list of any texts. */
export const textList: ValueType<readonly string[]> = {
  wants: 'a list separated by commas',
  read: (value) => value.list,
};

/** Whole numbers from `from` to `to`. */
export function integer(from: number, to = 0x7fff_ffff, unit = 'a whole number'): ValueType<number> {
  return {
    wants: to === 0x7fff_ffff ? `${unit}, at least ${from}` : `${unit} from ${from} to ${to}`,
    read({ text }, wrong) {
      const number = /^[+-]?[0-9]{1,10}$/.test(text) ? Number(text) : Number.NaN;
      if (number >= from && number <= to) return number + 0;
      wrong(text);
      return undefined;
    },
  };
}

/** Seconds as a whole number. */
export const seconds: ValueType<number> = integer(0, 0x7fff_ffff, 'whole seconds');

/** Seconds, with a fraction if wanted; up to a day. */
export const fractionalSeconds: ValueType<number> = {
  wants: 'seconds such as 5 or 0.5, at most 86400',
  read({ text }, wrong) {
    const number = /^\+?([0-9]+\.?[0-9]*|\.[0-9]+)$/.test(text) ? Number(text) : Number.NaN;
    if (number <= 86400) return number;
    wrong(text);
    return undefined;
  },
};

/** One of a few words. */
export function oneOf<const W extends string>(words: readonly W[]): ValueType<W> {
  return {
    wants: `one of ${words.join(', ')}`,
    read({ text }, wrong) {
      const word = words.find((each) => each === text);
      if (word === undefined) wrong(text);
      return word;
    },
  };
}

/** A list of some of a few words; others are dropped. */
export function someOf<const W extends string>(words: readonly W[]): ValueType<readonly W[]> {
  return {
    wants: `a list of ${words.join(', ')}`,
    read: ({ list }, wrong) => keep(list, (element) => words.find((word) => word === element), wrong),
  };
}

/** A list of IP addresses; what is none is dropped. */
export const addressList: ValueType<readonly IpAddress[]> = {
  wants: 'a list of IP addresses',
  read: ({ list }, wrong) => keep(list, parseIpAddress, wrong),
};

function keep<T>(
  list: readonly string[],
  read: (element: string) => T | undefined,
  wrong: (part: string) => void,
): T[] {
  return list.flatMap((element) => {
    const value = read(element);
    if (value === undefined) wrong(element);
    return value === undefined ? [] : [value];
  });
}
