/**
 * VPN servers that need parts of the kernel which not every machine has: WireGuard, and Debian's xl2tpd
 * and pptpd with pppd. In the server's namespace of a cell, each a network of its own behind a tunnel.
 */

import type { Cell } from './cell.ts';
import { output, type Child } from './child.ts';
import { until } from './patience.ts';
import { processesOf } from './vpn.ts';

/** A key of WireGuard's, and what others know of it. */
export interface Keys {
  readonly secret: string;
  readonly shown: string;
}

/** Makes a key. */
export async function makeKeys(): Promise<Keys> {
  const secret = (await output(['wg', 'genkey'])).trim();
  return { secret, shown: (await output(['wg', 'pubkey'], { input: `${secret}\n` })).trim() };
}

/** A WireGuard server: its interface, the first three bytes of the network behind, its client’s key. */
export interface WireguardServer {
  readonly link: string;
  readonly net: string;
  readonly port: number;
  readonly keys: Keys;
  readonly client: string;
}

/** Makes (anew) a WireGuard server, `net`.1 to a client 10.9.0.2; `wgs` is fd09::1 to fd09::2 as well. */
export async function startWireguard(cell: Cell, { link, net, port, keys, client }: WireguardServer): Promise<void> {
  const allowed = `${net}.2/32,10.9.0.2/32${link === 'wgs' ? ',fd09::2/128' : ''}`;
  await cell.server.script(`ip link delete ${link} 2>/dev/null || true
ip link add ${link} type wireguard
echo '${keys.secret}' >/run/${link}.key
wg set ${link} private-key /run/${link}.key listen-port ${port} peer '${client}' allowed-ips ${allowed}
ip address add ${net}.1/24 dev ${link}
${link === 'wgs' ? `ip address add fd09::1/64 dev ${link} nodad` : ''}
ip link set ${link} up
${link === 'wgs' ? '' : `ip rule add from ${net}.1 table ${port}\nip route add 10.9.0.2 dev ${link} table ${port}`}`);
}

/** The password of `alice`. */
export const PPP_PASSWORD = 'wonder land';

/** Starts a server on an address; it serves on return. */
export type PppServer = (cell: Cell, host: string) => Promise<{ stop(): Promise<unknown> }>;

async function writeSecrets(cell: Cell): Promise<void> {
  await cell.server.script(`mkdir -p /etc/ppp
echo 'alice * "${PPP_PASSWORD}" *' >/etc/ppp/chap-secrets
chmod 600 /etc/ppp/chap-secrets`);
}

/** L2TP; inside it is 10.70.0.1. */
export const startL2tp: PppServer = async (cell, host) => {
  await writeSecrets(cell);
  await cell.server.script(`mkdir -p /run/xl2tpd
cat >/run/lns.conf <<'end'
[global]
listen-addr = ${host}
[lns default]
ip range = 10.70.0.10-10.70.0.20
local ip = 10.70.0.1
require chap = yes
refuse pap = yes
require authentication = yes
pppoptfile = /run/lns.ppp
end
printf 'auth\\nms-dns 198.51.100.1\\nnoccp\\nproxyarp\\nmtu 1400\\n' >/run/lns.ppp`);
  return cell.server.spawn(['xl2tpd', '-D', '-c', '/run/lns.conf', '-C', '/run/lns.control', '-p', '/run/lns.pid']);
};

/** PPTP; inside it is 10.71.0.1. */
export const startPptp: PppServer = async (cell, host) => {
  await writeSecrets(cell);
  await cell.server.script(`
printf 'option /run/pptpd.ppp\\nlocalip 10.71.0.1\\nremoteip 10.71.0.10-20\\n' >/run/pptpd.conf
printf 'auth\\nrequire-mschap-v2\\nms-dns 198.51.100.1\\nnoccp\\n' >/run/pptpd.ppp`);
  const server: Child = cell.server.spawn(['pptpd', '--fg', '--conf', '/run/pptpd.conf', '--listen', host]);
  await cell.server.output(['sh', '-c', 'until ss -ltn | grep -q :1723; do sleep 0.2; done']);
  return {
    async stop() {
      server.kill();
      // Its calls go on without it, and hold its output open.
      await until('its calls to end', async () => {
        const calls = await processesOf(cell, 'pptpctrl');
        for (const pid of calls) kill(pid);
        return calls.length === 0 && !server.isRunning;
      });
      await server.exited;
    },
  };
};

// One that ends by itself meanwhile is as good.
function kill(pid: number): void {
  try {
    process.kill(pid, 'SIGKILL');
  } catch (error) {
    if (!(error instanceof Error && 'code' in error && error.code === 'ESRCH')) throw error;
  }
}
