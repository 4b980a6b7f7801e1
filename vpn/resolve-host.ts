/**
 * Addresses of VPN servers, asked of the name servers that programs on this machine use.
 */

import { readSmallFile } from '../src/daemon/files.ts';
import { resolveName, type ResolveEnv } from '../src/dns/stub-resolver.ts';
import { parseIpAddress, type IpAddress } from '../src/shared/ipaddress.ts';

/** Looks names up by what `resolvConf` says; an address is itself. Rejects when there is none. */
export function hostResolver(resolvConf: string, env: ResolveEnv) {
  return async (host: string, signal: AbortSignal): Promise<readonly IpAddress[]> => {
    const literal = parseIpAddress(host);
    if (literal !== undefined) return [literal];
    const text = readSmallFile(resolvConf) ?? '';
    const servers = [...text.matchAll(/^\s*nameserver\s+(\S+)/gm)].flatMap(
      ([, each]) => parseIpAddress(each ?? '') ?? [],
    );
    return resolveName(host, { servers, families: [4, 6] }, env, signal);
  };
}
