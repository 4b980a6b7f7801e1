/**
 * Interface descriptions: one piece of plain data per D-Bus interface, from which the types of
 * handlers, getters and proxies, argument checks, introspection and completion all follow.
 * Invariant: the order of keys is the order on the wire.
 */

import type { Caller } from '../shared/caller.ts';
import type { Outgoing, TypeOf } from './signature.ts';

/** Argument names and their signatures, in wire order. */
export type ArgumentShape = Readonly<Record<string, string>>;

/** One method. */
export interface MethodShape {
  readonly in?: ArgumentShape;
  readonly out?: ArgumentShape;
  /** Marked so in introspection; works all the same. */
  readonly deprecated?: true;
  /** No reply is expected: a proxy does not wait for one. */
  readonly noReply?: true;
}

/** A property's signature; `read` unless said. */
export type PropertyShape = string | { readonly type: string; readonly access: 'read' | 'readwrite' };

/** A whole interface. */
export interface InterfaceShape {
  readonly name: string;
  /** Not told of by ObjectManager: for those alone who know its path. */
  readonly isUnlisted?: true;
  readonly methods: Readonly<Record<string, MethodShape>>;
  readonly signals: Readonly<Record<string, ArgumentShape>>;
  /** In the order of the dictionary. */
  readonly properties?: Readonly<Record<string, PropertyShape>>;
}

/** Returns its argument with every literal kept in its type. */
export function describeInterface<const D extends InterfaceShape>(description: D): D {
  return description;
}

/** What a handler knows of the call it answers. */
export interface Call {
  /** The sender. Its `signal` outlives the call: it aborts when the sender leaves the bus. */
  readonly caller: Caller;
  /** Aborts when the sender leaves the bus while the call is unanswered. */
  readonly signal: AbortSignal;
}

/** A function per method; it returns or resolves with the result, or throws. */
export type Handlers<D extends InterfaceShape> = {
  readonly [M in keyof D['methods']]: (
    args: ArgumentsIn<InOf<D, M>>,
    call: Call,
  ) => ResultOut<OutOf<D, M>> | Promise<ResultOut<OutOf<D, M>>>;
};

/** A function per property; undefined means that the key is absent now. */
export type Getters<D extends InterfaceShape> = {
  readonly [P in PropertyName<D>]: () => Outgoing<SignatureOf<D, P>> | undefined;
};

/** What org.freedesktop.DBus.Properties.Set does, for properties that have more than SetProperty. */
export type Setters<D extends InterfaceShape> = {
  readonly [P in PropertyName<D>]?: (value: TypeOf<SignatureOf<D, P>>, call: Call) => void | Promise<void>;
};

/** How long to wait for a reply. */
export interface CallOptions {
  /** Rejects with its reason when aborted; the reply is then ignored. */
  readonly signal?: AbortSignal;
  /** Rejects with ConnmanError `OperationTimeout`; 25 s unless given, Infinity for never. */
  readonly timeoutMs?: number;
}

/** A function per method of an object elsewhere. Rejects with DBusError, as answered. */
export type Proxy<D extends InterfaceShape> = {
  readonly [M in keyof D['methods']]: (
    ...parameters: keyof InOf<D, M> extends never
      ? [args?: ArgumentsOut<NoArguments>, options?: CallOptions]
      : [args: ArgumentsOut<InOf<D, M>>, options?: CallOptions]
  ) => Promise<ResultIn<OutOf<D, M>>>;
};

/** The names of a description's properties. */
export type PropertyName<D extends InterfaceShape> = keyof NonNullable<D['properties']> & string;

/** The names of a description's signals. */
export type SignalName<D extends InterfaceShape> = keyof D['signals'] & string;

/** Named arguments as received. */
export type ArgumentsIn<A extends ArgumentShape> = { readonly [N in keyof A]: TypeOf<A[N]> };

/** Named arguments as sent. */
export type ArgumentsOut<A extends ArgumentShape> = { readonly [N in keyof A]: Outgoing<A[N]> };

type NoArguments = Record<never, string>;

type InOf<D extends InterfaceShape, M extends keyof D['methods']> = D['methods'][M] extends {
  in: infer A extends ArgumentShape;
}
  ? A
  : NoArguments;

type OutOf<D extends InterfaceShape, M extends keyof D['methods']> = D['methods'][M] extends {
  out: infer A extends ArgumentShape;
}
  ? A
  : NoArguments;

type SignatureOf<D extends InterfaceShape, P extends PropertyName<D>> = SignatureIn<NonNullable<D['properties']>[P]>;

type SignatureIn<Shape> = Shape extends { type: infer S extends string } ? S : Shape extends string ? Shape : never;

/** Nothing, the only value, or an object by names. */
type ResultOut<A extends ArgumentShape> = keyof A extends never
  ? void
  : IsOne<keyof A> extends true
    ? Outgoing<A[keyof A]>
    : ArgumentsOut<A>;

type ResultIn<A extends ArgumentShape> = keyof A extends never
  ? void
  : IsOne<keyof A> extends true
    ? TypeOf<A[keyof A]>
    : ArgumentsIn<A>;

type IsOne<K, Each = K> = [K] extends [never] ? false : K extends unknown ? ([Each] extends [K] ? true : false) : never;
