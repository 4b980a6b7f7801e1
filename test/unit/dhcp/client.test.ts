/** The driver: which sockets are open when, what failing sends do, and that nothing is left behind. */

import { test } from 'uvu';
import * as assert from 'uvu/assert';
import { type ClientEvent, type ClientOptions, type DhcpClient, startDhcpClient } from '../../../src/dhcp/client.ts';
import { messageType } from '../../../src/dhcp/message.ts';
import { SystemError } from '../../../src/shared/errors.ts';
import type { Scope } from '../../../src/shared/scope.ts';
import type { FakeClock } from '../../helpers/fake-clock.ts';
import { withScope, type TestContext } from '../../helpers/with-scope.ts';
import { hex, readVector } from './battery.ts';
import { FakeDhcpLink } from './fake-link.ts';
import { ADDRESS, countingRandom, ip, replyTo, type ReplyChanges } from './life.ts';

const OPTIONS: ClientOptions = { ifindex: 7, name: 'eth0', hardwareAddress: hex('02005e005301') };

/** A client on a link of its own. */
class Fixture {
  readonly link = new FakeDhcpLink();
  readonly events: ClientEvent[] = [];
  readonly client: DhcpClient;
  readonly clock: FakeClock;
  readonly scope: Scope;

  constructor({ scope, clock, watch }: TestContext, options: Partial<ClientOptions> = {}) {
    this.clock = clock;
    this.scope = scope.child();
    const env = { system: this.link.system, clock, random: countingRandom() };
    this.client = startDhcpClient({ ...OPTIONS, ...options }, env, this.scope);
    this.client.events.observe(scope, (event) => void this.events.push(event));
    watch('sockets', () => this.link.openSockets);
  }

  get kinds(): string[] {
    return this.events.map(({ kind }) => kind);
  }

  get sent(): string[] {
    return this.link.sent.map(({ message, by }) => `${messageType(message)} ${by}`);
  }

  answer(type: 'offer' | 'ack' | 'nak', changes: ReplyChanges = {}): void {
    assert.ok(this.link.reply(replyTo(this.link.last, type, changes)), 'the filter lets a reply through');
  }

  async bind(changes: ReplyChanges = {}): Promise<this> {
    await this.clock.advance(0);
    this.answer('offer', changes);
    this.answer('ack', changes);
    return this;
  }
}

const RENEWAL = 'request 192.0.2.47:68%eth0 192.0.2.1:67';

test('a full life opens sockets only while it waits for an answer', withScope(async (context) => {
  const fixture = new Fixture(context);
  const { client, clock, link } = fixture;
  assert.is(link.openSockets, 0, 'the first message leaves with the next turn of the loop');
  await clock.advance(0);
  assert.is(link.packets.size, 1);
  fixture.answer('offer');
  fixture.answer('ack');
  assert.is(link.openSockets, 0, 'none in bound');
  assert.equal(client.lease?.address, ADDRESS);
  assert.equal(clock.pending().map(({ name }) => name), ['DHCP index 7']);

  await clock.advance(1_800_000);
  assert.equal([link.packets.size, link.unicasts.size], [1, 1]);
  fixture.answer('ack');
  assert.is(link.openSockets, 0);

  await clock.advance(3_600_000);
  assert.equal(fixture.kinds, ['bound', 'bound', 'lost']);
  assert.is(client.lease, undefined);
  assert.equal(fixture.sent.slice(0, 5), [
    'discover broadcast', 'request broadcast', RENEWAL, RENEWAL, RENEWAL,
  ]);
}));

test('the event finds the state already changed and may end the client', withScope(async (context) => {
  const fixture = new Fixture(context);
  const seen: unknown[] = [];
  fixture.client.events.observe(context.scope, () => {
    seen.push(fixture.client.lease?.address);
    fixture.client.stop({ release: false });
  });
  await fixture.bind();
  assert.equal(seen, [ADDRESS]);
  assert.equal(context.clock.pending(), []);
}));

test('a release goes to the server, from the address, and everything is closed', withScope(async (context) => {
  const fixture = await new Fixture(context).bind();
  fixture.client.stop({ release: true });
  assert.is(fixture.sent.at(-1), 'release 192.0.2.47:68%eth0 192.0.2.1:67');
  assert.is(fixture.link.openSockets, 0);
  assert.equal(context.clock.pending(), []);
  fixture.client.renewNow();
  fixture.client.decline();
  assert.is(fixture.link.sent.length, 3, 'a stopped client is deaf');
}));

test('closing the scope releases nothing', withScope(async (context) => {
  const fixture = await new Fixture(context).bind();
  await context.clock.advance(1_800_000);
  await fixture.scope.close();
  assert.is(fixture.sent.at(-1), RENEWAL);
  assert.is(fixture.link.openSockets, 0);
}));

test('without its address a renewal is broadcast', withScope(async (context) => {
  const fixture = await new Fixture(context).bind();
  fixture.link.hasAddress = false;
  await context.clock.advance(1_800_000);
  assert.is(fixture.sent.at(-1), 'request broadcast');
  fixture.answer('ack');
  assert.equal(fixture.kinds, ['bound', 'bound']);
}));

test('a link that is down is tried again at 0.1, 0.2, 0.4 … 10 s, and no try is lost', withScope(async (context) => {
  const fixture = new Fixture(context);
  const { link, clock } = fixture;
  link.failure = 'ENETDOWN';
  await clock.advance(3000);
  assert.is(link.sent.length, 0);
  link.failure = undefined;
  await clock.advance(200);
  assert.equal(fixture.sent, ['discover broadcast'], 'at 3.1 s');
  assert.is(link.last.isBroadcast, false, 'it counts as the first');
  fixture.answer('offer');
  fixture.answer('ack');
  assert.equal(fixture.kinds, ['bound']);
}));

test('a link that stays down says that there is no lease, once', withScope(async (context) => {
  const fixture = new Fixture(context);
  fixture.link.failure = 'ENETDOWN';
  await context.clock.advance(200_000);
  assert.equal(fixture.kinds, ['noLease']);
  assert.ok(context.clock.pending().every(({ inMs }) => inMs <= 10_000));
}));

test('a lease runs out even when nothing can be sent', withScope(async (context) => {
  const fixture = await new Fixture(context).bind();
  fixture.link.failure = 'ENETDOWN';
  await context.clock.advance(3_611_000);
  assert.equal(fixture.kinds.slice(0, 2), ['bound', 'lost']);
  assert.is(fixture.client.lease, undefined);
}));

test('an offer whose request cannot be sent is asked for again', withScope(async (context) => {
  const fixture = new Fixture(context);
  await context.clock.advance(0);
  fixture.link.failure = 'ENOBUFS';
  fixture.answer('offer');
  fixture.link.failure = undefined;
  await context.clock.advance(1000);
  assert.ok(fixture.sent.filter((line) => line === 'discover broadcast').length >= 2);
  fixture.answer('offer');
  fixture.answer('ack');
  assert.equal(fixture.kinds, ['bound']);
}));

test('a socket that reports an error goes on', withScope(async (context) => {
  const fixture = new Fixture(context);
  await context.clock.advance(0);
  for (const socket of fixture.link.packets) socket.onError(new SystemError('ENETDOWN', 100, 'recvmsg', 'down'));
  fixture.answer('offer');
  fixture.answer('ack');
  assert.equal(fixture.kinds, ['bound']);
}));

test('an interface that went for good does not hurt', withScope(async (context) => {
  const fixture = await new Fixture(context).bind();
  fixture.link.failure = 'ENODEV';
  fixture.client.stop({ release: true });
  assert.is(fixture.client.lease, undefined);
}));

test('checksums: one left to hardware is believed on the kernel\'s word', withScope(async (context) => {
  const fixture = new Fixture(context);
  await context.clock.advance(0);
  const packet = readVector('dhcp-offer');
  new DataView(packet.buffer).setUint32(28 + 4, fixture.link.last.xid);
  fixture.link.deliver(packet, false);
  assert.is(fixture.link.sent.length, 1);
  fixture.link.deliver(packet, true);
  assert.is(messageType(fixture.link.last), 'request');
}));

test('garbage that passes the filter is dropped', withScope(async (context) => {
  const fixture = new Fixture(context);
  await context.clock.advance(0);
  const packet = readVector('dhcp-offer');
  for (const length of [70, 200, 268, 300]) fixture.link.deliver(packet.slice(0, length), true);
  assert.is(fixture.link.sent.length, 1);
}));

test('a lease outlives the buffer it came in', withScope(async (context) => {
  const fixture = await new Fixture(context).bind({ options: { 6: hex('c0000207') } });
  assert.equal(fixture.client.lease?.options.get(6), hex('c0000207'));
  assert.equal(fixture.client.lease?.nameservers.map(String), ['192.0.2.7']);
}));

test('duplicates and strangers in every state', withScope(async (context) => {
  const fixture = new Fixture(context);
  await context.clock.advance(0);
  const discover = fixture.link.last;
  for (let count = 0; count < 3; count++) fixture.link.reply(replyTo(discover, 'offer'));
  assert.is(fixture.link.sent.length, 2, 'one request');
  const request = fixture.link.last;
  fixture.link.reply(replyTo(request, 'ack'));
  fixture.link.reply(replyTo(request, 'ack'));
  assert.equal(fixture.kinds, ['bound']);
  assert.not.ok(fixture.link.reply(replyTo(request, 'nak')), 'nobody listens in bound');
}));

test('an adopted lease is there at once, and its event once the server is asked', withScope(async (context) => {
  const first = await new Fixture(context).bind();
  const { lease } = first.client;
  assert.ok(lease);
  const fixture = new Fixture(context, { lease, adopt: true });
  assert.is(fixture.client.lease, lease);
  assert.equal(fixture.events, []);
  await context.clock.advance(1100);
  assert.equal(fixture.events, [{ kind: 'bound', lease, isChanged: false }]);
  assert.equal(fixture.sent, ['request broadcast', 'request broadcast']);
  assert.is(fixture.link.openSockets, 0);
}));

test('a lease or an address known is asked for, unless it is link-local', withScope(async (context) => {
  const first = await new Fixture(context).bind();
  const { lease } = first.client;
  assert.ok(lease);
  const known: [Partial<ClientOptions>, string][] = [
    [{ lease }, 'request broadcast'],
    [{ lastAddress: ADDRESS }, 'request broadcast'],
    [{ lastAddress: ip('169.254.7.7') }, 'discover broadcast'],
    [{}, 'discover broadcast'],
  ];
  for (const [options, expected] of known) {
    const fixture = new Fixture(context, options);
    await context.clock.advance(0);
    assert.equal(fixture.sent, [expected]);
    fixture.client.stop({ release: false });
  }
}));

test('decline lets go of the lease and searches after ten seconds', withScope(async (context) => {
  const fixture = await new Fixture(context).bind();
  fixture.client.decline();
  assert.is(fixture.client.lease, undefined);
  assert.is(fixture.link.openSockets, 0);
  await context.clock.advance(10_000);
  assert.equal(fixture.sent.slice(2), ['decline broadcast', 'discover broadcast']);
}));

test('renewNow asks the server at once', withScope(async (context) => {
  const fixture = await new Fixture(context).bind();
  fixture.client.renewNow();
  await context.clock.advance(0);
  assert.is(fixture.sent.at(-1), RENEWAL);
}));

test('options reach the wire', withScope(async (context) => {
  const fixture = new Fixture(context, {
    hostname: 'box', vendorClass: 'causeway', clientIdentifier: hex('ff01020304'), mtu: 1280,
  });
  await context.clock.advance(0);
  const { options } = fixture.link.last;
  assert.equal(options.get(12), hex('626f78'));
  assert.equal(options.get(60), hex('6361757365776179'));
  assert.equal(options.get(61), hex('ff01020304'));
  assert.equal(options.get(57), hex('0500'));
  for (const [mtu, size] of [[68, '0240'], [9000, '05dc']] as const) {
    const other = new Fixture(context, { mtu });
    await context.clock.advance(0);
    assert.equal(other.link.last.options.get(57), hex(size));
  }
}));

test('a thousand renewals leave one timer and no socket', withScope(async (context) => {
  const fixture = await new Fixture(context).bind({ leaseSec: 120 });
  for (let count = 0; count < 1000; count++) {
    await context.clock.advanceToNext();
    fixture.answer('ack', { leaseSec: 120 });
  }
  assert.is(fixture.events.length, 1001);
  assert.is(fixture.events.filter((event) => event.kind === 'bound' && event.isChanged).length, 1);
  assert.is(context.clock.pending().length, 1);
  assert.is(fixture.link.openSockets, 0);
}));

test('what failed to open is opened again while an answer is awaited', withScope(async (context) => {
  const fixture = new Fixture(context);
  await context.clock.advance(0);
  fixture.link.failure = 'ENOBUFS';
  fixture.answer('offer');
  assert.is(fixture.link.openSockets, 0);
  fixture.link.failure = undefined;
  await context.clock.advance(100);
  assert.is(fixture.link.openSockets, 1, 'before the next discover is due');
  assert.is(fixture.link.sent.length, 1);
}));

test('a suspend past the end of the lease loses it at resume', withScope(async (context) => {
  const fixture = await new Fixture(context).bind();
  await context.clock.suspend(86_400_000);
  await context.clock.advance(0);
  assert.equal(fixture.events.at(-1), { kind: 'lost', reason: 'expired' });
  assert.is(messageType(fixture.link.last), 'discover');
  assert.equal(fixture.link.last.options.get(50), ADDRESS.bytes);
}));

test.run();
