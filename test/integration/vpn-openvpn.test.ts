/**
 * OpenVPN against Debian's server, through connmand and connman-vpnd: all traffic, split routing, DNS,
 * credentials by agent and every way they can fail, a server that dies and returns, a helper that is
 * killed, another uplink, and daemons that go and come back.
 */

import { readFileSync } from 'node:fs';
import { createConnection as createConnectionTo } from 'node:net';
import { createInterface } from 'node:readline';
import { test } from 'uvu';
import * as assert from 'uvu/assert';
import type { Cell } from '../helpers/cell.ts';
import { busVariant } from '../helpers/bus-daemon.ts';
import type { Child } from '../helpers/child.ts';
import type { CellEvent } from '../helpers/event-log.ts';
import {
  callConnection,
  callManager,
  callVpnService,
  createConnection,
  errorOf,
  isConnectionProperty,
  isServiceProperty,
  isVpnListed,
  openTunToAll,
  processesOf,
  propertiesOf,
  startAgent,
  startBoth,
  tracesOf,
  withVpnCell,
  type VpnDaemons,
} from '../helpers/vpn.ts';
import { answers, proveLife, wayTo } from '../helpers/vpn-life.ts';
import { makeCertificates, OPENVPN_INSIDE, PKI, startOpenvpn } from '../helpers/vpn-servers.ts';
import { daemon } from '../helpers/wired.ts';
import { SERVER_ADDRESS } from '../helpers/cell.ts';

const IDENT = '10_77_0_1';
const BASE = {
  Type: 'openvpn',
  Name: 'Office',
  Host: SERVER_ADDRESS,
  'OpenVPN.CACert': `${PKI}/ca.pem`,
  'OpenVPN.Cert': `${PKI}/client.pem`,
  'OpenVPN.Key': `${PKI}/client.key`,
  'OpenVPN.RemoteCertTls': 'server',
};

/** Both daemons, the first cable in, certificates made. */
async function startAll(cell: Cell): Promise<VpnDaemons> {
  await makeCertificates(cell, SERVER_ADDRESS);
  return startBoth(cell);
}

async function connect(cell: Cell): Promise<number> {
  const since = performance.now();
  await callVpnService(cell, IDENT, 'Connect');
  await cell.log.wait('the service to be ready', isServiceProperty(IDENT, 'State', 'ready'), { since });
  return since;
}

async function leave(cell: Cell): Promise<void> {
  const since = performance.now();
  await callVpnService(cell, IDENT, 'Disconnect');
  await cell.log.wait('the VPN to be idle', isConnectionProperty('State', 'idle'), { since });
}

const device = async (cell: Cell, ...words: string[]): Promise<string> => (await cell.device.run(words)).stdout;

async function ping(cell: Cell, address: string): Promise<boolean> {
  return (await cell.device.run(['ping', '-c1', '-W3', address])).status === 0;
}

/** The client; the server's command line has no script of ours. */
async function clientPids(cell: Cell): Promise<number[]> {
  const pids = await processesOf(cell, 'openvpn');
  return pids.filter((pid) => readFileSync(`/proc/${pid}/cmdline`, 'utf8').includes('--management-query-passwords'));
}

test('all traffic takes the tunnel and no other way, or with split routing what has a route', () =>
  withVpnCell(daemon.cell, async (cell) => {
    await startAll(cell);
    await startOpenvpn(cell);
    const since = performance.now();
    await createConnection(cell, BASE);
    await cell.log.wait('the service of the VPN', isVpnListed(IDENT), { since });
    const connected = await connect(cell);
    await cell.log.wait(
      "the server's route",
      (event) => event.kind === 'route' && event.link === 'vpn0' && event.route.startsWith('10.67.'),
      { since: connected },
    );
    assert.ok(await ping(cell, OPENVPN_INSIDE), 'the other end answers');
    assert.match(await wayTo(cell, '198.51.100.1'), /dev vpn0 /);
    assert.match(await wayTo(cell, '10.67.1.1'), /via 10\.66\.0\.1 dev vpn0 /);
    assert.match(await wayTo(cell, SERVER_ADDRESS), /dev eth0 /);
    const six = await cell.device.run(['ip', '-6', 'route', 'get', '2001:db8::1']);
    assert.match(
      six.stdout + six.stderr,
      /unreachable|No route to host/,
      'a family that the tunnel lacks goes nowhere',
    );

    const ready = await propertiesOf(cell, IDENT);
    assert.equal(ready['IPv4'], { Address: '10.66.0.2', Netmask: '255.255.255.0', Gateway: SERVER_ADDRESS });
    assert.equal([ready['Nameservers'], ready['Domain']], [[OPENVPN_INSIDE], 'vpn.test']);
    const [service] = await callVpnService(cell, IDENT, 'GetProperties');
    assert.equal(Object(service).Provider, { Host: SERVER_ADDRESS, Type: 'openvpn', SplitRouting: false });
    assert.equal(Object(service).Nameservers, [OPENVPN_INSIDE]);
    const services = await device(cell, '/usr/bin/connmanctl', 'services');
    assert.match(services, /^\* R Office +vpn_10_77_0_1\n\*AO Wired/, 'before its transport, which stays online');

    const split = performance.now();
    const path = '/net/connman/service/ethernet_020000000000_cable';
    await cell.bus.call({
      destination: 'net.connman',
      path,
      interface: 'net.connman.Service',
      member: 'MoveBefore',
      signature: 'o',
      body: [`/net/connman/service/vpn_${IDENT}`],
    });
    await cell.log.wait('the VPN daemon to hear of it', isConnectionProperty('SplitRouting', true), { since: split });
    await cell.log.wait(
      'the default route to move',
      (event) => event.kind === 'route' && event.route.startsWith('default') && event.link === 'eth0',
      { since: split },
    );
    assert.match(await wayTo(cell, '198.51.100.1'), /dev eth0 /);
    assert.match(await wayTo(cell, '10.67.1.1'), /dev vpn0 /);
    assert.ok(await ping(cell, OPENVPN_INSIDE));

    await proveUserRoutes(cell);
    await leave(cell);
    assert.not.match(await device(cell, 'ip', 'link'), /vpn0/);
    assert.equal(await clientPids(cell), []);
    assert.match(await wayTo(cell, '10.67.1.1'), /dev eth0 /);
  }));

/** Routes of the user's, given while it is up, into it and by a router behind it. */
async function proveUserRoutes(cell: Cell): Promise<void> {
  const given = performance.now();
  const routes = [
    [{ Network: busVariant('s', '10.91.0.0'), Netmask: busVariant('s', '255.255.0.0') }],
    [
      {
        Network: busVariant('s', '10.92.0.0'),
        Netmask: busVariant('s', '16'),
        Gateway: busVariant('s', OPENVPN_INSIDE),
      },
    ],
  ];
  await callConnection(cell, IDENT, 'SetProperty', 'sv', ['UserRoutes', busVariant('a(a{sv})', routes)]);
  for (const net of ['10.91.', '10.92.']) {
    const isRoute = (event: CellEvent): boolean => event.kind === 'route' && event.route.startsWith(net);
    await cell.log.wait(`the route to ${net}`, isRoute, { since: given });
  }
  assert.match(await wayTo(cell, '10.91.1.1'), /^10\.91\.1\.1 dev vpn0 /);
  assert.match(await wayTo(cell, '10.92.1.1'), /via 10\.66\.0\.1 dev vpn0 /);
}

test('credentials are asked for, and every answer has its end', () =>
  withVpnCell(daemon.cell, async (cell) => {
    const { vpnd } = await startAll(cell);
    const check = `#!/bin/sh\n{ read -r user; read -r pass; } <"$1"
[ "$user" = 'bo b' ] && { [ "$pass" = 'se"c\\r et' ] || [ "$pass" = "SCRV1:c2VjcmV0:MTIzNA==" ]; }\n`;
    await cell.server.script(`cat >${PKI}/check <<'end'\n${check}end\nchmod 755 ${PKI}/check`);
    const auth = ['--auth-user-pass-verify', `${PKI}/check`, 'via-file', '--tmp-dir', '/run'];
    const server = await startOpenvpn(cell, auth);
    const asked: Record<string, unknown>[] = [];
    const answers: (Record<string, string> | string)[] = [];
    cell.bus.answer(cell.log, 'RequestInput', ([, fields]) => {
      asked.push(Object(fields));
      const answer = answers.shift() ?? {};
      if (typeof answer === 'string') return answer;
      const entries = Object.entries(answer).map(([key, value]) => [key, busVariant('s', value)]);
      return { signature: 'a{sv}', body: [Object.fromEntries(entries)] };
    });
    const right = { 'OpenVPN.Username': 'bo b', 'OpenVPN.Password': 'se"c\\r et' };
    await createConnection(cell, { ...BASE, 'OpenVPN.AuthUserPass': '-' });
    const attempt = async (...given: typeof answers): Promise<string> => {
      answers.splice(0, answers.length, ...given);
      asked.length = 0;
      return connectAgain(cell);
    };
    assert.match(await attempt(), /^net\.connman\.Error\.NotRegistered/, 'nobody to ask');
    await callManager(cell, 'RegisterAgent', 'o', ['/agent']);
    assert.match(await attempt('net.connman.vpn.Agent.Error.Canceled'), /^net\.connman\.Error\.OperationCanceled/);
    assert.equal(asked[0], {
      'OpenVPN.Username': { Type: 'string', Requirement: 'mandatory' },
      'OpenVPN.Password': { Type: 'password', Requirement: 'mandatory' },
      Host: { Type: 'string', Requirement: 'informational', Value: SERVER_ADDRESS },
      Name: { Type: 'string', Requirement: 'informational', Value: 'Office' },
    });
    assert.match(await attempt('net.connman.vpn.Agent.Error.Retry'), /^net\.connman\.Error\.PermissionDenied/);
    assert.match(await attempt({ 'OpenVPN.Username': 'bo b' }), /^net\.connman\.Error\.PermissionDenied/);
    const wrong = { ...right, 'OpenVPN.Password': 'no' };
    assert.is(await attempt(wrong, wrong, right), 'ok', 'a refused password is asked for again');
    assert.is(asked.length, 3);
    assert.ok('VpnAgent.AuthFailure' in (asked[1] ?? {}), 'and the agent is told why');
    await proveSecrecy(cell, vpnd);
    await callConnection(cell, IDENT, 'Disconnect');
    await server.stop();

    await startOpenvpn(cell, auth, 1195);
    const challenge = { 'OpenVPN.Port': '1195', 'OpenVPN.StaticChallenge': 'PIN please' };
    await createConnection(cell, {
      ...BASE,
      ...challenge,
      'OpenVPN.AuthUserPass': '-',
      'OpenVPN.Key': `${PKI}/client-locked.key`,
    });
    const passphrase = { 'OpenVPN.PrivateKeyPassword': 'keypass' };
    const both = { 'OpenVPN.Username': 'bo b', 'OpenVPN.Password': 'secret', 'OpenVPN.StaticChallenge': '1234' };
    assert.is(await attempt(both, passphrase), 'ok', 'password and challenge, then the passphrase of the key');
    assert.is(Object(asked[0])['OpenVPN.StaticChallenge'].Value, 'PIN please');
    assert.ok('Enter Private Key password' in (asked[1] ?? {}));
  }));

/** A server whose management asks clients for a code once their password was right (management-notes.txt). */
async function startChallenger(cell: Cell, port: number): Promise<void> {
  const auth = ['--management', '/run/challenger', 'unix', '--management-client-auth', '--verb', '1'];
  await startOpenvpn(cell, auth, port);
  const socket = createConnectionTo(cell.server.path('/run/challenger'));
  let client = '';
  createInterface({ input: socket }).on('line', (line) => {
    client = /^>CLIENT:(?:CONNECT|REAUTH),(\d+,\d+)/.exec(line)?.[1]?.replace(',', ' ') ?? client;
    const password = /^>CLIENT:ENV,password=(.*)$/.exec(line)?.[1];
    if (password === undefined) return;
    if (password === 'CRV1::state-7::2468') socket.write(`client-auth-nt ${client}\n`);
    else if (password === 'right') {
      socket.write(`client-deny ${client} "asked" "CRV1:R,E:state-7:Ym8gYg==:Code now?"\n`);
    }
    else socket.write(`client-deny ${client} "refused"\n`);
  });
}

test('a question of the server once the password was right', () =>
  withVpnCell(daemon.cell, async (cell) => {
    const { vpnd } = await startAll(cell);
    await startChallenger(cell, 1194);
    const { asked, attemptsAt } = await startAgent(cell);
    await createConnection(cell, { ...BASE, 'OpenVPN.AuthUserPass': '-' });
    const login = { 'OpenVPN.Username': 'bo b', 'OpenVPN.Password': 'right' };
    const code = (text: string) => ({ 'OpenVPN.StaticChallenge': text });
    const attempt = attemptsAt(IDENT);
    assert.is(await attempt(login, code('1111'), login, code('2468')), 'ok', vpnd.text.slice(-3000));
    assert.equal(Object.keys(Object(asked[1])), ['OpenVPN.StaticChallenge', 'Host', 'Name'], 'nothing but the code');
    assert.is(Object(asked[1])['OpenVPN.StaticChallenge'].Value, 'Code now?');
    assert.ok('OpenVPN.Password' in Object(asked[2]), 'a wrong code begins anew');
    assert.ok(await answers(cell, OPENVPN_INSIDE));
  }));

test('a helper without rights, and a configuration that may not run programs', () => {
  const configuration = [
    `ca ${PKI}/ca.pem`,
    `cert ${PKI}/client.pem`,
    `key ${PKI}/client.key`,
    'client',
    'nobind',
    'remote-cert-tls server',
  ];
  const files = {
    '/etc/connman/connman-vpn.conf': '[DACPrivileges]\nUser=nobody\nSupplementaryGroups=audio,video\n',
    '/etc/good.ovpn': `${configuration.join('\n')}\n`,
    '/etc/bad.ovpn': `${configuration.join('\n')}\n  up /bin/evil\n`,
  };
  return withVpnCell({ ...daemon.cell, files: { ...daemon.cell.files, ...files } }, async (cell) => {
    await startAll(cell);
    await cell.device.script(`chmod 644 ${PKI}/*`);
    await openTunToAll(cell);
    await startOpenvpn(cell);
    const base = { Type: 'openvpn', Name: 'Office', Host: SERVER_ADDRESS };
    await createConnection(cell, { ...base, 'OpenVPN.ConfigFile': '/etc/bad.ovpn' });
    const refusal = await errorOf(callConnection(cell, IDENT, 'Connect'));
    assert.match(refusal, /InvalidArguments: .*bad\.ovpn would run a program .*by up/);
    await createConnection(cell, { ...base, 'OpenVPN.ConfigFile': '/etc/good.ovpn' });
    const since = performance.now();
    assert.is(await connectAgain(cell), 'ok');
    await cell.log.wait('the tunnel', isConnectionProperty('State', 'ready'), { since });
    const [pid] = await clientPids(cell);
    const status = readFileSync(`/proc/${pid}/status`, 'utf8');
    assert.match(status, /^Uid:\t65534\t65534/m);
    const groups = ['audio', 'video'].map((name) => new RegExp(`^${name}:[^:]*:(\\d+)`, 'm'));
    const numbers = groups.map((group) => group.exec(cell.device.read('/etc/group'))?.[1]);
    assert.match(status, new RegExp(`^Groups:\t${numbers.join(' ')} $`, 'm'));
    assert.ok(await ping(cell, OPENVPN_INSIDE));
  });
});

test('servers, helpers, uplinks and daemons go and come back', () =>
  withVpnCell({ ...daemon.cell, cables: 2 }, async (cell) => {
    await proveLife(
      { cell, ...(await startAll(cell)) },
      {
        ident: IDENT,
        settings: { ...BASE, 'OpenVPN.Ping': '1', 'OpenVPN.PingExit': '3' },
        inside: OPENVPN_INSIDE,
        link: 'vpn0',
        helper: { program: 'openvpn', mark: '--management-query-passwords' },
        isLossSeen: true,
        startServer: () => startOpenvpn(cell),
      },
    );
  }));

/** What an agent said stands nowhere. */
async function proveSecrecy(cell: Cell, vpnd: Child): Promise<void> {
  assert.not.match(await tracesOf(cell, 'openvpn', 'node', 'connman-vpnd'), /se"c/);
  assert.not.match(await device(cell, 'sh', '-c', 'cat /var/lib/connman/*/settings'), /se"c/);
  assert.not.match(JSON.stringify(await propertiesOf(cell, IDENT)), /se"c|bo b/, 'what an agent said is hidden');
  assert.not.match(vpnd.text, /se"c/);
}

/** Connects; after a failure the daemon refuses once, as a reminder. */
async function connectAgain(cell: Cell): Promise<string> {
  const error = await errorOf(callConnection(cell, IDENT, 'Connect'));
  return error.startsWith('net.connman.Error.InProgress') ? errorOf(callConnection(cell, IDENT, 'Connect')) : error;
}

test.run();
