/**
 * An NTP client at work: the pure machine (machine.ts) with its timer, name lookups and sockets. Each
 * request has a socket of its own, connected to the server from a port the kernel draws (RFC 9109),
 * and open until the answer, the next request, or ANSWER_MS.
 */

import type { Alarm, Clock } from '../shared/clock.ts';
import { Emitter, type Observable } from '../shared/emitter.ts';
import { DecodeError, messageOf, SystemError } from '../shared/errors.ts';
import type { IpAddress } from '../shared/ipaddress.ts';
import { logger } from '../shared/log.ts';
import type { Random } from '../shared/random.ts';
import type { Scope } from '../shared/scope.ts';
import type { System } from '../system/system.ts';
import { nextTickAt, step, STOPPED, type Action, type Input, type NtpEvent, type State } from './machine.ts';
import { decodeReply, encodeRequest } from './packet.ts';

export type { Adjustment, NtpEvent } from './machine.ts';

const log = logger('src/ntp/client.ts');

const NTP_PORT = 123;
/** As late as an answer may come: one that took longer would not say the time to a second. */
const ANSWER_MS = 8000;

/** What a client takes from outside. */
export interface NtpEnv {
  readonly system: Pick<System, 'udp' | 'wallTime'>;
  readonly clock: Clock;
  readonly random: Random;
  /** The addresses of a server, through the same link as the requests; rejects where there are none. */
  resolve(name: string, signal: AbortSignal): Promise<readonly IpAddress[]>;
}

/** Whom to ask, and through what. */
export interface NtpTarget {
  /** Names or addresses, in order of preference. */
  readonly servers: readonly string[];
  /** Interface name for SO_BINDTODEVICE; the routing table decides when absent. */
  readonly device?: string;
  /** What tells this way to the servers from another, such as the service's identifier. */
  readonly network: string;
}

/** Asks for the time until `scope` closes; says what to do to the clock, and does nothing to it. */
export class NtpClient {
  readonly #events = new Emitter<NtpEvent>();
  readonly #env: NtpEnv;
  readonly #scope: Scope;
  readonly #alarm: Alarm;
  readonly #sockets = new Map<string, Scope>();
  #state: State = STOPPED;
  #device: string | undefined;
  /** Of the lookups of this start. */
  #lookups: Scope;

  constructor(env: NtpEnv, scope: Scope) {
    this.#env = env;
    this.#scope = scope;
    this.#lookups = scope.child();
    this.#alarm = env.clock.alarm('NTP', scope, () => this.#feed({ kind: 'tick' }));
  }

  get events(): Observable<NtpEvent> {
    return this.#events;
  }

  /** Asks these servers from now on; what servers were promised still holds. */
  start({ servers, device, network }: NtpTarget): void {
    this.#reset();
    this.#device = device;
    this.#feed({ kind: 'start', names: servers, network });
  }

  stop(): void {
    this.#reset();
    this.#feed({ kind: 'stop' });
  }

  /** The machine slept: asks again now. */
  wake(): void {
    this.#feed({ kind: 'awake' });
  }

  #reset(): void {
    void this.#lookups.close();
    this.#lookups = this.#scope.child();
    for (const socket of this.#sockets.values()) void socket.close();
  }

  #feed(input: Input): void {
    if (this.#scope.isClosed) return;
    const { clock, random, system } = this.#env;
    const now = clock.now();
    const { state, actions } = step(this.#state, input, { now, random, wallBaseMs: system.wallTime() - now });
    if (state.name !== this.#state.name) log.debug('%s -> %s', this.#state.name, state.name);
    this.#state = state;
    for (const action of actions) this.#do(action);
    this.#alarm.set(nextTickAt(this.#state));
  }

  #do(action: Action): void {
    switch (action.kind) {
      case 'send':
        return this.#send(action);
      case 'resolve':
        return void this.#resolve(action.name, this.#lookups.signal);
      case 'event':
        return this.#events.emit(action.event);
    }
  }

  // A request that cannot leave is one without an answer: the machine asks again, later each time.
  #send({ address, nonce, poll }: Extract<Action, { kind: 'send' }>): void {
    const key = String(address);
    void this.#sockets.get(key)?.close();
    const scope = this.#scope.child();
    this.#sockets.set(key, scope);
    scope.defer(() => void (this.#sockets.get(key) === scope && this.#sockets.delete(key)));
    try {
      const device = this.#device === undefined ? {} : { device: this.#device };
      const peer = { address, port: NTP_PORT };
      const socket = this.#env.system.udp({ family: address.family, ...device, peer }, scope);
      socket.onMessage = (bytes) => this.#receive(address, bytes);
      socket.onError = (error) => log.debug('%s: %s', address, error.message);
      socket.send(encodeRequest(nonce, poll));
      log.debug('asked %s', address);
      this.#env.clock.after(`NTP answer of ${address}`, ANSWER_MS, scope, () => void scope.close());
    } catch (error) {
      if (!(error instanceof SystemError)) throw error;
      log.debug('%s cannot be asked: %s', address, error.message);
      void scope.close();
    }
  }

  #receive(address: IpAddress, bytes: Uint8Array): void {
    try {
      const reply = decodeReply(bytes);
      const key = String(address);
      const socket = this.#sockets.get(key);
      this.#feed({ kind: 'reply', address, reply });
      // The machine may have asked again already, through another socket.
      if (!this.#isWaitingFor(address) && this.#sockets.get(key) === socket) void socket?.close();
    } catch (error) {
      if (!(error instanceof DecodeError)) throw error;
      log.debug('%s: %s', address, error.message);
    }
  }

  #isWaitingFor(address: IpAddress): boolean {
    if (this.#state.name === 'stopped') return false;
    return this.#state.servers.peers.some((peer) => peer.request !== undefined && peer.address.equals(address));
  }

  async #resolve(name: string, signal: AbortSignal): Promise<void> {
    let addresses: readonly IpAddress[] = [];
    try {
      addresses = await this.#env.resolve(name, signal);
      log.debug('%s is %s', name, addresses.join(' '));
    } catch (error) {
      log.debug('%s', messageOf(error));
    }
    if (!signal.aborted) this.#feed({ kind: 'resolved', name, addresses });
  }
}
