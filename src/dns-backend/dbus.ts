/**
 * net.causeway.Dns1 at `/`: what a backend that resolves by itself can tell of itself.
 */

import type { Bus } from '../dbus/bus.ts';
import { causewayDnsInterface } from '../dbus/interfaces/causeway-dns.ts';
import type { Scope } from '../shared/scope.ts';
import type { DnsServerStatus, DnsStatus } from './backend.ts';

/** Serves `status` on `bus` until `scope` closes. */
export function exportDns(bus: Bus, status: DnsStatus, scope: Scope): void {
  bus.export('/', causewayDnsInterface, {
    methods: {
      GetListening: () => [...status.listening],
      GetServers: () => status.servers.map(serverRow),
      GetCache: () => {
        const { entries, bytes, hits, misses, stale } = status.cache;
        return { entries, bytes: BigInt(bytes), hits: BigInt(hits), misses: BigInt(misses), stale: BigInt(stale) };
      },
      Flush: () => status.flush(),
    },
  }, scope);
}

/** As `GetServers` describes it. */
type ServerRow = [string, boolean, number, bigint, bigint, bigint];

function serverRow({ name, isSilent, roundTripMs, asked, answers, failures }: DnsServerStatus): ServerRow {
  return [name, isSilent, roundTripMs ?? -1, BigInt(asked), BigInt(answers), BigInt(failures)];
}
