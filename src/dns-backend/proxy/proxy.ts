/**
 * The DNS backend `internal`: a caching proxy on the loopback, and resolv.conf that sends programs
 * to it. While it cannot listen, because somebody else holds the port, it says who, and resolv.conf
 * names the real servers; each new configuration is a new attempt.
 */

import { messageOf } from '../../shared/errors.ts';
import type { IpAddress } from '../../shared/ipaddress.ts';
import { logger } from '../../shared/log.ts';
import type { Scope } from '../../shared/scope.ts';
import type {
  DnsBackend, DnsBackendEnv, DnsBackendPlugin, DnsConfiguration, DnsStatus, NameServer,
} from '../backend.ts';
import { formatResolvConf, textWith } from '../direct.ts';
import { listenAddresses, type ListenAddress } from './listen-addresses.ts';
import { Resolution } from './resolve.ts';
import { RouteTable } from './routes.ts';
import { serveTcp } from './tcp-clients.ts';
import { serveUdp, type ClientsEnv } from './udp-clients.ts';
import { nameOf, Upstream, type ServerAddress } from './upstream.ts';

const log = logger('src/dns-backend/proxy/proxy.ts');

const DNS_PORT = 53;
/** For bursts of questions, at start for instance. */
const RECEIVE_BUFFER_BYTES = 1 << 20;

/** The backend. */
export const internal: DnsBackendPlugin = {
  name: 'internal',
  start: (env, scope) => new ProxyBackend(env, scope),
};

/** What the proxy itself takes, without bus and files. */
export type ProxyEnv = Pick<DnsBackendEnv, 'system' | 'clock' | 'random' | 'linkName' | 'isRebindingStopped'>;

/** The proxy, as a backend and as tools run it. */
export class Proxy {
  readonly resolution: Resolution;
  readonly #env: ProxyEnv;
  readonly #scope: Scope;
  readonly #upstreams = new Map<string, { readonly upstream: Upstream; readonly scope: Scope }>();
  #routes: RouteTable | undefined;

  constructor(env: ProxyEnv, scope: Scope) {
    this.#env = env;
    this.#scope = scope;
    this.resolution = new Resolution(env, env.isRebindingStopped, scope);
  }

  /** Servers in use, defaults first. */
  get upstreams(): readonly Upstream[] {
    return [...(this.#routes?.all ?? [])];
  }

  /** Uses these servers from now on; the state of those that stay is kept. */
  configure(configuration: DnsConfiguration): void {
    const { linkName } = this.#env;
    const routes = new RouteTable(configuration, linkName, (server) => this.#find(server));
    const wanted = new Set([...routes.all].map(({ name }) => name));
    const isSame = routes.fingerprint === this.#routes?.fingerprint;
    this.#routes = routes;
    this.resolution.setDomains(configuration.links.flatMap(({ domains }) => domains));
    if (isSame) return;
    this.resolution.setRoutes(routes);
    for (const [name, { scope }] of [...this.#upstreams]) {
      if (wanted.has(name)) continue;
      this.#upstreams.delete(name);
      void scope.close();
    }
  }

  /** Uses these servers alone, whatever the link. */
  useServers(servers: readonly NameServer[]): void {
    this.configure({ links: [], defaultIfindex: undefined, fallbackNameservers: servers });
  }

  /** Answers on an address until `scope` closes, over UDP and TCP; the port. Throws SystemError. */
  async serve({ address, port, device }: ListenAddress, scope: Scope): Promise<number> {
    const { system, clock } = this.#env;
    const env: ClientsEnv = { system, clock, resolution: this.resolution };
    const own = scope.child();
    const link = device === undefined ? {} : { device };
    try {
      const udp = { family: address.family, address, port, receiveBufferBytes: RECEIVE_BUFFER_BYTES, ...link };
      const bound = serveUdp(udp, env, own);
      serveTcp({ address, port: bound, ...link }, env, own);
      return bound;
    } catch (error) {
      void own.close();
      throw error;
    }
  }

  #find(server: ServerAddress): Upstream {
    const name = nameOf(server);
    const known = this.#upstreams.get(name);
    if (known !== undefined) return known.upstream;
    const scope = this.#scope.child();
    const upstream = new Upstream(server, this.#env, scope);
    this.#upstreams.set(name, { upstream, scope });
    return upstream;
  }
}

class ProxyBackend implements DnsBackend {
  readonly status: DnsStatus;
  readonly #env: DnsBackendEnv;
  readonly #scope: Scope;
  readonly #proxy: Proxy;
  readonly #addresses: readonly ListenAddress[];
  /** Where to answer as well, of tethering bridges for instance, each until its scope closes. */
  readonly #guests = new Map<ListenAddress, Scope>();
  readonly #listening = new Set<ListenAddress>();
  readonly #hosts = { file: '', told: '' };
  #configuration: DnsConfiguration | undefined;
  #opening: Promise<void> = Promise.resolve();

  constructor(env: DnsBackendEnv, scope: Scope) {
    this.#env = env;
    this.#scope = scope;
    this.#proxy = new Proxy(env, scope);
    this.#addresses = listenAddresses(env.listen, (part) => log.warn('DNSProxyListen: no address: %s', part));
    this.status = statusOf(this.#proxy, () => [...this.#listening].map(nameOf));
    scope.defer(() => this.#leave());
    env.watchHosts(scope, (text) => {
      this.#hosts.file = text;
      this.#setHosts();
    });
    this.#open();
  }

  apply(configuration: DnsConfiguration): void {
    this.#configuration = configuration;
    this.#proxy.configure(configuration);
    this.#open();
  }

  listen(address: IpAddress, device: string, scope: Scope): void {
    const where: ListenAddress = { address, port: DNS_PORT, device };
    this.#guests.set(where, scope);
    scope.defer(() => {
      this.#guests.delete(where);
      this.#listening.delete(where);
    });
    this.#open();
  }

  setHosts(text: string): void {
    if (text === this.#hosts.told) return;
    this.#hosts.told = text;
    this.#setHosts();
  }

  // What is told comes first: it is newer.
  #setHosts(): void {
    this.#proxy.resolution.setHosts(`${this.#hosts.told}\n${this.#hosts.file}`);
  }

  // One at a time, so that resolv.conf says how it ended.
  #open(): void {
    this.#opening = this.#opening.then(() => this.#openAll());
  }

  async #openAll(): Promise<void> {
    for (const where of this.#addresses) await this.#openOne(where, this.#scope);
    for (const [where, scope] of [...this.#guests]) await this.#openOne(where, scope);
    if (!this.#scope.isClosed) this.#write();
  }

  async #openOne(where: ListenAddress, scope: Scope): Promise<void> {
    const isOver = (): boolean => this.#scope.isClosed || scope.isClosed;
    if (this.#listening.has(where) || isOver()) return;
    try {
      await this.#proxy.serve(where, scope);
      if (!isOver()) this.#listening.add(where);
    } catch (error) {
      if (!isOver()) this.#complain(where, error);
    }
  }

  #complain(where: ListenAddress, error: unknown): void {
    const code = error instanceof Error && 'code' in error ? error.code : undefined;
    // A machine without IPv6, or a loopback that is still down.
    if (code === 'EADDRNOTAVAIL' || code === 'EAFNOSUPPORT' || code === 'ENODEV') {
      log.debug('no DNS on %s: %s', nameOf(where), code);
      return;
    }
    const holder = code === 'EADDRINUSE' ? this.#env.portHolder(where.port) : undefined;
    const text = holder === undefined ? messageOf(error) : `taken by ${holder}`;
    log.error('cannot answer DNS on %s: %s', nameOf(where), text);
  }

  // The daemon stops and traffic does not: who asked us asks the servers.
  #leave(): void {
    if (this.#listening.size === 0 || this.#configuration === undefined) return;
    this.#env.resolvConf.write(formatResolvConf(this.#configuration, this.#env.linkName));
  }

  // resolv.conf(5) knows no ports.
  #write(): void {
    const configuration = this.#configuration ?? { links: [], defaultIfindex: undefined, fallbackNameservers: [] };
    const usable = [...this.#listening].filter(({ port }) => port === DNS_PORT).map(({ address }) => address);
    const inOrder = this.#addresses.map(({ address }) => address).filter((address) => usable.includes(address));
    const { linkName } = this.#env;
    if (inOrder.length > 0) this.#env.resolvConf.write(textWith(configuration, inOrder.map(String)));
    else if (this.#configuration !== undefined) this.#env.resolvConf.write(formatResolvConf(configuration, linkName));
  }
}

function statusOf(proxy: Proxy, listening: () => readonly string[]): DnsStatus {
  return {
    get servers() {
      return proxy.upstreams.map(({ name, health }) => ({
        name, isSilent: health.isSilent, roundTripMs: health.roundTripMs,
        asked: health.asked, answers: health.answers, failures: health.failures,
      }));
    },
    get cache() {
      return proxy.resolution.cache.counts;
    },
    get listening() {
      return listening();
    },
    flush: () => proxy.resolution.cache.clear(),
  };
}
