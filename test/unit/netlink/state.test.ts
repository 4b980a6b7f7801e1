/**
 * What follows from the kernel's events, and from what it does without a word (checked against a
 * real kernel by test/integration/netlink-mirror.test.ts).
 */

import { test } from 'uvu';
import * as assert from 'uvu/assert';
import type { Address } from '../../../src/netlink/address/address.ts';
import type { KernelEvent } from '../../../src/netlink/event.ts';
import type { Link } from '../../../src/netlink/link/link.ts';
import { routeKey } from '../../../src/netlink/route/route.ts';
import type { Route } from '../../../src/netlink/route/route.ts';
import { KernelState } from '../../../src/netlink/state.ts';
import type { StateChange } from '../../../src/netlink/state.ts';
import { ip, prefix } from './captures.ts';

const statistics = {
  rxPackets: 0, txPackets: 0, rxBytes: 0, txBytes: 0, rxErrors: 0, txErrors: 0, rxDropped: 0, txDropped: 0,
};

function link(ifindex: number, change: Partial<Link> = {}): Link {
  return {
    ifindex, name: `eth${ifindex}`, hardwareType: 1, flags: 1, isUp: true, hasCarrier: false, isRunning: false,
    hardwareAddress: Uint8Array.of(2, 0, 0, 0, 0, ifindex), permanentAddress: undefined, mtu: 1500, kind: undefined,
    parentIfindex: undefined, master: undefined, vlanId: undefined, operState: 'down', physicalPortName: undefined,
    addrGenMode: 'eui64', statistics, ...change,
  };
}

function address(ifindex: number, text: string, change: Partial<Address> = {}): Address {
  return {
    ifindex, ...prefix(text), peer: undefined, broadcast: undefined, scope: 'universe', flags: 0x80, isTentative: false,
    isDuplicate: false, isDeprecated: false, isTemporary: false, isPermanent: true, validLifetimeSec: undefined,
    preferredLifetimeSec: undefined, metric: undefined, ...change,
  };
}

function via(ifindex: number, gateway: string, change: Partial<Route> = {}): Route {
  const to = ip(gateway);
  return { family: to.family, gateway: to, ifindex, scope: 'universe', protocol: 3, type: 'unicast', ...change };
}

/** The kernel's route to a prefix it is connected to. */
const subnet: Route = {
  family: 4, destination: prefix('10.0.0.0/24'), scope: 'link', protocol: 2, type: 'unicast',
};

const event = {
  link: (each: Link): KernelEvent => ({ kind: 'link', link: each }),
  linkGone: (each: Link): KernelEvent => ({ kind: 'linkGone', link: each }),
  address: (each: Address): KernelEvent => ({ kind: 'address', address: each }),
  addressGone: (each: Address): KernelEvent => ({ kind: 'addressGone', address: each }),
  route: (...hops: Route[]): KernelEvent => ({ kind: 'route', hops, isReplacement: false }),
  replacement: (...hops: Route[]): KernelEvent => ({ kind: 'route', hops, isReplacement: true }),
  routeGone: (...hops: Route[]): KernelEvent => ({ kind: 'routeGone', hops }),
};

/** A change in a line: `+` came, `-` went, `~` changed. */
function describe(change: StateChange): string {
  const sign = change.before === undefined ? '+' : change.after === undefined ? '-' : '~';
  switch (change.kind) {
    case 'link': return `${sign}${(change.after ?? change.before)?.name}`;
    case 'address': return `${sign}${(change.after ?? change.before)?.address}`;
    case 'route': {
      const shown = (route: Route | undefined): string => `${route?.gateway ?? route?.destination?.address}`;
      if (sign === '~') return `~${shown(change.before)}>${shown(change.after)}`;
      return `${sign}${shown(change.after ?? change.before)}`;
    }
  }
}

/** What applying some events tells, and whether the state is known after it. */
function tell(state: KernelState, ...events: KernelEvent[]): string {
  const told: string[] = [];
  const isKnown = events.map((each) => state.apply(each, (change) => told.push(describe(change)))).every(Boolean);
  return `${told.join(' ')}${isKnown ? '' : ' ?'}`;
}

function stateAfter(...events: KernelEvent[]): KernelState {
  const state = new KernelState();
  tell(state, ...events);
  return state;
}

test('links come, change and go; the name follows', () => {
  const state = new KernelState();
  assert.is(tell(state, event.link(link(2))), '+eth2');
  assert.is(tell(state, event.link(link(2))), '');
  assert.is(tell(state, event.link(link(2, { name: 'lan' }))), '~lan');
  assert.is(state.linksByName.get('eth2'), undefined);
  assert.is(state.linksByName.get('lan')?.ifindex, 2);
  assert.is(tell(state, event.linkGone(link(2))), '-lan');
  assert.is(state.linksByName.size + state.links.size, 0);
  assert.is(tell(state, event.linkGone(link(2))), '');
});

test('two links may swap names', () => {
  const state = stateAfter(event.link(link(2, { name: 'a' })), event.link(link(3, { name: 'b' })));
  const steps = [link(2, { name: 'x' }), link(3, { name: 'a' }), link(2, { name: 'b' })];
  tell(state, ...steps.map(event.link));
  assert.equal([...state.linksByName].map(([name, { ifindex }]) => `${name} ${ifindex}`).sort(), ['a 3', 'b 2']);
});

test('new statistics are kept and not told', () => {
  const state = stateAfter(event.link(link(2)));
  assert.is(tell(state, event.link(link(2, { statistics: { ...statistics, rxBytes: 5 } }))), '');
  assert.is(state.links.get(2)?.statistics?.rxBytes, 5);
});

test('new lifetimes are kept and not told, new flags are', () => {
  const state = stateAfter(event.address(address(2, '2001:db8::1/64', { validLifetimeSec: 9 })));
  assert.is(tell(state, event.address(address(2, '2001:db8::1/64', { validLifetimeSec: 90 }))), '');
  assert.is([...state.addresses.entries.values()][0]?.validLifetimeSec, 90);
  assert.is(tell(state, event.address(address(2, '2001:db8::1/64', { flags: 0x20 }))), '~2001:db8::1');
});

test('an address is itself, in IPv4 with prefix length and peer, in IPv6 without', () => {
  const state = new KernelState();
  const withPeer = address(2, '10.0.0.1/24', { peer: ip('10.0.0.9') });
  const four = [address(2, '10.0.0.1/24'), address(2, '10.0.0.1/25'), withPeer];
  tell(state, ...four.map(event.address));
  assert.is(state.addresses.of(2).length, 3);
  tell(state, event.address(address(2, '2001:db8::1/64')), event.address(address(2, '2001:db8::1/128')));
  assert.is(state.addresses.of(2).length, 4);
});

test('IPv4 routes go silently when their link goes down; IPv6 routes are the kernel\'s to tell of', () => {
  const state = stateAfter(
    event.link(link(2)), event.link(link(3)),
    event.route(via(2, '10.0.0.9')), event.route(via(3, '10.3.0.9', { metric: 5 })), event.route(via(2, 'fe80::9')),
  );
  assert.is(tell(state, event.link(link(2, { isUp: false, flags: 0 }))), '~eth2 -10.0.0.9');
  assert.equal([...state.routes.entries.values()].map(({ gateway }) => `${gateway}`), ['10.3.0.9', 'fe80::9']);
});

test('a lost carrier takes no routes along', () => {
  const state = stateAfter(event.link(link(2, { flags: 0x10001, hasCarrier: true })), event.route(via(2, '10.0.0.9')));
  assert.is(tell(state, event.link(link(2))), '~eth2');
  assert.is(state.routes.entries.size, 1);
});

test('a link takes all that is on it along', () => {
  const state = stateAfter(
    event.link(link(2)), event.address(address(2, '10.0.0.1/24')), event.address(address(2, 'fe80::1/64')),
    event.route(via(2, '10.0.0.9')), event.route(via(2, 'fe80::9')),
  );
  assert.is(tell(state, event.linkGone(link(2))), '-10.0.0.9 -fe80::9 -10.0.0.1 -fe80::1 -eth2');
  assert.equal([state.routes.of(2), state.addresses.of(2)], [[], []]);
});

test('the last IPv4 address of a link takes its IPv4 routes along', () => {
  const state = stateAfter(
    event.link(link(2)), event.address(address(2, '10.0.0.1/24')), event.address(address(2, '10.0.1.1/24')),
    event.address(address(2, 'fe80::1/64')), event.route(via(2, '10.0.0.9')), event.route(via(2, 'fe80::9')),
  );
  assert.is(tell(state, event.addressGone(address(2, '10.0.0.1/24'))), '-10.0.0.1');
  assert.is(tell(state, event.addressGone(address(2, '10.0.1.1/24'))), '-10.0.1.1 -10.0.0.9');
});

test('an IPv4 address takes the routes that prefer it along, unless another link has it too', () => {
  const source = ip('10.0.0.1');
  const routes = [via(2, '10.0.0.9', { source }), via(3, '10.3.0.9', { source, metric: 1 })];
  const both = stateAfter(
    event.address(address(2, '10.0.0.1/24')), event.address(address(2, '10.0.1.1/24')),
    event.address(address(3, '10.0.0.1/32')), event.address(address(3, '10.3.0.1/24')),
    ...routes.map((each) => event.route(each)),
  );
  assert.is(tell(both, event.addressGone(address(2, '10.0.0.1/24'))), '-10.0.0.1');
  assert.is(tell(both, event.addressGone(address(3, '10.0.0.1/32'))), '-10.0.0.1 -10.0.0.9 -10.3.0.9');
});

test('an IPv6 address leaves its routes, which prefer it no more', () => {
  const state = stateAfter(
    event.address(address(2, '2001:db8::1/64')), event.route(via(2, 'fe80::9', { source: ip('2001:db8::1') })),
  );
  assert.is(tell(state, event.addressGone(address(2, '2001:db8::1/64'))), '-2001:db8::1 ~fe80::9>fe80::9');
  assert.is(state.routes.of(2)[0]?.source, undefined);
});

test('a route is itself by all the kernel knows of it', () => {
  const state = new KernelState();
  const steps = [2, 3].map((ifindex) => event.route({ ...subnet, ifindex }));
  assert.is(tell(state, ...steps), '+10.0.0.0 +10.0.0.0');
  assert.is(tell(state, event.route({ ...subnet, ifindex: 2 })), '');
  assert.is(tell(state, event.routeGone({ ...subnet, ifindex: 2 })), '-10.0.0.0');
  assert.equal([...state.routes.entries.keys()], [routeKey({ ...subnet, ifindex: 3 })]);
});

test('a replacement takes the place of the one route it can be', () => {
  const state = stateAfter(event.route(via(2, '10.0.0.9')), event.route(via(3, '10.3.0.9', { metric: 7 })));
  assert.is(tell(state, event.replacement(via(2, '10.0.0.8'))), '~10.0.0.9>10.0.0.8');
  assert.is(tell(state, event.replacement(via(2, '10.0.0.8'))), '');
  assert.is(tell(state, event.replacement(via(3, '10.3.0.9'))), '~10.0.0.8>10.3.0.9');
  assert.equal([...state.routes.entries.values()].map(({ metric }) => metric), [7, undefined]);
});

test('where it can be two, the state has to be read anew', () => {
  const state = stateAfter(event.route({ ...subnet, ifindex: 2 }), event.route({ ...subnet, ifindex: 3 }));
  assert.is(tell(state, event.replacement({ ...subnet, ifindex: 4 })), '+10.0.0.0 ?');
});

test('a route of several hops outlives the link of one: read anew', () => {
  const hops = [via(2, '10.0.0.9'), via(3, '10.3.0.9')];
  const state = stateAfter(event.link(link(2)), event.link(link(3)), event.route(...hops));
  assert.is(tell(state, event.link(link(2, { isUp: false, flags: 0 }))), '~eth2 ?');
  assert.is(state.routes.entries.size, 2);
  assert.is(tell(state, event.routeGone(...hops)), '-10.0.0.9 -10.3.0.9');
});

test('becoming another state tells the differences and nothing else', () => {
  const shared = [event.link(link(2)), event.address(address(2, '10.0.0.1/24')), event.route(via(2, '10.0.0.9'))];
  const one = stateAfter(
    ...shared, event.link(link(3)), event.address(address(3, '10.3.0.1/24')),
    event.route(via(3, '10.3.0.9', { metric: 2 })),
  );
  const other = stateAfter(
    ...shared, event.link(link(2, { mtu: 1400 })), event.link(link(4)), event.address(address(4, '10.4.0.1/24')),
    event.route(via(4, '10.4.0.9', { metric: 3 })),
  );
  const told: string[] = [];
  one.become(other, (change) => told.push(describe(change)));
  assert.is(told.join(' '), '-10.3.0.9 -10.3.0.1 -eth3 ~eth2 +eth4 +10.4.0.1 +10.4.0.9');
  assert.equal([...one.routes.entries.keys()], [...other.routes.entries.keys()]);
  assert.equal([...one.linksByName.keys()].sort(), ['eth2', 'eth4']);
});

test.run();
