/**
 * The name servers and search domains of every link, with their lifetimes (RFC 8106, 5), and the
 * fallback servers that count only while there is no other. Invariant: the DNS backend is told the
 * whole after every change, once for all changes of a moment; before the first it keeps what an
 * earlier daemon told it.
 */

import type { DnsBackend, LinkDns } from './dns-backend/backend.ts';
import type { Alarm, Clock } from './shared/clock.ts';
import { Emitter, type Observable } from './shared/emitter.ts';
import type { IpAddress } from './shared/ipaddress.ts';
import { logger } from './shared/log.ts';
import type { Scope } from './shared/scope.ts';

const log = logger('src/resolver.ts');

/** What a link brings; without `lifetimeSec` it counts until it is replaced. */
export interface LinkServers {
  readonly nameservers: readonly { readonly address: IpAddress; readonly lifetimeSec?: number }[];
  readonly domains: readonly { readonly name: string; readonly lifetimeSec?: number }[];
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
  nameserversOf(ifindex: number): readonly IpAddress[];
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

/** Something that counts until a time of the clock. */
interface Entry<T> {
  readonly value: T;
  /** Infinity: until replaced. */
  readonly expiresAtMs: number;
}

interface Link {
  readonly nameservers: readonly Entry<IpAddress>[];
  readonly domains: readonly Entry<string>[];
}

class LinkResolver implements Resolver {
  readonly changed = new Emitter<number>();
  readonly #options: ResolverOptions;
  readonly #clock: Clock;
  readonly #expiry: Alarm;
  readonly #links = new Map<number, Link>();
  #defaultIfindex: number | undefined;
  #isApplyDue = false;

  constructor(options: ResolverOptions, clock: Clock, scope: Scope) {
    this.#options = options;
    this.#clock = clock;
    this.#expiry = clock.alarm('name server lifetimes', scope, () => this.#expire());
  }

  setServers(ifindex: number, servers: LinkServers): void {
    const now = this.#clock.now();
    const usable = servers.nameservers.filter(({ address }) => isUsable(address));
    this.#replace(ifindex, {
      nameservers: entries(usable.map(({ address, lifetimeSec }) => [address, lifetimeSec]), now),
      domains: entries(servers.domains.map(({ name, lifetimeSec }) => [name, lifetimeSec]), now),
    });
  }

  remove(ifindex: number): void {
    this.#replace(ifindex, { nameservers: [], domains: [] });
  }

  setDefault(ifindex: number | undefined): void {
    if (ifindex === this.#defaultIfindex) return;
    this.#defaultIfindex = ifindex;
    this.#applySoon();
  }

  nameserversOf(ifindex: number): readonly IpAddress[] {
    const own = this.#links.get(ifindex)?.nameservers.map(({ value }) => value) ?? [];
    return own.length > 0 ? own : this.#options.fallbackNameservers;
  }

  #replace(ifindex: number, link: Link): void {
    const before = this.#links.get(ifindex);
    const isEmpty = link.nameservers.length === 0 && link.domains.length === 0;
    if (isEmpty) this.#links.delete(ifindex);
    else this.#links.set(ifindex, link);
    this.#armExpiry();
    if (fingerprint(before) === fingerprint(isEmpty ? undefined : link)) return;
    log.debug('link %d: %s', ifindex, fingerprint(link));
    this.#applySoon();
    this.changed.emit(ifindex);
  }

  #expire(): void {
    const now = this.#clock.now();
    for (const [ifindex, { nameservers, domains }] of [...this.#links]) {
      this.#replace(ifindex, {
        nameservers: nameservers.filter(({ expiresAtMs }) => expiresAtMs > now),
        domains: domains.filter(({ expiresAtMs }) => expiresAtMs > now),
      });
    }
    this.#armExpiry();
  }

  #armExpiry(): void {
    const all = [...this.#links.values()].flatMap(({ nameservers, domains }) => [...nameservers, ...domains]);
    const earliest = Math.min(Infinity, ...all.map(({ expiresAtMs }) => expiresAtMs));
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
    const links: LinkDns[] = [];
    for (const [ifindex, { nameservers, domains }] of this.#links) {
      const link = { ifindex, nameservers: nameservers.map(valueOf), domains: domains.map(valueOf) };
      if (ifindex === this.#defaultIfindex) links.unshift(link);
      else links.push(link);
    }
    const { backend, fallbackNameservers } = this.#options;
    backend.apply({ links, defaultIfindex: this.#defaultIfindex, fallbackNameservers });
  }
}

// The local host's addresses would be ourselves.
function isUsable(address: IpAddress): boolean {
  return !address.isLoopback && !address.isUnspecified && !address.isMulticast;
}

function entries<T>(values: readonly (readonly [T, number | undefined])[], now: number): Entry<T>[] {
  const byText = new Map<string, Entry<T>>();
  for (const [value, lifetimeSec] of values) {
    // RFC 8106, 5.1: a lifetime of zero means no longer to be used.
    if (lifetimeSec === 0 || byText.has(String(value))) continue;
    byText.set(String(value), { value, expiresAtMs: lifetimeSec === undefined ? Infinity : now + 1000 * lifetimeSec });
  }
  return [...byText.values()];
}

function fingerprint(link: Link | undefined): string {
  if (link === undefined) return '';
  return `${link.nameservers.map(valueOf).join(' ')} search ${link.domains.map(valueOf).join(' ')}`;
}

function valueOf<T>({ value }: Entry<T>): T {
  return value;
}
