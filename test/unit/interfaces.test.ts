/** Which interfaces are ours, and why the others are not. */

import { test } from 'uvu';
import * as assert from 'uvu/assert';
import type { Link } from '../../src/netlink/link/link.ts';
import {
  reasonToIgnore, technologyOfDevtype, type InterfaceFilter, type Surroundings,
} from '../../src/interfaces.ts';

const link = (name: string, kind?: string, hardwareType = 1): Link => ({
  ifindex: 2, name, hardwareType, flags: 0, isUp: true, hasCarrier: true, isRunning: true,
  hardwareAddress: new Uint8Array(6), permanentAddress: undefined, mtu: 1500, kind, parentIfindex: undefined,
  master: undefined, vlanId: undefined, operState: 'up', physicalPortName: undefined, addrGenMode: undefined,
  statistics: undefined,
});
const filter = (change: Partial<InterfaceFilter> = {}): InterfaceFilter => ({
  allowed: [], denied: [], deniedPrefixes: ['vb-'], managed: [], ...change,
});

const BARE = { isContainer: false, masterKind: undefined };
const CONTAINER = { isContainer: true, masterKind: undefined };
const within = (masterKind: string): Surroundings => ({ isContainer: false, masterKind });

/** Each row: what, link, filter, surroundings, part of the reason or undefined for ours. */
const ROWS: readonly [string, Link, InterfaceFilter, Surroundings, string | undefined][] = [
  ['a network card', link('eth0'), filter(), BARE, undefined],
  ['a loopback', link('lo', undefined, 772), filter(), BARE, 'not an Ethernet'],
  ['a dummy, even one asked for', link('dummy0', 'dummy'), filter({ allowed: ['*'] }), BARE, 'dummy'],
  ['one that -i leaves out', link('eth1'), filter({ allowed: ['eth0', 'wlan*'] }), BARE, '-i'],
  ['one that -i names', link('veth9', 'veth'), filter({ allowed: ['veth?'] }), BARE, undefined],
  ['one that -I names', link('eth1'), filter({ denied: ['eth[1]', 'eth1'] }), BARE, '-I'],
  ['one that the blacklist names', link('vb-x'), filter(), BARE, 'NetworkInterfaceBlacklist'],
  ['a veth beside a network card', link('veth0', 'veth'), filter(), BARE, 'kind veth'],
  ['a veth in a container', link('eth0', 'veth'), filter(), CONTAINER, undefined],
  ['a bridge in a container', link('br0', 'bridge'), filter(), CONTAINER, 'kind bridge'],
  ['a veth that ManagedInterfaces names', link('up0', 'veth'), filter({ managed: ['up*'] }), BARE, undefined],
  ['a VLAN', link('eth0.5', 'vlan'), filter(), BARE, undefined],
  ['a bond', link('bond0', 'bond'), filter(), BARE, undefined],
  ['a member of a bond, even one asked for', link('eth1'), filter({ allowed: ['eth*'] }), within('bond'), 'of a bond'],
  ['a port of a bridge', link('eth1'), filter(), within('bridge'), 'port of a bridge'],
  ['a port of a bridge that -i names', link('eth1'), filter({ allowed: ['eth1'] }), within('bridge'), undefined],
  ['a member of a VRF', link('eth1'), filter(), within('vrf'), undefined],
];

for (const [what, given, options, surroundings, reason] of ROWS) {
  test(what, () => {
    const answer = reasonToIgnore(given, options, surroundings);
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
