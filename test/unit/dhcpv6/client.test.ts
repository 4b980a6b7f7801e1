/** The driver: when its socket is open, what failing sends do, hostile servers, and that nothing is left behind. */

import { test } from 'uvu';
import * as assert from 'uvu/assert';
import { type Dhcpv6ClientOptions, type Dhcpv6Event, startDhcpv6Client } from '../../../src/dhcpv6/client.ts';
import { decodeMessage, encodeMessage, type MessageType } from '../../../src/dhcpv6/message.ts';
import { OPTION } from '../../../src/dhcpv6/options.ts';
import { SystemError } from '../../../src/shared/errors.ts';
import { heapInUse, interpretOnly } from '../../helpers/heap.ts';
import { withScope, type TestContext } from '../../helpers/with-scope.ts';
import { hex } from '../dhcp/battery.ts';
import { FakeInet } from '../dhcp/fake-inet.ts';
import { ADDRESS, type Answer, answerTo, countingRandom6, delegated, granted, IDENTITY } from './life.ts';

interpretOnly();

const OPTIONS: Dhcpv6ClientOptions = {
  ifindex: 7, name: 'eth0', duid: IDENTITY.duid, iaid: IDENTITY.iaid, mode: 'stateful',
};
const AT_ONCE = { options: { [OPTION.preference]: Uint8Array.of(255) } };

function fixture({ clock, scope, watch }: TestContext, options: Partial<Dhcpv6ClientOptions> = {}) {
  const link = new FakeInet(decodeMessage);
  const events: Dhcpv6Event[] = [];
  const own = scope.child();
  const env = { system: link.system, clock, random: countingRandom6() };
  const client = startDhcpv6Client({ ...OPTIONS, ...options }, env, own);
  client.events.observe(scope, (event) => void events.push(event));
  watch('sockets', () => link.sockets.size);
  const answer = (type: MessageType, changes: Answer = {}): boolean =>
    link.deliver(encodeMessage(answerTo(link.last, type, changes)));
  const bind = async (): Promise<void> => {
    await clock.advance(60);
    answer('advertise', AT_ONCE);
    answer('reply');
  };
  const sent = (): string[] => link.sent.map(({ message, to }) => `${message.type} ${to}`);
  return { link, events, client, own, answer, bind, sent };
}

test('a full life opens a socket only while it waits for an answer', withScope(async (context) => {
  const { link, client, own, answer, bind, sent, events } = fixture(context);
  assert.is(link.sockets.size, 0);
  await bind();
  assert.equal(sent(), ['solicit ff02::1:2:547%7', 'request ff02::1:2:547%7']);
  assert.equal(events.map(({ kind }) => kind), ['bound']);
  assert.is(link.sockets.size, 0);
  assert.equal(client.lease?.addresses.map(({ address }) => String(address)), [String(ADDRESS)]);
  await context.clock.advance(1_800_000);
  assert.equal([...link.sockets].map(({ options }) => options), [
    { family: 6, port: 546, device: 'eth0', reuseAddress: true },
  ]);
  answer('reply');
  assert.is(link.sockets.size, 0);
  client.stop({ release: true });
  assert.is(sent().at(-1), 'release ff02::1:2:547%7');
  assert.is(link.sockets.size, 0);
  await own.close();
}));

test('what is kept does not lie in the buffer of the socket', withScope(async (context) => {
  const { client, bind } = fixture(context);
  await bind();
  assert.equal(client.lease?.server, hex('0003000102005e005302'));
}));

test('while it cannot send it tries again, and loses nothing', withScope(async (context) => {
  const { link, events, bind } = fixture(context);
  link.sendFailure = 'EADDRNOTAVAIL';
  await context.clock.advance(60_000);
  assert.is(link.sent.length, 0);
  link.sendFailure = undefined;
  await context.clock.advance(10_000);
  assert.ok(link.sent.length > 0);
  await bind();
  assert.is(events.at(-1)?.kind, 'bound');
  link.openFailure = 'ENODEV';
  link.sendFailure = 'ENODEV';
  await context.clock.advance(3_610_000);
  assert.is(events.at(-1)?.kind, 'lost', 'the lease ends though nothing can be sent');
}));

test('an adopted lease is there at once and told of with the first message', withScope(async (context) => {
  const first = fixture(context);
  await first.bind();
  const { lease } = first.client;
  assert.ok(lease);
  first.client.stop({ release: false });
  const again = fixture(context, { lease, adopt: true });
  assert.equal(again.client.lease, lease);
  assert.equal(again.events, []);
  await context.clock.advance(60);
  assert.equal(again.events, [{ kind: 'bound', lease, isChanged: false }]);
}));

test('a declined address is refused though the link is gone', withScope(async (context) => {
  const { link, client, bind } = fixture(context);
  await bind();
  link.sendFailure = 'ENETDOWN';
  client.decline([ADDRESS]);
  assert.is(client.lease, undefined);
}));

test('noise changes nothing', withScope(async (context) => {
  const { link, events, client } = fixture(context);
  await context.clock.advance(60);
  const offer = encodeMessage(answerTo(link.last, 'advertise', AT_ONCE));
  for (let length = 0; length < offer.length; length++) link.deliver(offer.slice(0, length));
  link.deliver(new Uint8Array(65_535));
  for (let turn = 0; turn < 5000; turn++) {
    link.deliver(encodeMessage(answerTo(link.last, 'advertise', { ...AT_ONCE, xid: link.last.xid + 1 + turn })));
  }
  for (const socket of link.sockets) socket.onError(new SystemError('ENETDOWN', 100, 'recvmmsg', 'Network is down'));
  assert.equal(events, []);
  assert.is(link.sent.length, 1);
  client.renewNow();
  assert.is(client.lease, undefined);
}));

test('thousands of offers leave one behind', withScope(async (context) => {
  const { link, answer } = fixture(context);
  await context.clock.advance(60);
  for (let turn = 0; turn < 5000; turn++) {
    answer('advertise', { server: Uint8Array.of(0, 3, turn >> 8, turn & 255), associations: [granted(), delegated()] });
  }
  assert.is(link.sent.length, 1);
  await context.clock.advance(1100);
  assert.is(link.last.type, 'request');
}));

test('thirty days, every seventh without a server: one timer, no socket, one lease', withScope(async (context) => {
  const { clock } = context;
  const { link, answer, bind, client, events } = fixture(context);
  await bind();
  let answered = 0;
  let early = 0;
  const end = clock.now() + 30 * 86_400_000;
  while (clock.now() < end) {
    const before = link.sent.length;
    await clock.advanceToNext();
    assert.is(clock.pending().length, 1);
    if (link.sent.length === before || Math.floor(clock.now() / 86_400_000) % 7 === 6) continue;
    if (link.last.type === 'solicit') answer('advertise', AT_ONCE);
    answer('reply');
    answered++;
    link.sent.splice(0, link.sent.length - 1);
    events.splice(0);
    if (answered === 200) early = heapInUse();
  }
  assert.ok(answered > 1100, String(answered));
  const grown = heapInUse() - early;
  assert.ok(grown < 1_500_000, `the heap has grown by ${grown} bytes`);
  assert.ok(client.lease);
  assert.is(link.sockets.size, 0);
}));

test.run();
