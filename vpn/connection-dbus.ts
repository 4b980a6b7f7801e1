/**
 * net.connman.vpn.Connection: a connection at `/net/connman/vpn/connection/IDENT`. Its dictionary is
 * what the description lists and then every setting that may be shown.
 * Invariant: a property that is read-only, or of a wrong type or value, is refused by name.
 */

import type { AgentRegistry } from '../src/daemon/agents.ts';
import type { Bus, Exported } from '../src/dbus/bus.ts';
import type { PropertyName } from '../src/dbus/interface.ts';
import type { vpnAgentInterface } from '../src/dbus/interfaces/vpn-agent.ts';
import { vpnConnectionInterface } from '../src/dbus/interfaces/vpn-connection.ts';
import { Variant, variant } from '../src/dbus/signature.ts';
import { ConnmanError } from '../src/shared/errors.ts';
import { netmaskOfPrefixLength } from '../src/shared/ipaddress.ts';
import type { Clock } from '../src/shared/clock.ts';
import { createScope, type Scope } from '../src/shared/scope.ts';
import { vpnValueProblem } from '../src/provision/vpn-keys.ts';
import { makeVpnRoute, type VpnRoute } from '../src/provision/vpn-values.ts';
import type { Connectivity } from './connectivity.ts';
import type { Provider, ProviderAspect } from './provider.ts';
import type { Providers } from './providers.ts';

/** Where a connection is on the bus. */
export function connectionPath(ident: string): string {
  return `/net/connman/vpn/connection/${ident}`;
}

/** What connections on the bus take from the daemon. */
export interface ConnectionParts {
  readonly bus: Bus;
  readonly clock: Clock;
  readonly providers: Providers;
  readonly agents: AgentRegistry<typeof vpnAgentInterface>;
  readonly connectivity: Connectivity;
  /** Takes over what others have put on disk. */
  reload(): Promise<void>;
}

/** Serves a connection until `scope` closes. */
export function exportConnection(parts: ConnectionParts, provider: Provider, scope: Scope): void {
  const connect = async (preferred: string, signal: AbortSignal): Promise<void> => {
    const own = createScope();
    try {
      if (!(await parts.connectivity.isOnline(signal, own))) throw new ConnmanError('NoCarrier');
    } finally {
      await own.close();
    }
    await provider.connect(preferred);
  };
  const path = connectionPath(provider.ident);
  const exported: Exported<typeof vpnConnectionInterface> = parts.bus.export(
    path,
    vpnConnectionInterface,
    {
      methods: {
        GetProperties: () => connectionDictionary(provider),
        SetProperty: ({ name, value }) => setProperty(parts.providers, provider, exported, name, value),
        ClearProperty: ({ name }) => clearProperty(parts.providers, provider, exported, name),
        Connect: (_, { caller, signal }) => connect(caller.id, signal),
        Connect2: ({ dbus_sender: sender }, { caller, signal }) =>
          connect(sender === '' ? caller.id : sender, signal),
        Disconnect: () => provider.disconnect(),
      },
      properties: getters(provider),
    },
    scope,
  );
  exported.dictionary(); // what is known from now on is announced when it changes
  let isSplitRouting = provider.isSplitRouting;
  provider.changed.observe(scope, (aspects) => {
    exported.changed(...aspects.map((aspect) => PROPERTIES[aspect]));
    // ConnMan says this one again even if it is the same.
    if (aspects.includes('splitRouting') && isSplitRouting === provider.isSplitRouting) {
      exported.announce('SplitRouting', variant('b', isSplitRouting));
    }
    isSplitRouting = provider.isSplitRouting;
  });
}

/** All that is shown of a connection. */
export function connectionDictionary(provider: Provider): ReadonlyMap<string, Variant> {
  const read = getters(provider);
  const dictionary = new Map<string, Variant>();
  for (const [name, shape] of Object.entries(vpnConnectionInterface.properties)) {
    const value = Object.entries(read).find(([key]) => key === name)?.[1]();
    if (value !== undefined) dictionary.set(name, new Variant(typeof shape === 'string' ? shape : shape.type, value));
  }
  for (const [key, value] of provider.settings.visible()) {
    if (!dictionary.has(key)) dictionary.set(key, variant('s', value));
  }
  return dictionary;
}

/** Routes of a client; undefined for what are none. Entries without network and mask are left out. */
export function routesOf(value: Variant): readonly VpnRoute[] | undefined {
  return value.as('a(a{sv})')?.flatMap(([entry]) => {
    const text = (key: string): string | undefined => entry.get(key)?.as('s');
    const [network, netmask] = [text('Network'), text('Netmask')];
    return network === undefined || netmask === undefined
      ? []
      : (makeVpnRoute(network, netmask, text('Gateway')) ?? []);
  });
}

function getters(provider: Provider) {
  return {
    State: () => provider.state,
    Type: () => provider.identity.type,
    Name: () => provider.identity.name || undefined,
    Host: () => provider.identity.host || undefined,
    Index: () => provider.index,
    Domain: () => provider.domain,
    Immutable: () => provider.isImmutable,
    SplitRouting: () => provider.isSplitRouting,
    IPv4: () => addressDictionary(provider, 4),
    IPv6: () => addressDictionary(provider, 6),
    Nameservers: () => provider.tunnel?.nameservers ?? [],
    UserRoutes: () => provider.userRoutes.map(routeStruct),
    ServerRoutes: () => provider.serverRoutes.map(routeStruct),
  };
}

// Order of keys as ConnMan's, and as there one family alone: IPv4 if there is any. What else a tunnel has
// is on its interface.
function addressDictionary({ tunnel }: Provider, family: 4 | 6): Map<string, Variant> | undefined {
  const of = (wanted: 4 | 6) => tunnel?.addresses.find(({ address }) => address.family === wanted);
  const own = family === 6 && of(4) !== undefined ? undefined : of(family);
  if (tunnel === undefined || own === undefined) return undefined;
  const entries: [string, Variant][] = [['Address', variant('s', String(own.address))]];
  if (family === 4) entries.push(['Netmask', variant('s', String(netmaskOfPrefixLength(own.prefixLength)))]);
  else entries.push(['PrefixLength', variant('y', own.prefixLength)]);
  entries.push(['Gateway', variant('s', tunnel.gateway)]);
  if (own.peer !== undefined) entries.push(['Peer', variant('s', String(own.peer))]);
  return new Map(entries);
}

function routeStruct({ family, network, netmask, gateway }: VpnRoute): [Map<string, Variant>] {
  const entries: [string, Variant][] = [
    ['ProtocolFamily', variant('i', family)],
    ['Network', variant('s', network)],
    ['Netmask', variant('s', netmask)],
  ];
  if (gateway !== undefined) entries.push(['Gateway', variant('s', gateway)]);
  return [new Map(entries)];
}

type ExportedConnection = Exported<typeof vpnConnectionInterface>;

const PROPERTIES = {
  type: 'Type',
  name: 'Name',
  host: 'Host',
  index: 'Index',
  ipv4: 'IPv4',
  ipv6: 'IPv6',
  nameservers: 'Nameservers',
  domain: 'Domain',
  splitRouting: 'SplitRouting',
  userRoutes: 'UserRoutes',
  serverRoutes: 'ServerRoutes',
  state: 'State',
} as const satisfies Record<ProviderAspect, PropertyName<typeof vpnConnectionInterface>>;

/** What became of one property of several. */
type Outcome = 'changed' | 'same' | 'invalid' | 'denied';

function setProperty(
  providers: Providers,
  provider: Provider,
  exported: ExportedConnection,
  ...[name, value]: [string, Variant]
): void {
  if (provider.isImmutable) throw new ConnmanError('NotSupported');
  const batch = name === 'Properties' ? value.as('a{sv}') : undefined;
  if (batch !== undefined) return setAll(providers, provider, exported, batch);
  const { outcome, problem } = setOne(provider, exported, name, value);
  if (outcome === 'invalid') throw new ConnmanError('InvalidProperty', problem);
  if (outcome === 'denied') throw new ConnmanError('PermissionDenied');
  if (outcome === 'changed') providers.save(provider);
}

function setAll(
  providers: Providers,
  provider: Provider,
  exported: ExportedConnection,
  batch: ReadonlyMap<string, Variant>,
): void {
  const names: Record<Outcome, string[]> = { changed: [], same: [], invalid: [], denied: [] };
  for (const [name, value] of batch) names[setOne(provider, exported, name, value).outcome].push(name);
  if (names.changed.length > 0) providers.save(provider);
  const bad = [...names.invalid, ...names.denied].join(',');
  if (names.invalid.length > 0) throw new ConnmanError('InvalidProperty', `Invalid properties ${bad}`);
  if (names.denied.length > 0) throw new ConnmanError('PermissionDenied', `Permission denied ${bad}`);
}

function setOne(
  provider: Provider,
  exported: ExportedConnection,
  name: string,
  value: Variant,
): { outcome: Outcome; problem?: string } {
  if (name === 'UserRoutes') {
    const routes = routesOf(value);
    if (routes === undefined) return { outcome: 'invalid' };
    if (JSON.stringify(routes) === JSON.stringify(provider.userRoutes)) return { outcome: 'same' };
    provider.setUserRoutes(routes);
    return { outcome: 'changed' };
  }
  if (name === 'SplitRouting') {
    const flag = value.as('b');
    if (flag === undefined) return { outcome: 'invalid' };
    if (flag === provider.isSplitRouting) return { outcome: 'same' };
    provider.setSplitRouting(flag);
    return { outcome: 'changed' };
  }
  const text = value.as('s');
  if (text === undefined || READ_ONLY.has(name)) return { outcome: 'invalid' };
  return setText(provider, exported, name, text);
}

function setText(
  provider: Provider,
  exported: ExportedConnection,
  name: string,
  text: string,
): { outcome: Outcome; problem?: string } {
  switch (name) {
    case 'Type':
      return text.toLowerCase() === provider.identity.type
        ? { outcome: 'same' }
        : { outcome: 'invalid', problem: 'the type of a connection cannot change' };
    case 'Host':
      if (text === '') return { outcome: 'invalid', problem: 'a connection needs a Host' };
      return { outcome: provider.identify({ host: text }) ? 'changed' : 'same' };
    case 'Name':
      return { outcome: provider.identify({ name: text }) ? 'changed' : 'same' };
    case 'Domain':
    case 'VPN.Domain':
      return { outcome: provider.identify({ domain: text === '' ? undefined : text }) ? 'changed' : 'same' };
    default: {
      if (provider.settings.isImmutable(name)) return { outcome: 'denied' };
      const problem = vpnValueProblem(provider.identity.type, name, text);
      if (problem !== undefined) return { outcome: 'invalid', problem };
      if (!provider.settings.set(name, text)) return { outcome: 'same' };
      exported.announce(name, variant('s', text));
      return { outcome: 'changed' };
    }
  }
}

const READ_ONLY: ReadonlySet<string> = new Set([
  'State',
  'Index',
  'Immutable',
  'IPv4',
  'IPv6',
  'Nameservers',
  'ServerRoutes',
]);

function clearProperty(providers: Providers, provider: Provider, exported: ExportedConnection, name: string): void {
  if (provider.isImmutable) throw new ConnmanError('NotSupported');
  if (name === 'UserRoutes') {
    provider.setUserRoutes([]);
  } else if (
    name === 'Name' ||
    ((name === 'Domain' || name === 'VPN.Domain') && provider.identity.domain !== undefined)
  ) {
    provider.identify(name === 'Name' ? { name: '' } : { domain: undefined });
    exported.announce(name === 'Name' ? 'Name' : 'Domain', variant('s', ''));
  } else {
    if (provider.settings.isImmutable(name)) throw new ConnmanError('PermissionDenied');
    if (!provider.settings.isVisible(name) || provider.settings.get(name) === undefined) {
      throw new ConnmanError('InvalidProperty');
    }
    provider.settings.set(name, '');
    exported.announce(name, variant('s', ''));
  }
  providers.save(provider);
}
