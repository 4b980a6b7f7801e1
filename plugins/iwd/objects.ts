/**
 * iwd's objects as last told (org.freedesktop.DBus.ObjectManager and Properties), and calls to them.
 * One life of iwd, from owning its name to losing it.
 */

import type { Bus } from '../../src/dbus/bus.ts';
import type { InterfaceShape, Proxy } from '../../src/dbus/interface.ts';
import { objectManagerInterface, propertiesInterface } from '../../src/dbus/interfaces/freedesktop.ts';
import type { Variant } from '../../src/dbus/signature.ts';
import { Emitter, type Observable } from '../../src/shared/emitter.ts';
import type { Scope } from '../../src/shared/scope.ts';

/** iwd's name on the bus. */
export const IWD = 'net.connman.iwd';

/**
 * The path of a network with its name in hexadecimal digits. iwd 2.3 writes bytes above 7f as negative numbers,
 * and shows names in UTF-8 alone, in which there is no ff.
 */
export function plainPath(path: string): string {
  return path.replaceAll('ffffff', '');
}

type Interfaces = ReadonlyMap<string, ReadonlyMap<string, Variant>>;

/** All of them. */
export class IwdObjects {
  readonly #bus: Bus;
  readonly #objects = new Map<string, Map<string, Map<string, Variant>>>();
  readonly #changed = new Emitter<{ readonly path: string; readonly interface: string }>();

  private constructor(bus: Bus) {
    this.#bus = bus;
  }

  /** Reads them and follows them until `life` closes. Rejects where iwd is gone again. */
  static async open(bus: Bus, life: Scope): Promise<IwdObjects> {
    const objects = new IwdObjects(bus);
    const from = { sender: IWD };
    await Promise.all([
      bus.subscribe(objectManagerInterface, 'InterfacesAdded', from, life, ({ object, interfaces }) =>
        objects.#take(object, interfaces)),
      bus.subscribe(objectManagerInterface, 'InterfacesRemoved', from, life, ({ object, interfaces }) =>
        objects.#remove(object, interfaces)),
      bus.subscribe(propertiesInterface, 'PropertiesChanged', from, life, (args, { path }) => {
        if (path === undefined) return;
        const { interface_name: name, changed_properties: changed, invalidated_properties: gone } = args;
        for (const key of gone) objects.#objects.get(path)?.get(name)?.delete(key);
        objects.#take(path, new Map([[name, changed]]));
      }),
    ]);
    const all = await bus.proxy(objectManagerInterface, IWD, '/').GetManagedObjects();
    for (const [path, interfaces] of all) objects.#take(path, interfaces);
    return objects;
  }

  /** Emits where an interface came, went or has other properties. */
  get changed(): Observable<{ readonly path: string; readonly interface: string }> {
    return this.#changed;
  }

  /** The properties of an interface; undefined where the object has none such. */
  get(path: string, { name }: InterfaceShape): ReadonlyMap<string, Variant> | undefined {
    return this.#objects.get(path)?.get(name);
  }

  /** Paths of the objects with an interface. */
  with({ name }: InterfaceShape): readonly string[] {
    return [...this.#objects].flatMap(([path, interfaces]) => (interfaces.has(name) ? [path] : []));
  }

  /** Waits until `find` finds something. Rejects with the reason of `signal`. */
  async wait<T>(find: () => T | undefined, signal: AbortSignal, scope: Scope): Promise<T> {
    const limits = scope.child();
    try {
      return find() ?? await new Promise<T>((resolve, reject) => {
        const end = (): void => reject(signal.reason);
        if (signal.aborted) end();
        signal.addEventListener('abort', end, { once: true });
        this.#changed.observe(limits, () => {
          const found = find();
          if (found !== undefined) resolve(found);
        });
      });
    } finally {
      await limits.close();
    }
  }

  /** The methods of an object. */
  proxy<D extends InterfaceShape>(description: D, path: string): Proxy<D> {
    return this.#bus.proxy(description, IWD, path);
  }

  /** Sets a property; rejects with what iwd says. */
  async set(path: string, { name }: InterfaceShape, property: string, value: Variant): Promise<void> {
    const properties = this.#bus.proxy(propertiesInterface, IWD, path);
    await properties.Set({ interface_name: name, property_name: property, value });
  }

  #take(path: string, interfaces: Interfaces): void {
    const known = this.#objects.get(path) ?? new Map<string, Map<string, Variant>>();
    this.#objects.set(path, known);
    for (const [name, properties] of interfaces) {
      known.set(name, new Map([...(known.get(name) ?? []), ...properties]));
      this.#changed.emit({ path, interface: name });
    }
  }

  #remove(path: string, interfaces: readonly string[]): void {
    const known = this.#objects.get(path);
    for (const name of interfaces) {
      if (known?.delete(name) === true) this.#changed.emit({ path, interface: name });
    }
    if (known?.size === 0) this.#objects.delete(path);
  }
}
