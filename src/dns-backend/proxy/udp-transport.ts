/**
 * Questions to one server over UDP. A few connected sockets with ports of the kernel's choice are
 * used in random turn, each for a while (RFC 5452, 9.2: unpredictable ids and ports), and closed
 * when nothing is asked any more. A socket that gets much it did not ask for is given up, and its
 * questions with it: somebody may be guessing.
 */

import type { Alarm } from '../../shared/clock.ts';
import { logger } from '../../shared/log.ts';
import type { Scope } from '../../shared/scope.ts';
import type { MessageSocket, UdpSender } from '../../system/system.ts';
import { readReply, writeQuery } from './outgoing.ts';
import type { Asked, Attempt, Habits, ServerAddress, Transport, TransportOutcome, UpstreamEnv } from './upstream.ts';

const log = logger('src/dns-backend/proxy/udp-transport.ts');

const POOL = 8;
/** A socket takes so many questions before another takes its place. */
const MAX_USES = 256;
const MAX_PENDING = 512;
/** So many messages that answer nothing are too many. */
const MAX_FOREIGN = 24;
const IDLE_MS = 10_000;

interface Pending extends Attempt {
  readonly question: Buffer;
  readonly done: (outcome: TransportOutcome) => void;
}

interface PooledSocket {
  readonly socket: MessageSocket<UdpSender>;
  readonly scope: Scope;
  readonly pending: Map<number, Pending>;
  uses: number;
  foreign: number;
}

/** UDP to one server. */
export class UdpTransport implements Transport {
  readonly #server: ServerAddress;
  readonly #env: UpstreamEnv;
  readonly #scope: Scope;
  readonly #idle: Alarm;
  readonly #pool: (PooledSocket | undefined)[] = Array.from({ length: POOL }, () => undefined);
  readonly #scratch = Buffer.alloc(512);
  /** Since the idle alarm was set. */
  #isUsed = false;
  #isIdleArmed = false;

  constructor(server: ServerAddress, env: UpstreamEnv, scope: Scope) {
    this.#server = server;
    this.#env = env;
    this.#scope = scope;
    this.#idle = env.clock.alarm(`idle sockets to ${server.address}`, scope, () => this.#onIdle());
  }

  ask(asked: Asked, habits: Habits, done: (outcome: TransportOutcome) => void): Attempt {
    const { random } = this.#env;
    const pooled = this.#pick(random.u32());
    if (pooled === undefined) return unreachable(done);
    let id = random.u32() >>> 16;
    while (pooled.pending.has(id)) id = (id + 1) & 0xffff;
    const length = writeQuery(this.#scratch, { id, ...asked, ...habits }, random);
    const question = Buffer.from(this.#scratch.subarray(12, 12 + asked.question.length));
    const pending: Pending = { question, done, cancel: () => this.#forget(pooled, id, pending) };
    pooled.pending.set(id, pending);
    try {
      pooled.socket.send(this.#scratch.subarray(0, length));
    } catch (error) {
      log.debug('%s: %s', this.#server.address, error);
      pooled.pending.delete(id);
      return unreachable(done);
    }
    return pending;
  }

  #pick(draw: number): PooledSocket | undefined {
    this.#touch();
    const place = draw % POOL;
    const known = this.#pool[place];
    if (known !== undefined && known.uses < MAX_USES && known.pending.size < MAX_PENDING) {
      known.uses++;
      return known;
    }
    // What it still waits for may come; then it goes.
    if (known !== undefined) this.#retire(known);
    const opened = this.#open(place);
    this.#pool[place] = opened;
    return opened;
  }

  #open(place: number): PooledSocket | undefined {
    const { address, port, device } = this.#server;
    const scope = this.#scope.child();
    try {
      const socket = this.#env.system.udp({
        family: address.family, peer: { address, port }, ...(device === undefined ? {} : { device }),
      }, scope);
      const pooled: PooledSocket = { socket, scope, pending: new Map(), uses: 1, foreign: 0 };
      socket.onMessage = (bytes) => this.#onReply(pooled, place, bytes);
      socket.onError = (error) => {
        log.debug('%s: %s', address, error.message);
        this.#giveUp(pooled, place, { kind: 'unreachable' });
      };
      return pooled;
    } catch (error) {
      log.debug('no socket to %s: %s', address, error);
      void scope.close();
      return undefined;
    }
  }

  #onReply(pooled: PooledSocket, place: number, bytes: Uint8Array): void {
    const reply = Buffer.from(bytes.buffer, bytes.byteOffset, bytes.byteLength);
    const id = reply.length < 2 ? -1 : reply.readUInt16BE(0);
    const pending = pooled.pending.get(id);
    const outcome = pending === undefined ? undefined : readReply(reply, pending.question);
    if (pending === undefined || outcome === undefined || outcome.kind === 'foreign') {
      if (++pooled.foreign === MAX_FOREIGN) this.#giveUp(pooled, place, { kind: 'flooded' });
      return;
    }
    this.#forget(pooled, id, pending);
    pending.done(outcome);
  }

  #forget(pooled: PooledSocket, id: number, pending: Pending): void {
    if (pooled.pending.get(id) !== pending) return;
    pooled.pending.delete(id);
    // Late replies are no attack.
    pooled.foreign--;
    if (pooled.pending.size === 0 && !this.#pool.includes(pooled)) void pooled.scope.close();
  }

  #giveUp(pooled: PooledSocket, place: number, outcome: TransportOutcome): void {
    if (this.#pool[place] === pooled) this.#pool[place] = undefined;
    void pooled.scope.close();
    const all = [...pooled.pending.values()];
    pooled.pending.clear();
    if (outcome.kind === 'flooded') log.warn('%s: many replies that were not asked for', this.#server.address);
    for (const pending of all) pending.done(outcome);
  }

  #retire(pooled: PooledSocket): void {
    if (pooled.pending.size === 0) void pooled.scope.close();
    else this.#env.clock.after('last replies', IDLE_MS, pooled.scope, () => void pooled.scope.close());
  }

  #touch(): void {
    this.#isUsed = true;
    if (!this.#isIdleArmed) this.#armIdle();
  }

  #armIdle(): void {
    this.#isUsed = false;
    this.#isIdleArmed = true;
    this.#idle.set(this.#env.clock.now() + IDLE_MS);
  }

  #onIdle(): void {
    if (this.#isUsed) {
      this.#armIdle();
      return;
    }
    this.#isIdleArmed = false;
    for (const [place, pooled] of this.#pool.entries()) {
      if (pooled === undefined) continue;
      this.#pool[place] = undefined;
      this.#retire(pooled);
    }
  }
}

function unreachable(done: (outcome: TransportOutcome) => void): Attempt {
  queueMicrotask(() => done({ kind: 'unreachable' }));
  return { cancel: () => undefined };
}
