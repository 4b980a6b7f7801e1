/**
 * Implements `Bus`: ties the connection to names, match rules, served objects and proxies.
 */

import type { Observable } from '../shared/emitter.ts';
import type { Scope } from '../shared/scope.ts';
import type { StreamSocket } from '../system/system.ts';
import type { Auditor, Authoriser, Bus, Exported, Implementation, MethodCall, SignalMatch } from './bus.ts';
import { Callers } from './callers.ts';
import { compileInterface, namedValues } from './compiled.ts';
import { parseSignature } from './complete-type.ts';
import { type BusEnv, Connection } from './connection.ts';
import { Dispatcher } from './dispatcher.ts';
import { ExportedInterface } from './exported.ts';
import type { ArgumentsIn, CallOptions, InterfaceShape, Proxy, SignalName } from './interface.ts';
import {
  BUS_NAME,
  BUS_PATH,
  busInterface,
  objectManagerInterface,
  standardPeerInterface,
} from './interfaces/freedesktop.ts';
import { MatchRules } from './match-rules.ts';
import { type Message, METHOD_RETURN, SIGNAL } from './message.ts';
import { NameWatch, type OwnerObserver } from './name-watch.ts';
import { isUniqueName } from './names.ts';
import { ObjectTree } from './object-tree.ts';
import { createProxy } from './proxy.ts';
import { serve } from './served-interface.ts';
import { managedChange, StandardInterfaces } from './standard-interfaces.ts';
import type { MessageWriter } from './writer.ts';

const CONNECT_TIMEOUT_MS = 25_000;

/** RequestName: "DBUS_NAME_FLAG_DO_NOT_QUEUE", and the replies that mean the name is ours. */
const DO_NOT_QUEUE = 4;
const PRIMARY_OWNER = 1;
const ALREADY_OWNER = 4;

/** A connection to a message bus. */
export class MessageBus implements Bus {
  readonly #connection: Connection;
  readonly #bus: Proxy<typeof busInterface>;
  readonly #rules: MatchRules;
  readonly #names: NameWatch;
  readonly #tree: ObjectTree;
  readonly #dispatcher: Dispatcher;
  #uniqueName = '';

  private constructor(transport: StreamSocket, env: BusEnv, scope: Scope) {
    const connection = new Connection(
      transport,
      env,
      {
        call: (received, fds) => this.#dispatcher.dispatch(received, fds),
        signal: (received) => this.#rules.dispatch(received),
      },
      scope,
    );
    this.#connection = connection;
    this.#bus = createProxy(connection, busInterface, BUS_NAME, BUS_PATH);
    this.#rules = new MatchRules({
      addMatch: (rule) => this.#bus.AddMatch({ rule }),
      removeMatch: (rule) => void this.#bus.RemoveMatch({ rule }),
    });
    this.#names = new NameWatch(this.#bus, this.#rules, scope);
    connection.lost.observe(scope, () => this.#names.loseAll());
    this.#tree = new ObjectTree((change) => {
      for (const { member, body } of managedChange(this.#tree, change)) {
        connection.send({ type: SIGNAL, path: '/', interface: objectManagerInterface.name, member }, body);
      }
    });
    const machine = createProxy(connection, standardPeerInterface, BUS_NAME, BUS_PATH);
    const standard = new StandardInterfaces(this.#tree, () => machine.GetMachineId());
    this.#dispatcher = new Dispatcher(connection, this.#tree, standard, new Callers(this.#names, scope));
  }

  /** Authenticates and says hello. */
  static async connect(transport: StreamSocket, env: BusEnv, scope: Scope): Promise<Bus> {
    const own = scope.child();
    const trial = own.child();
    try {
      const bus = new MessageBus(transport, env, own);
      const signal = env.clock.deadline('D-Bus connection', CONNECT_TIMEOUT_MS, own.signal, trial);
      await bus.#connection.authenticate(signal);
      bus.#uniqueName = await bus.#bus.Hello({}, { signal });
      return bus;
    } catch (error) {
      await own.close();
      throw error;
    } finally {
      await trial.close();
    }
  }

  get uniqueName(): string {
    return this.#uniqueName;
  }

  get lost(): Observable<Error | undefined> {
    return this.#connection.lost;
  }

  get queuedBytes(): number {
    return this.#connection.queuedBytes;
  }

  export<D extends InterfaceShape>(
    path: string,
    description: D,
    implementation: Implementation<D>,
    scope: Scope,
  ): Exported<D> {
    const served = serve(description, implementation);
    const own = scope.child();
    this.#tree.add(path, served, own);
    return new ExportedInterface(this.#connection, path, served, own);
  }

  authorise(authoriser: Authoriser, scope: Scope): void {
    this.#dispatcher.authorise(authoriser, scope);
  }

  audit(auditor: Auditor, scope: Scope): void {
    this.#dispatcher.audit(auditor, scope);
  }

  async requestName(name: string, scope: Scope): Promise<boolean> {
    const result = await this.#bus.RequestName({ name, flags: DO_NOT_QUEUE });
    const isOurs = result === PRIMARY_OWNER || result === ALREADY_OWNER;
    if (isOurs) scope.defer(() => this.#releaseName(name));
    return isOurs;
  }

  watchName(name: string, scope: Scope, observer: OwnerObserver): void {
    this.#names.watch(name, scope, observer);
  }

  proxy<D extends InterfaceShape>(description: D, destination: string, path: string): Proxy<D> {
    return createProxy(this.#connection, description, destination, path);
  }

  async call(request: MethodCall, options?: CallOptions): Promise<Message> {
    const { signature = '', body = [], noReply, ...call } = request;
    const types = parseSignature(signature);
    const out = { signature, write: (writer: MessageWriter) => writer.values(types, body) };
    if (noReply !== true) return this.#connection.call(call, out, options);
    this.#connection.callWithoutReply(call, out);
    return NO_REPLY;
  }

  async onSignal(match: SignalMatch, scope: Scope, observer: (message: Message) => void): Promise<void> {
    const { sender } = match;
    if (sender === undefined || sender === BUS_NAME || isUniqueName(sender)) {
      return this.#rules.add(match, scope, observer);
    }
    // The bus compares owners when it sends; what is sent to us alone we compare ourselves.
    let owner: string | undefined;
    await new Promise<void>((resolve) => {
      scope.defer(resolve);
      this.#names.watch(sender, scope, (next) => {
        owner = next;
        resolve();
      });
    });
    return this.#rules.add(match, scope, observer, () => owner ?? NOBODY);
  }

  // oxlint-disable-next-line max-params -- what, from whom, until when, and then what
  subscribe<D extends InterfaceShape, S extends SignalName<D>>(
    description: D,
    signal: S,
    from: { readonly sender?: string; readonly path?: string },
    scope: Scope,
    observer: (args: ArgumentsIn<D['signals'][S]>, message: Message) => void,
  ): Promise<void> {
    const compiled = compileInterface(description);
    const args = compiled.signals.get(signal);
    return this.onSignal({ ...from, interface: compiled.name, member: signal }, scope, (message) => {
      if (args === undefined || message.signature !== args.signature) return;
      // Named by the description that the type is derived from.
      observer(namedValues(args, message.body) as ArgumentsIn<D['signals'][S]>, message);
    });
  }

  flush(): void {
    this.#connection.flush();
  }

  #releaseName(name: string): void {
    const call = { destination: BUS_NAME, path: BUS_PATH, interface: BUS_NAME, member: 'ReleaseName' };
    const types = parseSignature('s');
    this.#connection.callWithoutReply(call, { signature: 's', write: (writer) => writer.values(types, [name]) });
  }
}

/** A sender that no signal has. */
const NOBODY = '';

/** What a call without a reply resolves with. */
const NO_REPLY: Message = {
  type: METHOD_RETURN, flags: 0, serial: 0, path: undefined, interface: undefined, member: undefined,
  errorName: undefined, replySerial: undefined, destination: undefined, sender: undefined, signature: '', body: [],
};
