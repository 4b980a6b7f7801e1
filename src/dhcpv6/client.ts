/**
 * A DHCPv6 client (RFC 8415) on one interface: the pure machine with its driver and its socket.
 * Closing the scope ends it silently: nothing is released, the lease stays good for a restart.
 */

import { Driver, type LinkEnv, type Machine } from '../dhcp/driver.ts';
import type { Observable } from '../shared/emitter.ts';
import type { IpAddress } from '../shared/ipaddress.ts';
import { logger } from '../shared/log.ts';
import type { Scope } from '../shared/scope.ts';
import { step } from './client-machine.ts';
import { type Dhcpv6Event, type Input, leaseOf, type Mode, nextTickAt, type State } from './client-state.ts';
import { ClientSocket } from './client-sockets.ts';
import type { Dhcpv6Lease } from './lease.ts';
import type { Dhcpv6Message } from './message.ts';

export type { Dhcpv6Event } from './client-state.ts';
export type { Dhcpv6Address, Dhcpv6Lease, Dhcpv6Prefix } from './lease.ts';
export { makeDuid } from './duid.ts';
export { formatLease6, parseLease6 } from './lease-file.ts';

const log = logger('src/dhcpv6/client.ts');

/** What one client is told when it starts. */
export interface Dhcpv6ClientOptions {
  readonly ifindex: number;
  /** The interface's name, for logs and for the socket. */
  readonly name: string;
  readonly duid: Uint8Array;
  /** The same over restarts; by custom the last four bytes of the hardware address. */
  readonly iaid: number;
  /** `stateless` asks for configuration alone (flag O of a router), `stateful` for what is wanted below, too. */
  readonly mode: Mode;
  /** IA_NA; true by default. */
  readonly wantsAddresses?: boolean;
  /** IA_TA, beside the others; false by default. Few servers know it. */
  readonly wantsTemporary?: boolean;
  /** IA_PD, beside the others; false by default. */
  readonly wantsPrefix?: boolean;
  /** Option 39; a name of several labels counts as complete. */
  readonly hostname?: string;
  /** As `parseLease6` gave it: put to CONFIRM, or REBIND with a prefix in it; an expired one is asked for. */
  readonly lease?: Dhcpv6Lease;
  /**
   * The interface still has the lease's addresses: `bound` comes at once while servers are asked,
   * and stays when none answers. Without a lease that holds, no effect.
   */
  readonly adopt?: boolean;
}

/** A running client. */
export interface Dhcpv6Client {
  /** Never emits during `startDhcpv6Client`. */
  readonly events: Observable<Dhcpv6Event>;
  /** The lease in force; an adopted one at once. */
  readonly lease: Dhcpv6Lease | undefined;
  /**
   * These addresses are in use by someone else (DAD failed): DECLINE, then new ones. No event for
   * the loss; addresses that are not the lease's are ignored.
   */
  decline(addresses: readonly IpAddress[]): void;
  /** Asks for more time at once instead of at T1; a waiting client tries again at once. */
  renewNow(): void;
  /** Ends it; `release` gives addresses and prefixes back (18.2.7): take them off first. */
  stop(options: { release: boolean }): void;
}

/** Starts a client; it ends with `scope`. Throws nothing: while the link has no address it tries again. */
export function startDhcpv6Client(options: Dhcpv6ClientOptions, env: LinkEnv, scope: Scope): Dhcpv6Client {
  return new DrivenClient(options, env, scope);
}

class DrivenClient implements Dhcpv6Client {
  readonly #scope: Scope;
  readonly #driver: Driver<State, Input, Dhcpv6Message, Dhcpv6Event>;

  constructor(options: Dhcpv6ClientOptions, { system, clock, random }: LinkEnv, scope: Scope) {
    this.#scope = scope.child();
    const { duid, iaid, hostname, wantsAddresses = true, wantsTemporary = false, wantsPrefix = false } = options;
    const identity = { duid, iaid, hostname, wantsAddresses, wantsTemporary, wantsPrefix };
    const name = `DHCPv6 index ${options.ifindex}`;
    const socket = new ClientSocket(system, options, this.#scope, (message) => {
      log.debug('%s: received %s', name, message.type);
      this.#driver.feed({ kind: 'message', message });
    });
    const machine: Machine<State, Input, Dhcpv6Message, Dhcpv6Event> = {
      name,
      nextTickAt,
      step: (state, input) => step(state, input, { now: clock.now(), random, identity }),
      send(message) {
        socket.send(message);
        log.debug('%s: sent %s', name, message.type);
      },
      // Only a state with a transaction waits for an answer.
      isListening: (state) => 'exchange' in state,
      open: () => void socket.open(),
      close: () => socket.close(),
    };
    this.#driver = new Driver(machine, { name: 'stopped' }, { clock, log }, this.#scope);
    const { mode, lease, adopt = false } = options;
    this.#driver.feed({ kind: 'start', mode, lease, adopt });
  }

  get events(): Observable<Dhcpv6Event> {
    return this.#driver.events;
  }

  get lease(): Dhcpv6Lease | undefined {
    return leaseOf(this.#driver.state);
  }

  decline(addresses: readonly IpAddress[]): void {
    this.#driver.force({ kind: 'decline', addresses });
  }

  renewNow(): void {
    this.#driver.feed({ kind: 'renew' });
  }

  stop({ release }: { release: boolean }): void {
    this.#driver.force({ kind: 'stop', release });
    void this.#scope.close();
  }
}
