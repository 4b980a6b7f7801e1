/**
 * Changes on the bus: as dictionaries, told to those who follow, and those that clients themselves
 * ask for, with who asked. Values that are set are never written down: they may be secrets.
 */

import type { Bus, CallToAudit } from '../dbus/bus.ts';
import { BUS_NAME, BUS_PATH } from '../dbus/interfaces/freedesktop.ts';
import { variant, Variant } from '../dbus/signature.ts';
import { messageOf } from '../shared/errors.ts';
import type { Scope } from '../shared/scope.ts';
import type { Change, Changes, ChangeKind } from './changes.ts';

/** A change as `a{sv}`. */
export function changeDictionary({ kind, at, values }: Change): Map<string, Variant> {
  const told = Object.entries(values).flatMap(([key, value]) => {
    return value === undefined ? [] : [[key, variantOf(value)] as const];
  });
  const time = variant('x', BigInt(at.getTime()) * 1000n);
  return new Map<string, Variant>([['Time', time], ['Kind', variant('s', kind)], ...told]);
}

/** Reports what clients of `bus` ask for until `scope` closes. */
export function auditCalls(
  bus: Bus, changes: Changes, commandOf: (pid: number) => string | undefined, scope: Scope,
): void {
  bus.audit((request) => {
    const kind = kindOf(request);
    if (kind === undefined) return undefined;
    const known = whoIs(bus, request.call.caller.id, commandOf);
    const done = (error?: unknown): void => void known.then((By) => {
      const Result = error === undefined ? 'done' : messageOf(error);
      changes.report(kind, { ...describe(request), By, Result });
    });
    return { known, done };
  }, scope);
}

function variantOf(value: string | number | boolean): Variant {
  if (typeof value === 'string') return variant('s', value);
  return typeof value === 'number' ? variant('d', value) : variant('b', value);
}

function kindOf({ interface: name, member }: CallToAudit): ChangeKind | undefined {
  if (!/^(net\.(connman|causeway)\.|org\.freedesktop\.DBus\.Properties$)/.test(name)) return undefined;
  if (SETTING.has(member)) return 'configuration';
  return ASKING.has(member) ? 'request' : undefined;
}

const SETTING: ReadonlySet<string> = new Set([
  'SetProperty', 'Set', 'ClearProperty', 'Remove', 'MoveBefore', 'MoveAfter', 'RemoveProvider', 'Reload',
  'CheckpointCreate', 'CheckpointConfirm', 'CheckpointRollback',
]);
const ASKING: ReadonlySet<string> = new Set(['Connect', 'Disconnect', 'Scan', 'Reapply']);

function describe({ path, interface: name, member, args }: CallToAudit): Record<string, string | undefined> {
  const property = args['property_name'] ?? args['name'];
  const service = /^\/net\/connman\/service\/(\w+)$/.exec(path)?.[1];
  const technology = /^\/net\/connman\/technology\/(\w+)$/.exec(path)?.[1];
  const noun = name.endsWith('.Properties') ? String(args['interface_name']) : name;
  return {
    Service: service,
    Technology: technology,
    What: `${noun.slice(noun.lastIndexOf('.') + 1)}.${member}`,
    Property: typeof property === 'string' ? property : undefined,
  };
}

/** `connmanctl (pid 815, uid 0)`, as far as the bus tells. */
async function whoIs(bus: Bus, id: string, commandOf: (pid: number) => string | undefined): Promise<string> {
  const call = { destination: BUS_NAME, path: BUS_PATH, interface: BUS_NAME, signature: 's', body: [id] };
  try {
    const reply = await bus.call({ ...call, member: 'GetConnectionCredentials' });
    const [credentials] = reply.body;
    const numberAt = (key: string): number | undefined => {
      const value: unknown = credentials instanceof Map ? credentials.get(key) : undefined;
      return value instanceof Variant ? value.as('u') : undefined;
    };
    const [pid, uid] = [numberAt('ProcessID'), numberAt('UnixUserID')];
    const command = pid === undefined ? undefined : commandOf(pid);
    const details = [pid === undefined ? undefined : `pid ${pid}`, uid === undefined ? undefined : `uid ${uid}`];
    return `${command ?? id} (${details.filter((each) => each !== undefined).join(', ')})`;
  } catch {
    return id;
  }
}
