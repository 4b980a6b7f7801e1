/**
 * Clients over UDP. What the cache knows and need not be asked for again, the addon answers. What else
 * is in a batch of queries is read where it lies, and written in its place where it can be answered at
 * once: nothing is allocated for such a query. The others are answered when their answer is there.
 */

import { RCODE } from '../../dns/message.ts';
import { HEADER_BYTES, QueryReader, type QueryShape, type QueryVerdict } from '../../dns/query-reader.ts';
import { BAD_VERSION, writeAnswer, writeRefusal, type StoredAnswer } from '../../dns/stored-answer.ts';
import type { Clock } from '../../shared/clock.ts';
import { logger } from '../../shared/log.ts';
import type { Scope } from '../../shared/scope.ts';
import type { RequestBatch, System, UdpOptions, UdpSender, UdpServer } from '../../system/system.ts';
import type { Waiter } from './request.ts';
import { questionOf, type Resolution } from './resolve.ts';

const log = logger('src/dns-backend/proxy/udp-clients.ts');

/** RCODE for each verdict that is answered at once. */
export const REFUSALS: Readonly<Record<Exclude<QueryVerdict, 'query' | 'drop'>, number>> = {
  formatError: RCODE.FORMERR,
  notImplemented: RCODE.NOTIMP,
  refused: RCODE.REFUSED,
  badVersion: BAD_VERSION,
};

/** What serving takes. */
export interface ClientsEnv {
  readonly system: Pick<System, 'udpServer' | 'tcp' | 'listen' | 'closeFd'>;
  readonly clock: Clock;
  readonly resolution: Resolution;
}

/** Answers over UDP until `scope` closes; returns the port. Throws SystemError. */
export function serveUdp(options: UdpOptions, env: ClientsEnv, scope: Scope): number {
  const server = env.system.udpServer(options, scope);
  const clients = new UdpClients(server, env, scope);
  server.answerFrom(env.resolution.cache.memory);
  server.onBatch = (batch) => clients.take(batch);
  server.onError = (error) => log.debug('clients: %s', error.message);
  return server.localPort;
}

class UdpClients {
  readonly #server: UdpServer;
  readonly #clock: Clock;
  readonly #resolution: Resolution;
  readonly #scope: Scope;
  readonly #query = new QueryReader();

  constructor(server: UdpServer, env: ClientsEnv, scope: Scope) {
    this.#server = server;
    this.#clock = env.clock;
    this.#resolution = env.resolution;
    this.#scope = scope;
  }

  take(batch: RequestBatch): void {
    const nowMs = this.#clock.now();
    for (let index = 0; index < batch.count; index++) {
      const length = batch.length(index);
      if (length > 0) this.#takeOne(batch, index, length, nowMs);
    }
  }

  #takeOne(batch: RequestBatch, index: number, length: number, nowMs: number): void {
    const { memory } = batch;
    const at = batch.offset(index);
    const query = this.#query;
    const verdict = query.read(memory, at, length);
    if (verdict === 'drop') return;
    if (verdict !== 'query') {
      batch.answer(index, writeRefusal(memory, at, query, REFUSALS[verdict]));
      return;
    }
    const entry = this.#resolution.cachedBy(query, nowMs);
    if (entry !== undefined) batch.answer(index, writeAnswer(memory, at, query, entry));
    else this.#resolveLater(batch, index, nowMs);
  }

  #resolveLater(batch: RequestBatch, index: number, nowMs: number): void {
    const question = questionOf(this.#query);
    const sender = batch.sender(index);
    const later = new LaterAnswer(this.#server, this.#scope, sender);
    later.read(this.#query, question.key, batch.memory, batch.offset(index));
    this.#resolution.resolve(question, nowMs, later);
  }
}

/** A client that waits. */
class LaterAnswer implements QueryShape, Waiter {
  questionEnd = 0;
  hasEdns = false;
  limitBytes = 0;
  readonly #server: UdpServer;
  readonly #scope: Scope;
  readonly #sender: UdpSender;
  #id = 0;
  #flags = 0;
  /** Begins with the question as the client wrote it. */
  #text = '';

  constructor(server: UdpServer, scope: Scope, sender: UdpSender) {
    this.#server = server;
    this.#scope = scope;
    this.#sender = sender;
  }

  /** Keeps of the query, which stands at `at`, what its answer takes. */
  read(query: QueryReader, key: string, memory: Buffer, at: number): void {
    this.questionEnd = query.questionEnd;
    this.hasEdns = query.hasEdns;
    this.limitBytes = query.limitBytes;
    this.#id = ((memory[at] ?? 0) << 8) | (memory[at + 1] ?? 0);
    this.#flags = ((memory[at + 2] ?? 0) << 8) | (memory[at + 3] ?? 0);
    const questionAt = at + HEADER_BYTES;
    this.#text = query.hasCapitals ? memory.toString('latin1', questionAt, at + query.questionEnd) : key;
  }

  tell(answer: StoredAnswer): void {
    if (this.#scope.isClosed) return;
    const { outbox } = this.#server;
    const { memory, offset } = outbox;
    putU16(memory, offset, this.#id);
    putU16(memory, offset + 2, this.#flags);
    putU16(memory, offset + 4, 1);
    const text = this.#text;
    const bytes = this.questionEnd - HEADER_BYTES;
    for (let index = 0; index < bytes; index++) memory[offset + HEADER_BYTES + index] = text.charCodeAt(index);
    outbox.add(writeAnswer(memory, offset, this, answer), this.#sender);
  }
}

function putU16(memory: Buffer, at: number, value: number): void {
  memory[at] = value >> 8;
  memory[at + 1] = value & 0xff;
}
