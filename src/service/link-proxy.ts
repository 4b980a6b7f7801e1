/**
 * How a connected service reaches the web: the proxy in force, a PAC file looked for where none is
 * named, and the proxy for a URL. Looked for once a domain, when the first request needs it.
 */

import type { ServerToAsk } from '../dns/stub-resolver.ts';
import type { Device } from '../device.ts';
import { discoverPacUrl } from '../proxy/discovery.ts';
import { proxyInForce, wantsDiscovery, type ProxySettings } from '../proxy/settings.ts';
import type { Proxies, ProxyLink } from '../proxy.ts';
import { Emitter } from '../shared/emitter.ts';
import type { IpAddress } from '../shared/ipaddress.ts';
import { logger } from '../shared/log.ts';
import type { Scope } from '../shared/scope.ts';
import type { HttpProxy } from '../web/http-request.ts';
import { LinkWeb, type WebEnv } from '../web/link-web.ts';
import type { ProxyConfiguration } from './configuration.ts';

const log = logger('src/service/link-proxy.ts');

/** A name server that knows the network answers by then; one that does not must not hold up what is asked for. */
const SEARCH_PATIENCE_MS = 300;

/** The service, as it is now. */
export interface ProxyTarget {
  readonly identifier: string;
  readonly device: Device;
  chosen(): ProxyConfiguration | undefined;
  /** PAC file that the network named (DHCP option 252). */
  offeredUrl(): string | undefined;
  domain(): string | undefined;
  /** Own addresses, by the family to begin with. */
  addresses(): readonly IpAddress[];
  nameservers(): readonly ServerToAsk[];
}

/** What it takes from the core. */
export interface ProxyEnv extends WebEnv {
  readonly proxies: Proxies;
  /** Of the program. */
  readonly version: string;
}

/** The web through a service, for requests of the daemon. */
export interface ServiceWeb extends ProxyLink {
  /** The proxy for a URL, undefined is direct. Throws the signal's reason. */
  find(url: string, signal: AbortSignal): Promise<HttpProxy | undefined>;
}

/** The proxy of one connection. */
export class LinkProxy implements ServiceWeb {
  readonly web: LinkWeb;
  /** Emits when `settings` may be others because a search ended. */
  readonly changed = new Emitter<{ readonly isLate: boolean }>();
  readonly #target: ProxyTarget;
  readonly #env: ProxyEnv;
  readonly #scope: Scope;
  /** `isLate` once somebody has gone without its result. */
  #search: { readonly domain: string; readonly done: Promise<void>; isLate: boolean } | undefined;
  #found: string | undefined;

  constructor(target: ProxyTarget, env: ProxyEnv, scope: Scope) {
    this.#target = target;
    this.#env = env;
    this.#scope = scope;
    this.web = new LinkWeb({
      device: target.device.interfaceName,
      families: () => [...new Set(target.addresses().map(({ family }) => family))],
      nameservers: () => target.nameservers(),
      userAgent: `ConnMan/${env.version}`,
    }, env);
  }

  get identifier(): string {
    return this.#target.identifier;
  }

  /** What is in force now. */
  get settings(): ProxySettings {
    return proxyInForce(this.#target.chosen(), this.#target.offeredUrl() ?? this.#found);
  }

  addresses(): readonly IpAddress[] {
    return this.#target.addresses();
  }

  async find(url: string, signal: AbortSignal): Promise<HttpProxy | undefined> {
    const { chosen, offeredUrl } = this.#target;
    if (wantsDiscovery(chosen()) && offeredUrl() === undefined) await this.#discover();
    signal.throwIfAborted();
    return await this.#env.proxies.find(this.settings, url, this, signal);
  }

  /** Waits a moment for the search; it goes on by itself. */
  async #discover(): Promise<void> {
    const domain = this.#target.domain() ?? '';
    if (this.#search?.domain !== domain) this.#search = { domain, done: this.#look(domain), isLate: false };
    const search = this.#search;
    if (search.isLate) return;
    const patience = this.#scope.child();
    const late = new Promise<void>((resolve) => {
      this.#env.clock.after('search for a PAC file', SEARCH_PATIENCE_MS, patience, () => {
        search.isLate = true;
        resolve();
      });
    });
    await Promise.race([search.done, late]);
    await patience.close();
  }

  async #look(domain: string): Promise<void> {
    let found: string | undefined;
    try {
      found = await discoverPacUrl(domain, this.web, this.#scope.signal);
    } catch (error) {
      if (this.#scope.isClosed) return;
      throw error;
    }
    if (this.#search?.domain !== domain || found === this.#found) return;
    log.info('%s: PAC file of %s: %s', this.identifier, domain, found ?? 'none');
    this.#found = found;
    this.changed.emit({ isLate: this.#search.isLate });
  }
}
