/**
 * What every DNS backend (resolv.conf alone, proxy, systemd-resolved) is told by the resolver.
 * Invariant: a backend gets the whole configuration each time and keeps no other state of it.
 */

import type { IpAddress } from '../shared/ipaddress.ts';
import type { Scope } from '../shared/scope.ts';

/** The name servers and domains of one link, as they are now. */
export interface LinkDns {
  readonly ifindex: number;
  /** In the order of preference; without duplicates. */
  readonly nameservers: readonly IpAddress[];
  /** Search domains, without duplicates. */
  readonly domains: readonly string[];
}

/** Everything known at one moment. */
export interface DnsConfiguration {
  /** The default service's link first, the others in the order in which they came. */
  readonly links: readonly LinkDns[];
  /** Ifindex of the default service's link. */
  readonly defaultIfindex: number | undefined;
  /** In use only while no link has a server. */
  readonly fallbackNameservers: readonly IpAddress[];
}

/** Brings a configuration to where the machine's programs look for it. */
export interface DnsBackend {
  /**
   * Called after every change, once for all changes of a moment; a last time perhaps while the
   * backend's scope closes. Never throws.
   */
  apply(configuration: DnsConfiguration): void;
}

/** The file that the C library reads; implemented in src/daemon/resolv-conf.ts. */
export interface ResolvConfFile {
  /** Replaces the content atomically where that is allowed; failures are logged once. */
  write(text: string): void;
}

/** What a backend may use. */
export interface DnsBackendEnv {
  readonly resolvConf: ResolvConfFile;
}

/** A backend as `configure` chooses it. */
export interface DnsBackendPlugin {
  readonly name: string;
  start(env: DnsBackendEnv, scope: Scope): DnsBackend;
}
