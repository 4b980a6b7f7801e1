/**
 * A DHCPv4 client (RFC 2131) on one interface: the pure machine with its driver and its sockets.
 * Closing the scope ends it silently: nothing is released, the lease stays good for a restart.
 */

import type { Observable } from '../shared/emitter.ts';
import type { IpAddress } from '../shared/ipaddress.ts';
import { logger } from '../shared/log.ts';
import type { Scope } from '../shared/scope.ts';
import { step } from './client-machine.ts';
import type { Identity } from './client-messages.ts';
import { clientIdentifierOf } from './client-identity.ts';
import { ClientSockets } from './client-sockets.ts';
import { type Input, type LeaseEvent, leaseOf, nextTickAt, type Outgoing, type State } from './client-state.ts';
import { Driver, type LinkEnv, type Machine } from './driver.ts';
import type { Lease } from './lease.ts';
import { messageType } from './message.ts';

export type { LeaseEvent as ClientEvent } from './client-state.ts';
export { clientIdentifierOf } from './client-identity.ts';
export { expiryOf } from './lease.ts';
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
  /** Option 12, with dots option 81. */
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
  /** Requests of this exchange that nobody has answered yet. */
  readonly unanswered: number;
  /** Ends it; `release` gives the address back (RFC 2131, 4.4.6): call it while the address is still set. */
  stop(options: { release: boolean }): void;
  /** Does at once what is due, instead of in the clock's next turn: the first packet of a client just started. */
  begin(): void;
  /** Asks the server at once instead of at T1; a waiting client tries again at once. */
  renewNow(): void;
  /** The address is in use by someone else: DECLINE, and a new search after 10 s. No event. */
  decline(): void;
}

/** Starts a client; it ends with `scope`. Throws nothing: an interface that is down is retried. */
export function startDhcpClient(options: ClientOptions, env: LinkEnv, scope: Scope): DhcpClient {
  return new DrivenClient(options, env, scope);
}

const DEFAULT_MTU = 1500;
const LEAST_MESSAGE_BYTES = 576;

class DrivenClient implements DhcpClient {
  readonly #scope: Scope;
  readonly #driver: Driver<State, Input, Outgoing, LeaseEvent>;

  constructor(options: ClientOptions, { system, clock, random }: LinkEnv, scope: Scope) {
    this.#scope = scope.child();
    const name = `DHCP index ${options.ifindex}`;
    const identity = identityOf(options);
    const sockets = new ClientSockets(system, options, this.#scope, (message, isBroadcast) => {
      log.debug('%s: received %s %s', name, messageType(message), message.yourAddress);
      this.#driver.feed({ kind: 'message', message, isBroadcast });
    });
    const machine: Machine<State, Input, Outgoing, LeaseEvent> = {
      name,
      nextTickAt,
      step: (state, input) => step(state, input, { now: clock.now(), random, identity }),
      send({ message, route }) {
        sockets.send(message, route);
        log.debug('%s: sent %s to %s', name, messageType(message), route?.to ?? 'all');
      },
      // Only a state with a transaction waits for an answer.
      isListening: (state) => 'xid' in state,
      open: () => sockets.open(),
      close: () => sockets.close(),
    };
    this.#driver = new Driver(machine, { name: 'stopped' }, { clock, log }, this.#scope);
    this.#driver.feed({
      kind: 'start',
      wish: options.lease?.address ?? options.lastAddress,
      adopted: options.adopt === true ? options.lease : undefined,
    });
  }

  get events(): Observable<LeaseEvent> {
    return this.#driver.events;
  }

  get lease(): Lease | undefined {
    return leaseOf(this.#driver.state);
  }

  get unanswered(): number {
    const { state } = this.#driver;
    return 'tries' in state ? state.tries : 0;
  }

  stop({ release }: { release: boolean }): void {
    this.#driver.force({ kind: 'stop', release });
    void this.#scope.close();
  }

  begin(): void {
    this.#driver.tickIfDue();
  }

  renewNow(): void {
    this.#driver.feed({ kind: 'renew' });
  }

  decline(): void {
    this.#driver.force({ kind: 'decline' });
  }
}

function identityOf({ hardwareAddress, clientIdentifier, hostname, vendorClass, mtu }: ClientOptions): Identity {
  const largest = Math.min(DEFAULT_MTU, mtu ?? DEFAULT_MTU);
  return {
    hardwareAddress,
    clientIdentifier: clientIdentifier ?? clientIdentifierOf('mac', hardwareAddress),
    hostname,
    vendorClass,
    maximumMessageSize: Math.max(LEAST_MESSAGE_BYTES, largest),
  };
}
