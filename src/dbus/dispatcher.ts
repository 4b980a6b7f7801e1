/**
 * Answers method calls: finds the handler, checks the signature exactly, replies with the result
 * or an error. Invariant: every call that wants a reply gets one, unless its sender has gone.
 */

import { DecodeError } from '../shared/errors.ts';
import type { Scope } from '../shared/scope.ts';
import type { Auditor, Authoriser } from './bus.ts';
import type { Callers, ServedCall } from './callers.ts';
import { type CompiledMethod, namedValues, resultBody } from './compiled.ts';
import type { Connection } from './connection.ts';
import { type DBusError, errorForCaller, standardError } from './errors.ts';
import { ERROR, type Message, METHOD_RETURN, NO_REPLY_EXPECTED } from './message.ts';
import type { ObjectTree } from './object-tree.ts';
import type { ReceivedMessage } from './read-message.ts';
import type { ServedInterface } from './served-interface.ts';
import type { StandardInterfaces } from './standard-interfaces.ts';

/** Calls longer than this are refused unread: nothing we serve needs as much. */
const LONGEST_CALL_BYTES = 0x40_0000;

/** What a call was found to be for. */
interface Target {
  readonly served: ServedInterface;
  readonly method: CompiledMethod;
}

/** The serving side of one connection. */
export class Dispatcher {
  readonly #connection: Connection;
  readonly #tree: ObjectTree;
  readonly #standard: StandardInterfaces;
  readonly #callers: Callers;
  #authoriser: Authoriser | undefined;
  #auditor: Auditor | undefined;

  constructor(connection: Connection, tree: ObjectTree, standard: StandardInterfaces, callers: Callers) {
    this.#connection = connection;
    this.#tree = tree;
    this.#standard = standard;
    this.#callers = callers;
  }

  /** See Bus.authorise. */
  authorise(authoriser: Authoriser, scope: Scope): void {
    if (this.#authoriser !== undefined) throw new Error('calls are authorised by another already');
    this.#authoriser = authoriser;
    scope.defer(() => void (this.#authoriser = undefined));
  }

  /** See Bus.audit. */
  audit(auditor: Auditor, scope: Scope): void {
    if (this.#auditor !== undefined) throw new Error('calls are audited by another already');
    this.#auditor = auditor;
    scope.defer(() => void (this.#auditor = undefined));
  }

  /** Answers a call now or when its handler is done. Throws DecodeError after answering. */
  dispatch(received: ReceivedMessage, fds: readonly number[]): void {
    const { message } = received;
    const target = this.#find(message);
    const refusal = target === undefined ? this.#unknown(message) : this.#refusal(received);
    if (target === undefined || refusal !== undefined) {
      this.#connection.closeFds(fds);
      return refusal === undefined ? undefined : this.#replyError(message, refusal);
    }
    let body: readonly unknown[];
    try {
      body = received.readBody(fds);
    } catch (error) {
      if (error instanceof DecodeError) this.#replyError(message, standardError('InvalidArgs', error.message));
      throw error;
    }
    if (!target.method.in.signature.includes('h')) this.#connection.closeFds(fds);
    this.#invoke(target, message, body);
  }

  #find(message: Message): Target | undefined {
    const { path = '', interface: name, member = '' } = message;
    const node = this.#tree.node(path);
    if (name !== undefined) {
      const served = node?.interfaces.get(name) ?? this.#standard.find(name, path, node);
      return served === undefined ? undefined : match(served, message);
    }
    // "In the absence of an INTERFACE field" the member alone decides.
    for (const served of node?.interfaces.values() ?? []) {
      if (served.compiled.methods.has(member)) return match(served, message);
    }
    return undefined;
  }

  #unknown(message: Message): DBusError {
    const { path = '', interface: name, member = '', signature } = message;
    const text = `Method "${member}" with signature "${signature}" on interface "${name ?? '(null)'}" doesn't exist`;
    // What only leads to objects answers Introspect, so it is known.
    const isKnown = this.#tree.node(path) !== undefined || this.#tree.childrenOf(path).length > 0;
    return standardError(isKnown ? 'UnknownMethod' : 'UnknownObject', text);
  }

  #refusal({ message, lengthBytes }: ReceivedMessage): DBusError | undefined {
    if (lengthBytes > LONGEST_CALL_BYTES) return standardError('LimitsExceeded', 'the message is too long');
    if (this.#callers.hasTooMany(message.sender ?? '')) {
      return standardError('LimitsExceeded', 'too many calls are unanswered');
    }
    return undefined;
  }

  #invoke({ served, method }: Target, message: Message, body: readonly unknown[]): void {
    const call = this.#callers.call(message.sender ?? '');
    const args = namedValues(method.in, body);
    const { path = '' } = message;
    const audited = this.#auditor?.({ path, interface: served.compiled.name, member: method.name, args, call });
    try {
      const handle = (): unknown => served.handlers[method.name]?.(args, call);
      const judged = this.#authoriser?.({ interface: served.compiled.name, member: method.name, args, call });
      const result = judged === undefined ? handle() : judged.then(handle);
      if (audited !== undefined) {
        Promise.resolve(result).then(() => audited.done(), audited.done);
        return void this.#await(audited.known.then(() => result), method, message, call);
      }
      if (result instanceof Promise) return void this.#await(result, method, message, call);
      this.#reply(method, message, result);
    } catch (error) {
      if (audited !== undefined) {
        audited.done(error);
        return void this.#await(audited.known.then(() => Promise.reject(error)), method, message, call);
      }
      this.#fail(message, error);
    }
    call.answered();
  }

  async #await(result: Promise<unknown>, method: CompiledMethod, message: Message, call: ServedCall): Promise<void> {
    const sender = message.sender ?? '';
    this.#callers.open(sender);
    try {
      this.#reply(method, message, await result);
    } catch (error) {
      if (!call.isAborted) this.#fail(message, error);
    }
    this.#callers.close(sender);
    call.answered();
  }

  #reply(method: CompiledMethod, message: Message, result: unknown): void {
    if (!wantsReply(message)) return;
    const head = { type: METHOD_RETURN, ...replyHead(message) } as const;
    this.#connection.send(head, resultBody(method.out, result));
  }

  #fail(message: Message, error: unknown): void {
    this.#replyError(message, errorForCaller(error, `${message.interface ?? ''}.${message.member ?? ''}`));
  }

  #replyError(message: Message, { name, message: text }: DBusError): void {
    if (!wantsReply(message)) return;
    const head = { type: ERROR, errorName: name, ...replyHead(message) } as const;
    this.#connection.send(head, { signature: 's', write: (writer) => writer.string(text) });
  }
}

function match(served: ServedInterface, { member = '', signature }: Message): Target | undefined {
  const method = served.compiled.methods.get(member);
  return method === undefined || method.in.signature !== signature ? undefined : { served, method };
}

function wantsReply({ flags }: Message): boolean {
  return (flags & NO_REPLY_EXPECTED) === 0;
}

function replyHead({ serial, sender }: Message) {
  return { flags: NO_REPLY_EXPECTED, replySerial: serial, destination: sender };
}
