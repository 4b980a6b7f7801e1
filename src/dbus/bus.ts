/**
 * A connection to a message bus as the rest of the project sees it: objects exported from
 * descriptions, proxies, names, signals (D-Bus specification, "Message Bus").
 * Invariant: when the bus is lost every pending call is rejected; nothing hangs.
 */

import type { Observable } from '../shared/emitter.ts';
import type { Scope } from '../shared/scope.ts';
import type { StreamSocket } from '../system/system.ts';
import type { BusEnv } from './connection.ts';
import type { EncodedDictionary } from './dictionary.ts';
import type {
  ArgumentsIn,
  ArgumentsOut,
  Call,
  CallOptions,
  Getters,
  Handlers,
  InterfaceShape,
  PropertyName,
  Proxy,
  Setters,
  SignalName,
} from './interface.ts';
import { MessageBus } from './message-bus.ts';
import type { Message } from './message.ts';
import type { Variant } from './signature.ts';

export type { BusEnv } from './connection.ts';

/**
 * Joins the bus at the other end of `transport`, until `scope` closes. Rejects with DBusError when
 * it does not let us in, ConnmanError `OperationTimeout` when it does not answer within 25 s.
 */
export function connectBus(transport: StreamSocket, env: BusEnv, scope: Scope): Promise<Bus> {
  return MessageBus.connect(transport, env, scope);
}

/** A connection to a message bus. Closed with the scope it was made in. */
export interface Bus {
  /** The name the bus gave us, such as `:1.5`. */
  readonly uniqueName: string;
  /** Emits once, when the bus closes the connection (undefined) or it breaks. Not at our own close. */
  readonly lost: Observable<Error | undefined>;
  /** Bytes written and not yet taken by the kernel. */
  readonly queuedBytes: number;

  /** Serves an interface at `path` until `scope` closes. Throws when that interface is there already. */
  export<D extends InterfaceShape>(
    path: string,
    description: D,
    implementation: Implementation<NoInfer<D>>,
    scope: Scope,
  ): Exported<D>;

  /** Has every method call judged before its handler runs, until `scope` closes. Throws when another does that. */
  authorise(authoriser: Authoriser, scope: Scope): void;

  /** Shows every method call to `auditor` until `scope` closes. Throws when another is there. */
  audit(auditor: Auditor, scope: Scope): void;

  /** Owns a name until `scope` closes; false if someone else has it. Never queues or replaces. */
  requestName(name: string, scope: Scope): Promise<boolean>;

  /**
   * Tells the unique name that owns `name` (undefined: nobody), once when known and then at every
   * change, until `scope` closes.
   */
  watchName(name: string, scope: Scope, observer: (owner: string | undefined) => void): void;

  /** The methods of an object elsewhere. Costs nothing until one is called. */
  proxy<D extends InterfaceShape>(description: D, destination: string, path: string): Proxy<D>;

  /** A method call without a description. With `noReply` it resolves at once, with no body. */
  call(request: MethodCall, options?: CallOptions): Promise<Message>;

  /** Hears signals until `scope` closes; resolves once the bus has the match rule. */
  onSignal(match: SignalMatch, scope: Scope, observer: (message: Message) => void): Promise<void>;

  /** Hears a described signal; one with another signature is ignored. */
  subscribe<D extends InterfaceShape, S extends SignalName<D>>(
    description: D,
    signal: S,
    from: { readonly sender?: string; readonly path?: string },
    scope: Scope,
    observer: (args: ArgumentsIn<D['signals'][S]>, message: Message) => void,
  ): Promise<void>;

  /** Writes what has been sent in this tick now rather than at its end. */
  flush(): void;
}

/** A method call before its handler has run. */
export interface CallToAuthorise {
  readonly interface: string;
  readonly member: string;
  readonly args: Readonly<Record<string, unknown>>;
  readonly call: Call;
}

/** Undefined allows a call at once; a promise allows it by resolving, or rejects with what the caller is told. */
export type Authoriser = (request: CallToAuthorise) => Promise<void> | undefined;

/** A method call as it is shown to who keeps a record of them. */
export interface CallToAudit extends CallToAuthorise {
  readonly path: string;
}

/** A call that a record is kept of. */
export interface Audited {
  /** Who asked is known: the caller, who may be gone once he has it, gets his answer no earlier. Never rejects. */
  readonly known: Promise<unknown>;
  /** To be called when the call is done, with the error if there was one. */
  done(this: void, error?: unknown): void;
}

/** Undefined for a call of no interest. */
export type Auditor = (request: CallToAudit) => Audited | undefined;

/** What stands behind an exported interface. */
export interface Implementation<D extends InterfaceShape> {
  readonly methods: Handlers<D>;
  readonly properties?: Getters<D>;
  /** For Properties.Set; without one a writable property goes to the interface's own SetProperty. */
  readonly setters?: Setters<D>;
}

/** An interface being served. */
export interface Exported<D extends InterfaceShape> {
  /** Sends a signal to all who listen. */
  emit<S extends SignalName<D>>(signal: S, args: ArgumentsOut<D['signals'][S]>): void;

  /**
   * Looks at these properties again and announces at once those that differ from what was last
   * known: PropertyChanged (if the interface describes it) and Properties.PropertiesChanged. One
   * that became absent is only in the latter, as invalidated: see `announce`.
   */
  changed(...names: PropertyName<D>[]): void;

  /** Sends PropertyChanged with a value of its own: for keys that go, and those never in the dictionary. */
  announce(name: string, value: Variant): void;

  /** Marks properties to be looked at again, without a signal: their new value then counts as known. */
  touch(...names: PropertyName<D>[]): void;

  /** All properties present, from kept bytes: only what `touch` or `changed` named is looked at again. */
  dictionary(): EncodedDictionary;
}

/** A method call to send. */
export interface MethodCall {
  readonly destination: string;
  readonly path: string;
  readonly interface?: string;
  readonly member: string;
  /** Of `body`; none when absent. */
  readonly signature?: string;
  readonly body?: readonly unknown[];
  readonly noReply?: boolean;
}

/** Which signals to hear; what is absent matches all. */
export interface SignalMatch {
  /** A unique or well-known name; the latter is followed from owner to owner. */
  readonly sender?: string;
  readonly path?: string;
  /** This path and all below. */
  readonly pathNamespace?: string;
  readonly interface?: string;
  readonly member?: string;
  /** The first argument, a string. */
  readonly arg0?: string;
}
