/**
 * A private system bus in a namespace, and this program's own connection to it, which notes every
 * signal and change of a name's owner. The connection is dbus-next's: a D-Bus implementation that
 * is not ours, so that a mistake made twice in ours cannot hide.
 */

import { writeFileSync } from 'node:fs';
import dbus from 'dbus-next';
import type { Child } from './child.ts';
import type { EventLog } from './event-log.ts';
import type { Namespace } from './namespace.ts';

/** Where programs expect the system bus. */
export const BUS_SOCKET = '/run/dbus/system_bus_socket';

/** A method call, its body marshalled by `signature`. */
export interface BusCall {
  readonly destination: string;
  readonly path: string;
  readonly interface: string;
  readonly member: string;
  readonly signature?: string;
  readonly body?: unknown[];
}

/**
 * Starts dbus-daemon as a bus of type `system`; ready on return. `policies`: policy files, as seen
 * inside, which then decide who may do what as on an installed system; without any, all is allowed.
 */
export async function startBusDaemon(namespace: Namespace, policies: readonly string[] = []): Promise<Child> {
  const rules = policies.length === 0 ? PERMISSIVE : `${RESTRICTIVE}${policies.map(include).join('\n')}`;
  writeFileSync(namespace.path('/run/dbus/cell.conf'), configuration(rules));
  const bus = namespace.spawn([
    'dbus-daemon',
    '--nofork',
    '--nopidfile',
    '--nosyslog',
    '--config-file=/run/dbus/cell.conf',
    '--print-address=1',
  ]);
  await bus.waitForLine((line) => line.startsWith('unix:'));
  return bus;
}

/** This program's connection to a cell's bus. Values come without their variants, bytes as numbers. */
export class BusObserver {
  readonly #bus: dbus.MessageBus;

  private constructor(bus: dbus.MessageBus) {
    this.#bus = bus;
  }

  /** Connects and watches all signals into `log`. */
  static async connect(address: string, log: EventLog): Promise<BusObserver> {
    const bus = dbus.sessionBus({ busAddress: address });
    // An error after the daemon is gone says no more than that; one before fails the first call.
    const failed = new Promise<never>((_, reject) => bus.on('error', reject));
    failed.catch(() => undefined);
    const observer = new BusObserver(bus);
    await Promise.race([failed, new Promise<void>((resolve) => bus.on('connect', resolve))]);
    bus.on('message', (message) => note(message, log));
    await observer.call({ ...DRIVER, member: 'AddMatch', signature: 's', body: ["type='signal'"] });
    return observer;
  }

  /** The body of the reply; rejects with an error whose `type` is the D-Bus error's name. */
  async call(call: BusCall): Promise<readonly unknown[]> {
    const { signature = '', body = [] } = call;
    const reply = await this.#bus.call(new dbus.Message({ ...call, signature, body }));
    return (reply?.body ?? []).map(plain);
  }

  /** Answers all calls to this program with nothing, and notes them in `log`. */
  serve(log: EventLog): void {
    this.#bus.addMethodHandler((message: dbus.Message) => {
      const name = `${message.interface}.${message.member}`;
      log.add({ kind: 'call', path: message.path, name, body: message.body.map(plain) });
      const isAwaited = (message.flags & dbus.MessageFlag.NO_REPLY_EXPECTED) === 0;
      if (isAwaited) this.#bus.send(dbus.Message.newMethodReturn(message));
      return true;
    });
  }

  /**
   * Answers calls of `member` to this program with what `answer` makes of their arguments, the values of
   * the body, or throws an error of that name; all other calls with nothing.
   */
  answer(log: EventLog, member: string, answer: (body: readonly unknown[]) => BusAnswer): void {
    this.#bus.addMethodHandler((message: dbus.Message) => {
      const body = message.body.map(plain);
      log.add({ kind: 'call', path: message.path, name: `${message.interface}.${message.member}`, body });
      if ((message.flags & dbus.MessageFlag.NO_REPLY_EXPECTED) !== 0) return true;
      if (message.member !== member) {
        this.#bus.send(dbus.Message.newMethodReturn(message));
        return true;
      }
      const given = answer(body);
      if (given === undefined) return true;
      if (typeof given === 'string') this.#bus.send(refusal(message, given));
      else this.#bus.send(dbus.Message.newMethodReturn(message, given.signature, given.body));
      return true;
    });
  }

  /** Sends a signal from this program's connection. */
  emit(signal: Omit<BusCall, 'destination'>): void {
    const { path, interface: name, member, signature = '', body = [] } = signal;
    this.#bus.send(dbus.Message.newSignal(path, name, member, signature, body));
  }

  /** Leaves the bus. */
  close(): void {
    this.#bus.disconnect();
  }
}

/** What an answer is: a body, the name of an error, or nothing at all, for ever. */
export type BusAnswer = { readonly signature: string; readonly body: unknown[] } | string | undefined;

/** A value in a variant, for `BusObserver.call`. */
export function busVariant(signature: string, value: unknown): unknown {
  return new dbus.Variant(signature, value);
}

// dbus-next's own types say otherwise, but this is what its newError takes.
function refusal(message: dbus.Message, errorName: string): dbus.Message {
  const reply = dbus.Message.newMethodReturn(message, 's', ['as the test wants']);
  reply.type = dbus.MessageType.ERROR;
  reply.errorName = errorName;
  return reply;
}

const DRIVER = {
  destination: 'org.freedesktop.DBus',
  path: '/org/freedesktop/DBus',
  interface: 'org.freedesktop.DBus',
} as const;

function note(message: dbus.Message, log: EventLog): void {
  if (message.type !== dbus.MessageType.SIGNAL) return;
  const body = message.body.map(plain);
  if (message.interface === DRIVER.interface && message.member === 'NameOwnerChanged') {
    const [name, , owner] = body;
    if (typeof name === 'string' && !name.startsWith(':')) {
      log.add({ kind: 'owner', name, owner: typeof owner === 'string' && owner !== '' ? owner : undefined });
    }
    return;
  }
  log.add({ kind: 'signal', path: message.path, name: `${message.interface}.${message.member}`, body });
}

/** A value without its variants. */
export function plain(value: unknown): unknown {
  if (value instanceof dbus.Variant) return plain(value.value);
  if (value instanceof Uint8Array) return [...value];
  if (Array.isArray(value)) return value.map(plain);
  if (typeof value !== 'object' || value === null) return value;
  return Object.fromEntries(Object.entries(value).map(([key, inner]) => [key, plain(inner)]));
}

const include = (path: string): string => `  <include>${path}</include>`;

const configuration = (rules: string): string => `<!DOCTYPE busconfig PUBLIC
  "-//freedesktop//DTD D-Bus Bus Configuration 1.0//EN"
  "http://www.freedesktop.org/standards/dbus/1.0/busconfig.dtd">
<busconfig>
  <type>system</type>
  <listen>unix:path=${BUS_SOCKET}</listen>
  <auth>EXTERNAL</auth>
${rules}
  <limit name="max_replies_per_connection">50000</limit>
  <limit name="max_match_rules_per_connection">50000</limit>
</busconfig>
`;

const PERMISSIVE = `  <policy context="default">
    <allow user="*"/>
    <allow own="*"/>
    <allow send_destination="*" eavesdrop="true"/>
    <allow receive_type="method_call"/>
    <allow receive_type="method_return"/>
    <allow receive_type="error"/>
    <allow receive_type="signal"/>
  </policy>`;

// The rules every system bus begins with: nobody owns a name or calls a method unless a file says so.
const RESTRICTIVE = `  <policy context="default">
    <allow user="*"/>
    <deny own="*"/>
    <deny send_type="method_call"/>
    <allow send_type="signal"/>
    <allow send_requested_reply="true" send_type="method_return"/>
    <allow send_requested_reply="true" send_type="error"/>
    <allow receive_type="method_call"/>
    <allow receive_type="method_return"/>
    <allow receive_type="error"/>
    <allow receive_type="signal"/>
    <allow send_destination="org.freedesktop.DBus" send_interface="org.freedesktop.DBus"/>
    <allow send_destination="org.freedesktop.DBus" send_interface="org.freedesktop.DBus.Introspectable"/>
    <allow send_destination="org.freedesktop.DBus" send_interface="org.freedesktop.DBus.Properties"/>
    <allow send_destination="org.freedesktop.DBus" send_interface="org.freedesktop.DBus.Peer"/>
  </policy>
`;
