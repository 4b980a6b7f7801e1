/**
 * Reads provisioning files by a table of keys: `[global]`, and groups with a prefix, one a service
 * or connection. Total: whatever is in the text, the groups that make sense come out, and each thing
 * that does not is a complaint with its line. Time and memory are linear in the text.
 */

import { text, type Value } from '../shared/options.ts';
import { parseKeyFile, type KeyFile } from '../shared/keyfile.ts';
import type { Complaint, Key, KeyTable, ValuesOf } from './key-table.ts';

/** What a file is about. */
export interface FileKind<T extends KeyTable> {
  /** Of the groups' names. */
  readonly prefix: string;
  readonly keys: T;
}

/** A group as it was read. */
export interface Group<T extends KeyTable> {
  /** The whole name. */
  readonly name: string;
  /** In brackets, as complaints call it. */
  readonly title: string;
  readonly line: number;
  /** Keys without a right value are left out. */
  readonly values: ValuesOf<T>;
  /** The line of a key of the group, for complaints about what does not go together. */
  lineOf(key: string): number;
}

/** A file as it was read. */
export interface ReadFile<T extends KeyTable> {
  /** In the order of the file. */
  readonly groups: readonly Group<T>[];
  /** In the order of the file. */
  readonly complaints: readonly Complaint[];
}

/** No file that a person writes comes near this; what is beyond is not complained of. */
export const MAX_COMPLAINTS = 1000;

/** `[global]`: for people only. */
export const GLOBAL_KEYS = {
  Name: { parse: text, about: 'name of the network or of whoever runs it' },
  Description: { parse: text, about: 'what the file is for' },
} as const satisfies KeyTable;

/** Reads a file; never throws. Groups with a wrong essential key are left out. */
export function readGroups<T extends KeyTable>(content: string, { prefix, keys }: FileKind<T>): ReadFile<T> {
  const complaints: Complaint[] = [];
  const complain = (line: number, kind: Complaint['kind'], what: string): void => {
    if (complaints.length < MAX_COMPLAINTS) complaints.push({ line, kind, text: what });
  };
  const file = parseKeyFile(content, (line, what, its) => complain(line, 'mistake', `${shorten(its)}: ${what}`));
  const groups: Group<T>[] = [];
  const table = withSpellings(keys);
  for (const name of file.groups()) {
    const line = file.lineOf(name) ?? 0;
    const title = `[${shorten(name)}]`;
    if (name === 'global') {
      readValues(file, name, withSpellings(GLOBAL_KEYS), complain);
    } else if (!name.startsWith(prefix) || name === prefix) {
      complain(line, 'mistake', `${title} is left out: [global] or [${prefix}NAME] wanted`);
    } else {
      const values = readValues(file, name, table, complain);
      const lineOf = (key: string): number => file.lineOf(name, key) ?? line;
      if (values !== undefined) groups.push({ name, title, line, values, lineOf });
    }
  }
  const hasNone = !file.groups().some((name) => name.startsWith(prefix));
  if (hasNone) complain(0, 'mistake', `nothing can be provisioned: there is no group [${prefix}NAME]`);
  return { groups, complaints: complaints.sort((one, other) => one.line - other.line) };
}

type Complain = (line: number, kind: Complaint['kind'], text: string) => void;

/** The values of a group; undefined where an essential one is wrong. */
function readValues<T extends KeyTable>(
  file: KeyFile,
  group: string,
  { keys, spellings }: Spelled<T>,
  complain: Complain,
): ValuesOf<T> | undefined {
  const values: [string, unknown][] = [];
  let isUseless = false;
  for (const name of file.keys(group)) {
    const line = file.lineOf(group, name) ?? 0;
    const key: Key<unknown> | undefined = Object.hasOwn(keys, name) ? keys[name] : undefined;
    if (key === undefined) {
      const meant = spellings.get(plain(name));
      const hint = meant === undefined ? '' : `: ${meant} may be meant`;
      complain(line, 'warning', `unknown key ${shorten(name)} in [${shorten(group)}]${hint}`);
      continue;
    }
    const value = key.parse.read(valueOf(file, group, name, key), (part) => {
      const shown = key.secret === true ? '***' : shorten(part);
      complain(line, 'mistake', `${name}=${shown}: ${key.parse.wants} wanted`);
    });
    if (value !== undefined) values.push([name, value]);
    else if (key.isEssential === true) isUseless = true;
  }
  if (isUseless) complain(file.lineOf(group) ?? 0, 'mistake', `[${shorten(group)}] is left out`);
  // The mapped type says per key what the loop above does; TypeScript cannot follow it there.
  return isUseless ? undefined : (Object.freeze(Object.fromEntries(values)) as ValuesOf<T>);
}

function valueOf(file: KeyFile, group: string, name: string, key: Key<unknown>): Value {
  const text = file.get(group, name) ?? '';
  const list = file.getList(group, name, ',') ?? [];
  return {
    text: key.isVerbatim === true ? text : text.trim(),
    list: list.map((element) => element.trim()).filter((element) => element !== ''),
  };
}

/** Keys, and what they are from what people write for them. */
interface Spelled<T extends KeyTable> {
  readonly keys: T;
  readonly spellings: ReadonlyMap<string, string>;
}

function withSpellings<T extends KeyTable>(keys: T): Spelled<T> {
  return { keys, spellings: new Map(Object.keys(keys).map((key) => [plain(key), key])) };
}

function plain(key: string): string {
  return key.toLowerCase().replace(/[^a-z0-9]|s$/g, '');
}

/** A line of somebody's file, fit for a log. */
function shorten(text: string): string {
  const clean = text.replace(/[\x00-\x1f\x7f-\x9f]/g, '?');
  return clean.length <= 80 ? clean : `${clean.slice(0, 80)}…`;
}
