/**
 * Questions to one server over TCP (RFC 7766) or TLS (RFC 7858): one connection, made when needed,
 * with many questions under way at once, answered in any order, closed when idle. A question that
 * a dying connection leaves open is asked once more over a new one (RFC 7766, 6.2.4).
 */

import type { Socket } from 'node:net';
import { HEADER_BYTES } from '../../dns/query-reader.ts';
import { FrameReader } from '../../dns/tcp-frames.ts';
import { logger } from '../../shared/log.ts';
import type { Alarm } from '../../shared/clock.ts';
import { messageOf } from '../../shared/errors.ts';
import type { Scope } from '../../shared/scope.ts';
import { connectTcp } from '../../system/tcp-connect.ts';
import { connectTls } from '../../system/tls-connect.ts';
import { MAX_QUERY_BYTES, putQuestion, readReply, writeQuery, type SentQuery } from './outgoing.ts';
import type {
  Asked, Cancellable, Habits, Listener, ServerAddress, Transport, TransportOutcome, UpstreamEnv,
} from './upstream.ts';

const log = logger('src/dns-backend/proxy/stream-transport.ts');

const CONNECT_MS = 3000;
const IDLE_MS = 10_000;
const MAX_PENDING = 256;
const LENGTH_BYTES = 2;

interface Pending extends SentQuery, Cancellable {
  readonly listener: Listener;
  /** Connections that died on it. */
  losses: number;
}

/** TCP or TLS to one server. */
export class StreamTransport implements Transport {
  readonly #server: ServerAddress;
  readonly #env: UpstreamEnv;
  readonly #scope: Scope;
  readonly #idle: Alarm;
  readonly #pending = new Map<number, Pending>();
  readonly #scratch = Buffer.alloc(LENGTH_BYTES + MAX_QUERY_BYTES);
  #socket: Socket | undefined;
  #isConnecting = false;
  #complaint: string | undefined;

  constructor(server: ServerAddress, env: UpstreamEnv, scope: Scope) {
    this.#server = server;
    this.#env = env;
    this.#scope = scope;
    this.#idle = env.clock.alarm(`idle connection to ${server.address}`, scope, () => this.#socket?.destroy());
    scope.defer(() => void this.#socket?.destroy());
  }

  ask(asked: Asked, habits: Habits, listener: Listener): Cancellable {
    const { random } = this.#env;
    let id = random.u32() >>> 16;
    while (this.#pending.has(id)) id = (id + 1) & 0xffff;
    const pending: Pending = {
      id, asked, habits, listener, losses: 0, caseBits: habits.keepsCase ? random.u32() : 0,
      cancel: () => {
        if (this.#pending.get(id) === pending) this.#pending.delete(id);
      },
    };
    this.#pending.set(id, pending);
    if (this.#pending.size > MAX_PENDING) queueMicrotask(() => this.#finish(pending, { kind: 'unreachable' }));
    else if (this.#socket !== undefined) this.#write(this.#socket, pending);
    else if (!this.#isConnecting) void this.#connect();
    return pending;
  }

  async #connect(): Promise<void> {
    this.#isConnecting = true;
    const scope = this.#scope.child();
    try {
      const signal = this.#env.clock.deadline('connecting to a name server', CONNECT_MS, scope.signal, scope);
      const socket = await this.#open(signal);
      this.#use(socket);
    } catch (error) {
      if (!this.#scope.isClosed) this.#complain(messageOf(error));
      this.#isConnecting = false;
      this.#failAll();
    } finally {
      void scope.close();
    }
  }

  // A certificate that does not fit is for the user to know, once until it does.
  #complain(text: string): void {
    const { address, tlsName } = this.#server;
    if (tlsName === undefined || text === this.#complaint) log.debug('%s: %s', address, text);
    else log.warn('%s#%s: %s', address, tlsName, text);
    this.#complaint = text;
  }

  #open(signal: AbortSignal): Promise<Socket> {
    const { system } = this.#env;
    const { tlsName, ...peer } = this.#server;
    if (tlsName === undefined) return connectTcp(system, peer, signal);
    return connectTls(system, { ...peer, name: tlsName, protocol: 'dot' }, signal);
  }

  #use(socket: Socket): void {
    this.#isConnecting = false;
    if (this.#scope.isClosed) {
      socket.destroy();
      return;
    }
    this.#socket = socket;
    this.#complaint = undefined;
    const reader = new FrameReader(0xffff);
    socket.on('error', (error) => log.debug('%s: %s', this.#server.address, error.message));
    socket.on('data', (chunk: Buffer) => {
      const isGood = reader.push(chunk, (message) => {
        this.#onReply(message);
        return true;
      });
      if (!isGood) socket.destroy();
    });
    socket.on('end', () => socket.destroy());
    socket.on('close', () => this.#onClose(socket));
    socket.setNoDelay(true);
    socket.resume();
    for (const pending of [...this.#pending.values()]) this.#write(socket, pending);
    this.#touch();
  }

  #write(socket: Socket, pending: Pending): void {
    const length = writeQuery(this.#scratch, LENGTH_BYTES, pending);
    this.#scratch.writeUInt16BE(length, 0);
    // One segment for both (RFC 7766, 8); a copy, as the socket keeps it.
    socket.write(Buffer.from(this.#scratch.subarray(0, LENGTH_BYTES + length)));
    this.#touch();
  }

  #onReply(reply: Buffer): void {
    const id = reply.length < 2 ? -1 : reply.readUInt16BE(0);
    const pending = this.#pending.get(id);
    if (pending === undefined) return;
    let outcome = readReply(reply, reply.length, pending);
    if (outcome.kind === 'mangled') {
      // Nobody forges what comes over a connection: the server is careless.
      putQuestion(reply, HEADER_BYTES, pending.asked.question, pending.caseBits);
      outcome = readReply(reply, reply.length, pending);
    }
    this.#touch();
    this.#finish(pending, outcome.kind === 'foreign' ? { kind: 'broken' } : outcome);
  }

  #finish(pending: Pending, outcome: TransportOutcome): void {
    if (this.#pending.get(pending.id) !== pending) return;
    this.#pending.delete(pending.id);
    pending.listener.heard(outcome, this.#env.clock.now());
  }

  #onClose(socket: Socket): void {
    if (this.#socket !== socket) return;
    this.#socket = undefined;
    this.#idle.set(undefined);
    for (const pending of [...this.#pending.values()]) {
      if (pending.losses++ > 0) this.#finish(pending, { kind: 'unreachable' });
    }
    if (this.#pending.size > 0 && !this.#scope.isClosed) void this.#connect();
  }

  #failAll(): void {
    for (const pending of [...this.#pending.values()]) this.#finish(pending, { kind: 'unreachable' });
  }

  #touch(): void {
    this.#idle.set(this.#env.clock.now() + IDLE_MS);
  }
}
