/**
 * The DNS backend `systemd-resolved`: servers, domains, mDNS and DNS over TLS of every link are told
 * to it over D-Bus; programs' resolv.conf is its business. It may start later or anew: then it is
 * told everything. Invariant: what was told is told again only when it differs.
 */

import type { Proxy } from '../dbus/interface.ts';
import { resolve1Interface } from '../dbus/interfaces/resolve1.ts';
import { messageOf } from '../shared/errors.ts';
import { logger } from '../shared/log.ts';
import type { Scope } from '../shared/scope.ts';
import type { DnsBackend, DnsBackendEnv, DnsBackendPlugin, DnsConfiguration, LinkDns, NameServer } from './backend.ts';

const log = logger('src/dns-backend/systemd-resolved.ts');

const BUS_NAME = 'org.freedesktop.resolve1';
const PATH = '/org/freedesktop/resolve1';
// Linux's numbers of address families, which resolved takes.
const AF_INET = 2;
const AF_INET6 = 10;

/** The backend. */
export const systemdResolved: DnsBackendPlugin = {
  name: 'systemd-resolved',
  start: (env, scope) => new ResolvedBackend(env, scope),
};

/** One method call; equal texts are equal calls. */
interface Telling {
  readonly text: string;
  call(): Promise<unknown>;
}

class ResolvedBackend implements DnsBackend {
  readonly canMulticastDns = true;
  readonly #resolved: Proxy<typeof resolve1Interface>;
  readonly #signal: AbortSignal;
  /** By link what it was last told. */
  readonly #told = new Map<number, ReadonlySet<string>>();
  #configuration: DnsConfiguration | undefined;
  #isThere = false;
  #queue: Promise<void> = Promise.resolve();

  constructor({ bus }: Pick<DnsBackendEnv, 'bus'>, scope: Scope) {
    this.#resolved = bus.proxy(resolve1Interface, BUS_NAME, PATH);
    this.#signal = scope.signal;
    bus.watchName(BUS_NAME, scope, (owner) => {
      log.debug('%s is %s', BUS_NAME, owner ?? 'not there');
      this.#isThere = owner !== undefined;
      this.#told.clear();
      if (this.#configuration !== undefined) this.#tellAll(this.#configuration);
    });
  }

  apply(configuration: DnsConfiguration): void {
    this.#configuration = configuration;
    this.#tellAll(configuration);
  }

  #tellAll(configuration: DnsConfiguration): void {
    if (!this.#isThere) return;
    const links = withFallback(configuration);
    for (const ifindex of [...this.#told.keys()]) {
      if (links.some((link) => link.ifindex === ifindex)) continue;
      this.#told.delete(ifindex);
      this.#enqueue({ text: `link ${ifindex} forgotten`, call: () => this.#resolved.RevertLink({ ifindex }) });
    }
    for (const link of links) {
      const tellings = this.#tellings(link, configuration.defaultIfindex);
      const before = this.#told.get(link.ifindex);
      this.#told.set(link.ifindex, new Set(tellings.map(({ text }) => text)));
      for (const telling of tellings) if (before?.has(telling.text) !== true) this.#enqueue(telling);
    }
  }

  #tellings(link: LinkDns, defaultIfindex: number | undefined): Telling[] {
    const { ifindex, isMulticastDnsWanted = false } = link;
    const secured = link.nameservers.filter(({ tlsName }) => tlsName !== undefined);
    const servers = secured.length > 0 ? secured : link.nameservers;
    const domains = [
      ...link.domains.map((name): [string, boolean] => [name, false]),
      ...(link.routedDomains ?? []).map((name): [string, boolean] => [name, true]),
    ];
    const multicast = isMulticastDnsWanted ? 'yes' : 'no';
    const overTls = secured.length > 0 ? 'yes' : '';
    const enable = defaultIfindex === undefined || defaultIfindex === ifindex;
    const resolved = this.#resolved;
    return [
      this.#servers(ifindex, servers),
      telling(ifindex, `domains ${domains.join(' ')}`, () => resolved.SetLinkDomains({ ifindex, domains })),
      telling(ifindex, `default ${enable}`, () => resolved.SetLinkDefaultRoute({ ifindex, enable })),
      telling(ifindex, `mdns ${multicast}`, () => resolved.SetLinkMulticastDNS({ ifindex, mode: multicast })),
      telling(ifindex, `dot ${overTls}`, () => resolved.SetLinkDNSOverTLS({ ifindex, mode: overTls })),
    ];
  }

  // resolved before 246 has no SetLinkDNSEx: it is used only where it is needed.
  #servers(ifindex: number, servers: readonly NameServer[]): Telling {
    const text = `servers ${servers.map(({ address, port, tlsName }) => `${address}:${port}#${tlsName}`).join(' ')}`;
    const rows = servers.map(({ address, port = 0, tlsName = '' }) =>
      [address.family === 4 ? AF_INET : AF_INET6, address.bytes, port, tlsName] as const);
    if (rows.some(([, , port, name]) => port !== 0 || name !== '')) {
      const addresses = rows.map((row): [number, Uint8Array, number, string] => [...row]);
      return telling(ifindex, text, () => this.#resolved.SetLinkDNSEx({ ifindex, addresses }));
    }
    const addresses = rows.map(([family, bytes]): [number, Uint8Array] => [family, bytes]);
    return telling(ifindex, text, () => this.#resolved.SetLinkDNS({ ifindex, addresses }));
  }

  // In order; one that fails, on a link that has just gone for instance, does not stop the others.
  #enqueue({ text, call }: Telling): void {
    this.#queue = this.#queue.then(async () => {
      if (this.#signal.aborted || !this.#isThere) return;
      try {
        await call();
        log.debug('%s', text);
      } catch (error) {
        log.warn('systemd-resolved refuses %s: %s', text, messageOf(error));
      }
    });
  }
}

function telling(ifindex: number, text: string, call: () => Promise<unknown>): Telling {
  return { text: `link ${ifindex} ${text}`, call };
}

// resolved's own fallback servers are its administrator's; ours go to the default link.
function withFallback({ links, defaultIfindex, fallbackNameservers }: DnsConfiguration): readonly LinkDns[] {
  const hasServers = links.some(({ nameservers }) => nameservers.length > 0);
  if (hasServers || defaultIfindex === undefined || fallbackNameservers.length === 0) return links;
  const own = links.find(({ ifindex }) => ifindex === defaultIfindex) ?? { ifindex: defaultIfindex, domains: [] };
  return [{ ...own, nameservers: fallbackNameservers }, ...links.filter(({ ifindex }) => ifindex !== defaultIfindex)];
}
