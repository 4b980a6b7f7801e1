/** Conflicts of an IPv4 address, from the packet to what happens to the interface. */

import { test } from 'uvu';
import * as assert from 'uvu/assert';
import { arpAnnouncement, type ArpPacket, decodeArp, encodeArp } from '../../../src/dhcp/arp.ts';
import { decodeMessage, type DhcpMessage, encodeMessage, messageType } from '../../../src/dhcp/message.ts';
import { decodeUdpPacket, encodeUdpPacket } from '../../../src/dhcp/udp-packet.ts';
import type { Ipv4Configuration } from '../../../src/ipconfig/configuration.ts';
import { Ipv4Session, type Ipv4Event, type Ipv4Setup, type Ipv4Target } from '../../../src/ipconfig/ipv4.ts';
import type { IpAddress } from '../../../src/shared/ipaddress.ts';
import { fakeKernel } from '../../helpers/fake-kernel.ts';
import { withScope, type TestContext } from '../../helpers/with-scope.ts';
import { hex } from '../dhcp/battery.ts';
import { FakeLink } from '../dhcp/fake-link.ts';
import { ADDRESS, countingRandom, ip, replyTo, SERVER } from '../dhcp/life.ts';

const OURS = hex('02005e005301');
const THEIRS = hex('02005e005302');
const OTHER = ip('192.0.2.48');
const MANUAL: Ipv4Configuration = { method: 'manual', address: ADDRESS, prefixLength: 24, gateway: SERVER };
/** Three probes, one second before the first, two between and after. */
const PROBING_MS = 7000;

type Sent = { readonly arp: ArpPacket } | { readonly dhcp: DhcpMessage };

class Fixture {
  readonly kernel = fakeKernel();
  readonly link = new FakeLink<Sent>((bytes) => {
    // ARP begins with the high byte of its hardware type, an IPv4 packet with its version.
    if (bytes[0] === 0) return { arp: decodeArp(bytes) };
    return { dhcp: decodeMessage(bytes[0] === 1 ? bytes : decodeUdpPacket(bytes, false).payload) };
  });
  readonly told: string[] = [];
  readonly session: Ipv4Session;
  /** The last one told. */
  setup: Ipv4Setup | undefined;
  readonly #ifindex: number;

  constructor({ scope, clock }: TestContext, configuration: Ipv4Configuration, change: Partial<Ipv4Target> = {}) {
    this.#ifindex = this.kernel.addLink({ name: 'eth0', hardwareAddress: OURS }).ifindex;
    const env = { kernel: this.kernel, system: this.link.system, clock, random: countingRandom() };
    this.session = new Ipv4Session({
      ifindex: this.#ifindex,
      interfaceName: 'eth0',
      hardwareAddress: OURS,
      mtu: 1500,
      configuration,
      lease: undefined,
      lastAddress: undefined,
      hostname: undefined,
      vendorClass: undefined,
      clientIdentifier: undefined,
      detectsConflicts: true,
      ...change,
    }, env, scope);
    this.session.events.observe(scope, (event) => {
      this.told.push(describe(event));
      if (event.kind === 'configured') this.setup = event.setup;
    });
  }

  get addresses(): string[] {
    return [...this.kernel.mirror.addressesOf(this.#ifindex)].map((each) => `${each.address}/${each.prefixLength}`);
  }

  /** What is left of the first address's time in the kernel, in seconds; undefined is for ever. */
  get lifetimeSec(): number | undefined {
    return [...this.kernel.mirror.addressesOf(this.#ifindex)][0]?.validLifetimeSec;
  }

  /** Types of the DHCP messages sent. */
  get asked(): string[] {
    return this.link.sent.flatMap(({ message }) => ('dhcp' in message ? [messageType(message.dhcp) ?? ''] : []));
  }

  get scopes(): string[] {
    return [...this.kernel.mirror.addressesOf(this.#ifindex)].map(({ scope }) => scope);
  }

  set(address: IpAddress, prefixLength = 24): Promise<void> {
    return this.kernel.address.add({ ifindex: this.#ifindex, address, prefixLength });
  }

  claim(address = ADDRESS): void {
    this.link.deliver(encodeArp(arpAnnouncement(THEIRS, address)));
  }

  /** Gives `address` to a client that has just discovered. */
  lend(address: IpAddress): void {
    for (const type of ['offer', 'ack'] as const) {
      const request = this.link.sent.flatMap(({ message }) => ('dhcp' in message ? [message.dhcp] : [])).at(-1);
      if (request === undefined) throw new Error('nothing was asked');
      this.link.deliver(encodeUdpPacket({
        source: SERVER,
        destination: ip('255.255.255.255'),
        sourcePort: 67,
        destinationPort: 68,
        payload: encodeMessage(replyTo(request, type, { address })),
      }));
    }
  }
}

function describe(event: Ipv4Event): string {
  switch (event.kind) {
    case 'configured': return `configured ${event.setup.inUse.method} ${event.setup.inUse.address}`;
    case 'conflict': return `conflict ${event.address}${event.isResolved ? ' resolved' : ''}`;
    case 'prolonged':
    case 'lost':
    case 'failed': return event.kind;
  }
}

test('an address that was written down is used when nobody has it', withScope(async (context) => {
  const fixture = new Fixture(context, MANUAL);
  fixture.session.start();
  await context.clock.advance(PROBING_MS - 2000);
  assert.equal(fixture.addresses, []);
  await context.clock.advance(2000);
  assert.equal(fixture.addresses, [`${ADDRESS}/24`]);
  assert.equal(fixture.told, [`configured manual ${ADDRESS}`]);
}));

test('an address ends a little after its lease, later with each renewal', withScope(async (context) => {
  const fixture = new Fixture(context, { method: 'dhcp' }, { detectsConflicts: false });
  fixture.session.start();
  await context.clock.advance(0);
  fixture.lend(ADDRESS);
  await context.clock.advance(0);
  const whole = fixture.lifetimeSec ?? 0;
  assert.ok(whole > 10 && whole < 100_000, String(whole));
  await context.clock.advance((whole * 1000) / 2 + 2000);
  assert.is(fixture.asked.at(-1), 'request', 'the server is asked for more time');
  fixture.told.length = 0;
  fixture.lend(ADDRESS);
  await context.clock.advance(0);
  assert.equal(fixture.told, ['prolonged'], 'nothing else has changed');
  assert.ok((fixture.lifetimeSec ?? 0) > whole - 10, String(fixture.lifetimeSec));
}));

test('an address that was written down has no end', withScope(async (context) => {
  const fixture = new Fixture(context, MANUAL, { detectsConflicts: false });
  fixture.session.start();
  await context.clock.advance(0);
  assert.equal(fixture.addresses, [`${ADDRESS}/24`]);
  assert.is(fixture.lifetimeSec, undefined);
}));

test('without detection it is used at once', withScope(async (context) => {
  const fixture = new Fixture(context, MANUAL, { detectsConflicts: false });
  fixture.session.start();
  await context.clock.advance(0);
  assert.equal(fixture.addresses, [`${ADDRESS}/24`]);
  assert.equal(fixture.link.sent, []);
}));

test('what the interface carries already stays, announced', withScope(async (context) => {
  const fixture = new Fixture(context, MANUAL);
  await fixture.set(ADDRESS);
  fixture.session.start();
  await context.clock.advance(0);
  assert.equal(fixture.told, [`configured manual ${ADDRESS}`]);
  assert.is(fixture.link.sent.length, 1);
}));

test('a written address that somebody has gives way to a link-local one', withScope(async (context) => {
  const fixture = new Fixture(context, MANUAL);
  fixture.session.start();
  await context.clock.advance(1500);
  fixture.claim();
  assert.equal(fixture.told, [`conflict ${ADDRESS}`]);
  await context.clock.advance(PROBING_MS);
  assert.is(fixture.told.length, 2);
  assert.match(fixture.told[1] ?? '', /^configured auto 169\.254\./);
  assert.is(fixture.addresses.length, 1);
}));

test('an address in use is defended once, then given up', withScope(async (context) => {
  const fixture = new Fixture(context, MANUAL);
  fixture.session.start();
  await context.clock.advance(PROBING_MS + 2000);
  fixture.claim();
  assert.equal(fixture.told.slice(1), [`conflict ${ADDRESS} resolved`]);
  await context.clock.advance(11_000);
  fixture.claim();
  await context.clock.advance(1000);
  assert.equal(fixture.addresses, [`${ADDRESS}/24`], 'ten seconds later it is defended again');
  fixture.claim();
  await context.clock.advance(0);
  assert.equal(fixture.told.slice(3), [`conflict ${ADDRESS}`, 'lost']);
  assert.equal(fixture.addresses, []);
}));

test('a lease somebody has is declined; the next one is used', withScope(async (context) => {
  const fixture = new Fixture(context, { method: 'dhcp' });
  fixture.session.start();
  await context.clock.advance(0);
  fixture.lend(ADDRESS);
  await context.clock.advance(1500);
  fixture.claim();
  assert.equal(fixture.told, [`conflict ${ADDRESS}`]);
  assert.is(fixture.asked.at(-1), 'decline');
  await context.clock.advance(10_000);
  assert.is(fixture.asked.at(-1), 'discover', 'RFC 2131, 3.1 (5): ten seconds later');
  fixture.lend(OTHER);
  await context.clock.advance(PROBING_MS);
  assert.equal(fixture.told.slice(1), [`configured dhcp ${OTHER}`]);
  assert.equal(fixture.addresses, [`${OTHER}/24`]);
}));

test('after the second one that somebody has a link-local address bridges the search', withScope(async (context) => {
  const fixture = new Fixture(context, { method: 'dhcp' });
  fixture.session.start();
  await context.clock.advance(0);
  for (const address of [ADDRESS, OTHER]) {
    fixture.lend(address);
    await context.clock.advance(1500);
    fixture.claim(address);
    await context.clock.advance(10_000);
  }
  assert.match(fixture.told.at(-1) ?? '', /^configured auto /);
  fixture.lend(ADDRESS);
  await context.clock.advance(PROBING_MS);
  assert.is(fixture.told.at(-1), `configured dhcp ${ADDRESS}`);
  assert.equal(fixture.addresses, [`${ADDRESS}/24`], 'the link-local one is gone');
}));

const isLinkLocal = (text = ''): boolean => text.startsWith('169.254.');

test('disabled: nothing stands in for an address that cannot be had', withScope(async (context) => {
  const fixture = new Fixture(context, { method: 'dhcp', linkLocal: 'disabled' });
  fixture.session.start();
  await context.clock.advance(120_000);
  assert.equal([fixture.told, fixture.addresses], [[], []]);
  fixture.lend(ADDRESS);
  await context.clock.advance(PROBING_MS);
  assert.equal(fixture.addresses, [`${ADDRESS}/24`]);
}));

test('disabled: nor for one that somebody has', withScope(async (context) => {
  const fixture = new Fixture(context, { ...MANUAL, linkLocal: 'disabled' });
  fixture.session.start();
  await context.clock.advance(1500);
  fixture.claim();
  await context.clock.advance(60_000);
  assert.equal([fixture.told, fixture.addresses], [[`conflict ${ADDRESS}`], []]);
}));

test('enabled: beside a lease, of its link alone, and gone with it', withScope(async (context) => {
  const fixture = new Fixture(context, { method: 'dhcp', linkLocal: 'enabled' }, { detectsConflicts: false });
  fixture.session.start();
  await context.clock.advance(0);
  fixture.lend(ADDRESS);
  await context.clock.advance(0);
  assert.equal(fixture.addresses, [`${ADDRESS}/24`]);
  await context.clock.advance(PROBING_MS);
  const [lent, linkLocal, ...others] = fixture.addresses;
  assert.equal([lent, isLinkLocal(linkLocal), others], [`${ADDRESS}/24`, true, []]);
  assert.equal(fixture.scopes, ['universe', 'link']);
  assert.equal(fixture.told, Array(2).fill(`configured dhcp ${ADDRESS}`));
  assert.is(`${fixture.setup?.inUse.linkLocal}/16`, linkLocal);
  assert.is(fixture.setup?.subnets.length, 2);
  await fixture.session.stop('release');
  assert.equal(fixture.addresses, []);
}));

test('enabled: there at once where no server answers, in use after 30 s, beside the lease later',
  withScope(async (context) => {
    const fixture = new Fixture(context, { method: 'dhcp', linkLocal: 'enabled' }, { detectsConflicts: false });
    fixture.session.start();
    await context.clock.advance(PROBING_MS);
    assert.ok(isLinkLocal(fixture.addresses[0]), String(fixture.addresses));
    assert.equal(fixture.told, [], 'the server may still answer');
    await context.clock.advance(30_000);
    assert.match(fixture.told.join(), /^configured auto 169\.254\./);
    await context.clock.advance(60_000);
    assert.is(fixture.asked.at(-1), 'discover');
    fixture.lend(ADDRESS);
    await context.clock.advance(0);
    assert.is(fixture.told.at(-1), `configured dhcp ${ADDRESS}`);
    assert.equal(fixture.addresses.map(isLinkLocal), [true, false]);
  }));

test('enabled: one that another host insists on is another one', withScope(async (context) => {
  const fixture = new Fixture(context, { ...MANUAL, linkLocal: 'enabled' }, { detectsConflicts: false });
  fixture.session.start();
  await context.clock.advance(PROBING_MS);
  const before = fixture.setup?.inUse.linkLocal ?? ADDRESS;
  fixture.claim(before);
  fixture.claim(before);
  await context.clock.advance(0);
  assert.equal(fixture.addresses, [`${ADDRESS}/24`]);
  assert.is(fixture.setup?.inUse.linkLocal, undefined);
  await context.clock.advance(PROBING_MS);
  const after = fixture.setup?.inUse.linkLocal;
  assert.ok(after !== undefined && !after.equals(before));
  assert.equal(fixture.addresses, [`${ADDRESS}/24`, `${after}/16`]);
}));

test('enabled: what an earlier daemon left is taken over', withScope(async (context) => {
  const fixture = new Fixture(context, { ...MANUAL, linkLocal: 'enabled' }, { detectsConflicts: false });
  await fixture.set(ip('169.254.7.9'), 16);
  fixture.session.start();
  await context.clock.advance(10);
  assert.is(String(fixture.setup?.inUse.linkLocal), '169.254.7.9');
  assert.equal(fixture.addresses.sort(), ['169.254.7.9/16', `${ADDRESS}/24`]);
}));

test.run();
