/**
 * An interface with what stands behind it, its types forgotten: the compiler has checked handlers,
 * getters and setters against the description; from here on they are called by name.
 */

import type { Implementation } from './bus.ts';
import { type CompiledInterface, compileInterface } from './compiled.ts';
import type { Call, InterfaceShape } from './interface.ts';
import { type Getter, PropertyTable } from './property-table.ts';

/** A method's handler. */
export type Handler = (args: Record<string, unknown>, call: Call) => unknown;

/** A property's setter. */
export type Setter = (value: unknown, call: Call) => void | Promise<void>;

/** An interface as the dispatcher wants it. */
export interface ServedInterface {
  readonly description: InterfaceShape;
  readonly compiled: CompiledInterface;
  readonly handlers: Readonly<Record<string, Handler>>;
  readonly properties: PropertyTable | undefined;
  readonly setters: Readonly<Record<string, Setter | undefined>>;
}

/** Forgets the types of an implementation. */
export function serve<D extends InterfaceShape>(
  description: D,
  implementation: Implementation<NoInfer<D>>,
): ServedInterface {
  const compiled = compileInterface(description);
  const { methods, properties, setters = {} } = implementation;
  // Casts to what the mapped types of `Implementation` are for every description.
  const getters = properties as Record<string, Getter> | undefined;
  return {
    description,
    compiled,
    handlers: methods as Record<string, Handler>, // likewise
    properties: getters && new PropertyTable(compiled, getters),
    setters,
  };
}
