/**
 * Requests over one netlink socket (netlink(7)). Up to `WINDOW` are on their way at once, so that
 * the kernel's acknowledgements fit into the receive buffer, and one dump, since a socket has one.
 * Invariant: every request settles exactly once: by the kernel's answer, `signal`, or the scope.
 */

import { DecodeError } from '../shared/errors.ts';
import { logger } from '../shared/log.ts';
import type { Scope } from '../shared/scope.ts';
import type { MessageSocket, NetlinkSender } from '../system/system.ts';
import { NetlinkError } from './error.ts';
import { FLAG, MESSAGE, decodeOutcome, encodeMessage, forEachMessage } from './message.ts';
import type { NetlinkMessage } from './message.ts';
import type { Writer } from './writer.ts';

const log = logger('src/netlink/connection.ts');

/** Something to ask the kernel. */
export interface Request<T> {
  /** Names the request in errors and in the log, such as `RTM_NEWADDR`. */
  readonly operation: string;
  readonly type: number;
  /** NLM_F_* beyond request and ack. With NLM_F_DUMP the answer is everything there is. */
  readonly flags?: number;
  /** Writes the payload; called again when a dump has to be repeated. */
  readonly body: (writer: Writer) => void;
  /** Reads one message of the answer; undefined leaves it out. Absent where only success counts. */
  readonly decode?: (message: NetlinkMessage) => T | undefined;
}

/** Sends requests and matches the answers. */
export class Connection {
  readonly #socket: MessageSocket<NetlinkSender>;
  readonly #scope: Scope;
  readonly #queue: Pending[] = [];
  readonly #sent = new Map<number, Pending>();
  #dump: Pending | undefined;
  #sequence = 0;

  /** Takes over the socket's callbacks. What is open when `scope` closes rejects with its reason. */
  constructor(socket: MessageSocket<NetlinkSender>, scope: Scope) {
    this.#socket = socket;
    this.#scope = scope;
    socket.onMessage = (bytes, sender) => this.#receive(bytes, sender);
    socket.onError = (error) => this.#overrun(error);
    scope.defer(() => this.#rejectAll([...this.#sent.values(), ...this.#queue.splice(0)], scope.signal.reason));
  }

  /**
   * Resolves with what was read of the answer once the kernel has said it is complete. Rejects with
   * NetlinkError, SystemError if it could not be sent, or `signal.reason`.
   */
  request<T>(request: Request<T>, signal?: AbortSignal): Promise<T[]> {
    return new Promise<T[]>((resolve, reject) => {
      const aborted = [signal, this.#scope.signal].find((each) => each?.aborted);
      if (aborted !== undefined) {
        reject(aborted.reason);
        return;
      }
      this.#queue.push(this.#makePending(request, signal, resolve, reject));
      this.#pump();
    });
  }

  /** As `request`, for those whose success is all there is to know. */
  async perform(request: Request<never>, signal?: AbortSignal): Promise<void> {
    await this.request(request, signal);
  }

  #makePending<T>(
    request: Request<T>, signal: AbortSignal | undefined,
    resolve: (values: T[]) => void, reject: (reason: unknown) => void,
  ): Pending {
    let values: T[] = [];
    // An aborted request that was sent stays known until its answer has come, and is then ignored.
    const abort = (): void => {
      const at = this.#queue.indexOf(pending);
      if (at >= 0) this.#queue.splice(at, 1);
      reject(signal?.reason);
    };
    signal?.addEventListener('abort', abort, { once: true });
    const pending: Pending = {
      request,
      attempts: 0,
      wasInterrupted: false,
      begin: () => {
        values = [];
        pending.attempts++;
        pending.wasInterrupted = false;
      },
      read: (message) => {
        const value = request.decode?.(message);
        if (value !== undefined) values.push(value);
      },
      resolve: () => {
        signal?.removeEventListener('abort', abort);
        resolve(values);
      },
      reject: (reason) => {
        signal?.removeEventListener('abort', abort);
        reject(reason);
      },
    };
    return pending;
  }

  #pump(): void {
    while (this.#sent.size < WINDOW) {
      const at = this.#queue.findIndex((pending) => this.#dump === undefined || !isDump(pending));
      const [pending] = at < 0 ? [] : this.#queue.splice(at, 1);
      if (pending === undefined) return;
      this.#send(pending);
    }
  }

  #send(pending: Pending): void {
    const { type, flags = 0, body } = pending.request;
    const sequence = this.#nextSequence();
    const header = { type, flags: flags | FLAG.request | (isDump(pending) ? 0 : FLAG.ack), sequence };
    pending.begin();
    try {
      this.#socket.send(encodeMessage(header, body));
    } catch (error) {
      pending.reject(error);
      return;
    }
    this.#sent.set(sequence, pending);
    if (isDump(pending)) this.#dump = pending;
  }

  #nextSequence(): number {
    this.#sequence = (this.#sequence + 1) >>> 0 || 1; // 0 is what events carry
    return this.#sequence;
  }

  #receive(bytes: Uint8Array, sender: NetlinkSender): void {
    if (sender.portId !== 0) {
      log.debug('dropped a message of port %d, which is not the kernel', sender.portId);
      return;
    }
    try {
      forEachMessage(bytes, (message) => this.#take(message));
    } catch (error) {
      if (!(error instanceof DecodeError)) throw error;
      log.debug('dropped a broken message: %s', error.message);
    }
    this.#pump();
  }

  #take(message: NetlinkMessage): void {
    const pending = this.#sent.get(message.sequence);
    if (pending === undefined) return;
    if (message.flags & FLAG.dumpInterrupted && isDump(pending)) pending.wasInterrupted = true;
    if (message.type === MESSAGE.error || message.type === MESSAGE.done) this.#finish(message, pending);
    else if (message.type > MESSAGE.overrun) readOne(pending, message);
  }

  #finish(message: NetlinkMessage, pending: Pending): void {
    this.#sent.delete(message.sequence);
    if (this.#dump === pending) this.#dump = undefined;
    const error = outcomeOf(message, pending);
    const isRepeated = isDump(pending) && (error === undefined ? pending.wasInterrupted : error.code === 'EBUSY');
    if (!isRepeated) {
      if (error === undefined) pending.resolve();
      else pending.reject(error);
    } else if (pending.attempts < DUMP_ATTEMPTS) {
      this.#queue.unshift(pending);
    } else {
      pending.reject(error ?? new NetlinkError(EINTR, pending.request.operation));
    }
  }

  // The kernel had no room for an answer. A dump pauses while there is none and loses nothing
  // (net/netlink/af_netlink.c, netlink_dump); any other answer may be the lost one.
  #overrun(error: Error): void {
    log.warn('the kernel could not deliver netlink answers: %s', error.message);
    const lost = [...this.#sent].filter(([, pending]) => pending !== this.#dump);
    for (const [sequence] of lost) this.#sent.delete(sequence);
    this.#rejectAll(lost.map(([, pending]) => pending), error);
    this.#pump();
  }

  #rejectAll(all: readonly Pending[], reason: unknown): void {
    for (const pending of all) pending.reject(reason);
  }
}

// An acknowledgement takes up to a page of the receive buffer, which is 200 KiB where we may not raise it.
const WINDOW = 32;
const DUMP_ATTEMPTS = 10;
const EINTR = 4;

interface Pending {
  readonly request: Request<unknown>;
  attempts: number;
  wasInterrupted: boolean;
  /** Forgets what was read: the request is sent, or sent again. */
  begin(): void;
  read(message: NetlinkMessage): void;
  resolve(): void;
  reject(reason: unknown): void;
}

function isDump({ request: { flags = 0 } }: Pending): boolean {
  return (flags & FLAG.dump) === FLAG.dump;
}

function readOne(pending: Pending, message: NetlinkMessage): void {
  try {
    pending.read(message);
  } catch (error) {
    if (!(error instanceof DecodeError)) throw error;
    log.debug('%s: left out what could not be read: %s', pending.request.operation, error.message);
  }
}

function outcomeOf(message: NetlinkMessage, { request: { operation } }: Pending): NetlinkError | undefined {
  try {
    return decodeOutcome(message, operation);
  } catch (error) {
    if (!(error instanceof DecodeError)) throw error;
    return new NetlinkError(EBADMSG, operation, error.message);
  }
}

const EBADMSG = 74;
