/**
 * The addresses of a tunnel: whoever made it has put them on the interface, and takes them off with
 * it. Here they are only told, with the routes that lead into the tunnel.
 */

import { Emitter, type Observable } from '../shared/emitter.ts';
import type { IpPrefix } from '../shared/ipaddress.ts';
import type { Scope } from '../shared/scope.ts';
import type { Tunnel } from '../tunnel.ts';
import type { Ipv4InUse, Ipv6InUse } from './configuration.ts';
import { NO_OFFER, type NetworkOffer } from './offer.ts';
import type { AddressSession, SessionEvent, Setup } from './session.ts';

/** A tunnel's IPv4; nothing is told while it has none. */
export function tunnelIpv4(tunnel: Tunnel, scope: Scope): AddressSession<TunnelFamily<Ipv4InUse>> {
  return new TunnelSession(tunnel, 4, scope, (setup) => ({
    ...setup, inUse: { ...setup.inUse, method: 'fixed' }, lease: undefined,
  }));
}

/** A tunnel's IPv6. */
export function tunnelIpv6(tunnel: Tunnel, scope: Scope): AddressSession<TunnelFamily<Ipv6InUse>> {
  return new TunnelSession(tunnel, 6, scope, (setup) => ({
    ...setup, inUse: { ...setup.inUse, method: 'fixed', privacy: 'disabled' }, lease: undefined,
  }));
}

/** One family of a tunnel; nobody leased it. */
interface TunnelFamily<InUse extends Ipv4InUse | Ipv6InUse> extends Setup {
  readonly inUse: InUse;
  readonly lease: undefined;
}

class TunnelSession<S extends Setup> implements AddressSession<S> {
  readonly #tunnel: Tunnel;
  readonly #family: 4 | 6;
  readonly #scope: Scope;
  readonly #complete: (setup: Setup) => S;
  readonly #events = new Emitter<SessionEvent<S>>();
  #isTold = false;

  constructor(tunnel: Tunnel, family: 4 | 6, scope: Scope, complete: (setup: Setup) => S) {
    this.#tunnel = tunnel;
    this.#family = family;
    this.#scope = scope.child();
    this.#complete = complete;
  }

  get events(): Observable<SessionEvent<S>> {
    return this.#events;
  }

  start(): void {
    this.#tunnel.changed.observe(this.#scope, () => this.#tell());
    this.#tell();
  }

  // Whoever made the tunnel looks after it.
  wake(): void {}

  reapply(): void {
    if (this.#isTold) this.#tell();
  }

  async stop(): Promise<void> {
    await this.#scope.close();
  }

  #tell(): void {
    const setup = setupOf(this.#tunnel, this.#family);
    if (setup !== undefined) this.#events.emit({ kind: 'configured', setup: this.#complete(setup) });
    else if (this.#isTold) this.#events.emit({ kind: 'lost' });
    this.#isTold = setup !== undefined;
  }
}

function setupOf({ setup, isSplitRouting }: Tunnel, family: 4 | 6): Setup | undefined {
  const isOf = ({ address }: IpPrefix): boolean => address.family === family;
  const subnets = setup?.addresses.filter(isOf) ?? [];
  const [first] = subnets;
  if (setup === undefined || first === undefined) return undefined;
  const offer: NetworkOffer = { ...NO_OFFER, nameservers: setup.nameservers, domains: setup.domains };
  const gateway = setup.server?.family === family ? setup.server : undefined;
  return {
    inUse: { method: 'fixed', ...first, ...(gateway !== undefined && { gateway }) },
    subnets,
    routes: setup.routes.filter(({ destination }) => isOf(destination)),
    // Both families ask the same servers: told once.
    offer: setup.addresses[0] === first ? offer : NO_OFFER,
    tunnel: isSplitRouting ? 'split' : 'full',
  };
}
