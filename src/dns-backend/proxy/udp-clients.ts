/**
 * Clients over UDP. A batch of queries is read where it lies, and what the cache knows is written in
 * its place: nothing is allocated for such a query. The others are copied and answered
 * when their answer is there.
 */

import { RCODE } from '../../dns/message.ts';
import { QueryReader, type QueryShape, type QueryVerdict } from '../../dns/query-reader.ts';
import { BAD_VERSION, writeAnswer, writeRefusal } from '../../dns/stored-answer.ts';
import type { Clock } from '../../shared/clock.ts';
import { logger } from '../../shared/log.ts';
import type { Scope } from '../../shared/scope.ts';
import type { RequestBatch, System, UdpOptions, UdpServer } from '../../system/system.ts';
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
    const { questionEnd, hasEdns, limitBytes } = this.#query;
    const at = batch.offset(index);
    const shape: QueryShape = { questionEnd, hasEdns, limitBytes };
    const head = batch.memory.toString('latin1', at, at + questionEnd);
    const sender = batch.sender(index);
    this.#resolution.resolve(questionOf(this.#query), nowMs, (answer) => {
      if (this.#scope.isClosed) return;
      const { outbox } = this.#server;
      const { memory, offset } = outbox;
      memory.write(head, offset, 'latin1');
      outbox.add(writeAnswer(memory, offset, shape, answer), sender);
    });
  }
}
