/**
 * Descriptions made ready for use: signatures joined and parsed, names listed. Each description is
 * compiled once, when first used.
 */

import { type CompleteType, parseCompleteType, parseSignature } from './complete-type.ts';
import type { ArgumentShape, InterfaceShape } from './interface.ts';
import type { Body } from './write-message.ts';

/** Arguments of one direction, in wire order. */
export interface CompiledArguments {
  readonly signature: string;
  readonly types: readonly CompleteType[];
  readonly names: readonly string[];
}

/** One method. */
export interface CompiledMethod {
  readonly name: string;
  readonly in: CompiledArguments;
  readonly out: CompiledArguments;
  readonly noReply: boolean;
}

/** One property. */
export interface CompiledProperty {
  readonly name: string;
  readonly type: CompleteType;
  readonly isWritable: boolean;
}

/** A whole interface. */
export interface CompiledInterface {
  readonly name: string;
  readonly methods: ReadonlyMap<string, CompiledMethod>;
  readonly signals: ReadonlyMap<string, CompiledArguments>;
  readonly properties: ReadonlyMap<string, CompiledProperty>;
}

/** The compiled form of a description. Throws DecodeError for a signature that is none. */
export function compileInterface(description: InterfaceShape): CompiledInterface {
  const known = compiled.get(description);
  if (known !== undefined) return known;
  const made: CompiledInterface = {
    name: description.name,
    methods: mapEntries(description.methods, (name, { in: inputs, out, noReply }) => ({
      name, in: compileArguments(inputs), out: compileArguments(out), noReply: noReply === true,
    })),
    signals: mapEntries(description.signals, (_, shape) => compileArguments(shape)),
    properties: mapEntries(description.properties ?? {}, (name, shape) => ({
      name,
      type: parseCompleteType(typeof shape === 'string' ? shape : shape.type),
      isWritable: typeof shape !== 'string' && shape.access === 'readwrite',
    })),
  };
  compiled.set(description, made);
  return made;
}

/** The compiled form of arguments. Throws DecodeError for a signature that is none. */
export function compileArguments(shape: ArgumentShape = {}): CompiledArguments {
  const signature = Object.values(shape).join('');
  return { signature, types: parseSignature(signature), names: Object.keys(shape) };
}

/** The body made of named values. */
export function namedBody(args: CompiledArguments, values: object | undefined): Body {
  const { signature, types, names } = args;
  return {
    signature,
    write(writer) {
      for (const [index, type] of types.entries()) writer.value(type, read(values, names[index] ?? ''));
    },
  };
}

/** The body made of a result: nothing, the only value, or an object by names. */
export function resultBody(out: CompiledArguments, result: unknown): Body {
  const [only, ...more] = out.types;
  if (only === undefined || more.length > 0) return namedBody(out, isObject(result) ? result : undefined);
  return { signature: out.signature, write: (writer) => writer.value(only, result) };
}

/** The values of a body by their names. */
export function namedValues(args: CompiledArguments, body: readonly unknown[]): Record<string, unknown> {
  const values: Record<string, unknown> = {};
  for (let index = 0; index < args.names.length; index++) values[args.names[index] ?? ''] = body[index];
  return values;
}

/** A result as a caller gets it from a body. */
export function resultOf(out: CompiledArguments, body: readonly unknown[]): unknown {
  return out.names.length > 1 ? namedValues(out, body) : body[0];
}

const compiled = new WeakMap<InterfaceShape, CompiledInterface>();

function mapEntries<T, R>(record: Readonly<Record<string, T>>, make: (name: string, value: T) => R): Map<string, R> {
  return new Map(Object.entries(record).map(([name, value]) => [name, make(name, value)]));
}

function isObject(value: unknown): value is object {
  return typeof value === 'object' && value !== null;
}

function read(values: object | undefined, name: string): unknown {
  return values === undefined ? undefined : Reflect.get(values, name);
}
