/**
 * Tables of provisioning keys: one entry a key gives parsing, the check of its value, the complaint
 * about a wrong one, the option word of the console and the text of the manual. Pure.
 */

import type { ValueType } from '../shared/options.ts';

/** One key of a provisioning group. */
export interface Key<T> {
  readonly parse: ValueType<T>;
  /** The effect in one line. */
  readonly about: string;
  /** Without a right value of this key the whole group means nothing; absent may still be right. */
  readonly isEssential?: true;
  /** Never print the value. */
  readonly secret?: true;
  /** Blanks at the end belong to the value. */
  readonly isVerbatim?: true;
  /** Only for services of this type; elsewhere it has no effect. */
  readonly only?: string;
  /** Ours: ConnMan does not know it and passes over it. */
  readonly isOurs?: true;
}

/** Keys, spelled as in the file. Write tables `as const satisfies KeyTable`. */
export type KeyTable = Readonly<Record<string, Key<unknown>>>;

/** What a group says: the keys that are there with a right value. */
export type ValuesOf<T extends KeyTable> = {
  readonly [K in keyof T]?: T[K]['parse'] extends ValueType<infer V> ? V : never;
};

/** One thing wrong in a file. */
export interface Complaint {
  /** Counted from 1; 0 where the file as a whole is meant. */
  readonly line: number;
  /** A mistake costs the value; a warning costs nothing. */
  readonly kind: 'mistake' | 'warning';
  /** What is wrong, with key and value, and what would be right; a sentence without its end. */
  readonly text: string;
}

/** `lab.config:3: IPv4=10.0.0.300/24: … wanted`. */
export function formatComplaint(fileName: string, { line, text }: Complaint): string {
  return line === 0 ? `${fileName}: ${text}` : `${fileName}:${line}: ${text}`;
}
