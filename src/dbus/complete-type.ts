/**
 * Signatures at run time: a parsed tree of complete types, which the reader and the writer walk
 * (D-Bus specification, "Type System"). Parsing is strict and bounded by the 255 bytes a signature
 * may have; results are kept, in a cache that strangers cannot grow without limit.
 */

import { DecodeError } from '../shared/errors.ts';

/** Type codes. */
export const BYTE = 0x79;
export const BOOLEAN = 0x62;
export const INT16 = 0x6e;
export const UINT16 = 0x71;
export const INT32 = 0x69;
export const UINT32 = 0x75;
export const INT64 = 0x78;
export const UINT64 = 0x74;
export const DOUBLE = 0x64;
export const UNIX_FD = 0x68;
export const STRING = 0x73;
export const OBJECT_PATH = 0x6f;
export const SIGNATURE = 0x67;
export const VARIANT = 0x76;
export const ARRAY = 0x61;
export const STRUCT = 0x28;
export const DICT_ENTRY = 0x7b;

/** One complete type. */
export interface CompleteType {
  /** One of the codes above. */
  readonly code: number;
  readonly signature: string;
  /** In bytes, from the start of the message. */
  readonly alignment: 1 | 2 | 4 | 8;
  /** An array's element, a struct's fields, a dictionary entry's key and value; else none. */
  readonly parts: readonly CompleteType[];
}

/** The complete types a signature consists of; none for an empty one. Throws DecodeError. */
export function parseSignature(signature: string): readonly CompleteType[] {
  const known = parsed.get(signature);
  if (known !== undefined) return known;
  if (signature.length > 255) throw new DecodeError('signature longer than 255', 255);
  const parser = new Parser(signature);
  const types: CompleteType[] = [];
  while (parser.at < signature.length) types.push(parser.next(0, 0));
  if (parsed.size >= MOST_KEPT) parsed.clear();
  parsed.set(signature, types);
  return types;
}

/** The one complete type of a variant's or property's signature. Throws DecodeError. */
export function parseCompleteType(signature: string): CompleteType {
  const [type, ...more] = parseSignature(signature);
  if (type === undefined || more.length > 0) throw new DecodeError(`"${signature}" is not one complete type`, 0);
  return type;
}

const MOST_KEPT = 512;
const parsed = new Map<string, readonly CompleteType[]>();

const ALIGNMENTS: Readonly<Record<string, CompleteType['alignment']>> = {
  y: 1, g: 1, v: 1, n: 2, q: 2, b: 4, i: 4, u: 4, h: 4, s: 4, o: 4, x: 8, t: 8, d: 8,
};

/** "The maximum depth of container type nesting is 32 array type codes and 32 open parentheses." */
const DEEPEST = 32;

class Parser {
  readonly #text: string;
  at = 0;

  constructor(text: string) {
    this.#text = text;
  }

  next(arrays: number, structs: number): CompleteType {
    const start = this.at;
    const letter = this.#text[this.at++];
    if (letter === 'a') {
      if (arrays === DEEPEST) throw this.#wrong('arrays nested too deep');
      const isDictionary = this.#text[this.at] === '{';
      const element = isDictionary ? this.#dictEntry(arrays + 1, structs) : this.next(arrays + 1, structs);
      return { code: ARRAY, signature: this.#text.slice(start, this.at), alignment: 4, parts: [element] };
    }
    if (letter === '(') {
      if (structs === DEEPEST) throw this.#wrong('structs nested too deep');
      const parts: CompleteType[] = [];
      while (this.#text[this.at] !== ')') parts.push(this.next(arrays, structs + 1));
      this.at++;
      if (parts.length === 0) throw this.#wrong('empty struct');
      return { code: STRUCT, signature: this.#text.slice(start, this.at), alignment: 8, parts };
    }
    return this.#basic(letter, true);
  }

  #dictEntry(arrays: number, structs: number): CompleteType {
    const start = this.at++;
    const key = this.#basic(this.#text[this.at++], false);
    const value = this.next(arrays, structs);
    if (this.#text[this.at++] !== '}') throw this.#wrong('dictionary entry is not key and value');
    return { code: DICT_ENTRY, signature: this.#text.slice(start, this.at), alignment: 8, parts: [key, value] };
  }

  #basic(letter: string | undefined, mayBeVariant: boolean): CompleteType {
    const alignment = letter === undefined ? undefined : ALIGNMENTS[letter];
    if (letter === undefined || alignment === undefined || (letter === 'v' && !mayBeVariant)) {
      throw this.#wrong('no type');
    }
    return { code: letter.charCodeAt(0), signature: letter, alignment, parts: [] };
  }

  #wrong(what: string): DecodeError {
    return new DecodeError(`signature: ${what}`, this.at - 1);
  }
}
