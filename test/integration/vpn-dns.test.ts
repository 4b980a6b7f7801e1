/**
 * Names beside a VPN, asked of our DNS proxy by programs: with split routing those of its domain and the
 * addresses behind it are its server's business alone, and nothing else is; with all traffic, everything is.
 */

import { test } from 'uvu';
import * as assert from 'uvu/assert';
import { busVariant } from '../helpers/bus-daemon.ts';
import { SERVER_ADDRESS, type Cell } from '../helpers/cell.ts';
import type { Child } from '../helpers/child.ts';
import type { CellEvent } from '../helpers/event-log.ts';
import {
  callConnection,
  callVpnService,
  createConnection,
  isServiceProperty,
  isVpnListed,
  startVpnd,
  withVpnCell,
} from '../helpers/vpn.ts';
import { answers } from '../helpers/vpn-life.ts';
import { makeCertificates, OPENVPN_INSIDE, PKI, startOpenvpn } from '../helpers/vpn-servers.ts';
import { daemon, plugIn } from '../helpers/wired.ts';

const IDENT = '10_77_0_1';
const HOST = '10.67.0.5';

/** A name server behind the tunnel that knows `inside.vpn.test` and answers everything else with 10.67.0.6. */
async function startInsideServer(cell: Cell): Promise<Child> {
  const server = cell.server.spawn([
    ...['dnsmasq', '--no-daemon', '--conf-file=/dev/null', '--no-resolv', '--no-hosts', '--bind-interfaces'],
    ...[`--listen-address=${OPENVPN_INSIDE}`, '--except-interface=lo', '--log-queries'],
    ...[`--host-record=inside.vpn.test,${HOST}`, '--address=/#/10.67.0.6'],
  ]);
  await server.waitForLine((line) => line.includes(': started, '));
  return server;
}

/** What a program is told of a name or an address. */
async function lookUp(cell: Cell, what: string): Promise<string> {
  const isAddress = /^[0-9.]+$/.test(what);
  const { stdout } = await cell.device.run(['getent', isAddress ? 'hosts' : 'ahostsv4', what]);
  return stdout.trim().split(/\s+/)[isAddress ? 1 : 0] ?? '';
}

/** Waits until one side was asked of `name`; the other was not, and is looked at again at the end. */
async function isAskedOf(rig: Rig, side: 'inside' | 'outside', name: string): Promise<void> {
  const { cell, inside } = rig;
  // The proxy mixes the case of what it asks.
  const isInside = (line: string): boolean => line.toLowerCase().includes(`] ${name} from `);
  const isOutside = (event: CellEvent): boolean => event.kind === 'dns' && isInside(event.query);
  if (side === 'inside') await inside.waitForLine(isInside);
  else await cell.log.wait(`a question about ${name}`, isOutside);
  rig.checks.push(() => {
    if (side === 'outside') assert.not.ok(inside.text.split('\n').some(isInside), `${name} behind the tunnel`);
    else assert.equal(cell.log.since(0).filter(isOutside), [], `${name} before the tunnel`);
  });
  rig.checks.at(-1)?.();
}

interface Rig {
  readonly cell: Cell;
  readonly inside: Child;
  readonly checks: (() => void)[];
}

test('what belongs to a VPN goes to its server, and nothing else does', () =>
  withVpnCell({ ...daemon.cell, dnsmasq: { isLoggingQueries: true, names: NAMES } }, async (cell) => {
    await makeCertificates(cell, SERVER_ADDRESS);
    await startOpenvpn(cell);
    const rig: Rig = { cell, inside: await startInsideServer(cell), checks: [] };
    const isAsked = (side: 'inside' | 'outside', name: string): Promise<void> => isAskedOf(rig, side, name);
    await startVpnd(cell);
    const since = performance.now();
    await createConnection(cell, {
      Type: 'openvpn',
      Name: 'Office',
      Host: SERVER_ADDRESS,
      'OpenVPN.CACert': `${PKI}/ca.pem`,
      'OpenVPN.Cert': `${PKI}/client.pem`,
      'OpenVPN.Key': `${PKI}/client.key`,
    });
    await callConnection(cell, IDENT, 'SetProperty', 'sv', ['SplitRouting', busVariant('b', true)]);
    // connmand finds it so, and nobody tells it by a signal.
    await cell.startDaemon(daemon.argv, daemon.busName);
    await plugIn(cell);
    await cell.log.wait('its service', isVpnListed(IDENT), { since });
    assert.is(await lookUp(cell, 'before.vpn.test'), '');
    await isAsked('outside', 'before.vpn.test'); // nobody else knows it yet

    await callVpnService(cell, IDENT, 'Connect');
    await cell.log.wait('the service to be ready', isServiceProperty(IDENT, 'State', 'ready'), { since });
    await cell.log.wait(
      "the server's route",
      (event) => event.kind === 'route' && event.link === 'vpn0' && event.route.startsWith('10.67.'),
      { since },
    );
    assert.ok(await answers(cell, OPENVPN_INSIDE));
    assert.is(await lookUp(cell, 'inside.vpn.test'), '10.67.0.5');
    await isAsked('inside', 'inside.vpn.test');
    assert.is(await lookUp(cell, 'inside'), '10.67.0.5', 'its domain is searched');
    assert.is(await lookUp(cell, 'www.other.test'), '10.77.0.9');
    await isAsked('outside', 'www.other.test');
    assert.is(await lookUp(cell, 'xvpn.test'), '10.77.0.10');
    await isAsked('outside', 'xvpn.test'); // a name that only ends alike
    assert.is(await lookUp(cell, HOST), 'inside.vpn.test');
    await isAsked('inside', reverse(HOST)); // an address behind its routes
    await lookUp(cell, '10.66.0.9');
    await isAsked('inside', reverse('10.66.0.9')); // an address of its network
    await lookUp(cell, '10.77.0.9');
    await isAsked('outside', reverse('10.77.0.9'));
    await lookUp(cell, '203.0.113.9');
    await isAsked('outside', reverse('203.0.113.9'));

    const full = performance.now();
    await callConnection(cell, IDENT, 'SetProperty', 'sv', ['SplitRouting', busVariant('b', false)]);
    const isDefault = (event: { kind: string; route?: string; link?: string }): boolean =>
      event.kind === 'route' && event.link === 'vpn0' && event.route?.startsWith('default') === true;
    await cell.log.wait('all traffic to take it', isDefault, { since: full });
    assert.is(await lookUp(cell, 'private.test'), '10.67.0.6');
    await isAsked('inside', 'private.test'); // nobody outside hears of it

    const left = performance.now();
    await callVpnService(cell, IDENT, 'Disconnect');
    await cell.log.wait('the VPN to be idle', isServiceProperty(IDENT, 'State', 'idle'), { since: left });
    assert.is(await lookUp(cell, 'after.other.test'), '10.77.0.9');
    const isForgotten = (event: CellEvent): boolean => event.kind === 'file' && !event.text.includes('vpn.test');
    await cell.log.wait('its domain to be searched no more', isForgotten, { since: left });
    for (const check of rig.checks) check();
  }));

/** What the network before the tunnel knows. */
const NAMES = { 'ipv4.connman.net': SERVER_ADDRESS, 'other.test': '10.77.0.9', 'xvpn.test': '10.77.0.10' } as const;

function reverse(address: string): string {
  return `${address.split('.').toReversed().join('.')}.in-addr.arpa`;
}

test.run();
