/**
 * IPv6 behind a cell's cables: a router's address, a status page of the world beyond, and the
 * programs that announce and configure: radvd, dnsmasq and kea-dhcp6, as Debian packages them
 * (peers `radvd`, `kea-dhcp6-server`).
 */

import { build } from 'esbuild';
import { advertisement, type Said } from '../unit/ndp/advertise.ts';
import type { Cell } from './cell.ts';
import type { Child } from './child.ts';
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

/** Starts radvd with what stands in the braces of its interface, and after it. */
export async function startRadvd({ namespace, port }: Uplink, options: string): Promise<Child> {
  const text = `interface ${port} {
  AdvSendAdvert on;
  MinRtrAdvInterval 3;
  MaxRtrAdvInterval 4;
  AdvRASrcAddress { fe80::1; };
  ${options}
};
`;
  await namespace.script(`cat >/run/radvd.conf <<'end'\n${text}end`);
  const radvd = namespace.spawn(['radvd', '-n', '-C', '/run/radvd.conf', '-p', '/run/radvd.pid', '-m', 'stderr']);
  await radvd.waitForLine((line) => /version .* started/.test(line));
  return radvd;
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
  await router.waitForLine((line) => line === 'advertising');
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
export async function startKea({ namespace, port }: Uplink, prefix: string): Promise<Child> {
  const subnet = {
    id: 1,
    subnet: `${prefix}::/64`,
    interface: port,
    pools: [{ pool: `${prefix}::1000-${prefix}::1fff` }],
    'pd-pools': [{ prefix: '2001:db8:8000::', 'prefix-len': 48, 'delegated-len': 60 }],
  };
  const configuration = {
    Dhcp6: {
      'interfaces-config': { interfaces: [port] },
      'lease-database': { type: 'memfile', persist: false },
      'preferred-lifetime': 3000,
      'valid-lifetime': 4000,
      'option-data': [
        { name: 'dns-servers', data: `${prefix}::53` },
        { name: 'domain-search', data: 'kea.test' },
      ],
      subnet6: [subnet],
      loggers: [{ name: 'kea-dhcp6', severity: 'INFO', output_options: [{ output: 'stderr' }] }],
    },
  };
  await namespace.script(`mkdir -p /run/kea /var/lib/kea
cat >/run/kea.conf <<'end'\n${JSON.stringify(configuration)}\nend`);
  const env = { KEA_PIDFILE_DIR: '/run/kea', KEA_LOCKFILE_DIR: 'none' };
  const server = namespace.spawn(['kea-dhcp6', '-c', '/run/kea.conf'], env);
  await server.waitForLine((line) => line.includes('DHCP6_STARTED'));
  return server;
}
