/**
 * Links, addresses, routes, rules and neighbours against what ip(8) and the kernel said to each
 * other: answers decode to what they mean, our requests have the bytes of ip's.
 */

import { existsSync, readFileSync } from 'node:fs';
import { test } from 'uvu';
import * as assert from 'uvu/assert';
import { decodeAddress } from '../../../src/netlink/address/codec.ts';
import { addressRequests } from '../../../src/netlink/address/requests.ts';
import { Connection } from '../../../src/netlink/connection.ts';
import { decodeLink } from '../../../src/netlink/link/codec.ts';
import type { LinkRequests } from '../../../src/netlink/link/link.ts';
import { linkRequests } from '../../../src/netlink/link/requests.ts';
import { KernelMirror } from '../../../src/netlink/mirror.ts';
import { decodeNeighbour } from '../../../src/netlink/neighbour/codec.ts';
import { neighbourRequests } from '../../../src/netlink/neighbour/requests.ts';
import { decodeRoutes } from '../../../src/netlink/route/codec.ts';
import { routeRequests } from '../../../src/netlink/route/requests.ts';
import { decodeRule } from '../../../src/netlink/rule/codec.ts';
import { ruleRequests } from '../../../src/netlink/rule/requests.ts';
import { createScope } from '../../../src/shared/scope.ts';
import { FakeClock } from '../../helpers/fake-clock.ts';
import {
  FakeSocket, assertHardened, canonical, decodeAll, hex, ip, message, plain, prefix, readCaptures,
} from './captures.ts';

const links = readCaptures('link');
const addresses = readCaptures('address');
const routes = readCaptures('route');
const rules = readCaptures('rule');
const neighbours = readCaptures('neighbour');

/** The request that `ask` sends. */
function sentBy(ask: (connection: Connection) => Promise<unknown>): Uint8Array {
  const socket = new FakeSocket();
  const scope = createScope();
  ask(new Connection(socket, scope)).catch(() => undefined);
  void scope.close();
  return socket.sent[0] ?? hex('');
}

function linkNoun(connection: Connection): LinkRequests {
  return linkRequests(connection, { mirror: new KernelMirror(), clock: new FakeClock() }, createScope());
}

function sameRequest(
  ask: (connection: Connection) => Promise<unknown>, expected: Uint8Array | undefined, headerBytes: number,
): void {
  assert.ok(expected !== undefined);
  assert.equal(canonical(sentBy(ask), headerBytes), canonical(expected, headerBytes));
}

test('links are what ip link show says', () => {
  const found = decodeAll(links('ip link show').received, decodeLink);
  assert.equal(found.map(({ ifindex, name, kind }) => [ifindex, name, kind]), [
    [1, 'lo', undefined], [2, 'v1', 'veth'], [3, 'v0', 'veth'], [4, 'br0', 'bridge'], [7, 'br1', 'bridge'],
  ]);
  const [, , veth] = found;
  assert.ok(veth !== undefined);
  const { statistics, hardwareAddress, ...rest } = veth;
  assert.is(hardwareAddress.length, 6);
  assert.type(statistics?.rxBytes, 'number');
  assert.equal(plain(rest), {
    ifindex: 3, name: 'v0', hardwareType: 1, flags: 0x11043, isUp: true, hasCarrier: true, isRunning: true, mtu: 1400,
    kind: 'veth', operState: 'up', addrGenMode: 'none',
  });
});

test('a VLAN tells its id and parent, a port its bridge', () => {
  // linux/if_link.h: IFLA_IFNAME "v.5", IFLA_LINK 2, IFLA_MASTER 9, IFLA_LINKINFO { "vlan", { IFLA_VLAN_ID 5 } }.
  const bytes = message(16, 0, 0, hex(
    '00 00 0100 08000000 43100100 00000000  0800 0300 762e3500  0800 0500 02000000  0800 0a00 09000000'
      + '1c00 1200  0900 0100 766c616e 00 000000  0c00 0200 0600 0100 0500 0000',
  ));
  const [link] = decodeAll([bytes], decodeLink);
  assert.equal([link?.kind, link?.vlanId, link?.parentIfindex, link?.master], ['vlan', 5, 2, 9]);
  assertHardened(decodeLink, bytes);
});

test('bridge port changes and wireless events say nothing of a link', () => {
  const header = '00 0100 08000000 43100100 00000000 0800 0300 76300000';
  const decode = (payload: string): unknown[] => decodeAll([message(16, 0, 0, hex(payload))], decodeLink);
  assert.is(decode(`00 ${header}`).length, 1);
  assert.equal(decode(`07 ${header}`), []);
  assert.equal(decode(`00 ${header} 0800 0b00 00000000`), []);
});

test('link requests are those of ip link', () => {
  const [one] = links('ip link set v0 up').sent;
  sameRequest((connection) => linkNoun(connection).setUp(3), one, 16);
  sameRequest((connection) => linkNoun(connection).setMtu(3, 1400), links('ip link set v0 mtu 1400').sent[0], 16);
  sameRequest((connection) => linkNoun(connection).setMaster(2, 4), links('ip link set v1 master br0').sent[0], 16);
  sameRequest((connection) => linkNoun(connection).remove(6), links('ip link del v8').sent[0], 16);
  const address = hex('0200000000aa');
  const [setAddress] = links('ip link set v0 address 02:00:00:00:00:aa').sent;
  sameRequest((connection) => linkNoun(connection).setHardwareAddress(3, address), setAddress, 16);
});

test('nested link requests hold what those of ip link hold', () => {
  // ip leaves out the final zero of a kind and the mark of nested attributes: both are welcome.
  assert.equal(sentBy((connection) => linkNoun(connection).setAddrGenMode(3, 'none')).subarray(16), hex(
    '00000000 03000000 00000000 00000000  1000 1a80 0c00 0a80 0500 0800 01 000000',
  ));
  const bridge = { kind: 'bridge', name: 'br1', stp: true, forwardDelaySec: 4 } as const;
  assert.equal(sentBy((connection) => linkNoun(connection).add(bridge)).subarray(16), hex(
    '00000000 00000000 00000000 00000000  0800 0300 62723100'
      + '2400 1280  0b00 0100 62726964676500 00  1400 0200 0800 0100 90010000 0800 0500 01000000',
  ));
  const veth = { kind: 'veth', name: 'v8', peerName: 'v9' } as const;
  assert.equal(sentBy((connection) => linkNoun(connection).add(veth)).subarray(16), hex(
    '00000000 00000000 00000000 00000000  0700 0300 76380000'
      + '3000 1280  0900 0100 7665746800 000000'
      + '2000 0200 1c00 0100 00000000 00000000 00000000 00000000 0700 0300 76390000',
  ));
  const vlan = { kind: 'vlan', name: 'v.5', parentIfindex: 2, vlanId: 5 } as const;
  assert.equal(sentBy((connection) => linkNoun(connection).add(vlan)).subarray(16), hex(
    '00000000 00000000 00000000 00000000  0800 0300 762e3500  0800 0500 02000000'
      + '1c00 1280  0900 0100 766c616e 00 000000  0c00 0200 0600 0100 0500 0000',
  ));
});

test('addresses are what ip addr show says', () => {
  const found = decodeAll(addresses('ip addr show').received, decodeAddress);
  const shown = found.filter(({ scope }) => scope === 'universe');
  assert.equal(shown.map(plain), [
    {
      ifindex: 3, address: '192.0.2.1', prefixLength: 24, broadcast: '192.0.2.255', scope: 'universe', flags: 0x80,
      isTentative: false, isDuplicate: false, isDeprecated: false, isTemporary: false, isPermanent: true,
    },
    {
      ifindex: 3, address: '2001:db8::1', prefixLength: 64, scope: 'universe', flags: 0x202,
      isTentative: false, isDuplicate: false, isDeprecated: false, isTemporary: false, isPermanent: false,
      validLifetimeSec: 3600, preferredLifetimeSec: 1800,
    },
  ]);
});

test('address requests are those of ip addr', () => {
  sameRequest(
    (connection) => addressRequests(connection).add({
      ifindex: 3, address: ip('192.0.2.1'), prefixLength: 24, broadcast: ip('192.0.2.255'),
    }),
    addresses('ip addr replace 192.0.2.1/24 broadcast 192.0.2.255 dev v0').sent[0], 8,
  );
  const pair = { ifindex: 3, address: ip('192.0.2.7'), prefixLength: 32, peer: ip('192.0.2.8') };
  const [set, remove] = ['replace', 'del']
    .map((verb) => addresses(`ip addr ${verb} 192.0.2.7 peer 192.0.2.8/32 dev v0`));
  sameRequest((connection) => addressRequests(connection).add(pair), set?.sent[0], 8);
  sameRequest((connection) => addressRequests(connection).remove(pair), remove?.sent[0], 8);
  sameRequest(
    (connection) => addressRequests(connection).add({
      ifindex: 3, address: ip('2001:db8::1'), prefixLength: 64, validLifetimeSec: 3600, preferredLifetimeSec: 1800,
      noDuplicateDetection: true, noPrefixRoute: true,
    }),
    addresses('ip addr replace 2001:db8::1/64 dev v0 valid_lft 3600 preferred_lft 1800 nodad noprefixroute').sent[0], 8,
  );
});

test('IPv4 routes are what ip route show says', () => {
  const found = decodeAll(routes('ip -4 route show table main').received, decodeRoutes).flat();
  const v0 = { family: 4, ifindex: 3, type: 'unicast', scope: 'universe', protocol: 3 };
  const to = (address: string, prefixLength: number): object => ({ destination: { address, prefixLength } });
  assert.equal(found.map(plain), [
    { ...v0, gateway: '192.0.2.254', metric: 20 },
    { ...v0, ...to('10.1.0.0', 16), gateway: 'fe80::2' },
    { ...v0, ...to('10.2.0.0', 16), gateway: '192.0.2.253' },
    { ...v0, ...to('10.2.0.0', 16), gateway: '192.0.2.252' },
    { ...v0, ...to('192.0.2.0', 24), source: '192.0.2.1', scope: 'link', protocol: 2 },
  ]);
});

test('IPv6 routes are what ip -6 route show says, one for each hop', () => {
  const found = decodeAll(routes('ip -6 route show table main').received, decodeRoutes).flat();
  const told = found.filter(({ destination }) => destination?.prefixLength === 48);
  assert.equal(told.map(({ destination, gateway, metric }) => [`${destination?.address}`, `${gateway}`, metric]), [
    ['2001:db8:1::', 'fe80::1', 512], ['2001:db8:2::', 'fe80::3', 1024], ['2001:db8:2::', 'fe80::4', 1024],
  ]);
});

test('route requests are those of ip route', () => {
  const boot = { family: 4, ifindex: 3, protocol: 3 } as const;
  const same = (ask: (connection: Connection) => Promise<unknown>, command: string): void =>
    sameRequest(ask, routes(command).sent[0], 12);
  same((connection) => routeRequests(connection).add({ ...boot, gateway: ip('192.0.2.254'), metric: 20 }),
    'ip route add default via 192.0.2.254 dev v0 metric 20');
  const leased = {
    family: 4, destination: prefix('198.51.100.0/24'), gateway: ip('192.0.2.253'), ifindex: 3, source: ip('192.0.2.1'),
    protocol: 16, mtu: 1280,
  } as const;
  same((connection) => routeRequests(connection).replace(leased),
    'ip route replace 198.51.100.0/24 via 192.0.2.253 dev v0 src 192.0.2.1 proto dhcp mtu 1280');
  same((connection) => routeRequests(connection).add({ ...boot, destination: prefix('203.0.113.0/24'), table: 1000 }),
    'ip route add 203.0.113.0/24 dev v0 table 1000');
  same((connection) => routeRequests(connection).add({
    family: 6, destination: prefix('2001:db8:1::/48'), gateway: ip('fe80::1'), ifindex: 3, metric: 512,
  }), 'ip -6 route add 2001:db8:1::/48 via fe80::1 dev v0 metric 512');
  same((connection) => routeRequests(connection).add({
    ...boot, destination: prefix('10.1.0.0/16'), gateway: ip('fe80::2'),
  }), 'ip route add 10.1.0.0/16 via inet6 fe80::2 dev v0');
  same((connection) => routeRequests(connection).remove({ family: 4, destination: prefix('198.51.100.0/24') }),
    'ip route del 198.51.100.0/24');
});

test('rules are what ip rule show says', () => {
  const found = [4, 6].map((family) =>
    decodeAll(rules(family === 4 ? 'ip rule show' : 'ip -6 rule show').received, decodeRule).map(plain));
  assert.equal(found[0], [
    { family: 4, priority: 0, table: 255, protocol: 2 },
    {
      family: 4, priority: 100, table: 1000, source: { address: '192.0.2.0', prefixLength: 24 }, mark: 0x100,
      markMask: 0xff00, protocol: 0,
    },
    { family: 4, priority: 32766, table: 254, protocol: 2 },
    { family: 4, priority: 32767, table: 253, protocol: 2 },
  ]);
  assert.equal(found[1]?.[1], { family: 6, priority: 101, table: 200, inputInterface: 'v0', protocol: 0 });
});

test('rule requests are those of ip rule', () => {
  const same = (ask: (connection: Connection) => Promise<unknown>, command: string): void =>
    sameRequest(ask, rules(command).sent[0], 12);
  same((connection) => ruleRequests(connection).add({
    family: 4, source: prefix('192.0.2.0/24'), mark: 0x100, markMask: 0xff00, table: 1000, priority: 100,
  }), 'ip rule add from 192.0.2.0/24 fwmark 0x100/0xff00 lookup 1000 priority 100');
  same((connection) => ruleRequests(connection).add({ family: 6, inputInterface: 'v0', table: 200, priority: 101 }),
    'ip -6 rule add iif v0 lookup 200 priority 101');
  same((connection) => ruleRequests(connection).add({ family: 4, table: 254, suppressPrefixLength: 0, priority: 102 }),
    'ip rule add lookup main suppress_prefixlength 0 priority 102');
  same((connection) => ruleRequests(connection).add({ family: 4, ipProtocol: 17, table: 1000, priority: 103 }),
    'ip rule add ipproto udp lookup 1000 priority 103');
});

const NO_SYSTEM = {
  netlink: () => {
    throw new Error('nothing is watched here');
  },
};

test('neighbours are what ip neigh show says, and are set and removed as ip does', () => {
  const [entry] = decodeAll(neighbours('ip neigh show dev v0').received, decodeNeighbour);
  assert.equal(plain(entry), {
    ifindex: 3, address: '192.0.2.9', hardwareAddress: '02:00:00:00:00:09', state: 'permanent', isRouter: false,
  });
  const hardwareAddress = hex('020000000009');
  sameRequest((connection) => neighbourRequests(connection, NO_SYSTEM).replace(3, ip('192.0.2.9'), hardwareAddress),
    neighbours('ip neigh replace 192.0.2.9 lladdr 02:00:00:00:00:09 dev v0').sent[0], 12);
  sameRequest((connection) => neighbourRequests(connection, NO_SYSTEM).remove(3, ip('192.0.2.9')),
    neighbours('ip neigh del 192.0.2.9 dev v0').sent[0], 12);
});

test('every decoder stands truncation, flipped bits and noise', () => {
  const [link] = links('ip link show').received;
  assertHardened(decodeLink, link?.slice(0, 1500) ?? hex(''));
  assertHardened(decodeAddress, addresses('ip addr show').received[0] ?? hex(''));
  assertHardened(decodeRoutes, routes('ip -4 route show table main').received[0] ?? hex(''));
  assertHardened(decodeRoutes, routes('ip -6 route show table main').received[0] ?? hex(''));
  assertHardened(decodeRule, rules('ip rule show').received[0] ?? hex(''));
  assertHardened(decodeNeighbour, neighbours('ip neigh show dev v0').received[0] ?? hex(''));
});

const CORPUS = '../shared/corpora/netlink';
if (existsSync(CORPUS)) {
  test('foreign captures decode, or fail as they should', () => {
    for (const name of ['addrmsg_ipv4.dump', 'gre_01.dump', 'iw_scan_rsp.dump']) {
      const text = readFileSync(`${CORPUS}/${name}`, 'utf8').replace(/#.*$/gm, '').split(/^\.|^\[/m)[0] ?? '';
      const bytes = hex(text.replace(/\\x|[^0-9a-fA-F]/g, ''));
      for (const decode of [decodeLink, decodeAddress, decodeRoutes, decodeRule, decodeNeighbour]) {
        assertHardened(decode, bytes.subarray(0, 600));
      }
      if (name.startsWith('addrmsg')) assert.is(`${decodeAll([bytes], decodeAddress)[0]?.address}`, '127.0.0.1');
    }
  });
}

test.run();
