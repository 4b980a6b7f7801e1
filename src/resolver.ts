/**
 * The name servers and search domains of every link, and the fallback servers that count only while
 * there is no other. Whoever sets them takes back what has ended (RFC 8106, 5). Invariant: the DNS backend is told the
 * whole after every change, once for all changes of a moment, and for those of other links than the
 * default's after a tenth of a second; before the first it keeps what an earlier daemon told it.
 */

import type { DnsBackend, LinkDns, NameServer } from './dns-backend/backend.ts';
import type { Alarm, Clock } from './shared/clock.ts';
import { Emitter, type Observable } from './shared/emitter.ts';
import type { IpAddress } from './shared/ipaddress.ts';
import { logger } from './shared/log.ts';
import type { Scope } from './shared/scope.ts';

const log = logger('src/resolver.ts');

/** What a link brings; see LinkDns. */
export type LinkServers = Omit<LinkDns, 'ifindex'>;

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
  /** Answers programs beyond `device`, on an address of ours there, until `scope` closes; false where nothing can. */
  listen(address: IpAddress, device: string, scope: Scope): boolean;
  /**
   * Tells programs these addresses of `name` without asking any server, from now on, where the backend answers
   * them; none takes it back.
   */
  setHost(name: string, addresses: readonly IpAddress[]): void;
  /**
   * From now on only the servers of these links are asked, and the fallback servers by whatever route there is;
   * undefined lifts it. `nameserversOf` tells of all as before.
   */
  confine(links: readonly number[] | undefined): void;
  /** Whether multicast DNS can be had on links. */
  readonly canMulticastDns: boolean;
  /** Tells the backend all of it again, whatever others did to its files. */
  reapply(): void;
  /** The ifindex whose servers or domains changed, at once. */
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

class LinkResolver implements Resolver {
  readonly changed = new Emitter<number>();
  readonly #options: ResolverOptions;
  readonly #clock: Clock;
  readonly #links = new Map<number, LinkServers>();
  readonly #hosts = new Map<string, readonly IpAddress[]>();
  readonly #gather: Alarm;
  #defaultIfindex: number | undefined;
  #confines: readonly number[] | undefined;
  #isApplyDue = false;
  #quietUntilMs = -Infinity;

  constructor(options: ResolverOptions, clock: Clock, scope: Scope) {
    this.#options = options;
    this.#clock = clock;
    this.#gather = clock.alarm('name servers of other links', scope, () => this.#apply());
  }

  get canMulticastDns(): boolean {
    return this.#options.backend.canMulticastDns === true;
  }

  listen(address: IpAddress, device: string, scope: Scope): boolean {
    const { backend } = this.#options;
    backend.listen?.(address, device, scope);
    return backend.listen !== undefined;
  }

  setHost(name: string, addresses: readonly IpAddress[]): void {
    if (addresses.length === 0) this.#hosts.delete(name);
    else this.#hosts.set(name, addresses);
    const lines = [...this.#hosts].flatMap(([host, all]) => all.map((address) => `${address} ${host}`));
    this.#options.backend.setHosts?.(lines.join('\n'));
  }

  setServers(ifindex: number, servers: LinkServers): void {
    const usable = servers.nameservers.filter(({ address }) => isUsable(address));
    this.#replace(ifindex, {
      ...servers,
      nameservers: [...new Map(usable.map((server) => [nameServerText(server), server])).values()],
      domains: [...new Set(servers.domains)],
    });
  }

  remove(ifindex: number): void {
    this.#replace(ifindex, EMPTY);
  }

  setDefault(ifindex: number | undefined): void {
    if (ifindex === this.#defaultIfindex) return;
    this.#defaultIfindex = ifindex;
    this.#applySoon();
  }

  confine(links: readonly number[] | undefined): void {
    if (String(links) === String(this.#confines)) return;
    this.#confines = links;
    this.#applySoon();
  }

  reapply(): void {
    this.#applySoon();
  }

  nameserversOf(ifindex: number): readonly NameServer[] {
    const own = this.#links.get(ifindex)?.nameservers ?? [];
    return own.length > 0 ? own : this.#options.fallbackNameservers.map((address) => ({ address }));
  }

  #replace(ifindex: number, link: LinkServers): void {
    const before = this.#links.get(ifindex);
    const isEmpty = fingerprint(link) === fingerprint(EMPTY);
    if (isEmpty) this.#links.delete(ifindex);
    else this.#links.set(ifindex, link);
    if (fingerprint(before) === fingerprint(isEmpty ? undefined : link)) return;
    log.debug('link %d: %s', ifindex, fingerprint(link));
    const isUrgent = this.#defaultIfindex === undefined || ifindex === this.#defaultIfindex;
    if (isUrgent || this.#clock.now() >= this.#quietUntilMs) this.#applySoon();
    else this.#gather.set(this.#quietUntilMs);
    this.changed.emit(ifindex);
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
    for (const [ifindex, servers] of this.#links) {
      if (this.#confines?.includes(ifindex) === false) continue;
      if (ifindex === this.#defaultIfindex) links.unshift({ ifindex, ...servers });
      else links.push({ ifindex, ...servers });
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

const EMPTY: LinkServers = { nameservers: [], domains: [] };

function nameServerText({ address, port, tlsName }: NameServer): string {
  return `${address}${port === undefined ? '' : `:${port}`}${tlsName === undefined ? '' : `#${tlsName}`}`;
}

function fingerprint(link: LinkServers | undefined): string {
  if (link === undefined) return '';
  const { nameservers, domains, routedDomains = [], networks = [], isMulticastDnsWanted = false } = link;
  const prefixes = networks.map(({ address, prefixLength }) => `${address}/${prefixLength}`);
  return `${nameservers.map(nameServerText).join(' ')} search ${domains.join(' ')}`
    + ` for ${[...routedDomains, ...prefixes].join(' ')}${isMulticastDnsWanted ? ' mdns' : ''}`;
}
