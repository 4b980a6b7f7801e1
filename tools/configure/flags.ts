/**
 * Reads configure's command line, in autoconf's manner: `--enable-X`, `--disable-X`, `--with-X=Y`,
 * `--dir=PATH` or `--dir PATH`. Invariant: a flag is obeyed, accepted with "no effect", or refused.
 */

import { DIRECTORY_FLAGS, completeDirectories, type Directories } from './directories.ts';
import { CHOICES, FEATURES, NO_EFFECT, RESERVED } from './tables.ts';

/** What a build consists of. */
export interface Configuration {
  /** Names of the features that are in, in table order. */
  readonly features: readonly string[];
  /** The option of every choice. */
  readonly choices: Readonly<Record<string, string>>;
  readonly directories: Directories;
  /** Folders of plugins from outside, for connmand. */
  readonly plugins: readonly string[];
}

/** A command line, read. */
export interface ParsedFlags {
  readonly configuration: Configuration;
  /** Flags that were accepted and decide nothing. */
  readonly withoutEffect: readonly string[];
}

/** Everything at its default. */
export function defaultConfiguration(): Configuration {
  return parseFlags([]).configuration;
}

/** Throws Error with a text for the user when a flag is unknown or cannot be satisfied. */
export function parseFlags(args: readonly string[]): ParsedFlags {
  const reading = new Reading();
  const queue = [...args];
  for (let arg = queue.shift(); arg !== undefined; arg = queue.shift()) {
    const match = /^--([a-z0-9-]+)(?:=(.*))?$/.exec(arg);
    const [, flag = '', given] = match ?? [];
    if (match === null) throw new Error(`'${arg}' is not a flag; see --help`);
    const takesNext = given === undefined && (isKey(DIRECTORY_FLAGS, flag) || flag === 'with-plugin');
    reading.read(flag, takesNext ? queue.shift() : given);
  }
  return reading.finish();
}

class Reading {
  readonly #features = new Map(Object.entries(FEATURES).map(([name, feature]) => [name, feature.on]));
  readonly #choices = Object.fromEntries(Object.entries(CHOICES).map(([name, choice]) => [name, choice.initial]));
  readonly #directories: { -readonly [K in keyof Directories]?: string } = {};
  readonly #plugins: string[] = [];
  readonly #withoutEffect: string[] = [];

  read(flag: string, value: string | undefined): void {
    const [, verb, name = ''] = /^(enable|disable|with|without)-(.*)$/.exec(flag) ?? [];
    const isSwitch = verb === 'enable' || verb === 'disable';
    if (isKey(DIRECTORY_FLAGS, flag)) this.#readDirectory(flag, value);
    else if (flag === 'with-plugin') this.#plugins.push(needed(flag, value));
    else if (NO_EFFECT.includes(positive(flag))) this.#withoutEffect.push(`--${flag}`);
    else if (isSwitch) this.#readFeature(flag, name, verb === 'enable' && value !== 'no');
    else if (verb === 'with') this.#readChoice(flag, name, needed(flag, value));
    else throw unknownFlag(flag);
  }

  #readDirectory(flag: keyof typeof DIRECTORY_FLAGS, value: string | undefined): void {
    const path = needed(flag, value);
    // The paths stand in D-Bus policies, units and scripts, where other characters would need quoting.
    if (!/^\/[A-Za-z0-9/._+@-]*$/.test(path)) throw new Error(`--${flag}=${path}: not a plain absolute path`);
    this.#directories[DIRECTORY_FLAGS[flag]] = path.replace(/(.)\/+$/, '$1');
  }

  #readFeature(flag: string, name: string, isOn: boolean): void {
    if (this.#features.has(name)) this.#features.set(name, isOn);
    else if (!RESERVED.features.some((reserved) => reserved === name)) throw unknownFlag(flag);
    else if (isOn) throw new Error(`--${flag}: not built yet; available: ${[...this.#features.keys()].join(', ')}`);
    else this.#withoutEffect.push(`--${flag}`);
  }

  #readChoice(flag: string, name: string, option: string): void {
    const options = Object.keys(CHOICES[name]?.options ?? {});
    if (options.includes(option)) {
      this.#choices[name] = option;
      return;
    }
    const available = `available: ${options.join(', ') || 'none'}`;
    if (!isKey(RESERVED.choices, name)) throw unknownFlag(flag);
    const isReserved = RESERVED.choices[name].some((reserved) => reserved === option);
    throw new Error(`--${flag}=${option}: ${isReserved ? 'not built yet' : 'no such option'}; ${available}`);
  }

  finish(): ParsedFlags {
    const features = [...this.#features.keys()].filter((name) => this.#features.get(name) === true);
    for (const name of features) {
      const missing = FEATURES[name]?.requires.find((required) => !features.includes(required));
      if (missing === undefined) continue;
      throw new Error(`${name} needs ${missing}: give --disable-${name} or --enable-${missing}`);
    }
    const directories = completeDirectories(this.#directories);
    const configuration = { features, choices: this.#choices, directories, plugins: this.#plugins };
    return { configuration, withoutEffect: this.#withoutEffect };
  }
}

/** Every flag that is obeyed, without dashes. */
export function knownFlags(): string[] {
  return [
    ...Object.keys(FEATURES).flatMap((name) => [`enable-${name}`, `disable-${name}`]),
    ...Object.keys(CHOICES).map((name) => `with-${name}`),
    ...Object.keys(DIRECTORY_FLAGS),
    'with-plugin', 'help', 'quiet', 'again',
  ];
}

function unknownFlag(flag: string): Error {
  const candidates = [...knownFlags(), ...NO_EFFECT].map((known) => ({ known, distance: editDistance(flag, known) }));
  const nearest = candidates.reduce((best, next) => (next.distance < best.distance ? next : best));
  return new Error(`unknown flag --${flag}; the nearest is --${nearest.known}; --help lists all`);
}

/** Levenshtein's distance, one row at a time. */
function editDistance(from: string, to: string): number {
  let row = Array.from({ length: to.length + 1 }, (_, index) => index);
  for (let i = 0; i < from.length; i++) {
    const next = [i + 1];
    for (let j = 0; j < to.length; j++) {
      const substituted = (row[j] ?? 0) + (from[i] === to[j] ? 0 : 1);
      next.push(Math.min(substituted, (row[j + 1] ?? 0) + 1, (next[j] ?? 0) + 1));
    }
    row = next;
  }
  return row.at(-1) ?? 0;
}

function positive(flag: string): string {
  return flag.replace(/^disable-/, 'enable-').replace(/^without-/, 'with-');
}

function needed(flag: string, value: string | undefined): string {
  if (value === undefined || value === '') throw new Error(`--${flag} needs a value: --${flag}=…`);
  return value;
}

function isKey<T extends object>(table: T, key: PropertyKey): key is keyof T {
  return Object.hasOwn(table, key);
}
