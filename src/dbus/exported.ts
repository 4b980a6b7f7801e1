/**
 * The owner's hold on an interface it serves: signals out, property changes announced, the
 * dictionary for others' messages.
 */

import type { Scope } from '../shared/scope.ts';
import type { Exported } from './bus.ts';
import { compileArguments, type CompiledInterface, namedBody } from './compiled.ts';
import type { Connection } from './connection.ts';
import { EncodedDictionary } from './dictionary.ts';
import type { ArgumentsOut, InterfaceShape, PropertyName, SignalName } from './interface.ts';
import { propertiesInterface } from './interfaces/freedesktop.ts';
import { SIGNAL } from './message.ts';
import type { PropertyTable } from './property-table.ts';
import type { ServedInterface } from './served-interface.ts';
import type { Variant } from './signature.ts';
import type { Body } from './write-message.ts';

const PROPERTIES_CHANGED = compileArguments(propertiesInterface.signals.PropertiesChanged);

/** Implements `Exported` on a connection. */
export class ExportedInterface<D extends InterfaceShape> implements Exported<D> {
  readonly #connection: Connection;
  readonly #path: string;
  readonly #compiled: CompiledInterface;
  readonly #properties: PropertyTable | undefined;
  readonly #scope: Scope;

  /** `scope` closes when the interface is no longer served; everything here then does nothing. */
  constructor(connection: Connection, path: string, { compiled, properties }: ServedInterface, scope: Scope) {
    this.#connection = connection;
    this.#path = path;
    this.#compiled = compiled;
    this.#properties = properties;
    this.#scope = scope;
  }

  emit<S extends SignalName<D>>(signal: S, args: ArgumentsOut<D['signals'][S]>): void {
    const shape = this.#compiled.signals.get(signal);
    if (shape === undefined) throw new Error(`${this.#compiled.name} has no signal ${signal}`);
    this.#send(this.#compiled.name, signal, namedBody(shape, args));
  }

  changed(...names: PropertyName<D>[]): void {
    if (this.#scope.isClosed) return;
    const changed: Uint8Array[] = [];
    const gone: string[] = [];
    for (const name of names) {
      const change = this.#table().refresh(name);
      if (change.kind === 'gone') gone.push(name);
      if (change.kind === 'changed') {
        changed.push(change.bytes);
        // The arguments (s name, v value) are marshalled as the dictionary entry is.
        this.#propertyChanged({ signature: 'sv', write: (writer) => writer.raw(change.bytes, 8) });
      }
    }
    if (changed.length > 0 || gone.length > 0) this.#propertiesChanged(EncodedDictionary.join(changed), gone);
  }

  announce(name: string, value: Variant): void {
    const shape = this.#compiled.signals.get('PropertyChanged');
    if (shape === undefined) throw new Error(`${this.#compiled.name} has no signal PropertyChanged`);
    this.#propertyChanged(namedBody(shape, { name, value }));
  }

  touch(...names: PropertyName<D>[]): void {
    for (const name of names) this.#table().markStale(name);
  }

  dictionary(): EncodedDictionary {
    return this.#table().dictionary();
  }

  #table(): PropertyTable {
    if (this.#properties === undefined) throw new Error(`${this.#compiled.name} is served without properties`);
    return this.#properties;
  }

  #propertyChanged(body: Body): void {
    const { signals, name } = this.#compiled;
    if (signals.has('PropertyChanged')) this.#send(name, 'PropertyChanged', body);
  }

  #propertiesChanged(changed: EncodedDictionary, gone: readonly string[]): void {
    const body = namedBody(PROPERTIES_CHANGED, {
      interface_name: this.#compiled.name,
      changed_properties: changed,
      invalidated_properties: gone,
    });
    this.#send(propertiesInterface.name, 'PropertiesChanged', body);
  }

  #send(name: string, member: string, body: Body): void {
    if (this.#scope.isClosed) return;
    this.#connection.send({ type: SIGNAL, path: this.#path, interface: name, member }, body);
  }
}
