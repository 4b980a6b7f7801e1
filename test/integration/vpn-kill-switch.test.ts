/**
 * A kill switch of a VPN whose server has a name: looked up while nothing else may leave, told to the VPN's own
 * program, and looked up again where it went. What leaves is seen on the wire.
 */

import { test } from 'uvu';
import * as assert from 'uvu/assert';
import { SERVER_ADDRESS, type Cell } from '../helpers/cell.ts';
import {
  callVpnService,
  createConnection,
  isServiceProperty,
  isVpnListed,
  propertiesOf,
  startVpnd,
  withVpnCell,
} from '../helpers/vpn.ts';
import { until } from '../helpers/patience.ts';
import { answers, wayTo } from '../helpers/vpn-life.ts';
import {
  makeCertificates,
  MOVING_NAMES,
  nameServerSays,
  OPENVPN_INSIDE,
  PKI,
  startOpenvpn,
} from '../helpers/vpn-servers.ts';
import { daemon, plugIn } from '../helpers/wired.ts';

const NAME = 'vpn.test';
const IDENT = 'vpn_test';
const FIRST = '10.77.0.8';
const MOVED = '10.77.0.9';
const LIMIT_MS = 60_000;

const SETTINGS = {
  Type: 'openvpn',
  Name: 'Named',
  Host: NAME,
  'VPN.KillSwitch': 'true',
  'OpenVPN.CACert': `${PKI}/ca.pem`,
  'OpenVPN.Cert': `${PKI}/client.pem`,
  'OpenVPN.Key': `${PKI}/client.key`,
  'OpenVPN.RemoteCertTls': 'server',
  'OpenVPN.Ping': '1',
  'OpenVPN.PingExit': '3',
};

async function connect(cell: Cell): Promise<void> {
  const since = performance.now();
  await callVpnService(cell, IDENT, 'Connect');
  await cell.log.wait('it to be ready', isServiceProperty(IDENT, 'State', 'ready'), { since, timeoutMs: LIMIT_MS });
  assert.ok(await answers(cell, OPENVPN_INSIDE), 'the other end answers');
}

/** What the C library is told of a name by our proxy; empty for nothing. */
async function lookUp(cell: Cell, name: string): Promise<string> {
  return (await cell.device.run(['getent', 'ahostsv4', name])).stdout.split(' ')[0] ?? '';
}

test('a server by name: found while nothing else leaves, and found again where it went', () =>
  withVpnCell({ ...daemon.cell, dnsmasq: { extra: [MOVING_NAMES] }, peers: ['tcpdump'] }, async (cell) => {
    await cell.server.script(`ip address add ${FIRST}/20 dev bridge\nip address add ${MOVED}/20 dev bridge`);
    await nameServerSays(cell, NAME, FIRST);
    // As Debian has it: the kernel looks for a way back to whoever asks for us by ARP, too (ip-sysctl).
    await cell.device.script('echo 2 >/proc/sys/net/ipv4/conf/all/rp_filter');
    const connmand = await cell.startDaemon(daemon.argv, daemon.busName);
    await plugIn(cell);
    await makeCertificates(cell, NAME);
    const server = await startOpenvpn(cell, ['--local', FIRST]);
    await startVpnd(cell);
    const since = performance.now();
    await createConnection(cell, SETTINGS);
    await cell.log.wait('its service', isVpnListed(IDENT), { since });
    await connect(cell);

    const dies = performance.now();
    await server.stop();
    const isGone = isServiceProperty(IDENT, 'State', 'idle');
    await cell.log.wait('the loss to be seen', isGone, { since: dies, timeoutMs: LIMIT_MS });
    const filter = 'ip or (ip6 and not icmp6)';
    const capture = cell.server.spawn(['tcpdump', '-l', '-n', '--immediate-mode', '-i', 'bridge', filter]);
    await capture.waitForLine((line) => line.includes('listening on'));
    for (const address of ['198.51.100.1', '2001:db8::1']) {
      assert.not.equal((await cell.device.run(['ping', '-c1', '-W1', address])).status, 0, address);
    }
    assert.is(await lookUp(cell, 'secret.test'), '', 'no other name is asked for');
    assert.is(await lookUp(cell, NAME), FIRST, 'but the server is known');

    await cell.server.script('ip neighbour flush dev bridge');
    await nameServerSays(cell, NAME, MOVED);
    await startOpenvpn(cell, ['--local', MOVED]);
    await connect(cell).catch((error: unknown) => {
      throw new Error(`${String(error)}\n${connmand.text.slice(-2000)}\n${capture.text.slice(-2000)}`);
    });
    assert.is(Object((await propertiesOf(cell, IDENT))['IPv4']).Gateway, MOVED);
    assert.match(await wayTo(cell, '198.51.100.1'), /dev vpn0 /);
    await until('the question to be seen', () => capture.text.includes(`> ${SERVER_ADDRESS}.53: `));
    capture.kill('SIGINT');
    await capture.exited;
    proveSilence(capture.text);

    await callVpnService(cell, IDENT, 'Disconnect');
    await until('names to be asked for again', async () => (await lookUp(cell, 'ipv4.connman.net')) !== '');
  }));

/** Nothing of the device's but what is for the VPN's server and questions for its name. */
function proveSilence(text: string): void {
  const sent = text.split('\n').filter((line) => /IP6? (?!10\.77\.0\.[189][. ])\S+ > /.test(line));
  const isWanted = (line: string): boolean => {
    const [, to = '', rest = ''] = / > (\S+): (.*)$/.exec(line) ?? [];
    if (to === `${SERVER_ADDRESS}.53`) return rest.toLowerCase().includes(`? ${NAME}. `);
    return [`${FIRST}.1194`, `${MOVED}.1194`].includes(to);
  };
  assert.equal(sent.filter((line) => !isWanted(line)), []);
}

test.run();
