/** Which interfaces are ours, and why the others are not. */

import { test } from 'uvu';
import * as assert from 'uvu/assert';
import type { Link } from '../../src/netlink/link/link.ts';
import { reasonToIgnore, technologyOfDevtype, type InterfaceFilter } from '../../src/interfaces.ts';

const link = (name: string, kind?: string, hardwareType = 1): Link => ({
  ifindex: 2, name, hardwareType, flags: 0, isUp: true, hasCarrier: true, isRunning: true,
  hardwareAddress: new Uint8Array(6), permanentAddress: undefined, mtu: 1500, kind, parentIfindex: undefined,
  master: undefined, vlanId: undefined, operState: 'up', physicalPortName: undefined, addrGenMode: undefined,
  statistics: undefined,
});
const filter = (change: Partial<InterfaceFilter> = {}): InterfaceFilter => ({
  allowed: [], denied: [], deniedPrefixes: ['vb-'], managed: [], ...change,
});

/** Each row: what, link, filter, in a container, part of the reason or undefined for ours. */
const ROWS: readonly [string, Link, InterfaceFilter, boolean, string | undefined][] = [
  ['a network card', link('eth0'), filter(), false, undefined],
  ['a loopback', link('lo', undefined, 772), filter(), false, 'not an Ethernet'],
  ['a dummy, even one asked for', link('dummy0', 'dummy'), filter({ allowed: ['*'] }), false, 'dummy'],
  ['one that -i leaves out', link('eth1'), filter({ allowed: ['eth0', 'wlan*'] }), false, '-i'],
  ['one that -i names', link('veth9', 'veth'), filter({ allowed: ['veth?'] }), false, undefined],
  ['one that -I names', link('eth1'), filter({ denied: ['eth[1]', 'eth1'] }), false, '-I'],
  ['one that the blacklist names', link('vb-x'), filter(), false, 'NetworkInterfaceBlacklist'],
  ['a veth beside a network card', link('veth0', 'veth'), filter(), false, 'kind veth'],
  ['a veth in a container', link('eth0', 'veth'), filter(), true, undefined],
  ['a bridge in a container', link('br0', 'bridge'), filter(), true, 'kind bridge'],
  ['a veth that ManagedInterfaces names', link('up0', 'veth'), filter({ managed: ['up*'] }), false, undefined],
  ['a VLAN', link('eth0.5', 'vlan'), filter(), false, undefined],
];

for (const [what, given, options, isContainer, reason] of ROWS) {
  test(what, () => {
    const answer = reasonToIgnore(given, options, isContainer);
    if (reason === undefined) assert.is(answer, undefined);
    else assert.match(answer ?? '', reason);
  });
}

test('types come from DEVTYPE', () => {
  assert.is(technologyOfDevtype(undefined), 'ethernet');
  assert.is(technologyOfDevtype('vlan'), 'ethernet');
  assert.is(technologyOfDevtype('wlan'), 'wifi');
  assert.is(technologyOfDevtype('gadget'), 'gadget');
  assert.is(technologyOfDevtype('wwan'), undefined);
});

test.run();
