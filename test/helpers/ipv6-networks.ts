/**
 * IPv6 behind a cell's cables: a router's address, a status page of the world beyond, and the
 * programs that announce and configure: radvd, dnsmasq and kea-dhcp6, as Debian packages them
 * (peers `radvd`, `kea-dhcp6-server`).
 */

import { build } from 'esbuild';
import { advertisement, type Said } from '../unit/ndp/advertise.ts';
import type { Cell } from './cell.ts';
import type { Child } from './child.ts';
import { runKea, runRadvd } from './ipv6-programs.ts';
import type { Namespace } from './namespace.ts';
import { startStatusServer } from './run-status-server.ts';
import { useTestAddon } from './system.ts';
import type { Uplink } from './uplinks.ts';

/** Where every network finds the status page over IPv6. */
export const STATUS_ADDRESS6 = '2001:db8:ffff::80';

/** main.conf for online checks without DNS. */
export const IPV6_CHECK = `OnlineCheckIPv6URL=http://[${STATUS_ADDRESS6}]/online/status.html`;

/** Gives an uplink's router `<prefix>::1/64`, `fe80::1`, and the world beyond. */
export async function addIpv6(cell: Cell, { namespace, port }: Uplink, prefix: string): Promise<void> {
  await namespace.script(`echo 1 >/proc/sys/net/ipv6/conf/all/forwarding
echo 0 >/proc/sys/net/ipv6/conf/${port}/dad_transmits
ip -6 address replace ${STATUS_ADDRESS6}/128 dev lo nodad
ip -6 address add ${prefix}::1/64 dev ${port} nodad
ip -6 address add fe80::1/64 dev ${port} nodad`);
  await startStatusServer(namespace, STATUS_ADDRESS6, cell.log);
}

/** Starts radvd with what stands in the braces of its interface, and after it; it speaks every few seconds. */
export function startRadvd(uplink: Uplink, options: string): Promise<Child> {
  const intervals = 'MinRtrAdvInterval 3;\n  MaxRtrAdvInterval 4;\n  AdvRASrcAddress { fe80::1; };';
  return runRadvd(uplink, `${intervals}\n  ${options}`);
}

/** Starts a router of ours, which says what no package of Debian's does, once a second until it is stopped. */
export async function startRouter(namespace: Namespace, port: string, said: Said): Promise<Child> {
  useTestAddon();
  const file = '/run/router.mjs';
  await build({
    entryPoints: ['test/helpers/router.ts'], outfile: namespace.path(file),
    bundle: true, platform: 'node', format: 'esm', target: 'node20.19', logLevel: 'silent',
  });
  const message = Buffer.from(advertisement(said)).toString('hex');
  const addon = process.env['CAUSEWAY_ADDON'] ?? '';
  const router = namespace.spawn([process.execPath, file, port, message], { CAUSEWAY_ADDON: addon });
  await router.waitForLine((line) => line === 'advertising', 60_000);
  return router;
}

/** Starts dnsmasq as router and DHCPv6 server with these `--dhcp-range` and other arguments. */
export async function startRouterDnsmasq({ namespace, port }: Uplink, ...words: string[]): Promise<Child> {
  const server = namespace.spawn([
    'dnsmasq', '--no-daemon', '--conf-file=/dev/null', '--port=0', '--log-dhcp', `--interface=${port}`,
    '--bind-interfaces', '--dhcp-leasefile=/run/dnsmasq6.leases', '--enable-ra', `--ra-param=${port},4,12`, ...words,
  ]);
  await server.waitForLine((line) => /: started, /.test(line));
  return server;
}

/** Starts kea-dhcp6 for `<prefix>::/64`, which gives addresses, a prefix to delegate, and name servers. */
export function startKea(uplink: Uplink, prefix: string): Promise<Child> {
  const subnet = {
    subnet: `${prefix}::/64`,
    pools: [{ pool: `${prefix}::1000-${prefix}::1fff` }],
    'pd-pools': [{ prefix: '2001:db8:8000::', 'prefix-len': 48, 'delegated-len': 60 }],
  };
  return runKea(uplink, subnet, {
    'preferred-lifetime': 3000,
    'valid-lifetime': 4000,
    'option-data': [
      { name: 'dns-servers', data: `${prefix}::53` },
      { name: 'domain-search', data: 'kea.test' },
    ],
  });
}
