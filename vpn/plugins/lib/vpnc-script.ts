/**
 * What openconnect and vpnc put into the environment of the script they call (vpnc(8), "Script"), as a
 * tunnel. Total: what is missing or wrong is left out; without an address there is no tunnel.
 */

import { makeVpnRoute, splitWords, type VpnRoute } from '../../../src/provision/vpn-values.ts';
import { parseIpAddress, prefixLengthOfNetmask, type IpAddress } from '../../../src/shared/ipaddress.ts';
import type { Tunnel, TunnelAddress } from '../../api.ts';

type Environment = ReadonlyMap<string, string>;

const MAX_ROUTES = 1024;

/** The tunnel, or undefined where the environment has no address. */
export function readScriptTunnel(environment: Environment, host: string): Tunnel | undefined {
  const addresses = [ipv4(environment), ipv6(environment)].filter((each) => each !== undefined);
  if (addresses.length === 0) return undefined;
  const servers = ['INTERNAL_IP4_DNS', 'INTERNAL_IP6_DNS'].flatMap((key) => splitWords(environment.get(key) ?? ''));
  const domain = splitWords(environment.get('CISCO_DEF_DOMAIN') ?? '')[0];
  const mtu = Number(environment.get('INTERNAL_IP4_MTU') ?? Number.NaN);
  return {
    addresses,
    gateway: environment.get('VPNGATEWAY') ?? host,
    nameservers: servers.filter((each) => parseIpAddress(each) !== undefined),
    routes: readRoutes(environment),
    ...(domain !== undefined && { domain }),
    ...(mtu >= 576 && mtu <= 65535 && { mtu }),
  };
}

function read(environment: Environment, key: string): IpAddress | undefined {
  return parseIpAddress(environment.get(key) ?? '');
}

// Routes to what is behind the netmask are the server's to tell: the address is ours alone.
function ipv4(environment: Environment): TunnelAddress | undefined {
  const address = read(environment, 'INTERNAL_IP4_ADDRESS');
  const netmask = read(environment, 'INTERNAL_IP4_NETMASK');
  if (address?.family !== 4) return undefined;
  return { address, prefixLength: (netmask?.family === 4 ? prefixLengthOfNetmask(netmask) : undefined) ?? 32 };
}

function ipv6(environment: Environment): TunnelAddress | undefined {
  const [text = '', length] = (environment.get('INTERNAL_IP6_NETMASK') ?? '').split('/');
  const address = parseIpAddress(text) ?? read(environment, 'INTERNAL_IP6_ADDRESS');
  if (address?.family !== 6) return undefined;
  const prefixLength = length !== undefined && /^[0-9]{1,3}$/.test(length) ? Number(length) : 128;
  return { address, prefixLength: prefixLength <= 128 ? prefixLength : 128 };
}

function readRoutes(environment: Environment): VpnRoute[] {
  const routes: VpnRoute[] = [];
  for (const [key, network] of environment) {
    const [, prefix] = /^(CISCO_(?:IPV6_)?SPLIT_INC_[0-9]{1,6}_)ADDR$/.exec(key) ?? [];
    if (prefix === undefined || routes.length >= MAX_ROUTES) continue;
    const netmask = environment.get(`${prefix}MASK`) ?? environment.get(`${prefix}MASKLEN`) ?? '';
    const route = makeVpnRoute(network, netmask);
    if (route !== undefined) routes.push(route);
  }
  return routes;
}
