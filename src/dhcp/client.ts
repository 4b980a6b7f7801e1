/**
 * Drives one DHCPv4 client machine on one interface: owns its sockets and its one alarm, and does
 * what the machine asks. The state moves only after the packet that belongs to it was sent.
 * Closing the scope ends it silently: nothing is released, the lease stays good for a restart.
 */

import type { Alarm, Clock } from '../shared/clock.ts';
import { Emitter, type Observable } from '../shared/emitter.ts';
import { SystemError } from '../shared/errors.ts';
import type { IpAddress } from '../shared/ipaddress.ts';
import { logger } from '../shared/log.ts';
import type { Random } from '../shared/random.ts';
import type { Scope } from '../shared/scope.ts';
import type { System } from '../system/system.ts';
import { step } from './client-machine.ts';
import type { Identity } from './client-messages.ts';
import { ClientSockets } from './client-sockets.ts';
import { type Input, type LeaseEvent, leaseOf, nextTickAt, type Route, type State } from './client-state.ts';
import type { Lease } from './lease.ts';
import { type DhcpMessage, messageType } from './message.ts';

export type { LeaseEvent as ClientEvent } from './client-state.ts';
export type { ClasslessRoute, Lease } from './lease.ts';
export { formatLease, parseLease } from './lease-file.ts';

const log = logger('src/dhcp/client.ts');

/** What one client is told when it starts. */
export interface ClientOptions {
  readonly ifindex: number;
  /** The interface's name, for logs and for the socket that renews by unicast. */
  readonly name: string;
  readonly hardwareAddress: Uint8Array;
  /** Asked for again first (INIT-REBOOT); 169.254/16 is ignored. */
  readonly lastAddress?: IpAddress;
  /** As `lastAddress`, with the whole lease as `parseLease` gave it. */
  readonly lease?: Lease;
  /**
   * The interface still carries the lease's address: `bound` comes at once while the server is
   * asked, and stays when no server answers. Without a lease, or with an expired one, no effect.
   */
  readonly adopt?: boolean;
  /** Option 12. */
  readonly hostname?: string;
  /** Option 60. */
  readonly vendorClass?: string;
  /** Option 61; ConnMan's by default: 1, then the hardware address. */
  readonly clientIdentifier?: Uint8Array;
  /** The interface's MTU, 1500 by default; the largest reply asked for (option 57). */
  readonly mtu?: number;
}

/** A running client. */
export interface DhcpClient {
  /** Never emits during `startDhcpClient`. */
  readonly events: Observable<LeaseEvent>;
  /** The lease in force; an adopted one at once. */
  readonly lease: Lease | undefined;
  /** Ends it; `release` gives the address back (RFC 2131, 4.4.6): call it while the address is still set. */
  stop(options: { release: boolean }): void;
  /** Asks the server at once instead of at T1; a waiting client tries again at once. */
  renewNow(): void;
  /** The address is in use by someone else: DECLINE, and a new search after 10 s. No event. */
  decline(): void;
}

/** What the client needs of the world. */
export interface ClientEnv {
  readonly system: System;
  readonly clock: Clock;
  readonly random: Random;
}

/** Starts a client; it ends with `scope`. Throws nothing: an interface that is down is retried. */
export function startDhcpClient(options: ClientOptions, env: ClientEnv, scope: Scope): DhcpClient {
  return new DrivenClient(options, env, scope);
}

const DEFAULT_MTU = 1500;
const LEAST_MESSAGE_BYTES = 576;
const FIRST_SEND_RETRY_MS = 100;
const LONGEST_SEND_RETRY_MS = 10_000;

class DrivenClient implements DhcpClient {
  readonly events = new Emitter<LeaseEvent>();
  readonly #options: ClientOptions;
  readonly #env: ClientEnv;
  readonly #identity: Identity;
  readonly #scope: Scope;
  readonly #alarm: Alarm;
  readonly #sockets: ClientSockets;
  #state: State = { name: 'stopped' };
  #sendFailures = 0;

  constructor(options: ClientOptions, env: ClientEnv, scope: Scope) {
    this.#options = options;
    this.#env = env;
    this.#identity = identityOf(options);
    this.#scope = scope.child();
    this.#alarm = env.clock.alarm(`DHCP ${options.name}`, this.#scope, () => this.#feed({ kind: 'tick' }));
    this.#sockets = new ClientSockets(env.system, options, this.#scope, (message, isBroadcast) => {
      this.#trace('received %s %s', messageType(message), message.yourAddress);
      this.#feed({ kind: 'message', message, isBroadcast });
    });
    this.#feed({
      kind: 'start',
      wish: options.lease?.address ?? options.lastAddress,
      adopted: options.adopt === true ? options.lease : undefined,
    });
  }

  get lease(): Lease | undefined {
    return leaseOf(this.#state);
  }

  stop({ release }: { release: boolean }): void {
    this.#feed({ kind: 'stop', release });
    void this.#scope.close();
  }

  renewNow(): void {
    this.#feed({ kind: 'renew' });
  }

  decline(): void {
    this.#feed({ kind: 'decline' });
  }

  #feed(input: Input): void {
    if (this.#scope.signal.aborted) return;
    const { clock, random } = this.#env;
    const { state, actions } = step(this.#state, input, { now: clock.now(), random, identity: this.#identity });
    const isSent = actions.every((action) => action.kind !== 'send' || this.#send(action.message, action.route));
    // A release or a refusal is sent once; for all else the state waits until the packet is out.
    if (!isSent && (input.kind === 'tick' || input.kind === 'message')) {
      this.#retryLater();
      return;
    }
    this.#enter(state);
    for (const action of actions) {
      if (action.kind === 'event') this.events.emit(action.event);
    }
  }

  #enter(state: State): void {
    const old = this.#state;
    this.#state = state;
    if (old.name !== state.name) this.#trace('%s -> %s', old.name, state.name);
    // Only a state with a transaction waits for an answer.
    if (!('xid' in state)) this.#sockets.close();
    this.#alarm.set(nextTickAt(state));
  }

  #send(message: DhcpMessage, route: Route | undefined): boolean {
    try {
      this.#sockets.send(message, route);
      this.#trace('sent %s to %s', messageType(message), route?.to ?? 'all');
      this.#sendFailures = 0;
      return true;
    } catch (error) {
      if (!(error instanceof SystemError)) throw error;
      this.#trace('sending failed: %s', error.message);
      return false;
    }
  }

  #retryLater(): void {
    const delayMs = Math.min(LONGEST_SEND_RETRY_MS, FIRST_SEND_RETRY_MS * 2 ** Math.min(this.#sendFailures, 16));
    this.#sendFailures++;
    this.#sockets.close();
    this.#alarm.set(this.#env.clock.now() + delayMs);
  }

  #trace(message: string, ...args: unknown[]): void {
    log.debug(`DHCP index %d: ${message}`, this.#options.ifindex, ...args);
  }
}

function identityOf({ hardwareAddress, clientIdentifier, hostname, vendorClass, mtu }: ClientOptions): Identity {
  const largest = Math.min(DEFAULT_MTU, mtu ?? DEFAULT_MTU);
  return {
    hardwareAddress,
    clientIdentifier: clientIdentifier ?? Uint8Array.of(1, ...hardwareAddress),
    hostname,
    vendorClass,
    maximumMessageSize: Math.max(LEAST_MESSAGE_BYTES, largest),
  };
}
