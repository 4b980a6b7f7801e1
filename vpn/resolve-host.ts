/**
 * Addresses of VPN servers, asked of the name servers that programs on this machine use, and where those
 * know nothing of the network below the tunnels: theirs may be behind the tunnel that is to be found again.
 */

import { readSmallFile } from '../src/daemon/files.ts';
import { resolveName, type ResolveEnv } from '../src/dns/stub-resolver.ts';
import { parseIpAddress, type IpAddress } from '../src/shared/ipaddress.ts';
import type { Outside } from './connectivity.ts';

/** Whom to ask. */
export interface HostResolverOptions {
  /** Path of the file with the name servers of programs. */
  readonly resolvConf: string;
  outside(signal: AbortSignal): Promise<Outside | undefined>;
}

/** Looks names up; an address is itself. Rejects when there is none, as the first name servers said it. */
export function hostResolver({ resolvConf, outside }: HostResolverOptions, env: ResolveEnv) {
  return async (host: string, signal: AbortSignal): Promise<readonly IpAddress[]> => {
    const literal = parseIpAddress(host);
    if (literal !== undefined) return [literal];
    const text = readSmallFile(resolvConf) ?? '';
    const servers = [...text.matchAll(/^\s*nameserver\s+(\S+)/gm)].flatMap(
      ([, each]) => parseIpAddress(each ?? '') ?? [],
    );
    try {
      return await resolveName(host, { servers, families: FAMILIES }, env, signal);
    } catch (error) {
      signal.throwIfAborted();
      const below = await outside(signal).catch(() => undefined);
      if (below === undefined) throw error;
      return await resolveName(host, { ...below, families: FAMILIES }, env, signal).catch(() => {
        throw error;
      });
    }
  };
}

const FAMILIES = [4, 6] as const;
