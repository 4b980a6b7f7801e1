/**
 * The name servers and search domains of every link, with their lifetimes (RFC 8106, 5), and the
 * fallback servers that count only while there is no other. Invariant: the DNS backend is told the
 * whole after every change, once for all changes of a moment, and for those of other links than the
 * default's after a tenth of a second; before the first it keeps what an earlier daemon told it.
 */

import type { DnsBackend, LinkDns, NameServer } from './dns-backend/backend.ts';
import type { Alarm, Clock } from './shared/clock.ts';
import { Emitter, type Observable } from './shared/emitter.ts';
import type { IpAddress, IpPrefix } from './shared/ipaddress.ts';
import { logger } from './shared/log.ts';
import type { Scope } from './shared/scope.ts';

const log = logger('src/resolver.ts');

/** What a link brings; without `lifetimeSec` it counts until it is replaced. */
export interface LinkServers {
  readonly nameservers: readonly (NameServer & { readonly lifetimeSec?: number })[];
  readonly domains: readonly { readonly name: string; readonly lifetimeSec?: number }[];
  /** See LinkDns. */
  readonly routedDomains?: readonly string[];
  readonly networks?: readonly IpPrefix[];
  readonly isMulticastDnsWanted?: boolean;
}

/** The daemon's list of name servers. */
export interface Resolver {
  /** Replaces all that link `ifindex` brings. Loopback and unspecified servers and duplicates are dropped. */
  setServers(ifindex: number, servers: LinkServers): void;
  /** Forgets link `ifindex`. */
  remove(ifindex: number): void;
  /** Whose servers come first: the default service's link. */
  setDefault(ifindex: number | undefined): void;
  /** What to ask through link `ifindex`: its own servers, else the fallback servers. */
  nameserversOf(ifindex: number): readonly NameServer[];
  /** Whether multicast DNS can be had on links. */
  readonly canMulticastDns: boolean;
  /** The ifindex whose servers or domains changed, expiry included, at once. */
  readonly changed: Observable<number>;
}

/** What a resolver is made of. */
export interface ResolverOptions {
  readonly backend: DnsBackend;
  /** main.conf FallbackNameservers. */
  readonly fallbackNameservers: readonly IpAddress[];
}

/** Makes the daemon's resolver; its timers end with `scope`, what the backend wrote stays. */
export function createResolver(options: ResolverOptions, env: { readonly clock: Clock }, scope: Scope): Resolver {
  return new LinkResolver(options, env.clock, scope);
}

/** At most this often do changes of links that are not the default's go out: hundreds may come at once. */
const GATHER_MS = 100;

/** Something that counts until a time of the clock. */
interface Entry<T> {
  readonly value: T;
  /** Infinity: until replaced. */
  readonly expiresAtMs: number;
}

interface Link {
  readonly nameservers: readonly Entry<NameServer>[];
  readonly domains: readonly Entry<string>[];
  /** What has no lifetime. */
  readonly rest: Pick<LinkDns, 'routedDomains' | 'networks' | 'isMulticastDnsWanted'>;
}

class LinkResolver implements Resolver {
  readonly changed = new Emitter<number>();
  readonly #options: ResolverOptions;
  readonly #clock: Clock;
  readonly #expiry: Alarm;
  readonly #links = new Map<number, Link>();
  readonly #gather: Alarm;
  #defaultIfindex: number | undefined;
  #isApplyDue = false;
  #quietUntilMs = -Infinity;

  constructor(options: ResolverOptions, clock: Clock, scope: Scope) {
    this.#options = options;
    this.#clock = clock;
    this.#expiry = clock.alarm('name server lifetimes', scope, () => this.#expire());
    this.#gather = clock.alarm('name servers of other links', scope, () => this.#apply());
  }

  get canMulticastDns(): boolean {
    return this.#options.backend.canMulticastDns === true;
  }

  setServers(ifindex: number, servers: LinkServers): void {
    const now = this.#clock.now();
    const { nameservers, domains, ...rest } = servers;
    const usable = nameservers.filter(({ address }) => isUsable(address));
    this.#replace(ifindex, {
      nameservers: entries(usable.map(({ lifetimeSec, ...server }) => [server, lifetimeSec]), nameServerText, now),
      domains: entries(domains.map(({ name, lifetimeSec }) => [name, lifetimeSec]), String, now),
      rest,
    });
  }

  remove(ifindex: number): void {
    this.#replace(ifindex, { nameservers: [], domains: [], rest: {} });
  }

  setDefault(ifindex: number | undefined): void {
    if (ifindex === this.#defaultIfindex) return;
    this.#defaultIfindex = ifindex;
    this.#applySoon();
  }

  nameserversOf(ifindex: number): readonly NameServer[] {
    const own = this.#links.get(ifindex)?.nameservers.map(({ value }) => value) ?? [];
    return own.length > 0 ? own : this.#options.fallbackNameservers.map((address) => ({ address }));
  }

  #replace(ifindex: number, link: Link): void {
    const before = this.#links.get(ifindex);
    const isEmpty = fingerprint(link) === fingerprint(EMPTY);
    if (isEmpty) this.#links.delete(ifindex);
    else this.#links.set(ifindex, link);
    this.#armExpiry();
    if (fingerprint(before) === fingerprint(isEmpty ? undefined : link)) return;
    log.debug('link %d: %s', ifindex, fingerprint(link));
    const isUrgent = this.#defaultIfindex === undefined || ifindex === this.#defaultIfindex;
    if (isUrgent || this.#clock.now() >= this.#quietUntilMs) this.#applySoon();
    else this.#gather.set(this.#quietUntilMs);
    this.changed.emit(ifindex);
  }

  #expire(): void {
    const now = this.#clock.now();
    for (const [ifindex, { nameservers, domains, rest }] of [...this.#links]) {
      this.#replace(ifindex, {
        nameservers: nameservers.filter(({ expiresAtMs }) => expiresAtMs > now),
        domains: domains.filter(({ expiresAtMs }) => expiresAtMs > now),
        rest,
      });
    }
    this.#armExpiry();
  }

  #armExpiry(): void {
    let earliest = Infinity;
    for (const { nameservers, domains } of this.#links.values()) {
      for (const { expiresAtMs } of nameservers) earliest = Math.min(earliest, expiresAtMs);
      for (const { expiresAtMs } of domains) earliest = Math.min(earliest, expiresAtMs);
    }
    this.#expiry.set(earliest === Infinity ? undefined : earliest);
  }

  #applySoon(): void {
    if (this.#isApplyDue) return;
    this.#isApplyDue = true;
    queueMicrotask(() => {
      this.#isApplyDue = false;
      this.#apply();
    });
  }

  #apply(): void {
    this.#gather.set(undefined);
    this.#quietUntilMs = this.#clock.now() + GATHER_MS;
    const links: LinkDns[] = [];
    for (const [ifindex, { nameservers, domains, rest }] of this.#links) {
      const link = { ifindex, ...rest, nameservers: nameservers.map(valueOf), domains: domains.map(valueOf) };
      if (ifindex === this.#defaultIfindex) links.unshift(link);
      else links.push(link);
    }
    const { backend, fallbackNameservers } = this.#options;
    const fallback = fallbackNameservers.map((address) => ({ address }));
    backend.apply({ links, defaultIfindex: this.#defaultIfindex, fallbackNameservers: fallback });
  }
}

// The local host's addresses would be ourselves.
function isUsable(address: IpAddress): boolean {
  return !address.isLoopback && !address.isUnspecified && !address.isMulticast;
}

const EMPTY: Link = { nameservers: [], domains: [], rest: {} };

function entries<T>(
  values: readonly (readonly [T, number | undefined])[], textOf: (value: T) => string, now: number,
): Entry<T>[] {
  const byText = new Map<string, Entry<T>>();
  for (const [value, lifetimeSec] of values) {
    // RFC 8106, 5.1: a lifetime of zero means no longer to be used.
    if (lifetimeSec === 0 || byText.has(textOf(value))) continue;
    byText.set(textOf(value), { value, expiresAtMs: lifetimeSec === undefined ? Infinity : now + 1000 * lifetimeSec });
  }
  return [...byText.values()];
}

function nameServerText({ address, port, tlsName }: NameServer): string {
  return `${address}${port === undefined ? '' : `:${port}`}${tlsName === undefined ? '' : `#${tlsName}`}`;
}

function fingerprint(link: Link | undefined): string {
  if (link === undefined) return '';
  const { nameservers, domains, rest } = link;
  const { routedDomains = [], networks = [], isMulticastDnsWanted = false } = rest;
  const prefixes = networks.map(({ address, prefixLength }) => `${address}/${prefixLength}`);
  return `${nameservers.map(({ value }) => nameServerText(value)).join(' ')} search ${domains.map(valueOf).join(' ')}`
    + ` for ${[...routedDomains, ...prefixes].join(' ')}${isMulticastDnsWanted ? ' mdns' : ''}`;
}

function valueOf<T>({ value }: Entry<T>): T {
  return value;
}
