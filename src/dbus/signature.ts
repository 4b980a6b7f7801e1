/**
 * D-Bus signatures as TypeScript types (D-Bus specification, "Type System"), and the variant.
 * A signature is written once, as a literal; argument and result types follow from it.
 * Invariant: what is read from the bus has exactly the type `TypeOf` gives its signature.
 */

import type { EncodedDictionary } from './dictionary.ts';

/**
 * The value of one complete type: numbers for y n q i u d h (h: the descriptor itself), bigint for
 * x and t, boolean for b, string for s o g, `Variant` for v, `Uint8Array` for ay, arrays for aX,
 * `Map` for a{kv}, tuples for (…). `unknown` for a signature that is not a literal.
 */
export type TypeOf<S extends string> = string extends S ? unknown : Read<S> extends [infer T, ''] ? T : never;

/** What may be sent for a signature: `TypeOf` it, read-only, or kept bytes where a{sv} stands. */
export type Outgoing<S extends string> = Sendable<TypeOf<S>>;

interface Basic {
  y: number;
  b: boolean;
  n: number;
  q: number;
  i: number;
  u: number;
  x: bigint;
  t: bigint;
  d: number;
  h: number;
  s: string;
  o: string;
  g: string;
}

/** Reads one complete type off S: [its TypeScript type, what is left of S]. */
type Read<S extends string> = S extends `ay${infer R}`
  ? [Uint8Array, R]
  : S extends `a{${infer K extends keyof Basic}${infer R}`
    ? Read<R> extends [infer V, `}${infer Rest}`]
      ? [Map<Basic[K], V>, Rest]
      : never
    : S extends `a${infer R}`
      ? Read<R> extends [infer E, infer Rest]
        ? [E[], Rest]
        : never
      : S extends `(${infer R}`
        ? ReadFields<R, []>
        : S extends `v${infer R}`
          ? [Variant, R]
          : S extends `${infer C extends keyof Basic}${infer R}`
            ? [Basic[C], R]
            : never;

type ReadFields<S extends string, Fields extends unknown[]> = S extends `)${infer Rest}`
  ? [Fields, Rest]
  : Read<S> extends [infer F, infer Rest extends string]
    ? ReadFields<Rest, [...Fields, F]>
    : never;

type Sendable<T> = T extends Uint8Array | Variant
  ? T
  : T extends Map<infer K, infer V>
    ? ReadonlyMap<K, Sendable<V>> | ([K, V] extends [string, Variant] ? EncodedDictionary : never)
    : T extends readonly unknown[]
      ? { readonly [I in keyof T]: Sendable<T[I]> }
      : T;

/** A value that brings its own signature. Make one with `variant`, look inside with `as`. */
export class Variant {
  readonly signature: string;
  readonly value: unknown;

  constructor(signature: string, value: unknown) {
    this.signature = signature;
    this.value = value;
  }

  /** The value, if its signature is exactly `signature`; undefined otherwise. */
  as<const S extends string>(signature: S): TypeOf<S> | undefined {
    // The reader and `variant` pair every value with its signature; the compiler cannot see that.
    return this.signature === signature ? (this.value as TypeOf<S>) : undefined;
  }
}

/** A variant of one complete type, checked against `signature` by the compiler. */
export function variant<const S extends string>(signature: S, value: Outgoing<S>): Variant {
  return new Variant(signature, value);
}
