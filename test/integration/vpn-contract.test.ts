/**
 * The contract between the two daemons is ConnMan's: Debian's connman-vpnd under our connmand, and our
 * connman-vpnd under Debian's connmand, each with a real tunnel. And what a full tunnel and a kill switch
 * keep in, whatever a DHCP server says.
 */

import { test } from 'uvu';
import * as assert from 'uvu/assert';
import { messageOf } from '../../src/shared/errors.ts';
import { SERVER_ADDRESS, type Cell } from '../helpers/cell.ts';
import { busVariant } from '../helpers/bus-daemon.ts';
import type { Child } from '../helpers/child.ts';
import { DAEMONS } from '../helpers/daemons.ts';
import { patience } from '../helpers/patience.ts';
import {
  callConnection,
  callVpnService,
  createConnection,
  isConnectionProperty,
  isServiceProperty,
  VPN_DAEMONS,
  withVpnCell,
} from '../helpers/vpn.ts';
import { makeCertificates, OPENVPN_INSIDE, PKI, startOpenvpn } from '../helpers/vpn-servers.ts';
import { plugIn } from '../helpers/wired.ts';

const IDENT = '10_77_0_1';
const BASE = {
  Type: 'openvpn',
  Name: 'Office',
  Host: SERVER_ADDRESS,
  Domain: '',
  'OpenVPN.CACert': `${PKI}/ca.pem`,
  'OpenVPN.Cert': `${PKI}/client.pem`,
  'OpenVPN.Key': `${PKI}/client.key`,
  'OpenVPN.RemoteCertTls': 'server',
};

const device = async (cell: Cell, ...words: string[]): Promise<string> => {
  const { stdout, stderr } = await cell.device.run(words);
  return stdout + stderr;
};

async function startTunnel(cell: Cell, settings: Readonly<Record<string, string>> = {}): Promise<void> {
  const since = performance.now();
  const { Domain: _, ...base } = BASE;
  await createConnection(cell, { ...base, ...settings });
  await cell.log.wait(
    'the service',
    (event) =>
      event.kind === 'signal' &&
      event.name === 'net.connman.Manager.ServicesChanged' &&
      JSON.stringify(event.body).includes(`vpn_${IDENT}`),
    { since },
  );
  await callVpnService(cell, IDENT, 'Connect');
  await cell.log.wait('the tunnel', isConnectionProperty('State', 'ready'), { since });
  await cell.log.wait('the service to be ready', isServiceProperty(IDENT, 'State', 'ready'), { since });
}

/** Adds what daemons said to an error. */
function explain(...running: readonly Child[]) {
  return (error: unknown): never => {
    throw new Error([messageOf(error), ...running.map(({ text }) => text.slice(-3000))].join('\n'));
  };
}

const PAIRS = [
  { connmand: DAEMONS.causeway, vpnd: VPN_DAEMONS.debian, what: "Debian's connman-vpnd under our connmand" },
  { connmand: DAEMONS.debian, vpnd: VPN_DAEMONS.causeway, what: "our connman-vpnd under Debian's connmand" },
];

for (const { connmand, vpnd, what } of PAIRS) {
  test(what, () =>
    withVpnCell(
      { ...connmand.cell, peers: connmand.cell.peers?.filter((peer) => peer !== 'connman') ?? [] },
      async (cell) => {
        const running = await cell.startDaemon(connmand.argv, connmand.busName);
        const plugged = cell.cable().plug();
        await cell.log.wait(
          'ready or online',
          (event) =>
            event.kind === 'signal' &&
            event.name === 'net.connman.Manager.PropertyChanged' &&
            event.body[0] === 'State' &&
            ['ready', 'online'].includes(String(event.body[1])),
          { since: plugged },
        );
        await makeCertificates(cell, SERVER_ADDRESS);
        const server = await startOpenvpn(cell);
        const tunnels = await cell.startDaemon(vpnd, 'net.connman.vpn');
        await startTunnel(cell).catch(explain(running, tunnels, server));
        assert.is((await cell.device.run(['ping', '-c1', '-W3', OPENVPN_INSIDE])).status, 0, 'the other end answers');
        assert.match(await device(cell, 'ip', 'route', 'get', '198.51.100.1'), /dev vpn0 /);
        assert.match(await device(cell, 'ip', 'route', 'get', SERVER_ADDRESS), /dev eth0 /);
        const since = performance.now();
        await callVpnService(cell, IDENT, 'Disconnect');
        await cell.log.wait('its end', isConnectionProperty('State', 'idle'), { since });
        assert.match(await device(cell, 'ip', 'route', 'get', '198.51.100.1'), /dev eth0 /);
      },
    ),
  );
}

// RFC 3442: 128.0.0.0/1 and 0.0.0.0/1 by the DHCP server's own router, more specific than any default route.
const TUNNEL_VISION = [
  '--dhcp-option=option:classless-static-route,0.0.0.0/1,10.77.0.1,128.0.0.0/1,10.77.0.1,0.0.0.0/0,10.77.0.1',
];

test('no route of a DHCP server leads past a full tunnel, and a kill switch lets nothing out', () =>
  withVpnCell({ ...DAEMONS.causeway.cell, dnsmasq: { extra: TUNNEL_VISION } }, async (cell) => {
    await cell.startDaemon(DAEMONS.causeway.argv, DAEMONS.causeway.busName);
    await plugIn(cell);
    assert.match(await device(cell, 'ip', 'route'), /128\.0\.0\.0\/1 via 10\.77\.0\.1/, 'the trap is set');
    await makeCertificates(cell, SERVER_ADDRESS);
    const server = await startOpenvpn(cell);
    await cell.startDaemon(VPN_DAEMONS.causeway, 'net.connman.vpn');
    await startTunnel(cell, { 'OpenVPN.Ping': '1', 'OpenVPN.PingExit': '3' });
    for (const address of ['198.51.100.1', '9.9.9.9', '203.0.113.7']) {
      assert.match(await device(cell, 'ip', 'route', 'get', address), /dev vpn0 /, address);
    }
    const since = performance.now();
    await callConnection(cell, IDENT, 'SetProperty', 'sv', ['VPN.KillSwitch', busVariant('s', 'true')]);
    await cell.log
      .wait('the switch', (event) => event.kind === 'route' && /table 4390911/.test(event.route), { since })
      .catch(() => undefined);
    await until(async () => (await device(cell, 'ip', 'rule')).includes('31003:'));
    assert.match(
      await device(cell, 'ip', 'route', 'get', '198.51.100.1'),
      /dev vpn0 /,
      'through the tunnel as before',
    );
    assert.is((await cell.device.run(['ping', '-c1', '-W3', OPENVPN_INSIDE])).status, 0);

    const dies = performance.now();
    await server.stop();
    await cell.log.wait('the loss to be seen', isServiceProperty(IDENT, 'State', 'idle'), {
      since: dies,
      timeoutMs: 30_000,
    });
    await until(async () => /unreachable|No route/.test(await device(cell, 'ip', 'route', 'get', '198.51.100.1')));
    assert.match(await device(cell, 'ip', '-6', 'route', 'get', '2001:db8::1'), /unreachable|No route/);
    assert.match(await device(cell, 'ip', 'route', 'get', SERVER_ADDRESS), /dev eth0 /, 'but to the server');
    await startOpenvpn(cell);
    await callVpnService(cell, IDENT, 'Connect');
    await until(async () => /dev vpn0 /.test(await device(cell, 'ip', 'route', 'get', '198.51.100.1')));
    assert.is((await cell.device.run(['ping', '-c1', '-W3', OPENVPN_INSIDE])).status, 0);
    await callVpnService(cell, IDENT, 'Disconnect');
    await until(async () => /dev eth0 /.test(await device(cell, 'ip', 'route', 'get', '198.51.100.1')));
    assert.not.match(await device(cell, 'ip', 'rule'), /31003:/, 'a user who disconnects opens it');
  }));

/** Resolves when `holds` does, which nothing on the bus announces. */
async function until(holds: () => Promise<boolean>): Promise<void> {
  const end = performance.now() + patience(15_000);
  while (!(await holds())) {
    if (performance.now() > end) throw new Error(`waited in vain for ${String(holds)}`);
    await new Promise((resolve) => setTimeout(resolve, 50));
  }
}

test.run();
