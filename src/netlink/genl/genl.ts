/**
 * Generic netlink (linux/genetlink.h): protocols of kernel modules under numbers given at run time,
 * which the family "nlctrl" tells by name. Invariant: a family is asked for once and kept; a module
 * that was reloaded under another number answers ENOENT, and the family is then asked for anew.
 */

import { DecodeError } from '../../shared/errors.ts';
import { logger } from '../../shared/log.ts';
import type { Scope } from '../../shared/scope.ts';
import type { System } from '../../system/system.ts';
import { decodeAttributes, encodeAttributes } from '../attributes.ts';
import type { Decoded, Shape } from '../attributes.ts';
import { Connection } from '../connection.ts';
import { NetlinkError } from '../error.ts';
import { list, nested, string, u16, u32 } from '../kinds.ts';
import { FLAG, forEachMessage, requirePayload } from '../message.ts';
import type { NetlinkMessage } from '../message.ts';

const log = logger('src/netlink/genl/genl.ts');

/** A protocol of generic netlink, with the shape of its messages' attributes. */
export interface FamilyDescription<S extends Shape> {
  /** As the kernel module registers it: `wireguard`, `nl80211` … */
  readonly name: string;
  /** Version of its commands; mostly 1. */
  readonly version: number;
  readonly attributes: S;
}

/** One message of a family. */
export interface GenlMessage<S extends Shape> {
  readonly command: number;
  readonly attributes: Decoded<S>;
}

/** What is asked of a family. */
export interface GenlRequest<S extends Shape> {
  readonly command: number;
  readonly attributes?: Decoded<S>;
  /** Asks for everything there is. */
  readonly isDump?: boolean;
}

/** What the kernel says of a family. */
export interface Family {
  readonly id: number;
  /** Multicast groups: number by name. */
  readonly groups: ReadonlyMap<string, number>;
}

/** Generic netlink over one socket for requests. */
export interface Genl {
  /** Rejects with NetlinkError ENOENT when the kernel has no such family. */
  family(name: string, signal?: AbortSignal): Promise<Family>;
  /** Resolves with the messages of the answer. Rejects with NetlinkError or `signal.reason`. */
  request<S extends Shape>(
    description: FamilyDescription<S>, request: GenlRequest<S>, signal?: AbortSignal,
  ): Promise<GenlMessage<S>[]>;
  /**
   * Tells `observer` what the family tells its group `group`, until `scope` closes, and
   * its `onLoss` when the kernel dropped some. Rejects with NetlinkError ENOENT without such a group.
   */
  observe<S extends Shape>(
    description: FamilyDescription<S>, group: string, scope: Scope, observer: GenlObserver<S>,
  ): Promise<void>;
}

/** Hears what a family tells. */
export interface GenlObserver<S extends Shape> {
  onMessage(message: GenlMessage<S>): void;
  onLoss(): void;
}

/** CTRL_ATTR_*: the family of families (linux/genetlink.h). */
export const CONTROL_FAMILY = {
  name: 'nlctrl',
  version: 2,
  attributes: {
    familyId: [1, u16],
    familyName: [2, string],
    version: [3, u32],
    groups: [7, list(nested({ name: [1, string], id: [2, u32] } as const satisfies Shape))],
  },
} as const satisfies FamilyDescription<Shape>;

/** Opens generic netlink; closed with `scope`. Throws SystemError. */
export function openGenl({ system }: { system: Pick<System, 'netlink'> }, scope: Scope): Genl {
  const connection = new Connection(system.netlink({ protocol: NETLINK_GENERIC }, scope), scope);
  return new GenlConnection(system, connection);
}

class GenlConnection implements Genl {
  readonly #system: Pick<System, 'netlink'>;
  readonly #connection: Connection;
  readonly #families = new Map<string, Family>([[CONTROL_FAMILY.name, { id: GENL_ID_CTRL, groups: new Map() }]]);

  constructor(system: Pick<System, 'netlink'>, connection: Connection) {
    this.#system = system;
    this.#connection = connection;
  }

  async family(name: string, signal?: AbortSignal): Promise<Family> {
    const known = this.#families.get(name);
    if (known !== undefined) return known;
    const request = { command: CTRL_CMD_GETFAMILY, attributes: { familyName: name } };
    const [answer] = await this.request(CONTROL_FAMILY, request, signal);
    const { familyId, groups = [] } = answer?.attributes ?? {};
    if (familyId === undefined) throw new NetlinkError(ENOENT, `family ${name}`);
    const family = { id: familyId, groups: new Map(groups.map(({ name: group = '', id = 0 }) => [group, id])) };
    this.#families.set(name, family);
    return family;
  }

  async request<S extends Shape>(
    description: FamilyDescription<S>, request: GenlRequest<S>, signal?: AbortSignal,
  ): Promise<GenlMessage<S>[]> {
    const { name, version, attributes: shape } = description;
    const { command, attributes, isDump } = request;
    const { id } = await this.family(name, signal);
    try {
      return await this.#connection.request({
        operation: `${name} command ${command}`,
        type: id,
        flags: isDump ? FLAG.dump : 0,
        body(writer) {
          writer.u8(command);
          writer.u8(version);
          writer.zeros(2);
          if (attributes !== undefined) encodeAttributes(shape, attributes, writer);
        },
        decode: (message) => decodeGenl(shape, message),
      }, signal);
    } catch (error) {
      if (error instanceof NetlinkError && error.code === 'ENOENT' && id !== GENL_ID_CTRL) this.#families.delete(name);
      throw error;
    }
  }

  async observe<S extends Shape>(
    description: FamilyDescription<S>, group: string, scope: Scope, observer: GenlObserver<S>,
  ): Promise<void> {
    const { name, attributes: shape } = description;
    const { id, groups } = await this.family(name, scope.signal);
    const number = groups.get(group);
    if (number === undefined) throw new NetlinkError(ENOENT, `${name} group ${group}`);
    const socket = this.#system.netlink({ protocol: NETLINK_GENERIC, groups: [number] }, scope);
    socket.onError = () => observer.onLoss();
    socket.onMessage = (bytes, { portId }) => {
      if (portId !== 0) return;
      for (const message of readAll(bytes, shape, id)) observer.onMessage(message);
    };
  }
}

const NETLINK_GENERIC = 16;
const GENL_ID_CTRL = 16;
const GENLMSGHDR_BYTES = 4;
const CTRL_CMD_GETFAMILY = 3;
const ENOENT = 2;

/** Reads a message of a family with the given shape. Throws DecodeError. */
export function decodeGenl<S extends Shape>(shape: S, message: NetlinkMessage): GenlMessage<S> {
  requirePayload(message, GENLMSGHDR_BYTES);
  const { view, at, end } = message;
  return { command: view.getUint8(at), attributes: decodeAttributes(shape, view, at + GENLMSGHDR_BYTES, end) };
}

function readAll<S extends Shape>(bytes: Uint8Array, shape: S, id: number): GenlMessage<S>[] {
  const messages: GenlMessage<S>[] = [];
  try {
    forEachMessage(bytes, (message) => {
      if (message.type === id) messages.push(decodeGenl(shape, message));
    });
  } catch (error) {
    if (!(error instanceof DecodeError)) throw error;
    log.debug('dropped a broken message: %s', error.message);
  }
  return messages;
}
