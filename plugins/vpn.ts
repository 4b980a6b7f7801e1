/**
 * VPN connections of connman-vpnd as services: everything over D-Bus. The daemon is started by the bus;
 * its connections come and go with it.
 */

import { causewayVpnManagerInterface } from '../src/dbus/interfaces/causeway-vpn-manager.ts';
import { vpnConnectionInterface } from '../src/dbus/interfaces/vpn-connection.ts';
import { vpnManagerInterface } from '../src/dbus/interfaces/vpn-manager.ts';
import { variant, type Variant } from '../src/dbus/signature.ts';
import { parseVpnRoute } from '../src/provision/vpn-values.ts';
import { ConnmanError, messageOf } from '../src/shared/errors.ts';
import { logger } from '../src/shared/log.ts';
import type { Core, Plugin, ProviderRequest, Scope } from '../src/api.ts';
import { VpnConnection } from './vpn/connection.ts';
import { KillSwitches } from './vpn/kill-switch.ts';

const log = logger('plugins/vpn.ts');

const VPN_DAEMON = 'net.connman.vpn';
const PREFIX = '/net/connman/vpn/connection/';

/** The plugin for VPNs. */
export const vpn: Plugin<Core> = {
  name: 'vpn',
  description: 'VPN plugin',
  priority: 'default',
  start(core, scope) {
    core.bus.watchName(VPN_DAEMON, scope, follow(core, scope));
    const driver = 'org.freedesktop.DBus';
    core.bus.call({
      destination: driver, path: '/org/freedesktop/DBus', interface: driver, member: 'StartServiceByName',
      signature: 'su', body: [VPN_DAEMON, 0],
    }, { signal: scope.signal }).catch((error: unknown) => {
      log.debug('there is no VPN daemon: %s', messageOf(error));
    });
  },
};

// One scope for each daemon that appears.
function follow(core: Core, scope: Scope): (owner: string | undefined) => void {
  const killSwitches = new KillSwitches(core.kernel, core.names);
  const inherited = killSwitches.inherit();
  let current: Scope | undefined;
  return (owner) => {
    void current?.close();
    current = undefined;
    core.providers.remove = undefined;
    core.providers.connectNew = undefined;
    core.providers.reloader = undefined;
    if (owner === undefined) return;
    current = scope.child();
    new VpnDaemon(core, killSwitches, current).start(inherited).catch((error: unknown) => {
      log.warn('%s: %s', VPN_DAEMON, messageOf(error));
    });
  };
}

/** What the daemon is told to make. */
function creation({ strings, networks, isSplitRouting }: ProviderRequest): Map<string, Variant> {
  const textsOf = (texts: Iterable<[string, string]>): Map<string, Variant> =>
    new Map([...texts].map(([key, value]) => [key, variant('s', value)]));
  const known = networks.flatMap((text) => parseVpnRoute(text) ?? []);
  const routes = known.map(({ network, netmask, gateway }): RouteStruct => {
    const texts = { Network: network, Netmask: netmask, ...(gateway !== undefined && { Gateway: gateway }) };
    return [textsOf(Object.entries(texts))];
  });
  const properties = textsOf(strings);
  if (routes.length > 0) properties.set('UserRoutes', variant('a(a{sv})', routes));
  if (isSplitRouting !== undefined) properties.set('SplitRouting', variant('b', isSplitRouting));
  return properties;
}

type RouteStruct = [Map<string, Variant>];

/** The daemon while it is there. */
class VpnDaemon {
  readonly #core: Core;
  readonly #killSwitches: KillSwitches;
  readonly #scope: Scope;
  readonly #connections = new Map<string, { connection: VpnConnection; scope: Scope }>();
  /** What was told of connections before the list of them was read. */
  #early: Map<string, Map<string, Variant>> | undefined = new Map();

  constructor(core: Core, killSwitches: KillSwitches, scope: Scope) {
    this.#core = core;
    this.#killSwitches = killSwitches;
    this.#scope = scope;
  }

  /** Takes connections on once it is known what an earlier daemon closed. */
  async start(inherited: Promise<void>): Promise<void> {
    await inherited;
    const { bus, providers } = this.#core;
    const from = { sender: VPN_DAEMON, path: '/' };
    const proxy = bus.proxy(vpnManagerInterface, VPN_DAEMON, '/');
    await bus.subscribe(vpnManagerInterface, 'ConnectionAdded', from, this.#scope, ({ identifier, properties }) => {
      this.#add(identifier, properties);
    });
    await bus.subscribe(vpnManagerInterface, 'ConnectionRemoved', from, this.#scope, ({ identifier }) => {
      this.#remove(identifier);
    });
    await bus.subscribe(
      vpnConnectionInterface, 'PropertyChanged', { sender: VPN_DAEMON }, this.#scope,
      ({ name, value }, { path = '' }) => this.#change(path, name, value),
    );
    providers.remove = async (ident) => {
      await proxy.Remove({ identifier: PREFIX + ident });
    };
    providers.connectNew = async (request, caller) => {
      const path = await proxy.Create({ properties: creation(request) });
      // Its signal may come after the answer.
      if (!this.#connections.has(path)) {
        this.#add(path, await bus.proxy(vpnConnectionInterface, VPN_DAEMON, path).GetProperties());
      }
      const service = this.#connections.get(path)?.connection.service;
      if (service === undefined) throw new ConnmanError('Failed');
      await service.connect('user', caller);
      return path.slice(PREFIX.length);
    };
    const ours = bus.proxy(causewayVpnManagerInterface, VPN_DAEMON, '/');
    providers.reloader = () => {
      ours.Reload().catch((error: unknown) => {
        log.debug('%s has not read its files again: %s', VPN_DAEMON, messageOf(error));
      });
    };
    for (const [path, properties] of await proxy.GetConnections()) this.#addListed(path, properties);
    this.#early = undefined;
    const closed = [...this.#connections].filter(([, { connection }]) => connection.hasClosedSwitch);
    await this.#killSwitches.retain(new Set(closed.map(([path]) => path.slice(PREFIX.length))));
  }

  #change(path: string, name: string, value: Variant): void {
    const known = this.#connections.get(path);
    if (known !== undefined) return known.connection.change(name, value);
    const early = this.#early?.get(path) ?? new Map<string, Variant>();
    this.#early?.set(path, early.set(name, value));
  }

  // Signals may have come before the list, which is older: what they said last is as it is.
  #addListed(path: string, properties: Map<string, Variant>): void {
    if (!this.#connections.has(path)) this.#add(path, new Map([...properties, ...(this.#early?.get(path) ?? [])]));
  }

  #add(path: string, properties: Map<string, Variant>): void {
    const known = this.#connections.get(path);
    if (known !== undefined) {
      for (const [name, value] of properties) known.connection.change(name, value);
      return;
    }
    if (!path.startsWith(PREFIX) || this.#scope.signal.aborted) return;
    const scope = this.#scope.child();
    const proxy = this.#core.bus.proxy(vpnConnectionInterface, VPN_DAEMON, path);
    const ident = path.slice(PREFIX.length);
    const connection = VpnConnection.add(
      { ident, proxy, core: this.#core, properties, killSwitches: this.#killSwitches }, scope,
    );
    if (connection === undefined) void scope.close();
    else this.#connections.set(path, { connection, scope });
  }

  #remove(path: string): void {
    const known = this.#connections.get(path);
    known?.connection.forget();
    void known?.scope.close();
    this.#connections.delete(path);
  }
}
