/**
 * The programs that announce and configure IPv6 on a link: radvd(8) and kea-dhcp6(8), as Debian packages
 * them (peers `radvd`, `kea-dhcp6-server`). Each is ready to answer when it is returned.
 */

import { writeFileSync } from 'node:fs';
import type { Child } from './child.ts';
import type { Namespace } from './namespace.ts';

/** Where they serve. */
export interface Ipv6Place {
  readonly namespace: Namespace;
  /** The interface. */
  readonly port: string;
}

/** radvd with the body of its interface section. */
export async function runRadvd({ namespace, port }: Ipv6Place, body: string): Promise<Child> {
  const text = `interface ${port} {\n  AdvSendAdvert on;\n  ${body}\n};\n`;
  writeFileSync(namespace.path('/run/radvd.conf'), text, { mode: 0o600 });
  const files = ['-C', '/run/radvd.conf', '-p', '/run/radvd.pid'];
  const radvd = namespace.spawn(['radvd', '-n', ...files, '-m', 'stderr', '-d', '1']);
  await radvd.waitForLine((line) => /version .* started/.test(line));
  return radvd;
}

/** kea-dhcp6 with this subnet, and `global` merged into its configuration; leases are in its memory. */
export async function runKea({ namespace, port }: Ipv6Place, subnet: object, global: object = {}): Promise<Child> {
  const configuration = {
    Dhcp6: {
      'interfaces-config': { interfaces: [port] },
      'lease-database': { type: 'memfile', persist: false },
      subnet6: [{ id: 1, interface: port, ...subnet }],
      loggers: [{ name: 'kea-dhcp6', severity: 'INFO', output_options: [{ output: 'stdout' }] }],
      ...global,
    },
  };
  await namespace.script('mkdir -p /run/kea /var/lib/kea');
  writeFileSync(namespace.path('/run/kea.conf'), JSON.stringify(configuration));
  const env = { KEA_PIDFILE_DIR: '/run/kea', KEA_LOCKFILE_DIR: 'none' };
  const server = namespace.spawn(['kea-dhcp6', '-c', '/run/kea.conf'], env);
  await server.waitForLine((line) => line.includes('DHCP6_STARTED'));
  return server;
}
