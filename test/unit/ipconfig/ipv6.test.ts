/** A service's IPv6, from what the kernel, routers and servers say to what is told. */

import { test } from 'uvu';
import * as assert from 'uvu/assert';
import { decodeMessage, encodeMessage, type Dhcpv6Message } from '../../../src/dhcpv6/message.ts';
import { formatPrefix } from '../../../src/dhcpv6/lease.ts';
import type { Ipv6Configuration } from '../../../src/ipconfig/configuration.ts';
import { Ipv6Links } from '../../../src/ipconfig/ipv6-links.ts';
import { Ipv6Session, type Ipv6Memory, type Ipv6Setup } from '../../../src/ipconfig/ipv6.ts';
import type { SessionEvent } from '../../../src/ipconfig/session.ts';
import type { NewAddress } from '../../../src/netlink/address/address.ts';
import { ROUTE_PROTOCOL, type Route } from '../../../src/netlink/route/route.ts';
import { PrefixWish } from '../../../src/service/prefix-wish.ts';
import type { IpAddress } from '../../../src/shared/ipaddress.ts';
import { setLogSink } from '../../../src/shared/log.ts';
import { settle } from '../../helpers/fake-clock.ts';
import { fakeKernel } from '../../helpers/fake-kernel.ts';
import { withScope, type TestContext } from '../../helpers/with-scope.ts';
import { hex } from '../dhcp/battery.ts';
import { FakeInet, ip6, NEIGHBOUR } from '../dhcp/fake-inet.ts';
import { countingRandom, ip } from '../dhcp/life.ts';
import { answerTo, asked, delegated, granted, SERVER, type Answer } from '../dhcpv6/life.ts';
import { advertisement, nameserverOption, prefixOption, routeOption } from '../ndp/advertise.ts';

const OURS = hex('02005e005301');
const AUTO: Ipv6Configuration = { method: 'auto', privacy: 'disabled' };
const MANUAL: Ipv6Configuration = {
  method: 'manual', privacy: 'disabled', address: ip6('2001:db8::77'), prefixLength: 64, gateway: ip6('fe80::1'),
};
const ON_LINK = prefixOption('20010db800010000', 3600);
const MANAGED = 0x80;

class Fixture {
  readonly kernel = fakeKernel();
  readonly ifindex = this.kernel.addLink({ name: 'eth0', hardwareAddress: OURS, isUp: true, hasCarrier: true }).ifindex;
  readonly link = new FakeInet<Dhcpv6Message | undefined>((bytes) =>
    bytes[0] === 133 ? undefined : decodeMessage(bytes));
  readonly parameters = new Map<string, string>(
    ['accept_ra', 'accept_ra_defrtr', 'autoconf', 'use_tempaddr', 'addr_gen_mode', 'disable_ipv6',
      'router_solicitations'].map((name) => [`net/ipv6/conf/eth0/${name}`, '1']),
  );
  readonly told: string[] = [];
  readonly setups: Ipv6Setup[] = [];
  readonly session: Ipv6Session;
  source: IpAddress | undefined;
  isNeverDefault = false;
  readonly prefixWish = new PrefixWish();
  memory: Ipv6Memory = { duid: undefined, lease: undefined, stableSecret: undefined };

  constructor({ scope, clock, watch }: TestContext, configuration: Ipv6Configuration) {
    const loud = setLogSink(() => undefined);
    scope.defer(() => void setLogSink(loud));
    const { kernel, parameters } = this;
    const sysctl = {
      read: (name: string) => parameters.get(name),
      write: (name: string, value: string) => void parameters.set(name, value),
    };
    const ipv6Links = new Ipv6Links(sysctl, kernel, scope);
    const env = { kernel, system: this.link.system, clock, random: countingRandom(), ipv6Links };
    this.session = new Ipv6Session({
      ifindex: this.ifindex,
      interfaceName: 'eth0',
      hardwareAddress: OURS,
      configuration,
      hostname: undefined,
      isNeverDefault: () => this.isNeverDefault,
      tunnelSource: () => this.source,
      prefixWish: this.prefixWish,
      memory: () => this.memory,
      remember: (change) => void (this.memory = { ...this.memory, ...change }),
    }, env, scope);
    this.session.events.observe(scope, (event) => this.#note(event));
    watch('sockets', () => this.link.sockets.size);
  }

  get addresses(): string[] {
    return this.kernel.mirror.addressesOf(this.ifindex).map((each) => `${each.address}/${each.prefixLength}`);
  }

  get last(): Dhcpv6Message {
    const { last } = this.link;
    if (last === undefined) throw new Error('routers were asked last');
    return last;
  }

  parameter(name: string): string | undefined {
    return this.parameters.get(`net/ipv6/conf/eth0/${name}`);
  }

  /** What the kernel makes by itself. */
  async make(text: string, change: Partial<NewAddress> = {}): Promise<void> {
    const { ifindex } = this;
    const address = { ifindex, address: ip6(text), prefixLength: 64, validLifetimeSec: 3600, ...change };
    await this.kernel.address.add({ noDuplicateDetection: true, ...address });
    await settle();
  }

  /** The link-local address is there, and with it the search for routers. */
  async linkLocal(): Promise<void> {
    await this.make('fe80::5eff:fe00:5301', { scope: 'link', validLifetimeSec: undefined });
    await settle();
  }

  async advertise(said: Parameters<typeof advertisement>[0]): Promise<void> {
    this.link.deliver(advertisement(said), { address: NEIGHBOUR });
    await settle();
  }

  /** A server grants `address` at once (rapid commit), or says that all is well. */
  async reply(address?: string): Promise<void> {
    await this.answer({ associations: address === undefined ? [] : [granted({ address })] });
  }

  async answer(changes: Answer): Promise<void> {
    const request = this.link.last;
    const { duid } = this.memory;
    if (request === undefined || duid === undefined) throw new Error('no server was asked');
    const answer = answerTo(request, 'reply', { duid, options: { 14: new Uint8Array() }, ...changes });
    this.link.deliver(encodeMessage(answer), { address: NEIGHBOUR });
    await settle();
  }

  #note(event: SessionEvent<Ipv6Setup>): void {
    if (event.kind !== 'configured') return void this.told.push(event.kind);
    this.setups.push(event.setup);
    this.told.push(`${event.setup.inUse.method} ${event.setup.inUse.address}`);
  }
}

test('an address that was written down is told once nobody else has it', withScope(async (context) => {
  const fixture = new Fixture(context, MANUAL);
  fixture.session.start();
  await settle();
  assert.equal(fixture.addresses, ['2001:db8::77/64']);
  assert.equal(fixture.told, []);
  assert.equal([fixture.parameter('accept_ra'), fixture.parameter('autoconf')], ['0', '0']);
  fixture.kernel.finishDetection({ ifindex: fixture.ifindex, address: ip6('2001:db8::77'), prefixLength: 64 });
  assert.equal(fixture.told, ['manual 2001:db8::77']);
  assert.is(String(fixture.setups[0]?.inUse.gateway), 'fe80::1');
  await fixture.session.stop('withdraw');
  assert.equal(fixture.addresses, []);
}));

test('one that another host has fails', withScope(async (context) => {
  const fixture = new Fixture(context, MANUAL);
  fixture.session.start();
  await settle();
  fixture.kernel.finishDetection({ ifindex: fixture.ifindex, address: ip6('2001:db8::77'), prefixLength: 64 }, true);
  assert.equal(fixture.told, ['failed']);
}));

test('what the kernel makes of an advertisement is told with all that came along', withScope(async (context) => {
  const fixture = new Fixture(context, AUTO);
  fixture.session.start();
  await fixture.linkLocal();
  await context.clock.advance(0);
  assert.is(fixture.link.sent.length, 1, 'routers are asked');
  assert.is(fixture.parameter('accept_ra'), '2');
  const options = `${ON_LINK} ${nameserverOption(0x53, 600)} ${routeOption('20010db800070000', 48, 600)}`;
  await fixture.advertise({ options });
  assert.equal(fixture.told, [], 'there is no address yet');
  await fixture.make('2001:db8:1::5eff:fe00:5301');
  assert.equal(fixture.told, ['auto 2001:db8:1::5eff:fe00:5301']);
  const [setup] = fixture.setups;
  assert.equal(setup?.inUse.gateway?.toString(), String(NEIGHBOUR));
  assert.equal(setup?.offer.nameservers.map(String), ['2001:db8::53']);
  assert.equal(setup?.routes.map(({ destination }) => String(destination.address)), ['2001:db8:7::']);
  await context.clock.advance(600_000);
  assert.is(fixture.setups.at(-1)?.offer.nameservers.length, 0, 'nothing holds longer than it was said to');
  assert.is(fixture.setups.at(-1)?.routes.length, 0);
  await context.clock.advance(1_200_000);
  assert.is(fixture.setups.at(-1)?.inUse.gateway, undefined, 'nor does the router');
  await fixture.kernel.address.remove(
    { ifindex: fixture.ifindex, address: ip6('2001:db8:1::5eff:fe00:5301'), prefixLength: 64 },
  );
  assert.is(fixture.told.at(-1), 'lost');
}));

test('never the default: nor by a route that the kernel makes, until it may be again', withScope(async (context) => {
  const fixture = new Fixture(context, AUTO);
  const { kernel, ifindex } = fixture;
  const advertised = { family: 6, ifindex, gateway: NEIGHBOUR, metric: 1024, protocol: ROUTE_PROTOCOL.ra } as const;
  const isDefault = ({ destination }: Route): boolean => destination === undefined;
  const defaults = (): number => kernel.mirror.routesOf(ifindex).filter(isDefault).length;
  fixture.session.start();
  await fixture.linkLocal();
  await kernel.route.replace(advertised);
  await context.clock.advance(0);
  assert.equal([fixture.parameter('accept_ra_defrtr'), defaults()], ['1', 1]);
  const asked = fixture.link.sent.length;
  fixture.isNeverDefault = true;
  fixture.session.updateDefault();
  await settle();
  assert.equal([fixture.parameter('accept_ra_defrtr'), defaults()], ['0', 0]);
  await kernel.route.replace(advertised); // of an advertisement that came just before
  await settle();
  assert.is(defaults(), 0);
  fixture.isNeverDefault = false;
  fixture.session.updateDefault();
  await context.clock.advance(5000);
  assert.is(fixture.parameter('accept_ra_defrtr'), '1');
  assert.ok(fixture.link.sent.length > asked, 'routers are asked, so that the kernel hears them again');
}));

test('a server’s address gets the router’s prefix, and is declined where taken', withScope(async (context) => {
  const fixture = new Fixture(context, AUTO);
  fixture.session.start();
  await fixture.linkLocal();
  await context.clock.advance(0);
  await fixture.advertise({ flags: MANAGED, options: prefixOption('20010db800010000', 3600, 3600, 0x80) });
  await context.clock.advance(1000);
  assert.is(fixture.link.last?.type, 'solicit');
  const duid = fixture.memory.duid;
  assert.ok(duid !== undefined);
  await fixture.reply('2001:db8:1::100');
  assert.ok(fixture.addresses.includes('2001:db8:1::100/64'), fixture.addresses.join());
  const id = { ifindex: fixture.ifindex, address: ip6('2001:db8:1::100'), prefixLength: 64 };
  assert.equal(fixture.told, []);
  fixture.kernel.finishDetection(id, true);
  await settle();
  assert.is(fixture.link.last?.type, 'decline');
  assert.not.ok(fixture.addresses.includes('2001:db8:1::100/64'));
  await fixture.reply();
  await context.clock.advance(2000);
  assert.is(fixture.link.last?.type, 'solicit');
  await fixture.reply('2001:db8:1::101');
  fixture.kernel.finishDetection({ ...id, address: ip6('2001:db8:1::101') });
  await settle();
  assert.equal(fixture.told, ['auto 2001:db8:1::101']);
  assert.equal(fixture.memory.lease?.get('Server'), Buffer.from(SERVER).toString('hex'));
  await fixture.session.stop('release');
  assert.is(fixture.link.last?.type, 'release');
  assert.equal(fixture.addresses, ['fe80::5eff:fe00:5301/64']);
  assert.equal([fixture.parameter('accept_ra'), fixture.memory.lease], ['0', undefined]);
  assert.equal(fixture.memory.duid, duid);
}));

test('prefixes are asked for while somebody wants them, then given back', withScope(async (context) => {
  const fixture = new Fixture(context, AUTO);
  fixture.session.start();
  await fixture.linkLocal();
  await context.clock.advance(2000);
  assert.is(fixture.memory.duid, undefined, 'nobody asks servers');
  const tethering = context.scope.child();
  fixture.prefixWish.add(tethering);
  await context.clock.advance(1000);
  assert.equal(asked(fixture.last), ['delegation']);
  await fixture.answer({ associations: [delegated()] });
  await fixture.advertise({ options: ON_LINK });
  await fixture.make('2001:db8:1::5eff:fe00:5301');
  const [setup] = fixture.setups;
  assert.equal(setup?.lease?.prefixes.map(({ prefix }) => formatPrefix(prefix)), ['2001:db8:8000::/56']);
  assert.match(fixture.memory.lease?.get('Prefix.0') ?? '', '2001:db8:8000::/56 ');
  await context.clock.advance(1_800_000);
  assert.equal([fixture.last.type, asked(fixture.last)], ['renew', ['delegation 2001:db8:8000::']]);
  await fixture.answer({ associations: [delegated()] });

  await tethering.close();
  await settle();
  assert.equal([fixture.last.type, asked(fixture.last)], ['release', ['delegation 2001:db8:8000::']]);
  assert.equal([fixture.memory.lease, fixture.setups.at(-1)?.lease], [undefined, undefined]);
}));

test('prefixes beside addresses: what was lent before holds on', withScope(async (context) => {
  const fixture = new Fixture(context, AUTO);
  fixture.session.start();
  await fixture.linkLocal();
  await fixture.advertise({ flags: MANAGED, options: ON_LINK });
  await context.clock.advance(1000);
  const options = { 14: new Uint8Array(), 23: ip6('2001:db8::53').bytes };
  await fixture.answer({ associations: [granted({ address: '2001:db8:1::100' })], options });
  const id = { ifindex: fixture.ifindex, address: ip6('2001:db8:1::100'), prefixLength: 64 };
  fixture.kernel.finishDetection(id);
  const tethering = context.scope.child();
  fixture.prefixWish.add(tethering);
  await fixture.advertise({ flags: MANAGED, options: `${ON_LINK} ${nameserverOption(0x54, 600)}` });
  await context.clock.advance(1000);
  assert.equal(asked(fixture.last), ['nonTemporary 2001:db8:1::100', 'delegation']);
  assert.equal(fixture.setups.at(-1)?.offer.nameservers.map(String), ['2001:db8::53', '2001:db8::54']);
  await fixture.answer({ associations: [granted({ address: '2001:db8:1::100' }), delegated()], options });
  assert.is(fixture.setups.at(-1)?.lease?.prefixes.length, 1);

  await tethering.close();
  await context.clock.advance(1000);
  assert.equal([fixture.last.type, asked(fixture.last)], ['confirm', ['nonTemporary 2001:db8:1::100']]);
  assert.not.ok(fixture.told.includes('lost'));
  assert.ok(fixture.addresses.includes('2001:db8:1::100/64'));
  assert.is(fixture.memory.lease?.has('Prefix.0'), false);
}));

test('with privacy nothing tells the hardware address, and the secret is made once', withScope(async (context) => {
  const fixture = new Fixture(context, { ...AUTO, privacy: 'prefered' });
  await fixture.make('fe80::5eff:fe00:5301', { scope: 'link', validLifetimeSec: undefined });
  await fixture.make('2001:db8:1::5eff:fe00:5301');
  fixture.session.start();
  await settle();
  assert.equal(fixture.addresses, []);
  assert.equal(fixture.told, []);
  assert.equal([fixture.parameter('use_tempaddr'), fixture.parameter('addr_gen_mode')], ['2', '2']);
  assert.is(fixture.parameter('stable_secret'), String(fixture.memory.stableSecret));
}));

test('no router and a public IPv4 address: a 6to4 tunnel, until there is a router', withScope(async (context) => {
  const fixture = new Fixture(context, AUTO);
  fixture.source = ip('198.51.100.10');
  fixture.session.start();
  await fixture.linkLocal();
  await context.clock.advance(15_000);
  assert.is(fixture.kernel.mirror.linkByName('tun6to4'), undefined);
  await context.clock.advance(10_000);
  const tunnel = fixture.kernel.mirror.linkByName('tun6to4');
  assert.equal([tunnel?.kind, tunnel?.mtu, tunnel?.isUp], ['sit', 1472, true]);
  const id = { ifindex: tunnel?.ifindex ?? 0, address: ip6('2002:c633:640a::1'), prefixLength: 64 };
  fixture.kernel.finishDetection(id);
  assert.equal(fixture.told, ['6to4 2002:c633:640a::1']);
  const [setup] = fixture.setups;
  assert.equal([String(setup?.inUse.gateway), setup?.link?.name], ['::c058:6301', 'tun6to4']);
  await fixture.advertise({ options: ON_LINK });
  await fixture.make('2001:db8:1::5eff:fe00:5301');
  assert.is(fixture.told.at(-1), 'auto 2001:db8:1::5eff:fe00:5301');
  assert.is(fixture.kernel.mirror.linkByName('tun6to4'), undefined);
}));

test('a tunnel through which the world does not answer is given up', withScope(async (context) => {
  const fixture = new Fixture(context, AUTO);
  fixture.source = ip('198.51.100.10');
  fixture.session.start();
  fixture.session.noteFailedCheck();
  await fixture.linkLocal();
  await context.clock.advance(30_000);
  const tunnel = fixture.kernel.mirror.linkByName('tun6to4');
  const id = { ifindex: tunnel?.ifindex ?? 0, address: ip6('2002:c633:640a::1'), prefixLength: 64 };
  fixture.kernel.finishDetection(id);
  fixture.session.noteFailedCheck();
  await settle();
  assert.equal(fixture.told, ['6to4 2002:c633:640a::1', 'lost']);
  assert.is(fixture.kernel.mirror.linkByName('tun6to4'), undefined);
  await context.clock.advance(3_600_000);
  assert.is(fixture.kernel.mirror.linkByName('tun6to4'), undefined, 'nor is there another one');
}));

test('no tunnel from a private address, and none any more when the address goes', withScope(async (context) => {
  const fixture = new Fixture(context, AUTO);
  fixture.source = ip('192.168.7.7');
  fixture.session.start();
  await fixture.linkLocal();
  await context.clock.advance(30_000);
  assert.is(fixture.kernel.mirror.linkByName('tun6to4'), undefined);

  const other = new Fixture(context, AUTO);
  const address = { ifindex: other.ifindex, address: ip('198.51.100.10'), prefixLength: 24 };
  await other.kernel.address.add(address);
  other.source = address.address;
  other.session.start();
  await other.linkLocal();
  await context.clock.advance(30_000);
  assert.ok(other.kernel.mirror.linkByName('tun6to4') !== undefined);
  await other.kernel.address.remove(address);
  await settle();
  assert.is(other.kernel.mirror.linkByName('tun6to4'), undefined);
}));

test('what was there before is told at once, and left when the daemon stops', withScope(async (context) => {
  const fixture = new Fixture(context, AUTO);
  await fixture.linkLocal();
  await fixture.make('2001:db8:1::5eff:fe00:5301');
  await fixture.kernel.route.add({
    family: 6, gateway: NEIGHBOUR, ifindex: fixture.ifindex, protocol: 9, metric: 1024,
  });
  fixture.session.start();
  await settle();
  assert.equal(fixture.told, ['auto 2001:db8:1::5eff:fe00:5301']);
  assert.is(String(fixture.setups[0]?.inUse.gateway), String(NEIGHBOUR));
  const before = fixture.addresses;
  await fixture.session.stop('keep');
  assert.equal(fixture.addresses, before);
  assert.is(fixture.parameter('accept_ra'), '2');
}));

test.run();
