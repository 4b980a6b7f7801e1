/**
 * The claim to an address (RFC 5227): whether another host on the link has it is found out before
 * it is used, and it is defended for as long as it is. Without detection every address is free.
 * Invariant: at most one address is claimed at a time.
 */

import { startAcd, type AcdEvent } from '../dhcp/acd.ts';
import type { Clock } from '../shared/clock.ts';
import type { IpAddress } from '../shared/ipaddress.ts';
import type { Random } from '../shared/random.ts';
import type { Scope } from '../shared/scope.ts';
import type { System } from '../system/system.ts';

/** Where addresses are claimed, and whether others are asked at all. */
export interface ClaimTarget {
  readonly ifindex: number;
  readonly hardwareAddress: Uint8Array;
  /** AddressConflictDetection. */
  readonly detectsConflicts: boolean;
}

type Observe = (event: AcdEvent) => void;

/** The claims of one interface, one after the other. */
export class Claim {
  readonly #target: ClaimTarget;
  readonly #env: { readonly system: System; readonly clock: Clock; readonly random: Random };
  readonly #scope: Scope;
  #current: { readonly address: IpAddress; readonly scope: Scope; isFree: boolean; observe: Observe } | undefined;
  #conflicts = 0;

  constructor(
    target: ClaimTarget,
    env: { readonly system: System; readonly clock: Clock; readonly random: Random },
    scope: Scope,
  ) {
    this.#target = target;
    this.#env = env;
    this.#scope = scope;
  }

  /**
   * Claims `address` instead of the one before. Says `free` when it may be used: at once without
   * detection and for the address claimed already. An address that is set is not probed for.
   */
  start(address: IpAddress, isSet: boolean, observe: Observe): void {
    if (!this.#target.detectsConflicts) return observe({ kind: 'free' });
    if (this.#current?.address.equals(address) === true) {
      this.#current.observe = observe;
      if (this.#current.isFree) observe({ kind: 'free' });
      return;
    }
    this.end();
    const { ifindex, hardwareAddress } = this.#target;
    const scope = this.#scope.child();
    const current = { address, scope, isFree: false, observe };
    this.#current = current;
    const options = { ifindex, hardwareAddress, address, isInUse: isSet, conflicts: this.#conflicts };
    startAcd(options, this.#env, scope).events.observe(scope, (event) => {
      if (event.kind === 'free') current.isFree = true;
      if (event.kind === 'conflict' || event.kind === 'lost') {
        this.#conflicts++;
        this.end();
      }
      current.observe(event);
    });
  }

  /** Whether others are being asked about an address that is not in use yet. */
  get isProbing(): boolean {
    return this.#current?.isFree === false;
  }

  /** Gives it up, silently. */
  end(): void {
    void this.#current?.scope.close();
    this.#current = undefined;
  }
}
