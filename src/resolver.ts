/**
 * The name servers and search domains of every link, with their lifetimes (RFC 8106), and the
 * fallback servers that count only while there is no other. Tells the DNS backend of changes, those
 * of one moment together.
 */

import type { DnsBackend } from './dns-backend/backend.ts';
import type { Clock } from './shared/clock.ts';
import type { Observable } from './shared/emitter.ts';
import type { IpAddress } from './shared/ipaddress.ts';
import type { Scope } from './shared/scope.ts';

/** What a link brings; without `lifetimeSec` it counts until it is replaced. */
export interface LinkServers {
  readonly nameservers: readonly { readonly address: IpAddress; readonly lifetimeSec?: number }[];
  readonly domains: readonly { readonly name: string; readonly lifetimeSec?: number }[];
}

/** The daemon's list of name servers. */
export interface Resolver {
  /** Replaces all that link `ifindex` brings. Loopback servers and duplicates are dropped. */
  setServers(ifindex: number, servers: LinkServers): void;
  /** Forgets link `ifindex`. */
  remove(ifindex: number): void;
  /** Whose servers come first: the default service's link. */
  setDefault(ifindex: number | undefined): void;
  /** What to ask through link `ifindex`: its own servers, else the fallback servers. */
  nameserversOf(ifindex: number): readonly IpAddress[];
  /** The ifindex whose servers or domains changed, expiry included; once per moment and link. */
  readonly changed: Observable<number>;
}

/** What a resolver is made of. */
export interface ResolverOptions {
  readonly backend: DnsBackend;
  /** main.conf FallbackNameservers. */
  readonly fallbackNameservers: readonly IpAddress[];
}

/** Makes the daemon's resolver; its timers end with `scope`, what the backend wrote stays. */
export declare function createResolver(options: ResolverOptions, env: { clock: Clock }, scope: Scope): Resolver;
