/**
 * The objects served on one connection: which interfaces stand at which path. ObjectManager's
 * signals are told from here, at the end of the turn in which something came or went.
 */

import type { Scope } from '../shared/scope.ts';
import { isObjectPath } from './names.ts';
import type { ServedInterface } from './served-interface.ts';

/** A path at which something is served: interfaces by name, in the order they came. */
export interface ObjectNode {
  readonly path: string;
  readonly interfaces: ReadonlyMap<string, ServedInterface>;
}

/** What came and what went at one path in one turn. */
export interface PathChange {
  readonly path: string;
  readonly added: readonly ServedInterface[];
  /** Nothing was served at the path before. */
  readonly isNew: boolean;
  /** Names of interfaces. */
  readonly removed: readonly string[];
  /** Nothing is served at the path any more. */
  readonly isGone: boolean;
}

interface InterfaceChange {
  readonly wasServed: boolean;
  served: ServedInterface | undefined;
}

/** All objects of a connection. */
export class ObjectTree {
  readonly #nodes = new Map<string, { path: string; interfaces: Map<string, ServedInterface> }>();
  readonly #onChange: (change: PathChange) => void;
  /** This turn's changes, by path and interface name. */
  #changes = new Map<string, Map<string, InterfaceChange>>();

  /** `onChange` is called at the end of a turn for each path where interfaces came or went. */
  constructor(onChange: (change: PathChange) => void) {
    this.#onChange = onChange;
  }

  /** Serves an interface until `scope` closes. Throws when it is there already. */
  add(path: string, served: ServedInterface, scope: Scope): void {
    const { name } = served.compiled;
    if (!isObjectPath(path)) throw new TypeError(`"${path}" is not an object path`);
    const node = this.#nodes.get(path) ?? { path, interfaces: new Map<string, ServedInterface>() };
    if (node.interfaces.has(name)) throw new Error(`${name} is served at ${path} already`);
    node.interfaces.set(name, served);
    this.#nodes.set(path, node);
    const isListed = served.description.isUnlisted !== true;
    if (isListed) this.#note(path, name, served);
    scope.defer(() => {
      node.interfaces.delete(name);
      if (node.interfaces.size === 0) this.#nodes.delete(path);
      if (isListed) this.#note(path, name, undefined);
    });
  }

  node(path: string): ObjectNode | undefined {
    return this.#nodes.get(path);
  }

  nodes(): Iterable<ObjectNode> {
    return this.#nodes.values();
  }

  /** The first path elements below `path`, sorted. */
  childrenOf(path: string): string[] {
    const prefix = path === '/' ? '/' : `${path}/`;
    const children = new Set<string>();
    for (const other of this.#nodes.keys()) {
      if (other.length <= prefix.length || !other.startsWith(prefix)) continue;
      const end = other.indexOf('/', prefix.length);
      children.add(other.slice(prefix.length, end < 0 ? undefined : end));
    }
    return [...children].sort();
  }

  #note(path: string, name: string, served: ServedInterface | undefined): void {
    if (this.#changes.size === 0) queueMicrotask(() => this.#tell());
    const changes = this.#changes.get(path) ?? new Map<string, InterfaceChange>();
    const change = changes.get(name) ?? { wasServed: served === undefined, served };
    change.served = served;
    changes.set(name, change);
    this.#changes.set(path, changes);
  }

  #tell(): void {
    const changes = this.#changes;
    this.#changes = new Map();
    for (const [path, byName] of changes) {
      const added: ServedInterface[] = [];
      const removed: string[] = [];
      for (const [name, { wasServed, served }] of byName) {
        if (served !== undefined) added.push(served);
        else if (wasServed) removed.push(name);
      }
      if (added.length === 0 && removed.length === 0) continue;
      const left = this.#nodes.get(path)?.interfaces.size ?? 0;
      this.#onChange({ path, added, isNew: left > 0 && left === added.length, removed, isGone: left === 0 });
    }
  }
}
