/**
 * Questions to one server over UDP. A few connected sockets with ports of the kernel's choice wait
 * for use, each for so many questions (RFC 5452, 9.2), and are closed when nothing is asked any
 * more. What is asked in one turn of the event loop leaves by one of them, drawn anew each turn: who
 * wants to forge a reply still has to guess port, id and the case of letters, as equal questions are
 * never asked twice at a time, while the kernel is called once for all. A socket that gets much it
 * did not ask for is given up, and its questions with it: somebody may be guessing.
 */

import type { Alarm } from '../../shared/clock.ts';
import { logger } from '../../shared/log.ts';
import type { Scope } from '../../shared/scope.ts';
import type { RequestBatch, UdpServer } from '../../system/system.ts';
import { ChainTable, type Member } from '../../dns/chain-table.ts';
import { readReply, writeQuery, type SentQuery } from './outgoing.ts';
import type {
  Asked, Cancellable, Habits, Listener, ServerAddress, Transport, TransportOutcome, UpstreamEnv,
} from './upstream.ts';

const log = logger('src/dns-backend/proxy/udp-transport.ts');

const POOL = 8;
/** A socket takes so many questions before another takes its place. */
const MAX_USES = 256;
const MAX_PENDING = 512;
const CHAINS = 64;
/** So many messages that answer nothing are too many. */
const MAX_FOREIGN = 24;
const IDLE_MS = 10_000;
const ID_BYTES = 2;

/** UDP to one server. */
export class UdpTransport implements Transport {
  readonly #server: ServerAddress;
  readonly #env: UpstreamEnv;
  readonly #scope: Scope;
  readonly #idle: Alarm;
  readonly #pool: (PooledSocket | undefined)[] = Array.from({ length: POOL }, () => undefined);
  /** The socket of this turn. */
  #current: PooledSocket | undefined;
  /** Since the idle alarm was set. */
  #isUsed = false;
  #isIdleArmed = false;

  constructor(server: ServerAddress, env: UpstreamEnv, scope: Scope) {
    this.#server = server;
    this.#env = env;
    this.#scope = scope;
    this.#idle = env.clock.alarm(`idle sockets to ${server.address}`, scope, () => this.#onIdle());
  }

  ask(asked: Asked, habits: Habits, listener: Listener): Cancellable {
    this.#current ??= this.#drawSocket();
    const pooled = this.#current;
    if (pooled === undefined) return this.#unreachable(listener);
    const pending = pooled.ask({ asked, habits, listener });
    if (pooled.isUsedUp) {
      this.#current = undefined;
      this.#replace(pooled);
    }
    return pending;
  }

  /** Whether a socket is still drawn from; else it goes with its last question. */
  has(pooled: PooledSocket): boolean {
    return this.#pool.includes(pooled);
  }

  /** A socket that is of no more use: its questions end. */
  giveUp(pooled: PooledSocket, outcome: TransportOutcome): void {
    if (this.#current === pooled) this.#current = undefined;
    const place = this.#pool.indexOf(pooled);
    if (place >= 0) this.#pool[place] = undefined;
    if (outcome.kind === 'flooded') log.warn('%s: many replies that were not asked for', this.#server.address);
    pooled.close(outcome, this.#env.clock.now());
  }

  #drawSocket(): PooledSocket | undefined {
    this.#touch();
    void turnEnded.then(this.#endTurn);
    const place = this.#env.random.u32() % POOL;
    return (this.#pool[place] ??= this.#open());
  }

  readonly #endTurn = (): void => {
    this.#current = undefined;
  };

  #open(): PooledSocket | undefined {
    const { address, port, device } = this.#server;
    const scope = this.#scope.child();
    try {
      const options = { family: address.family, peer: { address, port }, ...(device === undefined ? {} : { device }) };
      return new PooledSocket(this, this.#env.system.udpServer(options, scope), this.#env, scope);
    } catch (error) {
      log.debug('no socket to %s: %s', address, error);
      void scope.close();
      return undefined;
    }
  }

  // What it still waits for may come; then it goes.
  #replace(pooled: PooledSocket): void {
    const place = this.#pool.indexOf(pooled);
    if (place >= 0) this.#pool[place] = undefined;
    const giveUp = (): void => this.giveUp(pooled, { kind: 'unreachable' });
    if (pooled.isWaiting) this.#env.clock.after('last replies', IDLE_MS, pooled.scope, giveUp);
    else giveUp();
  }

  #unreachable(listener: Listener): Cancellable {
    let isCancelled = false;
    queueMicrotask(() => {
      if (!isCancelled) listener.heard({ kind: 'unreachable' }, this.#env.clock.now());
    });
    return { cancel: () => void (isCancelled = true) };
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
    for (const pooled of this.#pool) if (pooled !== undefined) this.#replace(pooled);
  }
}

/** A question that waits for its reply. */
class Pending implements SentQuery, Cancellable, Member<Pending> {
  readonly id: number;
  readonly hash: number;
  next: Pending | undefined;
  readonly asked: Asked;
  readonly habits: Habits;
  readonly caseBits: number;
  readonly listener: Listener;
  readonly #pooled: PooledSocket;

  constructor(pooled: PooledSocket, { asked, habits, listener }: Wanted, id: number, caseBits: number) {
    this.#pooled = pooled;
    this.asked = asked;
    this.habits = habits;
    this.listener = listener;
    this.id = id;
    this.hash = id;
    this.caseBits = caseBits;
  }

  cancel(): void {
    this.#pooled.forget(this);
  }
}

interface Wanted {
  readonly asked: Asked;
  readonly habits: Habits;
  readonly listener: Listener;
}

/** One socket with what waits for a reply on it. */
class PooledSocket {
  readonly scope: Scope;
  readonly #transport: UdpTransport;
  readonly #socket: UdpServer;
  readonly #env: UpstreamEnv;
  readonly #pending = new ChainTable<Pending>(CHAINS);
  #uses = 0;
  #foreign = 0;

  constructor(transport: UdpTransport, socket: UdpServer, env: UpstreamEnv, scope: Scope) {
    this.#transport = transport;
    this.#socket = socket;
    this.#env = env;
    this.scope = scope;
    socket.onBatch = (batch) => this.#take(batch);
    socket.onError = (error) => {
      log.debug('%s', error.message);
      transport.giveUp(this, { kind: 'unreachable' });
    };
  }

  get isUsedUp(): boolean {
    return this.#uses >= MAX_USES || this.#pending.size >= MAX_PENDING;
  }

  get isWaiting(): boolean {
    return this.#pending.size > 0;
  }

  ask(wanted: Wanted): Pending {
    const { random } = this.#env;
    this.#uses++;
    let id = random.u32() >>> 16;
    while (this.#find(id) !== undefined) id = (id + 1) & 0xffff;
    const pending = new Pending(this, wanted, id, wanted.habits.keepsCase ? random.u32() : 0);
    this.#pending.add(pending);
    const { outbox } = this.#socket;
    outbox.add(writeQuery(outbox.memory, outbox.offset, pending));
    return pending;
  }

  /** Its question is over. */
  forget(pending: Pending): void {
    if (!this.#pending.remove(pending)) return;
    // Late replies are no attack.
    this.#foreign--;
    if (this.#pending.size === 0 && !this.#transport.has(this)) void this.scope.close();
  }

  /** Ends all its questions with `outcome`. */
  close(outcome: TransportOutcome, nowMs: number): void {
    void this.scope.close();
    const all = this.#pending.members();
    this.#pending.clear();
    for (const { listener } of all) listener.heard(outcome, nowMs);
  }

  #find(id: number): Pending | undefined {
    let pending = this.#pending.first(id);
    while (pending !== undefined && pending.id !== id) pending = pending.next;
    return pending;
  }

  #take(batch: RequestBatch): void {
    const nowMs = this.#env.clock.now();
    for (let index = 0; index < batch.count && !this.scope.isClosed; index++) {
      const length = batch.length(index);
      const reply = batch.message(index);
      const pending = length < ID_BYTES ? undefined : this.#find(((reply[0] ?? 0) << 8) | (reply[1] ?? 0));
      const outcome = pending === undefined ? undefined : readReply(reply, length, pending);
      if (pending === undefined || outcome === undefined || outcome.kind === 'foreign') {
        if (++this.#foreign === MAX_FOREIGN) this.#transport.giveUp(this, { kind: 'flooded' });
        continue;
      }
      this.forget(pending);
      pending.listener.heard(outcome, nowMs);
    }
  }
}

/** What follows it runs when the handler of this turn has returned. */
const turnEnded = Promise.resolve();
