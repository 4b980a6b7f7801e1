/**
 * Has pacrunner run PAC files (org.pacrunner, its doc/manager-api.txt and client-api.txt): the proxy
 * of the default service is its configuration, and lookups go to it. While it is not on the bus,
 * nothing is asked of it.
 */

import type { Core, Plugin, ProxyDriver, Scope, Service } from '../src/api.ts';
import { describeInterface } from '../src/dbus/interface.ts';
import { variant, type Variant } from '../src/dbus/signature.ts';
import { messageOf } from '../src/shared/errors.ts';
import { logger } from '../src/shared/log.ts';

const log = logger('plugins/pacrunner.ts');

const NAME = 'org.pacrunner';
const PATIENCE_MS = 5000;

const managerInterface = describeInterface({
  name: 'org.pacrunner.Manager',
  methods: {
    CreateProxyConfiguration: { in: { settings: 'a{sv}' }, out: { path: 'o' } },
    DestroyProxyConfiguration: { in: { path: 'o' } },
  },
  signals: {},
});

const clientInterface = describeInterface({
  name: 'org.pacrunner.Client',
  methods: { FindProxyForURL: { in: { url: 's', host: 's' }, out: { proxy: 's' } } },
  signals: {},
});

/** The plugin. */
export const pacrunner: Plugin<Core> = {
  name: 'pacrunner',
  description: 'PAC files run by pacrunner',
  priority: 'default',
  start(core, scope) {
    core.proxies.register(new Pacrunner(core, scope), scope);
  },
};

class Pacrunner implements ProxyDriver {
  readonly name = NAME;
  readonly #core: Core;
  readonly #scope: Scope;
  #isThere = false;
  /** What it was told last, as text to compare by, and for which service. */
  #told: { readonly key: string; readonly identifier: string; readonly path: string } | undefined;
  /** Changes go out one after the other. */
  #queue: Promise<void> = Promise.resolve();

  constructor(core: Core, scope: Scope) {
    this.#core = core;
    this.#scope = scope;
    core.bus.watchName(NAME, scope, (owner) => {
      this.#isThere = owner !== undefined;
      this.#told = undefined;
      core.proxies.forget();
      this.#update();
    });
    const { services } = core;
    services.defaultChanged.observe(scope, () => this.#update());
    services.added.observe(scope, ({ service, scope: its }) => {
      service.changed.observe(its, (aspects) => {
        if (service !== services.default) return;
        if (aspects.includes('proxy') || aspects.includes('nameservers')) this.#update();
      });
    });
  }

  async find(url: string, host: string, identifier: string, signal: AbortSignal): Promise<string | undefined> {
    await this.#queue;
    if (!this.#isThere || this.#told?.identifier !== identifier) return undefined;
    const client = this.#core.bus.proxy(clientInterface, NAME, '/org/pacrunner/client');
    try {
      return await client.FindProxyForURL({ url, host }, { timeoutMs: PATIENCE_MS, signal });
    } catch (error) {
      signal.throwIfAborted();
      log.warn('FindProxyForURL: %s', messageOf(error));
      return undefined;
    }
  }

  #update(): void {
    this.#queue = this.#queue.then(() => this.#tell()).catch((error: unknown) => {
      if (!this.#scope.isClosed) log.warn('%s', messageOf(error));
    });
  }

  async #tell(): Promise<void> {
    if (!this.#isThere) return;
    const service = this.#core.services.default;
    const settings = service === undefined ? undefined : settingsOf(service);
    const key = JSON.stringify([service?.identifier, [...(settings ?? [])].map(([name, { value }]) => [name, value])]);
    if (this.#told?.key === key) return;
    const manager = this.#core.bus.proxy(managerInterface, NAME, '/org/pacrunner/manager');
    const options = { timeoutMs: PATIENCE_MS, signal: this.#scope.signal };
    const before = this.#told;
    this.#told = undefined;
    if (before !== undefined) await manager.DestroyProxyConfiguration({ path: before.path }, options);
    if (service === undefined || settings === undefined) return;
    const path = await manager.CreateProxyConfiguration({ settings }, options);
    this.#told = { key, identifier: service.identifier, path };
    this.#core.proxies.forget();
  }
}

/** As ConnMan tells it; undefined while nothing is in force. */
function settingsOf(service: Service): ReadonlyMap<string, Variant> | undefined {
  const { network, inUse: { proxy, nameservers } } = service;
  if (proxy === undefined) return undefined;
  return new Map<string, Variant>([
    ['Method', variant('s', proxy.method)],
    ...(proxy.method === 'auto' ? [['URL', variant('s', proxy.url)] as const] : []),
    ...(proxy.method === 'manual' ? [
      ['Servers', variant('as', proxy.servers)] as const,
      ...(proxy.excludes.length > 0 ? [['Excludes', variant('as', proxy.excludes)] as const] : []),
    ] : []),
    ['Interface', variant('s', network.device.interfaceName)],
    ...(nameservers.length > 0 ? [['Nameservers', variant('as', nameservers)] as const] : []),
  ]);
}
