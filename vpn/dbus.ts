/**
 * net.connman.vpn.Manager at `/`: connections made, listed and removed, agents, and the announcement
 * of what comes and goes. Ours beside it: `net.causeway.vpn.Manager1`.
 */

import type { EncodedDictionary } from '../src/dbus/dictionary.ts';
import { causewayVpnManagerInterface } from '../src/dbus/interfaces/causeway-vpn-manager.ts';
import { vpnManagerInterface } from '../src/dbus/interfaces/vpn-manager.ts';
import type { Variant } from '../src/dbus/signature.ts';
import { importProblem, importVpn } from '../src/provision/vpn-import.ts';
import { ConnmanError, DecodeError } from '../src/shared/errors.ts';
import type { Scope } from '../src/shared/scope.ts';
import {
  connectionDictionary,
  connectionPath,
  exportConnection,
  routesOf,
  type ConnectionParts,
} from './connection-dbus.ts';
import type { ProviderRequest } from './providers.ts';

/** Serves the manager and every connection until `scope` closes. */
export function exportVpnManager(parts: ConnectionParts, scope: Scope): void {
  const { bus, clock, providers, agents } = parts;
  const manager = bus.export(
    '/',
    vpnManagerInterface,
    {
      methods: {
        Create: ({ properties }) => connectionPath(providers.create(requestOf(properties)).ident),
        Remove: ({ identifier }) => providers.remove(identifier.slice(identifier.lastIndexOf('/') + 1)),
        GetConnections: () =>
          providers.list.map((provider): [string, Dictionary] => [
            connectionPath(provider.ident),
            connectionDictionary(provider),
          ]),
        RegisterAgent: ({ path }, { caller }) => agents.register(caller, path),
        UnregisterAgent: (_, { caller }) => agents.unregister(caller),
      },
    },
    scope,
  );
  bus.export(
    '/',
    causewayVpnManagerInterface,
    {
      methods: { Import: ({ name, text }) => importConnection(parts, name, text), Reload: () => parts.reload() },
    },
    scope,
  );
  const tell = (ident: string): void => {
    const provider = providers.get(ident);
    if (provider === undefined) return;
    manager.emit('ConnectionAdded', {
      identifier: connectionPath(ident),
      properties: connectionDictionary(provider),
    });
  };
  // The caller of Create has its answer first.
  const tellSoon = (ident: string): void => clock.after('announce a connection', 0, scope, () => tell(ident));
  providers.added.observe(scope, ({ provider, scope: itsScope }) => {
    exportConnection(parts, provider, itsScope);
    tellSoon(provider.ident);
  });
  providers.updated.observe(scope, ({ ident }) => tellSoon(ident));
  providers.removed.observe(scope, ({ ident }) => {
    manager.emit('ConnectionRemoved', { identifier: connectionPath(ident) });
  });
}

/** Throws InvalidArguments with the line or key that is wrong, and what else Create throws. */
function importConnection(
  { providers }: ConnectionParts,
  name: string,
  text: string,
): { path: string; remarks: readonly string[] } {
  try {
    const { settings, files, routes, isSplitRouting, remarks } = importVpn(text);
    const strings = new Map([...settings, ['Name', name] as const]);
    const provider = providers.create({ strings, isSplitRouting, userRoutes: routes }, files);
    return { path: connectionPath(provider.ident), remarks };
  } catch (error) {
    if (!(error instanceof DecodeError)) throw error;
    throw new ConnmanError('InvalidArguments', importProblem(error), { cause: error });
  }
}

type Dictionary = ReadonlyMap<string, Variant> | EncodedDictionary;

// As ConnMan: texts, SplitRouting and UserRoutes count; entries of other types are passed over.
function requestOf(properties: ReadonlyMap<string, Variant>): ProviderRequest {
  const strings = new Map<string, string>();
  for (const [key, value] of properties) {
    const text = value.as('s');
    if (text !== undefined) strings.set(key, text);
  }
  for (const key of READ_ONLY) {
    if (strings.has(key)) throw new ConnmanError('InvalidArguments', `${key} cannot be set`);
  }
  const isSplitRouting = properties.get('SplitRouting')?.as('b');
  const given = properties.get('UserRoutes');
  const userRoutes = given === undefined ? undefined : routesOf(given);
  return { strings, ...(isSplitRouting !== undefined && { isSplitRouting }), ...(userRoutes && { userRoutes }) };
}

const READ_ONLY = ['State', 'Index', 'Immutable', 'IPv4', 'IPv6', 'Nameservers', 'ServerRoutes'] as const;
