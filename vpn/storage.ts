/**
 * Connections on disk: `provider_IDENT/settings` with one group IDENT, as ConnMan writes it, and a
 * few more keys that ConnMan passes over. Secrets that agents gave are never written; WireGuard's
 * keys are, in a file of mode 0600.
 */

import type { Storage } from '../src/daemon/storage.ts';
import { vpnKey } from '../src/provision/vpn-keys.ts';
import { formatVpnRoute, parseVpnRoute, type VpnRoute } from '../src/provision/vpn-values.ts';
import { KeyFile } from '../src/shared/keyfile.ts';
import type { Provider, ProviderIdentity, ProvisionSource } from './provider.ts';

/** The directory of a connection. */
export function storageName(ident: string): string {
  return `provider_${ident}`;
}

/** A connection as stored. */
export interface StoredProvider {
  readonly ident: string;
  readonly identity: ProviderIdentity;
  readonly settings: ReadonlyMap<string, string>;
  readonly userRoutes: readonly VpnRoute[];
  readonly source: ProvisionSource | undefined;
}

/** Writes a connection. */
export function saveProvider(storage: Storage, provider: Provider): void {
  const { ident, identity, settings, userRoutes, source } = provider;
  const file = new KeyFile();
  file.set(ident, 'Name', identity.name);
  file.set(ident, 'Type', identity.type);
  file.set(ident, 'Host', identity.host);
  if (identity.domain !== undefined) file.set(ident, 'VPN.Domain', identity.domain);
  if (userRoutes.length > 0) file.setList(ident, 'Networks', userRoutes.map(formatVpnRoute), ';');
  if (source !== undefined) {
    file.set(ident, 'Config.file', source.file);
    file.set(ident, 'Config.ident', source.ident);
  }
  for (const [key, value] of settings.visible()) {
    if (value !== '' && isStored(identity.type, key)) file.set(ident, key, value);
  }
  storage.write(`${storageName(ident)}/settings`, file);
}

/** Whether a setting outlives the daemon. */
export function isStored(type: string, key: string): boolean {
  const entry = vpnKey(type, key);
  return entry !== undefined && entry.isUnsaved !== true;
}

/** Reads what lies in a directory `provider_*`; undefined where it makes no connection. */
export function loadProvider(storage: Storage, directory: string): StoredProvider | undefined {
  const file = storage.read(`${directory}/settings`);
  const ident = directory.slice('provider_'.length);
  if (file?.hasGroup(ident) !== true) return undefined;
  const get = (key: string): string | undefined => file.get(ident, key)?.trimEnd() || undefined;
  const [type, host] = [get('Type')?.toLowerCase(), get('Host')];
  if (type === undefined || host === undefined) return undefined;
  const domain = get('VPN.Domain');
  const settings = new Map<string, string>();
  for (const key of file.keys(ident)) {
    const value = get(key);
    if (!OWN_KEYS.has(key) && value !== undefined) settings.set(key, value);
  }
  const [configFile, configIdent] = [get('Config.file'), get('Config.ident')];
  return {
    ident,
    identity: { type, host, name: get('Name') ?? host, ...(domain !== undefined && { domain }) },
    settings,
    userRoutes: (file.getList(ident, 'Networks', ';') ?? []).flatMap((text) => parseVpnRoute(text) ?? []),
    source: configFile === undefined ? undefined : { file: configFile, ident: configIdent ?? '' },
  };
}

const OWN_KEYS = new Set(['Name', 'Type', 'Host', 'VPN.Domain', 'Networks', 'Config.file', 'Config.ident']);
