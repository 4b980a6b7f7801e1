/**
 * VPNs whose parts the machine's own kernel lacks: WireGuard by netlink, L2TP and PPTP with pppd, against
 * servers in the cell, through connmand and connman-vpnd. One cell; each case leaves it as it found it.
 */

import { readFileSync } from 'node:fs';
import * as assert from 'uvu/assert';
import { Cell, SERVER_ADDRESS } from '../helpers/cell.ts';
import { busVariant } from '../helpers/bus-daemon.ts';
import { output } from '../helpers/child.ts';
import type { CellEvent } from '../helpers/event-log.ts';
import { guestCase, runCases } from '../helpers/guest/cases.ts';
import { until } from '../helpers/patience.ts';
import { makeKeys, startWireguard, type Keys } from '../helpers/vpn-kernel.ts';
import { startL2tp, startPptp, PPP_PASSWORD, type PppServer } from '../helpers/vpn-kernel.ts';
import { answers, proveLife, type VpnRig } from '../helpers/vpn-life.ts';
import {
  callConnection,
  callManager,
  callVpnService,
  connectionPath,
  createConnection,
  errorOf,
  isConnectionProperty,
  isServiceProperty,
  isVpnListed,
  processesOf,
  propertiesOf,
  startAgent,
  startVpnd,
  tracesOf,
  type Agent,
} from '../helpers/vpn.ts';
import { missesWorld, seesWorld, startWorld, WORLD_ADDRESS } from '../helpers/vpn-world.ts';
import { daemon, plugIn, SERVICE } from '../helpers/wired.ts';

/** Addresses of the server's, each a VPN server of its own. */
const HOSTS = { l2tp: SERVER_ADDRESS, pptp: '10.77.0.2', wireguard: '10.77.0.3', moved: '10.77.0.4' } as const;

/** A server beyond the router that the first one's tunnel does not reach. */
const FAR_HOST = '192.0.2.51';

const MODULES = ['tun', 'wireguard', 'ppp_generic', 'ppp_async', 'ppp_mppe', 'l2tp_ppp', 'pptp', 'gre'];

const NAMES = '/run/names';

let rig: VpnRig | undefined;
let agent: Agent | undefined;

function running(): VpnRig {
  if (rig === undefined) throw new Error('the daemons did not start');
  return rig;
}

async function loadModules(): Promise<void> {
  for (const name of MODULES) await output(['modprobe', name]).catch((error: unknown) => console.log(String(error)));
  await output(['sh', '-c', 'mkdir -p /dev/net; [ -e /dev/net/tun ] || mknod /dev/net/tun c 10 200']);
}

guestCase('both daemons start', async () => {
  const dnsmasq = { extra: [`--addn-hosts=${NAMES}`] };
  const [cell] = await Promise.all([Cell.open({ cables: 2, dnsmasq }), loadModules()]);
  const { l2tp: _, ...more } = HOSTS;
  await cell.server.script(
    [...Object.values(more).map((each) => `${each}/20`), 'fd77::1/64 nodad']
      .map((each) => `ip address add ${each} dev bridge`)
      .join('\n'),
  );
  await startWorld(cell);
  const connmand = await cell.startDaemon([...daemon.argv, '-d', 'plugins/vpn*'], daemon.busName);
  await plugIn(cell);
  rig = { cell, connmand, vpnd: await startVpnd(cell) };
});

const run = (cell: Cell, ...words: string[]) => cell.device.run(words);

const wireguardSettings = (client: Keys, server: Keys) => ({
  Type: 'wireguard',
  Name: 'wg',
  'WireGuard.Address': '10.9.0.2/24, fd09::2/64',
  'WireGuard.PrivateKey': client.secret,
  'WireGuard.PublicKey': server.shown,
});

guestCase('WireGuard: peers of a file, both families, everything goes and comes back', async () => {
  const { cell } = running();
  const [client, server, other, third] = [await makeKeys(), await makeKeys(), await makeKeys(), await makeKeys()];
  await startWireguard(cell, { link: 'wgo', net: '10.8.0', port: 51821, keys: other, client: client.shown });
  await startWireguard(cell, { link: 'wgt', net: '10.7.0', port: 51822, keys: third, client: client.shown });
  await tellNames(cell, `${FAR_HOST} third.test`);
  await cell.server.script(`ip address add ${FAR_HOST}/32 dev far
ip rule add pref 5 iif wgs to ${FAR_HOST} blackhole`);
  rig = await proveLife(running(), {
    ident: '10_77_0_3',
    settings: {
      ...wireguardSettings(client, server),
      Host: HOSTS.wireguard,
      'WireGuard.AllowedIPs': '0.0.0.0/0, ::/0',
      'WireGuard.DNS': `${WORLD_ADDRESS}, 10.9.0.3`,
      'WireGuard.PersistentKeepalive': '5',
    },
    isProvisioned: true,
    groups: `[peer_other]
PublicKey=${other.shown}
AllowedIPs=10.8.0.0/24
Endpoint=${HOSTS.moved}:51821
[peer_third]
PublicKey=${third.shown}
AllowedIPs=10.7.0.0/24
Endpoint=third.test:51822`,
    inside: '10.9.0.1',
    link: 'wg0',
    isLossSeen: false,
    async startServer() {
      await startWireguard(cell, { link: 'wgs', net: '10.9.0', port: 51820, keys: server, client: client.shown });
      return { stop: () => cell.server.script('ip link delete wgs') };
    },
    async alsoProve() {
      const shown = (await run(cell, 'wg', 'show', 'wg0')).stdout;
      assert.match(shown, /endpoint: 10\.77\.0\.3:51820/);
      assert.match(shown, /endpoint: 10\.77\.0\.4:51821/);
      assert.match(shown, /endpoint: 192\.0\.2\.51:51822/);
      assert.ok(await answers(cell, 'fd09::1'), 'IPv6 inside');
      assert.ok(await answers(cell, '10.8.0.1'), 'the other peer');
      assert.ok(await answers(cell, '10.7.0.1'), 'the peer by name, around the tunnel of the first');
      assert.match((await run(cell, 'ip', '-6', 'route', 'get', '2001:db8::1')).stdout, /dev wg0/);
      assert.equal((await propertiesOf(cell, '10_77_0_3'))['Nameservers'], [WORLD_ADDRESS, '10.9.0.3']);
      await seesWorld(cell, 'wireguard');
    },
  });
  await missesWorld(cell, 'no-wireguard');
  assert.not.match((await run(cell, 'ip', 'route')).stdout, /192\.0\.2\.51/);
});

/** Connects it, unless it does so by itself, since AutoConnect was wanted of its name before; `since`: no earlier. */
async function connectService(cell: Cell, ident: string, since = performance.now()): Promise<void> {
  const outcome = await errorOf(callVpnService(cell, ident, 'Connect'));
  assert.match(outcome, /^ok$|InProgress|AlreadyConnected/, `${outcome}\n${running().connmand.text.slice(-4000)}`);
  await cell.log.wait('the service to be ready', isServiceProperty(ident, 'State', 'ready'), { since });
}

async function remove(cell: Cell, ident: string): Promise<void> {
  const since = performance.now();
  await callManager(cell, 'Remove', 'o', [connectionPath(ident)]);
  await cell.log.wait('its carrier to go', (event) => event.kind === 'carrier' && !event.isOn, { since });
}

/** What names outside lead to, from now on: lines as in hosts(5). */
async function tellNames(cell: Cell, ...lines: string[]): Promise<void> {
  await cell.server.script(`cat >${NAMES} <<'end'\n${lines.join('\n')}\nend`);
  cell.dnsmasq?.kill('SIGHUP');
}

async function disconnectService(cell: Cell, ident: string): Promise<void> {
  const since = performance.now();
  await callVpnService(cell, ident, 'Disconnect');
  await cell.log.wait('the service to be idle', isServiceProperty(ident, 'State', 'idle'), { since });
}

guestCase('WireGuard: a wrong key, and an interface that is taken away', async () => {
  const { cell } = running();
  const ident = HOSTS.wireguard.replaceAll('.', '_');
  const [client, server, stranger] = [await makeKeys(), await makeKeys(), await makeKeys()];
  await startWireguard(cell, { link: 'wgs', net: '10.9.0', port: 51820, keys: server, client: client.shown });
  const settings = {
    ...wireguardSettings(client, server),
    Host: HOSTS.wireguard,
    'WireGuard.AllowedIPs': '0.0.0.0/0',
    'WireGuard.DNS': WORLD_ADDRESS,
  };
  const refusal = await errorOf(createConnection(cell, { ...settings, 'WireGuard.PrivateKey': 'c2VjcmV0' }));
  assert.match(refusal, /InvalidArguments: WireGuard\.PrivateKey has a wrong value \*\*\*: 32 bytes/);
  const since = performance.now();
  await createConnection(cell, { ...settings, 'WireGuard.PrivateKey': stranger.secret });
  await cell.log.wait('its service', isVpnListed(ident), { since });
  await connectService(cell, ident, since);
  // A server answers nobody it does not know.
  assert.is((await run(cell, 'ping', '-c1', '-W1', '-w5', '10.9.0.1')).status, 1, 'with a wrong key');
  assert.is((await run(cell, 'ping', '-c1', '-W1', '-w5', WORLD_ADDRESS)).status, 1, 'and nothing goes outside');
  await disconnectService(cell, ident);
  await createConnection(cell, settings);
  await connectService(cell, ident);
  await seesWorld(cell, 'right-key');
  assert.not.ok(running().vpnd.text.includes(client.secret), 'the key is in no log');

  await callVpnService(cell, ident, 'SetProperty', 'sv', ['AutoConnect', busVariant('b', true)]);
  const taken = performance.now();
  await cell.device.script('ip link delete wg0');
  await cell.log.wait('the loss', isServiceProperty(ident, 'State', 'idle'), { since: taken });
  await cell.log.wait('it to be ready', isServiceProperty(ident, 'State', 'ready'), { since: taken });
  await seesWorld(cell, 'again');
  await remove(cell, ident);
});

guestCase('WireGuard: a server by name that moves, one by IPv6, keys kept', async () => {
  const { cell } = running();
  const [client, server] = [await makeKeys(), await makeKeys()];
  await startWireguard(cell, { link: 'wgs', net: '10.9.0', port: 51820, keys: server, client: client.shown });
  const base = wireguardSettings(client, server);
  const add = async (settings: Readonly<Record<string, string>>, isSplit: boolean): Promise<string> => {
    const since = performance.now();
    const ident = (await createConnection(cell, { ...base, ...settings })).split('/').at(-1) ?? '';
    await callConnection(cell, ident, 'SetProperty', 'sv', ['SplitRouting', busVariant('b', isSplit)]);
    await cell.log.wait('its service', isVpnListed(ident), { since });
    return ident;
  };
  await tellNames(cell, `${HOSTS.wireguard} wg.test`);
  const full = { 'WireGuard.AllowedIPs': '0.0.0.0/0', 'WireGuard.DNS': WORLD_ADDRESS };
  const named = await add({ ...full, Host: 'wg.test', 'VPN.KillSwitch': 'true' }, false);
  const stored = cell.device.read(`/var/lib/connman/provider_${named}/settings`);
  assert.ok(stored.includes(`WireGuard.PrivateKey=${client.secret}`), 'keys are kept, in a file for root alone');
  await connectService(cell, named);
  assert.match((await run(cell, 'wg', 'show', 'wg0', 'endpoints')).stdout, /10\.77\.0\.3:51820/);
  await seesWorld(cell, 'before');
  // The way to all names leads through the tunnel that is dead; around it, the kill switch lets out questions about
  // this name alone.
  const since = performance.now();
  await tellNames(cell, `${HOSTS.moved} wg.test`);
  await cell.server.script(`ip address delete ${HOSTS.wireguard}/20 dev bridge`);
  const isMoved = ({ kind, ...event }: CellEvent): boolean =>
    kind === 'signal' && 'body' in event && event.body[0] === 'IPv4' && Object(event.body[1]).Gateway === HOSTS.moved;
  await cell.log.wait('the server to be found again', isMoved, { since, timeoutMs: 60_000 });
  await cell.log.wait('the way to it', isRoute(`${HOSTS.moved} `, true), { since });
  await cell.log.wait('the way to its old address to go', isRoute(`${HOSTS.wireguard} `, false), { since });
  // It may speak from another address of its own meanwhile, which the kernel takes for the server's.
  await until('the tunnel to lead there', async () => {
    return (await run(cell, 'wg', 'show', 'wg0', 'endpoints')).stdout.includes(`${HOSTS.moved}:51820`);
  });
  await seesWorld(cell, 'after');
  await remove(cell, named);
  await cell.server.script(`ip address add ${HOSTS.wireguard}/20 dev bridge`);

  await setIpv6(cell, { Method: 'manual', Address: 'fd77::20', PrefixLength: 64 });
  const split = { 'WireGuard.AllowedIPs': '10.9.0.0/24, fd09::/64' };
  await cell.device.script('ip route add unreachable 192.0.2.9');
  await tellNames(cell, '192.0.2.9 both.test', 'fd77::1 both.test');
  for (const host of ['fd77::1', 'both.test']) {
    const ident = await add({ ...split, Host: host }, true);
    await connectService(cell, ident);
    const shown = (await run(cell, 'wg', 'show', 'wg0', 'endpoints')).stdout;
    assert.match(shown, /\[fd77::1\]:51820/, `${host}: ${shown}`);
    assert.ok(await answers(cell, '10.9.0.1'), 'IPv4 over IPv6');
    assert.ok(await answers(cell, 'fd09::1'), 'IPv6 over IPv6');
    await remove(cell, ident);
  }
  await setIpv6(cell, { Method: 'auto' });
});

function isRoute(start: string, isAdded: boolean) {
  return (event: CellEvent): boolean =>
    event.kind === 'route' && event.isAdded === isAdded && event.route.startsWith(start);
}

/** Configures IPv6 of the wired service that is in use. */
async function setIpv6(cell: Cell, values: Readonly<Record<string, string | number>>): Promise<void> {
  const since = performance.now();
  const service = SERVICE.replace('0000000000', `000000000${running().uplink ?? 0}`);
  const entries = Object.entries(values).map(([key, value]) => [
    key,
    typeof value === 'number' ? busVariant('y', value) : busVariant('s', value),
  ]);
  await cell.bus.call({
    destination: 'net.connman',
    path: `/net/connman/service/${service}`,
    interface: 'net.connman.Service',
    member: 'SetProperty',
    signature: 'sv',
    body: ['IPv6.Configuration', busVariant('a{sv}', Object.fromEntries(entries))],
  });
  const { Address: address } = values;
  if (address === undefined) return;
  const isThere = (event: { kind: string; address?: string }): boolean =>
    event.kind === 'address' && event.address === `${address}/64`;
  await cell.log.wait('the address', isThere, { since });
}

interface Ppp {
  readonly type: 'l2tp' | 'pptp';
  readonly inside: string;
  readonly helper: { readonly program: string; readonly mark: string };
  readonly start: PppServer;
}

const L2TP: Ppp = {
  type: 'l2tp',
  inside: '10.70.0.1',
  helper: { program: 'xl2tpd', mark: '/l2tp-' },
  start: startL2tp,
};

const PPTP: Ppp = {
  type: 'pptp',
  inside: '10.71.0.1',
  helper: { program: 'pppd', mark: '/pptp-' },
  start: startPptp,
};

const identOf = ({ type }: Ppp): string => HOSTS[type].replaceAll('.', '_');

/** A wrong password and then the right one, both by agent. */
async function proveLogin(ppp: Ppp): Promise<void> {
  const { type, inside, start } = ppp;
  const { cell, vpnd } = running();
  const ident = identOf(ppp);
  const server = await start(cell, HOSTS[type]);
  const { asked, attemptsAt } = (agent ??= await startAgent(cell));
  // The daemon that knew it may be another one by now.
  await errorOf(callManager(cell, 'RegisterAgent', 'o', ['/agent']));
  const attempt = attemptsAt(ident);
  const since = performance.now();
  await createConnection(cell, { Type: type, Name: type, Host: HOSTS[type] });
  const refused = await attempt({ Username: 'alice', Password: 'no' });
  assert.match(refused, /PermissionDenied/, `a wrong password: ${refused}\n${vpnd.text.slice(-3000)}`);
  assert.is(await attempt({ Username: 'alice', Password: PPP_PASSWORD }), 'ok', vpnd.text.slice(-3000));
  assert.ok('VpnAgent.AuthFailure' in Object(asked[0]), 'the agent is told of what was refused');
  await cell.log.wait('the tunnel', isConnectionProperty('State', 'ready'), { since });
  assert.ok(await answers(cell, inside), 'the other end answers');
  const ready = await propertiesOf(cell, ident);
  console.log(JSON.stringify(ready['IPv4']));
  assert.equal(ready['Nameservers'], [WORLD_ADDRESS]);
  assert.not.match(await tracesOf(cell, 'xl2tpd', 'pppd', 'pptp', 'connman-vpnd'), /wonder/);
  assert.not.match(vpnd.text + JSON.stringify(ready), /wonder/);
  await remove(cell, ident);
  await server.stop();
}

async function provePppLife(ppp: Ppp): Promise<void> {
  const { type, inside, helper, start } = ppp;
  const { cell } = running();
  const [user, password] = type === 'l2tp' ? ['L2TP.User', 'L2TP.Password'] : ['PPTP.User', 'PPTP.Password'];
  const echo = { 'PPPD.EchoInterval': '2', 'PPPD.EchoFailure': '4' };
  rig = await proveLife(running(), {
    ident: identOf(ppp),
    settings: { Type: type, Name: type, Host: HOSTS[type], [user]: 'alice', [password]: PPP_PASSWORD, ...echo },
    isProvisioned: true,
    inside,
    link: 'ppp0',
    helper,
    isLossSeen: true,
    startServer: () => start(cell, HOSTS[type]),
    alsoProve: () => seesWorld(cell, type),
  });
  await missesWorld(cell, `no-${type}`);
}

guestCase('L2TP: a wrong password and the right one', () => proveLogin(L2TP));
guestCase('L2TP: everything goes and comes back', () => provePppLife(L2TP));
guestCase('PPTP: a wrong password and the right one', () => proveLogin(PPTP));
guestCase('PPTP: everything goes and comes back', () => provePppLife(PPTP));

guestCase('memory of both daemons', async () => {
  const { cell } = running();
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
