/**
 * One connection to a bus: authentication, serials, calls awaiting replies, and a queue that sends
 * what one turn of the event loop produced in one write (D-Bus specification, "Message Protocol").
 * Invariant: once the connection is lost or closed every pending call is rejected and no new one
 * waits. A bus that stops reading is given up at MOST_QUEUED_BYTES, not fed without limit.
 */

import type { Clock } from '../shared/clock.ts';
import { Emitter } from '../shared/emitter.ts';
import { DecodeError, SystemError } from '../shared/errors.ts';
import { logger } from '../shared/log.ts';
import type { Scope } from '../shared/scope.ts';
import type { StreamSocket } from '../system/system.ts';
import { AUTH_GREETING, type AuthState, authStep } from './auth.ts';
import { DBusError, errorFromMessage, standardError } from './errors.ts';
import { FrameAssembler } from './frames.ts';
import { ERROR, type Message, METHOD_CALL, NO_REPLY_EXPECTED, SIGNAL } from './message.ts';
import { type PendingCall, PendingCalls, type ReplyOptions } from './pending-calls.ts';
import type { Chunk } from './reader.ts';
import { readMessage, type ReceivedMessage } from './read-message.ts';
import { type Body, type Head, writeMessage } from './write-message.ts';
import { MessageWriter } from './writer.ts';

const log = logger('src/dbus/connection.ts');

/** What a connection needs of its surroundings. */
export interface BusEnv {
  readonly clock: Clock;
  /** Closes a descriptor that came and nobody takes. Without it none are let come or go. */
  readonly closeFd?: (fd: number) => void;
}

/** Takes the messages that are no replies. */
export interface MessageSink {
  /** A call for us; the sink answers it. `fds` are the sink's to close. */
  call(received: ReceivedMessage, fds: readonly number[]): void;
  signal(received: ReceivedMessage): void;
}

/** A method call about to be sent. */
export interface OutgoingCall {
  readonly destination: string;
  readonly path: string;
  readonly interface?: string | undefined;
  readonly member: string;
}

const MOST_QUEUED_BYTES = 64 * 0x10_0000;
const FLUSH_AT_BYTES = 0x4_0000;
const LONGEST_AUTH_LINE = 0x4000;
const MOST_WAITING_FDS = 1024;

/** A connection; it does nothing of its own accord before `authenticate`. */
export class Connection {
  readonly #transport: StreamSocket;
  readonly #env: BusEnv;
  readonly #sink: MessageSink;
  readonly #writer = new MessageWriter();
  readonly #assembler = new FrameAssembler();
  readonly #pending: PendingCalls;
  readonly #lost = new Emitter<Error | undefined>();
  /** Came with bytes whose message is not whole yet. */
  #waitingFds: readonly number[] = [];
  #serial = 0;
  #canPassFds = false;
  #isFlushing = false;
  #isClosed = false;

  constructor(transport: StreamSocket, env: BusEnv, sink: MessageSink, scope: Scope) {
    this.#transport = transport;
    this.#env = env;
    this.#sink = sink;
    this.#pending = new PendingCalls(env.clock, scope);
    transport.onEnd = (error) => this.#lose(error);
    scope.defer(() => {
      this.flush();
      this.#close(standardError('Disconnected', 'the connection was closed'));
    });
  }

  /** Emits once, unless we close first. */
  get lost(): Emitter<Error | undefined> {
    return this.#lost;
  }

  get queuedBytes(): number {
    return this.#writer.length + this.#transport.queuedBytes;
  }

  /** Has the server let us in; resolves when messages may be sent. Rejects with DBusError. */
  authenticate(signal: AbortSignal): Promise<void> {
    const wantsFds = this.#env.closeFd !== undefined;
    return new Promise((resolve, reject) => {
      if (signal.aborted) return reject(signal.reason);
      let state: AuthState = { name: 'challenge' };
      let text = '';
      const onLine = (line: string): void => {
        const next = authStep(state, line, wantsFds);
        state = next.state;
        if (next.send !== undefined) this.#transport.send(Buffer.from(next.send, 'latin1'));
        if (state.name !== 'done') return;
        this.#canPassFds = state.canPassFds;
        this.#transport.onData = (bytes, fds) => this.#receive(bytes, fds);
        this.#transport.onEnd = (error) => this.#lose(error);
        resolve();
      };
      this.#transport.onData = (bytes) => {
        text += Buffer.from(bytes).toString('latin1');
        try {
          for (let end = text.indexOf('\r\n'); end >= 0; end = text.indexOf('\r\n')) {
            const line = text.slice(0, end);
            text = text.slice(end + 2);
            onLine(line);
          }
          if (text.length > LONGEST_AUTH_LINE) throw new DecodeError('D-Bus authentication: line too long', 0);
        } catch (error) {
          reject(error);
        }
      };
      this.#transport.onEnd = (error) => reject(disconnected(error));
      signal.addEventListener('abort', () => reject(signal.reason), { once: true });
      this.#transport.send(Buffer.from(AUTH_GREETING, 'latin1'));
    });
  }

  /** Sends a call and resolves with its reply; rejects with DBusError when that is an error. */
  async call(call: OutgoingCall, body: Body, options: ReplyOptions = {}): Promise<Message> {
    if (this.#isClosed) throw disconnected(undefined);
    const serial = this.#nextSerial();
    const reply = this.#pending.add(serial, options);
    if (!this.#pending.has(serial)) return reply;
    try {
      this.#write({ type: METHOD_CALL, ...call, serial }, body);
    } catch (error) {
      this.#pending.take(serial)?.reject(error);
    }
    return reply;
  }

  /** Sends a call to which no reply is wanted. */
  callWithoutReply(call: OutgoingCall, body: Body): void {
    this.send({ type: METHOD_CALL, flags: NO_REPLY_EXPECTED, ...call }, body);
  }

  /** Sends a message that awaits no reply. Throws what the writer throws; after a loss it does nothing. */
  send(head: Omit<Head, 'serial'>, body: Body): void {
    if (!this.#isClosed) this.#write({ ...head, serial: this.#nextSerial() }, body);
  }

  flush(): void {
    if (this.#isClosed || this.#writer.length === 0) return;
    this.#transmit(this.#writer.take());
  }

  closeFds(fds: readonly number[]): void {
    for (const fd of fds) this.#env.closeFd?.(fd);
  }

  #write(head: Head, body: Body): void {
    writeMessage(this.#writer, head, body);
    const fds = this.#writer.fds;
    if (fds.length > 0) this.#sendWithFds(fds);
    else if (this.#writer.length > FLUSH_AT_BYTES) this.flush();
    else this.#flushSoon();
  }

  /** Descriptors go at once, while they are surely open, and alone: they belong to this message. */
  #sendWithFds(fds: readonly number[]): void {
    if (!this.#canPassFds) {
      this.#writer.abandon();
      throw standardError('NotSupported', 'this connection cannot pass file descriptors');
    }
    const before = this.#writer.takeBeforeMessage();
    if (before.length > 0) this.#transmit(before);
    this.#transmit(this.#writer.take(), fds);
  }

  #transmit(bytes: Uint8Array, fds?: readonly number[]): void {
    try {
      this.#transport.send(bytes, fds);
    } catch (error) {
      if (!(error instanceof SystemError)) throw error;
      this.#lose(error);
    }
    if (this.#transport.queuedBytes > MOST_QUEUED_BYTES) this.#lose(new Error('the bus has stopped reading'));
  }

  #flushSoon(): void {
    if (this.#isFlushing) return;
    this.#isFlushing = true;
    setImmediate(() => {
      this.#isFlushing = false;
      this.flush();
    });
  }

  #nextSerial(): number {
    do this.#serial = this.#serial === 0xffff_ffff ? 1 : this.#serial + 1;
    while (this.#pending.has(this.#serial));
    return this.#serial;
  }

  #receive(bytes: Uint8Array, fds: readonly number[]): void {
    if (this.#isClosed) return this.closeFds(fds);
    if (fds.length > 0) this.#waitingFds = [...this.#waitingFds, ...fds];
    try {
      if (this.#waitingFds.length > MOST_WAITING_FDS) throw new DecodeError('too many file descriptors', 0);
      this.#assembler.push(bytes, (chunk, start, end) => this.#receiveMessage(chunk, start, end));
    } catch (error) {
      if (!(error instanceof DecodeError)) throw error;
      this.#lose(error);
    }
  }

  #receiveMessage(chunk: Chunk, start: number, end: number): void {
    // As long as the header is unread, no one knows whose the waiting descriptors are.
    let fds = this.#waitingFds;
    if (fds.length > 0) this.#waitingFds = [];
    try {
      const received = readMessage(chunk, start, end);
      if (fds.length > received.fdCount) {
        this.#waitingFds = fds.slice(received.fdCount);
        fds = fds.slice(0, received.fdCount);
      }
      this.#route(received, fds);
    } catch (error) {
      if (!(error instanceof DecodeError)) throw error;
      this.closeFds(fds);
      log.debug('message dropped: %s', error.message);
    }
  }

  /** Whoever takes the message takes or closes `fds`, unless DecodeError is thrown. */
  #route(received: ReceivedMessage, fds: readonly number[]): void {
    const { type, replySerial } = received.message;
    if (type === METHOD_CALL) return this.#sink.call(received, fds);
    if (type === SIGNAL) {
      this.#sink.signal(received);
      return this.closeFds(fds);
    }
    const pending = this.#pending.take(replySerial ?? 0);
    if (pending === undefined) return this.closeFds(fds);
    try {
      this.#settle(pending, received, fds);
    } catch (error) {
      pending.reject(standardError('InvalidSignature', 'the reply cannot be read'));
      throw error;
    }
  }

  #settle(pending: PendingCall, received: ReceivedMessage, fds: readonly number[]): void {
    const { message } = received;
    if (message.type === ERROR) {
      received.readBody(fds);
      this.closeFds(fds);
      pending.reject(errorFromMessage(message));
    } else if (pending.signature !== undefined && pending.signature !== message.signature) {
      this.closeFds(fds);
      const text = `the reply has signature "${message.signature}" instead of "${pending.signature}"`;
      pending.reject(standardError('InvalidSignature', text));
    } else {
      received.readBody(fds);
      // Descriptors that hide in variants are nobody's.
      if (!message.signature.includes('h')) this.closeFds(fds);
      pending.resolve(message);
    }
  }

  #lose(error: Error | undefined): void {
    if (this.#isClosed) return;
    this.#close(disconnected(error));
    this.#lost.emit(error);
  }

  #close(reason: DBusError): void {
    this.#isClosed = true;
    this.closeFds(this.#waitingFds);
    this.#waitingFds = [];
    this.#pending.rejectAll(reason);
  }
}

function disconnected(cause: Error | undefined): DBusError {
  const text = cause === undefined ? 'the bus closed the connection' : `the bus is lost: ${cause.message}`;
  return new DBusError('org.freedesktop.DBus.Error.Disconnected', text, { cause });
}
