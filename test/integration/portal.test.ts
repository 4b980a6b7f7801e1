/**
 * Captive portals that the network tells of (RFC 8910: DHCP, DHCPv6, router advertisements) and that
 * tell of themselves (RFC 8908), over IPv4 and over IPv6 alone.
 */

import { test } from 'uvu';
import * as assert from 'uvu/assert';
import type { Cell } from '../helpers/cell.ts';
import { startRouter } from '../helpers/ipv6-networks.ts';
import {
  credentials, isOnline, plug, PORTAL_NAMES, unplug, withPortal, type PortalScene,
} from '../helpers/portal.ts';
import { startStatusServer } from '../helpers/run-status-server.ts';
import { SERVICE_PATH } from '../helpers/wired.ts';
import { captivePortalOption, nameserverOption, prefixOption } from '../unit/ndp/advertise.ts';

const API = 'https://status.example/api';
/** In the prefix that routers here announce; also the last byte of what RDNSS names. */
const ROUTER6 = '2001:db8::1';

test('without the plugin wispr a browser is asked for at once', () =>
  withPortal({ words: ['--noplugin=wispr'] }, async ({ cell, portal, agent }) => {
    await portal.capture('wispr');
    agent.onInput = () => credentials('guest', 'o pen&');
    agent.onBrowser = async () => portal.release();
    const since = await plug(cell);
    await cell.log.wait('online', isOnline, { since });
    assert.equal(agent.heard.map((each) => each.split(' ')[0]), ['RequestBrowser']);
  }));

test('a network that tells of its portal is believed before the probe (DHCP option 114)', () =>
  withPortal({ dnsmasq: { names: PORTAL_NAMES, extra: [`--dhcp-option-force=114,${API}`] } }, async (scene) => {
    const { cell, agent } = scene;
    await getsOut(scene);
    assert.equal(agent.heard, [`RequestBrowser ${SERVICE_PATH} https://status.example/buy`]);
    const { Next: next } = await checkOf(cell);
    assert.ok(Number(next) > 3000 && Number(next) <= 3600, `asked again when the session ends: ${next}`);
  }));

test('over IPv6 alone: a portal that DHCPv6 tells of (option 103)', () =>
  withPortal({ dnsmasq: false }, async (scene) => {
    await serveIpv6(scene.cell, [
      '--interface=bridge', '--enable-ra', '--ra-param=bridge,4,12', '--dhcp-range=2001:db8::100,2001:db8::1ff,64,10m',
      `--dhcp-option-force=option6:103,${API}`, '--dhcp-leasefile=/run/dnsmasq6.leases',
    ]);
    await getsOut(scene);
    assertAskedOverIpv6(scene);
  }));

test('over IPv6 alone: a portal that the router tells of (option 37), and a WISPr login', () =>
  withPortal({ dnsmasq: false }, async (scene) => {
    const { cell, portal, agent } = scene;
    await serveIpv6(cell, []);
    const options = `${prefixOption('20010db800000000', 3600)} ${nameserverOption(1, 3600)}`;
    const telling = await startRouter(cell.server, 'bridge', { options: `${options} ${captivePortalOption(API)}` });
    await getsOut(scene);
    assertAskedOverIpv6(scene);

    await unplug(cell);
    await telling.stop();
    await startRouter(cell.server, 'bridge', { options });
    await portal.capture('wispr');
    agent.heard.length = 0;
    agent.onInput = () => credentials('guest', 'o pen&');
    const since = await plug(cell);
    await cell.log.wait('online', isOnline, { since });
    assert.equal(agent.heard, [`RequestInput ${SERVICE_PATH} Username,Password`]);
    assert.ok(portal.requests.length >= 5 && portal.requests.every(({ client }) => client.startsWith('2001:db8::')));
  }));

/** A network with IPv6 alone: its name server, which knows where the portal and the status page are. */
async function serveIpv6(cell: Cell, words: readonly string[]): Promise<void> {
  await cell.server.script(`ip -6 address add ${ROUTER6}/64 dev bridge nodad`);
  await startStatusServer(cell.server, ROUTER6, cell.log);
  const server = cell.server.spawn([
    'dnsmasq', '--no-daemon', '--conf-file=/dev/null', '--no-resolv', '--no-hosts', `--listen-address=${ROUTER6}`,
    '--bind-interfaces', ...['ipv6.connman.net', 'status.example'].map((name) => `--address=/${name}/${ROUTER6}`),
    ...words,
  ]);
  await server.waitForLine((line) => /: started, /.test(line));
}

/** The network told of the portal before anything was probed. */
function assertAskedOverIpv6({ agent, portal }: PortalScene): void {
  assert.equal(agent.heard, [`RequestBrowser ${SERVICE_PATH} https://status.example/buy`]);
  const asked = portal.requests.filter(({ path }) => path === '/api');
  assert.ok(asked.length > 0 && asked.every(({ client }) => client.startsWith('2001:db8::')), JSON.stringify(asked));
}

/** Plugs in; the user pays at the portal that tells of itself, and is online. */
async function getsOut({ cell, portal, agent }: PortalScene): Promise<void> {
  await portal.capture('api');
  agent.onBrowser = async () => portal.capture('free').then(() => portal.release());
  const since = cell.cable().plug();
  await cell.log.wait('online', isOnline, { since });
}

async function checkOf(cell: Cell): Promise<Readonly<Record<string, unknown>>> {
  const [check] = await cell.bus.call({
    destination: 'net.connman',
    path: SERVICE_PATH,
    interface: 'org.freedesktop.DBus.Properties',
    member: 'Get',
    signature: 'ss',
    body: ['net.causeway.Service1', 'OnlineCheck'],
  });
  return Object(check);
}

test.run();
