/**
 * Command lines in GLib's manner: `--name VALUE`, `--name=VALUE`, `-n VALUE`, single letters joined
 * (`-nr`), `--` ends the options. An optional value is taken from the next word unless that begins
 * with `-`. What is no option is handed back in order.
 */

/** One option. */
export interface Switch {
  /** One letter. */
  readonly short?: string;
  /** None when absent. */
  readonly argument?: 'required' | 'optional';
  /** Stands for the argument in the help text. */
  readonly placeholder?: string;
  readonly about: string;
}

/** Options by their long names. Write tables `as const satisfies CommandLineTable`. */
export type CommandLineTable = Readonly<Record<string, Switch>>;

/** What was given: every value of an option in order, or whether it was there at all. */
export type CommandLine<T extends CommandLineTable> = {
  readonly [K in keyof T]: T[K] extends { argument: 'required' }
    ? readonly string[]
    : T[K] extends { argument: 'optional' }
      ? readonly (string | undefined)[]
      : boolean;
};

/** A command line that makes no sense; the message is for the user. */
export class UsageError extends Error {}

/** Reads `argv` (without interpreter and program); throws UsageError. */
export function parseCommandLine<T extends CommandLineTable>(
  table: T,
  argv: readonly string[],
): { options: CommandLine<T>; words: string[] } {
  const given = new Map<string, (string | undefined)[]>();
  const words: string[] = [];
  const queue = [...argv];
  for (let word = queue.shift(); word !== undefined; word = queue.shift()) {
    if (word === '--') words.push(...queue.splice(0));
    else if (word.startsWith('--')) readLong(table, word, queue, given);
    else if (word.startsWith('-') && word !== '-') readShort(table, word, queue, given);
    else words.push(word);
  }
  const options = Object.entries(table).map(([name, { argument }]) => {
    const values = given.get(name);
    return [name, argument === undefined ? values !== undefined : (values ?? [])];
  });
  // The mapped type says per option what the line above does; TypeScript cannot follow it there.
  return { options: Object.freeze(Object.fromEntries(options)) as CommandLine<T>, words };
}

/** The help text: usage and one line an option. */
export function formatHelp(table: CommandLineTable, program: string): string {
  const rows = Object.entries(table).map(([name, { short, argument, placeholder = 'VALUE', about }]) => {
    const value = argument === undefined ? '' : argument === 'required' ? `=${placeholder}` : `[=${placeholder}]`;
    return { left: `  ${short === undefined ? '    ' : `-${short}, `}--${name}${value}`, about };
  });
  const width = Math.max(...rows.map(({ left }) => left.length)) + 2;
  const lines = rows.map(({ left, about }) => left.padEnd(width) + about);
  return [`Usage: ${program} [OPTION]…`, '', ...lines, ''].join('\n');
}

type Given = Map<string, (string | undefined)[]>;

function readLong(table: CommandLineTable, word: string, queue: string[], given: Given): void {
  const equals = word.indexOf('=');
  const name = equals < 0 ? word.slice(2) : word.slice(2, equals);
  const option = Object.hasOwn(table, name) ? table[name] : undefined;
  if (option === undefined || (equals >= 0 && option.argument === undefined)) {
    throw new UsageError(`Unknown option ${word}`);
  }
  const value = equals < 0 ? nextValue(option, `--${name}`, queue) : word.slice(equals + 1);
  append(given, name, value);
}

function readShort(table: CommandLineTable, word: string, queue: string[], given: Given): void {
  for (let at = 1; at < word.length; at++) {
    const letter = word.charAt(at);
    const [name, option] = Object.entries(table).find(([, { short }]) => short === letter) ?? [];
    if (name === undefined || option === undefined) throw new UsageError(`Unknown option -${letter}`);
    const isAttached = option.argument === 'required' && at + 1 < word.length;
    append(given, name, isAttached ? word.slice(at + 1) : nextValue(option, `-${letter}`, queue));
    if (isAttached) return;
  }
}

function nextValue(option: Switch, name: string, queue: string[]): string | undefined {
  if (option.argument === undefined) return undefined;
  if (option.argument === 'optional') return queue[0]?.startsWith('-') === false ? queue.shift() : undefined;
  const value = queue.shift();
  if (value === undefined) throw new UsageError(`Missing argument for ${name}`);
  return value;
}

function append(given: Given, name: string, value: string | undefined): void {
  given.set(name, [...(given.get(name) ?? []), value]);
}
