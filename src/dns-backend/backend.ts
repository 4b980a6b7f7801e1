/**
 * What every DNS backend (resolv.conf alone, proxy, systemd-resolved) is told by the resolver.
 * Invariant: a backend gets the whole configuration each time and keeps no other state of it.
 */

import type { IpAddress, IpPrefix } from '../shared/ipaddress.ts';
import type { Clock } from '../shared/clock.ts';
import type { Random } from '../shared/random.ts';
import type { Scope } from '../shared/scope.ts';
import type { System } from '../system/system.ts';
import type { Bus } from '../dbus/bus.ts';

/** A name server. */
export interface NameServer {
  readonly address: IpAddress;
  /** Default 53, with a name 853. */
  readonly port?: number;
  /** The name its certificate must bear (RFC 7858): it may be asked over TLS only. */
  readonly tlsName?: string;
}

/** The name servers and domains of one link, as they are now. */
export interface LinkDns {
  readonly ifindex: number;
  /** In the order of preference; without duplicates. */
  readonly nameservers: readonly NameServer[];
  /** Search domains, without duplicates. Names below them are this link's servers' business alone. */
  readonly domains: readonly string[];
  /** Domains that are this link's servers' business and are not searched, as a VPN brings them. */
  readonly routedDomains?: readonly string[];
  /** Networks on the link: their reverse zones are its servers' business. */
  readonly networks?: readonly IpPrefix[];
  /** mDNS wanted on the link; systemd-resolved alone can do it. */
  readonly isMulticastDnsWanted?: boolean;
}

/** Everything known at one moment. */
export interface DnsConfiguration {
  /** The default service's link first, the others in the order in which they came. */
  readonly links: readonly LinkDns[];
  /** Ifindex of the default service's link. */
  readonly defaultIfindex: number | undefined;
  /** In use only while no link has a server. */
  readonly fallbackNameservers: readonly NameServer[];
}

/** Brings a configuration to where the machine's programs look for it. */
export interface DnsBackend {
  /**
   * Called after every change, once for all changes of a moment; a last time perhaps while the
   * backend's scope closes. Never throws.
   */
  apply(configuration: DnsConfiguration): void;
  /** What the backend itself resolves; absent where it does not. */
  readonly status?: DnsStatus;
  /** Whether it can do multicast DNS on a link. */
  readonly canMulticastDns?: boolean;
  /** Names to be answered beside those of the hosts file, in its form; replaces what was told before. */
  setHosts?(text: string): void;
  /**
   * Answers on another address of this machine as well, a tethering bridge's for instance, and only
   * what comes in by `device`, until `scope` closes. What cannot be done now is tried again with each
   * `apply`; programs on this machine are not told of it.
   */
  listen?(address: IpAddress, device: string, scope: Scope): void;
}

/** What can be seen of a resolving backend. */
export interface DnsStatus {
  readonly servers: readonly DnsServerStatus[];
  readonly cache: {
    readonly entries: number;
    readonly bytes: number;
    readonly hits: number;
    readonly misses: number;
    readonly stale: number;
  };
  /** Where it answers; empty while it does not. */
  readonly listening: readonly string[];
  /** Forgets all answers. */
  flush(): void;
}

/** One server's health. */
export interface DnsServerStatus {
  /** `address:port`, with `%link` and `#name` where there are such. */
  readonly name: string;
  readonly isSilent: boolean;
  /** Of an answer, smoothed; undefined before the first. */
  readonly roundTripMs: number | undefined;
  readonly asked: number;
  readonly answers: number;
  readonly failures: number;
}

/** The file that the C library reads; implemented in src/daemon/resolv-conf.ts. */
export interface ResolvConfFile {
  /** Replaces the content atomically where that is allowed; failures are logged once. */
  write(text: string): void;
}

/** What a backend may use. */
export interface DnsBackendEnv {
  readonly resolvConf: ResolvConfFile;
  readonly system: System;
  readonly clock: Clock;
  readonly random: Random;
  readonly bus: Bus;
  /** main.conf DNSProxyListen. */
  readonly listen: string | undefined;
  /** main.conf DNSProxyStopRebinding. */
  readonly isRebindingStopped: boolean;
  /** The name of an interface as it is now. */
  linkName(ifindex: number): string | undefined;
  /** Tells the text of the hosts file, at once and after each change; `''` where there is none. */
  watchHosts(scope: Scope, onText: (text: string) => void): void;
  /** Who holds a port, for people: `dnsmasq (812)`. */
  portHolder(port: number): string | undefined;
}

/** A backend as `configure` chooses it. */
export interface DnsBackendPlugin {
  readonly name: string;
  start(env: DnsBackendEnv, scope: Scope): DnsBackend;
}
