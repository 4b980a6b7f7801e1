/**
 * Helpers of connman-vpnd that lie, flood, hang or are left behind by a daemon that was killed: the
 * daemon goes on, nothing of them stays, and no secret leaves. The helper is a script in openvpn's place.
 */

import { readFileSync } from 'node:fs';
import { test } from 'uvu';
import * as assert from 'uvu/assert';
import { SERVER_ADDRESS, type Cell } from '../helpers/cell.ts';
import {
  callConnection,
  createConnection,
  errorOf,
  isConnectionProperty,
  processesOf,
  propertiesOf,
  startVpnd,
  withVpnCell,
} from '../helpers/vpn.ts';
import { busVariant } from '../helpers/bus-daemon.ts';
import { makeCertificates, OPENVPN_INSIDE, PKI, startOpenvpn } from '../helpers/vpn-servers.ts';
import { patience } from '../helpers/patience.ts';
import { daemon, plugIn } from '../helpers/wired.ts';

const IDENT = '10_77_0_1';
const HELPER = '/usr/local/sbin/openvpn';
const FLOOD_BYTES = 50_000_000;

const HELPERS = {
  /** Says too much, wants to stay, and has a child that wants to as well. */
  flooding: `trap '' TERM INT
sleep 1000 &
yes 'flood >PASSWORD:Need' | head -c ${FLOOD_BYTES} >&2
echo done >/run/flooded
while :; do sleep 1000; done`,
  silent: 'sleep 1000 &\nexec sleep 1001',
};

async function install(cell: Cell, helper: keyof typeof HELPERS): Promise<void> {
  await cell.device.script(`rm -f /run/flooded
cat >${HELPER} <<'end'
#!/bin/sh
${HELPERS[helper]}
end
chmod 755 ${HELPER}`);
}

async function until(what: string, holds: () => boolean | Promise<boolean>): Promise<void> {
  const end = performance.now() + patience(20_000);
  while (!(await holds())) {
    if (performance.now() > end) throw new Error(`waited in vain for ${what}`);
    await new Promise((resolve) => setTimeout(resolve, 50));
  }
}

function notify(cell: Cell, task: number, reason: string, environment: Record<string, string>): Promise<string> {
  return errorOf(
    cell.bus.call({
      destination: 'net.connman.vpn',
      path: `/task/${task}`,
      interface: 'net.connman.Task',
      member: 'notify',
      signature: 'sa{ss}',
      body: [reason, environment],
    }),
  );
}

const links = async (cell: Cell): Promise<string> => (await cell.device.run(['ip', 'link'])).stdout;

async function residentMb(cell: Cell): Promise<number> {
  const [pid] = await processesOf(cell, 'connman-vpnd');
  return Number(/^VmRSS:\s+(\d+)/m.exec(readFileSync(`/proc/${pid}/status`, 'utf8'))?.[1]) / 1024;
}

/** Begins to connect and resolves when the helper runs; `error` is how Connect ends. */
async function begin(cell: Cell): Promise<{ error: Promise<string> }> {
  let connecting = errorOf(callConnection(cell, IDENT, 'Connect'));
  const first = await Promise.race([connecting, new Promise<string>((resolve) => setTimeout(resolve, 300, 'running'))]);
  if (first.includes('InProgress')) connecting = errorOf(callConnection(cell, IDENT, 'Connect'));
  await until('the helper', async () => (await processesOf(cell, 'sleep')).length > 0);
  return { error: connecting };
}

/** Manager.ConnectProvider of connmand. */
function connectProvider(cell: Cell, settings: Readonly<Record<string, string>>): Promise<readonly unknown[]> {
  const texts = Object.entries(settings).map(([key, value]) => [key, busVariant('s', value)]);
  return cell.bus.call({
    destination: 'net.connman',
    path: '/',
    interface: 'net.connman.Manager',
    member: 'ConnectProvider',
    signature: 'a{sv}',
    body: [{ ...Object.fromEntries(texts), Networks: busVariant('as', ['10.9.0.0/16', 'nonsense']) }],
  });
}

test('ConnectProvider makes a connection and connects it', () =>
  withVpnCell(daemon.cell, async (cell) => {
    await cell.startDaemon(daemon.argv, daemon.busName);
    await plugIn(cell);
    await makeCertificates(cell, SERVER_ADDRESS);
    await startOpenvpn(cell);
    const base = { Host: SERVER_ADDRESS, 'VPN.Domain': 'corp', Type: 'openvpn', Name: 'Office' };
    const { Name: _, ...nameless } = base;
    assert.match(await errorOf(connectProvider(cell, { Host: 'h' })), /^net\.connman\.Error\.InvalidArguments/);
    assert.match(await errorOf(connectProvider(cell, nameless)), /^net\.connman\.Error\.NotSupported/);
    assert.match(await errorOf(connectProvider(cell, base)), /InvalidArguments/, 'there is no VPN daemon');
    await startVpnd(cell);
    const files = { CACert: 'ca.pem', Cert: 'client.pem', Key: 'client.key' };
    const keys = Object.entries(files).map(([key, name]) => [`OpenVPN.${key}`, `${PKI}/${name}`]);
    const settings = { ...base, ...Object.fromEntries(keys), 'OpenVPN.RemoteCertTls': 'server' };
    // connmand hears of the daemon as we do, and then asks it for what it has.
    let answer: readonly unknown[] | undefined;
    await until('connmand to know its VPN daemon', async () => {
      answer = await connectProvider(cell, settings).catch((error: unknown) => {
        if (!/Invalid arguments/.test(String(error))) throw error;
        return undefined;
      });
      return answer !== undefined;
    });
    assert.equal(answer, [`/net/connman/service/vpn_${IDENT}_corp`]);
    const properties = await propertiesOf(cell, `${IDENT}_corp`);
    assert.is(properties['State'], 'ready');
    assert.equal(properties['UserRoutes'], [[{ ProtocolFamily: 4, Network: '10.9.0.0', Netmask: '16' }]]);
    assert.is((await cell.device.run(['ping', '-c1', '-W3', OPENVPN_INSIDE])).status, 0, 'the other end answers');
  }));

test('a helper that lies, floods, hangs, or outlives its daemon', () =>
  withVpnCell(daemon.cell, async (cell) => {
    await cell.startDaemon(daemon.argv, daemon.busName);
    await plugIn(cell);
    // Process numbers are the cell's; so are those that the daemon reads then.
    await cell.device.script('mount -t proc proc /proc');
    const vpnd = await startVpnd(cell);
    await createConnection(cell, { Type: 'openvpn', Name: 'L', Host: SERVER_ADDRESS });
    await install(cell, 'flooding');

    const flooding = await begin(cell);
    await until('the flood to be read', async () => {
      return (await cell.device.run(['test', '-e', '/run/flooded'])).status === 0;
    });
    assert.is((await propertiesOf(cell, IDENT))['State'], 'configuration', 'it answers all the same');
    assert.ok((await residentMb(cell)) < 200, `what a helper says is not kept: ${await residentMb(cell)} MB`);
    // As many reports as the bus takes, of things that are no tunnel; the first ends the helper.
    const since = performance.now();
    const lie = {
      ifconfig_local: '999.1.1.1', trusted_ip: '::ffff::', 'route_network_99999999999': 'x'.repeat(60_000),
      foreign_option_1: 'dhcp-option DNS \n; rm -rf /', dev: 'eth0', ifconfig_netmask: '-1',
    };
    const told = await Promise.all(Array.from({ length: 200 }, () => notify(cell, 0, 'up', lie)));
    assert.ok(told.every((each) => each === 'ok' || /Unknown/.test(each)), [...new Set(told)].join());
    assert.match(await flooding.error, /^net\.connman\.Error\.Failed/);
    await cell.log.wait('its end', isConnectionProperty('State', 'failure'), { since, timeoutMs: 20_000 });
    await until('everything of it to be gone', async () => !(await links(cell)).includes('vpn0'));
    assert.equal(await processesOf(cell, 'sleep'), [], 'TERM and INT have no effect: KILL has, on its child too');
    assert.match(await links(cell), /eth0(@\S+)?: <[^>]*UP/, 'what it said of another interface is not done');
    assert.match(await notify(cell, 0, 'up', lie), /Unknown/, 'its object is gone');

    await install(cell, 'silent');
    const silent = await begin(cell);
    assert.match(await links(cell), /vpn0/);
    // Anybody but root and the helper's user is not heard.
    const stranger = await cell.device.run([
      'setpriv', '--reuid=65534', '--regid=65534', '--clear-groups', 'dbus-send', '--system', '--print-reply',
      '--dest=net.connman.vpn', '/task/1', 'net.connman.Task.notify', 'string:down', 'dict:string:string:',
    ]);
    assert.is((await propertiesOf(cell, IDENT))['State'], 'configuration', stranger.stdout + stranger.stderr);
    vpnd.kill('SIGKILL');
    assert.match(await silent.error, /NoReply|Disconnected|Failed/);
    await vpnd.exited;
    assert.is((await processesOf(cell, 'sleep')).length, 2, 'nobody ended them');
    assert.match(await links(cell), /vpn0/);
    const next = await startVpnd(cell);
    await until('them to be ended', async () => (await processesOf(cell, 'sleep')).length === 0);
    await until('their interface to be removed', async () => !(await links(cell)).includes('vpn0'));
    assert.is(await cell.device.output(['ls', '/run/connman-vpn/running']), '');
    assert.ok(next.isRunning);
  }));

test.run();
