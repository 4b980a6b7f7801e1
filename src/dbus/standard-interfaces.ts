/**
 * The interfaces answered for every object (D-Bus specification, "Standard Interfaces"):
 * Introspectable, Properties, ObjectManager at `/`, and Peer on any path at all.
 */

import { compileArguments, namedBody } from './compiled.ts';
import { EncodedDictionary } from './dictionary.ts';
import { standardError } from './errors.ts';
import type { Handlers, InterfaceShape } from './interface.ts';
import {
  introspectableInterface,
  objectManagerInterface,
  propertiesInterface,
  standardPeerInterface,
} from './interfaces/freedesktop.ts';
import { introspectionXml } from './introspection.ts';
import type { ObjectNode, ObjectTree, PathChange } from './object-tree.ts';
import { type Handler, serve, type ServedInterface } from './served-interface.ts';
import type { Body } from './write-message.ts';

/** ConnMan's interfaces announce their properties themselves and show none to ObjectManager. */
const NO_PROPERTIES = EncodedDictionary.join([]);

/** Finds the standard interfaces of a path. */
export class StandardInterfaces {
  readonly #tree: ObjectTree;
  readonly #peer: ServedInterface;
  readonly #objectManager: ServedInterface;

  /** `machineId` gives what Peer.GetMachineId answers. */
  constructor(tree: ObjectTree, machineId: () => Promise<string>) {
    this.#tree = tree;
    this.#peer = serve(standardPeerInterface, { methods: { Ping: () => undefined, GetMachineId: machineId } });
    this.#objectManager = serve(objectManagerInterface, { methods: { GetManagedObjects: () => managedObjects(tree) } });
  }

  /** The standard interface called `name` at `path`, where `node` is if there is one. */
  find(name: string, path: string, node: ObjectNode | undefined): ServedInterface | undefined {
    switch (name) {
      case standardPeerInterface.name:
        return this.#peer;
      case introspectableInterface.name:
        return node === undefined && this.#tree.childrenOf(path).length === 0 ? undefined : this.#introspectable(path);
      case propertiesInterface.name:
        return node === undefined ? undefined : serveProperties(node);
      case objectManagerInterface.name:
        return node === undefined || path !== '/' ? undefined : this.#objectManager;
      default:
        return undefined;
    }
  }

  #introspectable(path: string): ServedInterface {
    const Introspect = (): string => introspectionXml(this.#describe(path), this.#tree.childrenOf(path));
    return serve(introspectableInterface, { methods: { Introspect } });
  }

  *#describe(path: string): Iterable<InterfaceShape> {
    const node = this.#tree.node(path);
    if (node === undefined) return;
    yield introspectableInterface;
    if (path === '/') yield objectManagerInterface;
    const served = [...node.interfaces.values()];
    if (served.some(({ properties }) => properties !== undefined)) yield propertiesInterface;
    for (const { description } of served) yield description;
  }
}

/** ObjectManager's signals for a change, as its members and bodies; none before something is at `/`. */
export function managedChange(tree: ObjectTree, change: PathChange): { member: string; body: Body }[] {
  const { path, added, isNew, removed, isGone } = change;
  const messages: { member: string; body: Body }[] = [];
  if (path === '/' || tree.node('/') === undefined) return messages;
  if (removed.length > 0) {
    const interfaces = isGone ? [introspectableInterface.name, ...removed] : removed;
    messages.push({ member: 'InterfacesRemoved', body: namedBody(REMOVED, { object: path, interfaces }) });
  }
  if (added.length > 0) {
    const interfaces = managedInterfaces(added, isNew);
    messages.push({ member: 'InterfacesAdded', body: namedBody(ADDED, { object: path, interfaces }) });
  }
  return messages;
}

const { InterfacesAdded, InterfacesRemoved } = objectManagerInterface.signals;
const ADDED = compileArguments(InterfacesAdded);
const REMOVED = compileArguments(InterfacesRemoved);

/** Dictionaries by interface, Introspectable first if it is to be told of too. */
function managedInterfaces(interfaces: Iterable<ServedInterface>, isNew: boolean): Map<string, EncodedDictionary> {
  const managed = new Map<string, EncodedDictionary>();
  if (isNew) managed.set(introspectableInterface.name, NO_PROPERTIES);
  for (const { compiled, properties } of interfaces) {
    const isShown = properties !== undefined && !compiled.signals.has('PropertyChanged');
    managed.set(compiled.name, isShown ? properties.dictionary() : NO_PROPERTIES);
  }
  return managed;
}

function managedObjects(tree: ObjectTree): Map<string, Map<string, EncodedDictionary>> {
  const objects = new Map<string, Map<string, EncodedDictionary>>();
  for (const { path, interfaces } of tree.nodes()) {
    const listed = [...interfaces.values()].filter(({ description }) => description.isUnlisted !== true);
    if (path !== '/' && listed.length > 0) objects.set(path, managedInterfaces(listed, true));
  }
  return objects;
}

function serveProperties(node: ObjectNode): ServedInterface {
  const methods: Handlers<typeof propertiesInterface> = {
    Get: ({ interface_name, property_name }) => {
      const value = findProperty(node, interface_name, property_name).table.value(property_name);
      if (value === undefined) throw unknownProperty(interface_name, property_name);
      return value;
    },
    GetAll: ({ interface_name }) => findInterface(node, interface_name).properties?.dictionary() ?? NO_PROPERTIES,
    Set: ({ interface_name, property_name, value }, call) => {
      const { served, property } = findProperty(node, interface_name, property_name);
      const { signature } = property.type;
      if (!property.isWritable) throw standardError('PropertyReadOnly', `${property_name} is read-only`);
      if (value.signature !== signature) throw standardError('InvalidArgs', `${property_name} has type ${signature}`);
      const setter = served.setters[property_name];
      if (setter !== undefined) return setter(value.value, call);
      return setByMethod(served, { name: property_name, value }, call);
    },
  };
  return serve(propertiesInterface, { methods });
}

/** Sets a property as the interface's own SetProperty does. */
async function setByMethod(served: ServedInterface, ...[args, call]: Parameters<Handler>): Promise<void> {
  const handler = served.handlers['SetProperty'];
  if (handler === undefined) throw standardError('PropertyReadOnly', `${String(args['name'])} cannot be set`);
  await handler(args, call);
}

function findInterface(node: ObjectNode, name: string): ServedInterface {
  const served = node.interfaces.get(name);
  if (served === undefined) throw standardError('UnknownInterface', `no interface ${name} at ${node.path}`);
  return served;
}

function findProperty(node: ObjectNode, name: string, propertyName: string) {
  const served = findInterface(node, name);
  const property = served.compiled.properties.get(propertyName);
  const table = served.properties;
  if (property === undefined || table === undefined) throw unknownProperty(name, propertyName);
  return { served, property, table };
}

function unknownProperty(name: string, propertyName: string): Error {
  return standardError('UnknownProperty', `no property ${propertyName} on ${name}`);
}
