/**
 * VPN servers in the server's namespace of a cell: Debian's openvpn, ocserv and strongSwan, with certificates
 * made for the test by openssl. Each is a network of its own behind a tunnel, with an address to reach.
 */

import type { Cell } from './cell.ts';
import type { Child } from './child.ts';
import { until } from './patience.ts';

/** Inside the OpenVPN tunnel: the server's end. */
export const OPENVPN_INSIDE = '10.66.0.1';

/** Where certificates lie, in both namespaces. */
export const PKI = '/run/pki';

/** Makes an authority, a server’s certificate for `name` and a client’s, on both sides. */
export async function makeCertificates(cell: Cell, name: string): Promise<void> {
  const subject = (common: string): string => `-subj /CN=${common}`;
  const key = '-newkey ec -pkeyopt ec_paramgen_curve:P-256 -nodes';
  const alternative = /^[0-9.]+$/.test(name) ? `IP:${name}` : `DNS:${name}`;
  await cell.server.script(`mkdir -p ${PKI}
cd ${PKI}
openssl req -x509 ${key} -keyout ca.key -out ca.pem -days 3650 ${subject('authority')} 2>/dev/null
for who in server client; do
  openssl req ${key} -keyout $who.key -out $who.csr -subj /CN=$who 2>/dev/null
  printf 'extendedKeyUsage=%sAuth\\nkeyUsage=digitalSignature\\nsubjectAltName=${alternative}\\n' $who >$who.ext
  openssl x509 -req -in $who.csr -CA ca.pem -CAkey ca.key -CAcreateserial -days 3650 -extfile $who.ext -out $who.pem \\
    2>/dev/null
done
openssl ec -in client.key -aes256 -passout pass:keypass -out client-locked.key 2>/dev/null`);
  for (const file of ['ca.pem', 'client.pem', 'client.key', 'client-locked.key']) {
    await cell.device.script(`mkdir -p ${PKI}\ncat >${PKI}/${file} <<'end'\n${cell.server.read(`${PKI}/${file}`)}end`);
  }
}

const NAMES = '/run/moving-names';

/** An argument for a cell's dnsmasq with which `nameServerSays` works. */
export const MOVING_NAMES = `--addn-hosts=${NAMES}`;

/** What the network's name server says of a name from now on. */
export async function nameServerSays(cell: Cell, name: string, address: string): Promise<void> {
  const timesRead = (): number => cell.dnsmasq?.text.split(`read ${NAMES}`).length ?? 0;
  const before = timesRead();
  await cell.server.script(`echo '${address} ${name}' >${NAMES}`);
  cell.dnsmasq?.kill('SIGHUP');
  await until('the names to be read', () => timesRead() > before);
}

/** Starts openvpn as a server on `port` over UDP; ready on return. */
export async function startOpenvpn(cell: Cell, more: readonly string[] = [], port = 1194): Promise<Child> {
  const server = cell.server.spawn([
    'openvpn', '--mode', 'server', '--tls-server', '--dev', 'tun66', '--dev-type', 'tun', '--topology', 'subnet',
    '--ifconfig', OPENVPN_INSIDE, '255.255.255.0', '--ifconfig-pool', '10.66.0.2', '10.66.0.50', '255.255.255.0',
    '--push', 'topology subnet', '--push', `dhcp-option DNS ${OPENVPN_INSIDE}`, '--push', 'dhcp-option DOMAIN vpn.test',
    '--push', `route 10.67.0.0 255.255.0.0 ${OPENVPN_INSIDE}`, '--proto', 'udp', '--port', String(port),
    '--ca', `${PKI}/ca.pem`, '--cert', `${PKI}/server.pem`, '--key', `${PKI}/server.key`, '--dh', 'none',
    '--keepalive', '2', '8', '--verb', '3', '--script-security', '2', ...more,
  ]);
  await server.waitForLine((line) => line.includes('Initialization Sequence Completed'));
  return server;
}

/** Starts ocserv with a user `alice` of password `wonder land`; ready on return. */
export async function startOcserv(cell: Cell, more: readonly string[] = []): Promise<Child> {
  const lines = [
    'auth = "plain[passwd=/run/ocserv/passwd]"', 'tcp-port = 4443', 'udp-port = 4443', 'run-as-user = root',
    'run-as-group = root', 'socket-file = /run/ocserv/socket', 'isolate-workers = false', 'max-clients = 8',
    `server-cert = ${PKI}/server.pem`, `server-key = ${PKI}/server.key`, 'device = vpns', 'ipv4-network = 10.68.0.0',
    'ipv4-netmask = 255.255.255.0', 'dns = 10.68.0.1', 'default-domain = oc.test', 'keepalive = 30', 'dpd = 30',
    'mobile-dpd = 30', 'cookie-timeout = 300', 'use-occtl = false', 'predictable-ips = true', 'ping-leases = false',
    'cisco-client-compat = true', 'pid-file = /run/ocserv/pid', 'rekey-time = 172800', 'auth-timeout = 20', ...more,
  ];
  await cell.server.script(`mkdir -p /run/ocserv
printf 'wonder land\\nwonder land\\n' | ocpasswd -c /run/ocserv/passwd alice
cat >/run/ocserv/conf <<'end'
${lines.join('\n')}
end`);
  const server = cell.server.spawn(['ocserv', '--foreground', '--config', '/run/ocserv/conf', '--log-stderr']);
  await server.waitForLine((line) => line.includes('initialized') || line.includes('listening'));
  return server;
}

/** Inside the IPsec tunnel: an address of the gateway's. */
export const IPSEC_INSIDE = '10.72.0.1';

/** The gateway for vpnc: IKEv1 in aggressive mode, a group `corp` of secret `group secret`, XAuth for `alice`. */
const IPSEC_CONF = `conn vpnc
  keyexchange=ikev1
  aggressive=yes
  left=%any
  leftsubnet=0.0.0.0/0
  leftauth=psk
  right=%any
  rightauth=psk
  rightauth2=xauth
  rightsourceip=10.72.0.10-10.72.0.20
  rightdns=${IPSEC_INSIDE}
  ike=aes128-sha1-modp1024!
  esp=aes128-sha1!
  dpdaction=clear
  auto=add
`;

// ESP in user space, within UDP: the machine's kernel may have none.
const STRONGSWAN_CONF = `charon {
  i_dont_care_about_security_and_use_aggressive_mode_psk = yes
  load_modular = yes
  filelog {
    stderr {
      default = 1
      flush_line = yes
    }
  }
  plugins {
    include strongswan.d/charon/*.conf
    kernel-libipsec {
      load = yes
      allow_peer_ts = yes
    }
    bypass-lan {
      load = no
    }
  }
}
`;

/** Starts strongSwan as a gateway for vpnc with alice’s password `wonder land`; ready on return. */
export async function startIpsec(cell: Cell): Promise<Child> {
  await cell.server.script(`cat >/etc/ipsec.conf <<'end'
${IPSEC_CONF}end
cat >/etc/strongswan.conf <<'end'
${STRONGSWAN_CONF}end
printf ': PSK "group secret"\nalice : XAUTH "wonder land"\n' >/etc/ipsec.secrets
ip address replace ${IPSEC_INSIDE}/32 dev lo
mkdir -p /run/lock`);
  const gateway = cell.server.spawn(['/usr/lib/ipsec/starter', '--nofork']);
  await gateway.waitForLine((line) => line.includes("added configuration 'vpnc'"));
  return gateway;
}
