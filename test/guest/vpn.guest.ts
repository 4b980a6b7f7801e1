/**
 * VPNs whose parts the machine's own kernel lacks: WireGuard by netlink, L2TP and PPTP with pppd, against
 * servers in the cell, through connmand and connman-vpnd.
 */

import { readFileSync } from 'node:fs';
import * as assert from 'uvu/assert';
import { Cell, SERVER_ADDRESS } from '../helpers/cell.ts';
import { busVariant } from '../helpers/bus-daemon.ts';
import { output, type Child } from '../helpers/child.ts';
import { guestCase, runCases } from '../helpers/guest/cases.ts';
import {
  callConnection,
  callManager,
  callVpnService,
  createConnection,
  errorOf,
  isConnectionProperty,
  isServiceProperty,
  processesOf,
  propertiesOf,
  startVpnd,
} from '../helpers/vpn.ts';
import { daemon, plugIn } from '../helpers/wired.ts';

const MODULES = [
  'tun',
  'esp4',
  'xfrm_user',
  'af_key',
  'wireguard',
  'ppp_generic',
  'ppp_async',
  'ppp_mppe',
  'l2tp_ppp',
  'pptp',
  'gre',
];

let opened: Promise<Cell> | undefined;
let vpnd: Child | undefined;

function rig(): Promise<Cell> {
  return (opened ??= (async () => {
    for (const name of MODULES)
      await output(['modprobe', name]).catch((error: unknown) => console.log(String(error)));
    await output(['sh', '-c', 'mkdir -p /dev/net; [ -e /dev/net/tun ] || mknod /dev/net/tun c 10 200']);
    const cell = await Cell.open({});
    await cell.startDaemon(daemon.argv, daemon.busName);
    await plugIn(cell);
    vpnd = await startVpnd(cell);
    await callManager(cell, 'RegisterAgent', 'o', ['/agent']);
    cell.bus.answer(cell.log, 'RequestInput', () => {
      const entries = Object.entries(answers.shift() ?? {}).map(([key, value]) => [key, busVariant('s', value)]);
      return { signature: 'a{sv}', body: [Object.fromEntries(entries)] };
    });
    return cell;
  })());
}

interface Keys {
  readonly secret: string;
  readonly shown: string;
}

async function makeKeys(): Promise<Keys> {
  const secret = (await output(['wg', 'genkey'])).trim();
  return { secret, shown: (await output(['wg', 'pubkey'], { input: `${secret}\n` })).trim() };
}

/** Servers' interfaces, and the networks behind them. */
const NETWORKS = { wgs: '10.9.0', wgo: '10.8.0' } as const;

async function startWireguard(cell: Cell, client: string, name: keyof typeof NETWORKS, port: number): Promise<Keys> {
  const net = NETWORKS[name];
  const keys = await makeKeys();
  await cell.server.script(`ip link add ${name} type wireguard
echo '${keys.secret}' >/run/${name}.key
wg set ${name} private-key /run/${name}.key listen-port ${port} peer '${client}' allowed-ips ${net}.2/32,fd09::2/128
ip address add ${net}.1/24 dev ${name}
ip address add fd09::1/64 dev ${name} nodad
ip link set ${name} up`);
  return keys;
}

async function connectService(cell: Cell, ident: string): Promise<number> {
  const since = performance.now();
  await callVpnService(cell, ident, 'Connect');
  await cell.log.wait('the service to be ready', isServiceProperty(ident, 'State', 'ready'), { since });
  return performance.now() - since;
}

const run = (cell: Cell, ...words: string[]) => cell.device.run(words);

guestCase('both daemons start', async () => void (await rig()));

guestCase('WireGuard: all traffic, both families, several peers, keys kept', async () => {
  const cell = await rig();
  const client = await makeKeys();
  const server = await startWireguard(cell, client.shown, 'wgs', 51820);
  const other = await startWireguard(cell, client.shown, 'wgo', 51821);
  const ident = '10_77_0_1';
  const since = performance.now();
  await createConnection(cell, {
    Type: 'wireguard',
    Name: 'wg',
    Host: SERVER_ADDRESS,
    'WireGuard.Address': '10.9.0.2/24, fd09::2/64',
    'WireGuard.PrivateKey': client.secret,
    'WireGuard.PublicKey': server.shown,
    'WireGuard.AllowedIPs': '0.0.0.0/0, ::/0',
    'WireGuard.DNS': '10.9.0.1, 10.9.0.3',
    'WireGuard.PersistentKeepalive': '5',
    'WireGuard.Peer.other.PublicKey': other.shown,
    'WireGuard.Peer.other.AllowedIPs': '10.8.0.0/24',
    'WireGuard.Peer.other.Endpoint': `${SERVER_ADDRESS}:51821`,
  });
  await cell.log.wait(
    'its service',
    (event) =>
      event.kind === 'signal' &&
      event.name.endsWith('ServicesChanged') &&
      JSON.stringify(event.body).includes(`vpn_${ident}`),
    { since },
  );
  await connectService(cell, ident);
  const shown = (await run(cell, 'wg', 'show', 'wg0')).stdout;
  assert.match(shown, /endpoint: 10\.77\.0\.1:51820/);
  assert.match(shown, /endpoint: 10\.77\.0\.1:51821/);
  assert.is((await run(cell, 'ping', '-c1', '-W5', '10.9.0.1')).status, 0, shown);
  assert.is((await run(cell, 'ping', '-c1', '-W5', 'fd09::1')).status, 0, 'IPv6 inside');
  assert.match((await run(cell, 'ip', 'route', 'get', '198.51.100.1')).stdout, /dev wg0/);
  assert.match((await run(cell, 'ip', '-6', 'route', 'get', '2001:db8::1')).stdout, /dev wg0/);
  const ready = await propertiesOf(cell, ident);
  assert.equal(ready['Nameservers'], ['10.9.0.1', '10.9.0.3']);
  const stored = cell.device.read(`/var/lib/connman/provider_${ident}/settings`);
  assert.ok(stored.includes(`WireGuard.PrivateKey=${client.secret}`), 'keys are kept, in a file for root alone');
  await callVpnService(cell, ident, 'Disconnect');
  await cell.log.wait('its end', isConnectionProperty('State', 'idle'), { since });
  assert.not.match((await run(cell, 'ip', 'link')).stdout, /wg0/);
});

guestCase('WireGuard: what is wrong is refused by name', async () => {
  const cell = await rig();
  const set = (name: string, value: string) =>
    errorOf(callConnection(cell, '10_77_0_1', 'SetProperty', 'sv', [name, busVariant('s', value)]));
  assert.match(await set('WireGuard.PublicKey', 'abc'), /InvalidProperty: .*WireGuard\.PublicKey.*"abc".*32 bytes/);
  assert.match(await set('WireGuard.ListPort', '1'), /InvalidProperty: .*ListPort is no option of wireguard/);
  assert.not.match(await set('WireGuard.PrivateKey', 'tooshort'), /tooshort/, 'a secret is not repeated');
});

/** What the agent says next. */
const answers: Record<string, string>[] = [];

const PPP_SECRETS = 'alice * "wonder land" *\n';

async function secrets(cell: Cell): Promise<void> {
  await cell.server.script(
    `mkdir -p /etc/ppp\nprintf '%s' '${PPP_SECRETS}' >/etc/ppp/chap-secrets\nchmod 600 /etc/ppp/chap-secrets`,
  );
}

/** Connects with a wrong password, then with the right one; the tunnel answers. */
async function provePpp(cell: Cell, type: 'l2tp' | 'pptp', host: string, inside: string): Promise<void> {
  const ident = host.replace(/[^0-9A-Za-z]/g, '_');
  answers.splice(
    0,
    answers.length,
    { Username: 'alice', Password: 'no' },
    { Username: 'alice', Password: 'wonder land' },
  );
  await createConnection(cell, { Type: type, Name: type, Host: host });
  const refused = await errorOf(callConnection(cell, ident, 'Connect'));
  assert.match(refused, /PermissionDenied/, `a wrong password: ${refused}\n${vpnd?.text.slice(-3000)}`);
  const since = performance.now();
  let error = await errorOf(callConnection(cell, ident, 'Connect'));
  if (/InProgress/.test(error)) error = await errorOf(callConnection(cell, ident, 'Connect'));
  assert.is(error, 'ok');
  await cell.log.wait('the tunnel', isConnectionProperty('State', 'ready'), { since });
  assert.is((await run(cell, 'ping', '-c1', '-W5', inside)).status, 0, 'the other end answers');
  console.log(JSON.stringify((await propertiesOf(cell, ident))['IPv4']));
  const left = performance.now();
  await callConnection(cell, ident, 'Disconnect');
  await cell.log.wait('its end', isConnectionProperty('State', 'idle'), { since: left });
}

guestCase('L2TP: xl2tpd and pppd on both sides', async () => {
  const cell = await rig();
  await secrets(cell);
  await cell.server.script(`mkdir -p /run/xl2tpd
cat >/run/lns.conf <<'end'
[global]
listen-addr = ${SERVER_ADDRESS}
[lns default]
ip range = 10.70.0.10-10.70.0.20
local ip = 10.70.0.1
require chap = yes
refuse pap = yes
require authentication = yes
pppoptfile = /run/lns.ppp
end
printf 'auth\\nms-dns 10.70.0.1\\nnoccp\\nproxyarp\\nmtu 1400\\n' >/run/lns.ppp`);
  cell.server.spawn(['xl2tpd', '-D', '-c', '/run/lns.conf', '-C', '/run/lns.control', '-p', '/run/lns.pid']);
  await provePpp(cell, 'l2tp', SERVER_ADDRESS, '10.70.0.1');
});

guestCase('PPTP: pptpd and pppd', async () => {
  const cell = await rig();
  await secrets(cell);
  await cell.server.script(`ip address add 10.77.0.2/20 dev bridge
printf 'option /run/pptpd.ppp\\nlocalip 10.71.0.1\\nremoteip 10.71.0.10-20\\n' >/run/pptpd.conf
printf 'auth\\nrequire-mschap-v2\\nms-dns 10.71.0.1\\nnoccp\\n' >/run/pptpd.ppp`);
  cell.server.spawn(['pptpd', '--fg', '--conf', '/run/pptpd.conf', '--listen', '10.77.0.2']);
  await cell.server.output(['sh', '-c', 'until ss -ltn | grep -q :1723; do sleep 0.2; done']);
  await provePpp(cell, 'pptp', '10.77.0.2', '10.71.0.1');
});

guestCase('memory of both daemons', async () => {
  const cell = await rig();
  let total = 0;
  for (const name of ['connmand', 'connman-vpnd']) {
    for (const pid of await processesOf(cell, name)) {
      const pss = /^Pss:\s+(\d+)/m.exec(readFileSync(`/proc/${pid}/smaps_rollup`, 'utf8'))?.[1];
      console.log(`${name}: PSS ${(Number(pss) / 1024).toFixed(1)} MB`);
      total += Number(pss) / 1024;
    }
  }
  assert.ok(total > 0 && total < 100, `both together: ${total.toFixed(1)} MB`);
});

await runCases();
