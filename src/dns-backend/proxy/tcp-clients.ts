/**
 * Clients over TCP (RFC 7766): many queries a connection, answered in the order in which answers
 * come. Bounded: connections, queries under way, bytes that a client does not read, and the time a
 * connection may be idle or dwell inside a message.
 */

import type { Socket } from 'node:net';
import { QueryReader, type QueryShape } from '../../dns/query-reader.ts';
import { writeAnswer, writeRefusal, type StoredAnswer } from '../../dns/stored-answer.ts';
import { FrameReader } from '../../dns/tcp-frames.ts';
import type { Alarm } from '../../shared/clock.ts';
import type { Scope } from '../../shared/scope.ts';
import { listenTcp, type TcpListenOptions } from '../../system/tcp-listen.ts';
import { questionOf } from './resolve.ts';
import { REFUSALS, type ClientsEnv } from './udp-clients.ts';

const MAX_CONNECTIONS = 64;
/** ConnMan's. */
const BACKLOG = 10;
const MAX_QUERY_BYTES = 4096;
const MAX_UNDER_WAY = 128;
const MAX_UNREAD_BYTES = 1 << 18;
/** ConnMan gives a message 2 s. */
const INSIDE_MS = 2000;
const IDLE_MS = 10_000;
const LENGTH_BYTES = 2;
const MAX_MESSAGE_BYTES = 0xffff;

/** Answers over TCP until `scope` closes; returns the port. Throws as `listenTcp`. */
export function serveTcp(
  where: Pick<TcpListenOptions, 'address' | 'port' | 'device'>, env: ClientsEnv, scope: Scope,
): number {
  const options = { ...where, maxConnections: MAX_CONNECTIONS, backlog: BACKLOG };
  return listenTcp(env.system, options, scope, (socket) => void new TcpClient(socket, env, scope.child()));
}

const query = new QueryReader();
const scratch = Buffer.alloc(LENGTH_BYTES + MAX_MESSAGE_BYTES);

class TcpClient {
  readonly #socket: Socket;
  readonly #env: ClientsEnv;
  readonly #scope: Scope;
  readonly #alarm: Alarm;
  readonly #reader = new FrameReader(MAX_QUERY_BYTES);
  #underWay = 0;
  #isCorked = false;

  constructor(socket: Socket, env: ClientsEnv, scope: Scope) {
    this.#socket = socket;
    this.#env = env;
    this.#scope = scope;
    this.#alarm = env.clock.alarm('a DNS client over TCP', scope, () => this.#onSilence());
    socket.on('data', (chunk: Buffer) => this.#onData(chunk));
    // Who has asked and ended its half still gets its answers.
    socket.on('close', () => void scope.close());
    scope.defer(() => void socket.destroy());
    this.#alarm.set(env.clock.now() + IDLE_MS);
    socket.resume();
  }

  #onData(chunk: Buffer): void {
    const nowMs = this.#env.clock.now();
    const wasInside = this.#reader.isInside;
    this.#socket.cork();
    this.#isCorked = true;
    const isGood = this.#reader.push(chunk, (message) => this.#onQuery(message, nowMs));
    this.#isCorked = false;
    this.#socket.uncork();
    if (!isGood || this.#socket.writableLength > MAX_UNREAD_BYTES) {
      this.#socket.destroy();
      return;
    }
    // A message that trickles in has its time from the first byte on.
    if (this.#reader.isInside) {
      if (!wasInside || chunk.length > LENGTH_BYTES) this.#alarm.set(nowMs + INSIDE_MS);
    } else {
      this.#alarm.set(nowMs + IDLE_MS);
    }
  }

  #onQuery(message: Buffer, nowMs: number): boolean {
    const verdict = query.read(message, 0, message.length);
    if (verdict === 'drop') {
      this.#socket.destroy();
      return false;
    }
    const { questionEnd, hasEdns } = query;
    const shape: QueryShape = { questionEnd, hasEdns, limitBytes: MAX_MESSAGE_BYTES };
    if (verdict !== 'query') {
      message.copy(scratch, LENGTH_BYTES, 0, questionEnd);
      this.#write(writeRefusal(scratch, LENGTH_BYTES, shape, REFUSALS[verdict]));
      return true;
    }
    const known = this.#env.resolution.cachedBy(query, nowMs);
    if (known !== undefined) {
      this.#answer(message, shape, known);
      return true;
    }
    if (this.#underWay >= MAX_UNDER_WAY) {
      message.copy(scratch, LENGTH_BYTES, 0, questionEnd);
      this.#write(writeRefusal(scratch, LENGTH_BYTES, shape, REFUSALS.refused));
      return true;
    }
    this.#underWay++;
    const head = Buffer.from(message.subarray(0, questionEnd));
    this.#env.resolution.resolve(questionOf(query), nowMs, {
      tell: (answer) => {
        this.#underWay--;
        if (!this.#scope.isClosed) this.#answer(head, shape, answer);
      },
    });
    return true;
  }

  #answer(head: Buffer, shape: QueryShape, answer: StoredAnswer): void {
    head.copy(scratch, LENGTH_BYTES, 0, shape.questionEnd);
    this.#write(writeAnswer(scratch, LENGTH_BYTES, shape, answer));
  }

  #write(length: number): void {
    scratch.writeUInt16BE(length, 0);
    this.#socket.write(Buffer.from(scratch.subarray(0, LENGTH_BYTES + length)));
    if (!this.#isCorked && this.#socket.writableLength > MAX_UNREAD_BYTES) this.#socket.destroy();
  }

  #onSilence(): void {
    if (this.#underWay === 0 || this.#reader.isInside) this.#socket.destroy();
    else this.#alarm.set(this.#env.clock.now() + IDLE_MS);
  }
}
