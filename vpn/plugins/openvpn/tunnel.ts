/**
 * What openvpn's up script finds in its environment (openvpn(8), "Environmental Variables"), as a
 * tunnel. Total: what is missing or wrong is left out; without an address there is no tunnel.
 */

import { makeVpnRoute, type VpnRoute } from '../../../src/provision/vpn-values.ts';
import { parseIpAddress, prefixLengthOfNetmask } from '../../../src/shared/ipaddress.ts';
import type { Tunnel, TunnelAddress } from '../../api.ts';

/** Routes that a server may push; more are no network. */
const MAX_ROUTES = 1024;

/** The tunnel, or undefined where the environment has no address. */
export function readTunnel(environment: ReadonlyMap<string, string>, host: string): Tunnel | undefined {
  const addresses = [ipv4(environment), ipv6(environment)].filter((each) => each !== undefined);
  if (addresses.length === 0) return undefined;
  const options = [...environment]
    .flatMap(([key, value]): [number, string][] => {
      const number = /^foreign_option_([0-9]{1,6})$/.exec(key)?.[1];
      return number === undefined ? [] : [[Number(number), value]];
    })
    .sort(([one], [other]) => one - other)
    .map(([, value]) => value);
  const of = (name: string): string[] => options.flatMap((option) => {
    const [, kind, value] = /^dhcp-option +(\S+) +(\S+)$/.exec(option) ?? [];
    return kind === name && value !== undefined ? [value] : [];
  });
  const domain = of('DOMAIN').at(-1);
  return {
    addresses,
    gateway: environment.get('trusted_ip') ?? environment.get('trusted_ip6') ?? host,
    nameservers: [...of('DNS'), ...of('DNS6')].filter((each) => parseIpAddress(each) !== undefined),
    routes: readRoutes(environment),
    ...(domain !== undefined && { domain }),
  };
}

function ipv4(environment: ReadonlyMap<string, string>): TunnelAddress | undefined {
  const read = (key: string) => parseIpAddress(environment.get(key) ?? '');
  const address = read('ifconfig_local');
  const netmask = read('ifconfig_netmask');
  const peer = read('ifconfig_remote');
  if (address?.family !== 4) return undefined;
  const prefixLength = (netmask?.family === 4 ? prefixLengthOfNetmask(netmask) : undefined) ?? 32;
  return { address, prefixLength, ...(peer?.family === 4 && { peer }) };
}

function ipv6(environment: ReadonlyMap<string, string>): TunnelAddress | undefined {
  const address = parseIpAddress(environment.get('ifconfig_ipv6_local') ?? '');
  const length = Number(environment.get('ifconfig_ipv6_netbits') ?? 128);
  if (address?.family !== 6 || !(length >= 0 && length <= 128)) return undefined;
  return { address, prefixLength: length };
}

// Published by ConnMan once network, netmask and gateway are known.
function readRoutes(environment: ReadonlyMap<string, string>): VpnRoute[] {
  const routes: VpnRoute[] = [];
  for (const [key, network] of environment) {
    const number = /^route_network_([0-9]{1,6})$/.exec(key)?.[1];
    if (number === undefined || routes.length >= MAX_ROUTES) continue;
    const gateway = environment.get(`route_gateway_${number}`);
    const route = makeVpnRoute(network, environment.get(`route_netmask_${number}`) ?? '', gateway);
    if (route !== undefined && gateway !== undefined) routes.push(route);
  }
  return routes;
}
