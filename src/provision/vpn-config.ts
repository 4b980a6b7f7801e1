/**
 * Provisioning files of VPNs (connman-vpn-provider.config(5)): groups `[provider_ID]`, each one
 * connection, and of WireGuard's `[peer_ID]` further peers. Wrong values are reported with key,
 * value and what would be right, and left out; a group without type or host is no connection.
 */

import type { KeyFile } from '../shared/keyfile.ts';
import { vpnKey, vpnValueProblem } from './vpn-keys.ts';
import { parseVpnRoute, type VpnRoute } from './vpn-values.ts';

/** A connection of a file. */
export interface ProvisionedVpn {
  /** The file's name without `.config`. */
  readonly file: string;
  /** The group's name. */
  readonly ident: string;
  readonly type: string;
  readonly name: string;
  readonly host: string;
  readonly domain?: string;
  readonly isSplitRouting?: boolean;
  readonly settings: ReadonlyMap<string, string>;
  readonly routes: readonly VpnRoute[];
}

/** The connections of a file; `report` takes what is wrong with it, a line each. */
export function parseVpnConfig(file: KeyFile, name: string, report: (problem: string) => void): ProvisionedVpn[] {
  const found = file.groups().flatMap((group) => {
    if (group === 'global') return reportGlobal(file, report);
    if (group.startsWith('peer_')) return [];
    if (group.startsWith('provider_')) return parseProvider(file, name, group, report) ?? [];
    report(`Ignore group named '${group}' because prefix is not 'provider_'`);
    return [];
  });
  return found;
}

function reportGlobal(file: KeyFile, report: (problem: string) => void): [] {
  for (const key of file.keys('global')) {
    if (key !== 'Name' && key !== 'Description') report(`Unknown configuration key ${key} in [global]`);
  }
  return [];
}

function parseProvider(
  file: KeyFile, name: string, group: string, report: (problem: string) => void,
): ProvisionedVpn | undefined {
  const get = (key: string): string | undefined => file.get(group, key)?.trim() || undefined;
  const [type, host] = [get('Type')?.toLowerCase(), get('Host')];
  if (type === undefined || host === undefined) {
    report(`[${group}] is no connection: ${type === undefined ? 'Type' : 'Host'} is missing`);
    return undefined;
  }
  const settings = new Map<string, string>();
  for (const key of file.keys(group)) {
    const value = get(key);
    if (value === undefined || OWN_KEYS.has(key)) continue;
    const problem = vpnValueProblem(type, key, value);
    if (problem !== undefined) report(`[${group}] ${problem}`);
    else if (vpnKey(type, key) === undefined) report(`[${group}] Unknown option ${key}`);
    else settings.set(key, value);
  }
  if (type === 'wireguard') addPeers(file, group, settings, report);
  const domain = get('Domain') ?? get('VPN.Domain');
  const routes = (file.getList(group, 'Networks', ',') ?? []).flatMap((text) => {
    const route = parseVpnRoute(text);
    if (route === undefined) report(`[${group}] Networks has ${JSON.stringify(text)}: NETWORK/MASK[/GATEWAY] wanted`);
    return route ?? [];
  });
  return {
    file: name, ident: group, type, host, name: get('Name') ?? host, settings, routes,
    ...(domain !== undefined && { domain }),
    ...(file.getBoolean(group, 'SplitRouting') === true && { isSplitRouting: true }),
  };
}

const OWN_KEYS = new Set(['Type', 'Host', 'Name', 'Domain', 'VPN.Domain', 'Networks', 'SplitRouting']);

// `[peer_ID…]` belongs to `[provider_ID]`; where there is one provider alone, all peers are its.
function addPeers(
  file: KeyFile, group: string, settings: Map<string, string>, report: (problem: string) => void,
): void {
  const providers = file.groups().filter((each) => each.startsWith('provider_'));
  const id = group.slice('provider_'.length);
  for (const peer of file.groups().filter((each) => each.startsWith('peer_'))) {
    const label = peer.slice('peer_'.length).replace(/[^A-Za-z0-9_-]/g, '_');
    if (providers.length > 1 && !label.startsWith(id)) continue;
    for (const key of file.keys(peer)) {
      const fullKey = `WireGuard.Peer.${label}.${key.replace(/^WireGuard\./, '')}`;
      const value = file.get(peer, key)?.trim() ?? '';
      const problem = vpnKey('wireguard', fullKey) === undefined
        ? `Unknown option ${key}`
        : vpnValueProblem('wireguard', fullKey, value);
      if (problem !== undefined) report(`[${peer}] ${problem}`);
      else settings.set(fullKey, value);
    }
  }
}
