/**
 * What a VPN tells beside what a network tells: whose it is, how traffic is split, and the tunnel
 * itself while it is up. A device that is one has it as its optional `tunnel`.
 */

import { Emitter, type Observable } from './shared/emitter.ts';
import type { IpAddress, IpPrefix } from './shared/ipaddress.ts';

/** A route beyond a tunnel; one without gateway leads into it. */
export interface TunnelRoute {
  readonly destination: IpPrefix;
  readonly gateway: IpAddress | undefined;
}

/** A tunnel that is up: its addresses are on the interface already. */
export interface TunnelSetup {
  readonly addresses: readonly IpPrefix[];
  /** Reached around the tunnel. */
  readonly server: IpAddress | undefined;
  readonly nameservers: readonly IpAddress[];
  readonly domains: readonly string[];
  readonly routes: readonly TunnelRoute[];
}

/** Where a VPN leads; `Provider` of its service. */
export interface ProviderFacts {
  readonly host: string;
  readonly type: string;
}

/** A VPN's tunnel. */
export class Tunnel {
  readonly provider: ProviderFacts;
  readonly #changed = new Emitter<void>();
  readonly #splitRoutingChanged = new Emitter<boolean>();
  #setup: TunnelSetup | undefined;
  #isSplitRouting = false;

  constructor(provider: ProviderFacts) {
    this.provider = provider;
  }

  /** Undefined while it is down. */
  get setup(): TunnelSetup | undefined {
    return this.#setup;
  }

  /** Emits when `setup` or `isSplitRouting` is another. */
  get changed(): Observable<void> {
    return this.#changed;
  }

  /** Whether only what has a route takes the tunnel; otherwise all does. */
  get isSplitRouting(): boolean {
    return this.#isSplitRouting;
  }

  /** Emits every decision, even if it is the same. */
  get splitRoutingChanged(): Observable<boolean> {
    return this.#splitRoutingChanged;
  }

  setSplitRouting(isSplitRouting: boolean): void {
    const isOther = isSplitRouting !== this.#isSplitRouting;
    this.#isSplitRouting = isSplitRouting;
    this.#splitRoutingChanged.emit(isSplitRouting);
    if (isOther) this.#changed.emit();
  }

  set(setup: TunnelSetup | undefined): void {
    this.#setup = setup;
    this.#changed.emit();
  }
}
