/** The DHCPv4 client's life in tables: RFC 2131, figure 5, on a clock in the test's hand. */

import fc from 'fast-check';
import { test } from 'uvu';
import * as assert from 'uvu/assert';
import type { Input } from '../../../src/dhcp/client-state.ts';
import { leaseOf, nextTickAt } from '../../../src/dhcp/client-state.ts';
import { expiryOf, type Lease } from '../../../src/dhcp/lease.ts';
import { messageType } from '../../../src/dhcp/message.ts';
import { ANY_IPV4 } from '../../../src/shared/ipaddress.ts';
import { hex } from './battery.ts';
import { ADDRESS, countingRandom, ip, Life, replyTo, SERVER } from './life.ts';

const OTHER_SERVER = ip('192.0.2.9');

test('discover, offer, request, ack', () => {
  const life = new Life().start();
  assert.is(life.state.name, 'selecting');
  life.answer('offer');
  assert.is(life.state.name, 'requesting');
  const { options } = life.last.message;
  assert.equal(options.get(50), ADDRESS.bytes);
  assert.equal(options.get(54), SERVER.bytes);
  life.answer('ack');
  assert.is(life.state.name, 'bound');
  assert.equal(life.read(), ['0 discover', '0 request', '0 bound changed']);
  assert.is(life.sent[0]?.message.xid, life.sent[1]?.message.xid);
});

test('the messages carry what ConnMan identifies itself by', () => {
  const { message } = new Life().start().last;
  assert.equal(message.options.get(61), hex('0102005e005301'));
  assert.equal(message.options.get(57), hex('05dc'));
  assert.equal(Array.from(message.options.get(55) ?? []), [121, 1, 3, 26, 252, 42, 15, 6, 12, 119, 114, 43]);
  assert.ok(message.options.has(80), 'rapid commit');
  assert.not.ok(message.options.has(50));
  assert.ok(message.clientAddress.isUnspecified);
});

test('a silent server is asked at 0.5, 1, 2, 4 … 60 s, every second time for a broadcast', () => {
  const life = new Life().start().run(240_000);
  const discovers = life.sent.map(({ at, message }) => [at / 1000, message.isBroadcast, message.secs] as const);
  assert.equal(discovers, [
    [0, false, 0], [0.5, true, 0], [1.5, false, 1], [3.5, true, 3], [7.5, false, 7], [15.5, true, 15],
    [31.5, false, 31], [63.5, true, 63], [123.5, false, 123], [183.5, true, 183],
  ]);
  assert.equal(life.events, [{ kind: 'noLease' }]);
  assert.ok(life.diary.includes('30 noLease'));
});

test('backoff is randomised by a fifth either way', () => {
  const gaps = (fraction: number): number[] => {
    const { sent } = new Life(countingRandom(fraction)).start().run(20_000);
    return sent.slice(1, 4).map(({ at }, index) => Math.round(at - (sent[index]?.at ?? 0)));
  };
  assert.equal(gaps(0), [400, 800, 1600]);
  assert.equal(gaps(0.999_999), [600, 1200, 2400]);
});

test('secs stops at its largest value', () => {
  const life = new Life().start().run(70_000_000);
  assert.is(life.last.message.secs, 0xffff);
});

test('a lost first packet costs half a second', () => {
  const life = new Life().start().run(500).answer('offer').answer('ack');
  assert.equal(life.read(), ['0 discover', '0.5 discover', '0.5 request', '0.5 bound changed']);
});

test('an offer to a discover sent again is taken by the first xid', () => {
  const life = new Life().start();
  const first = life.last.message;
  life.run(700);
  life.feed({ kind: 'message', message: replyTo(first, 'offer'), isBroadcast: false });
  assert.is(life.state.name, 'requesting');
});

test('a server that answers by broadcast is asked to', () => {
  assert.ok(new Life().start().answer('offer', {}, true).last.message.isBroadcast);
  assert.not.ok(new Life().start().answer('offer', {}, false).last.message.isBroadcast);
});

test('the request carries the seconds of the discover', () => {
  const life = new Life().start().run(3600);
  const discover = life.last.message;
  life.run(2000).answer('offer');
  assert.is(discover.secs, 3);
  assert.is(life.last.message.secs, 3);
});

test('a request is sent four times, then the search begins anew, more and more slowly', () => {
  const life = new Life().start().answer('offer').run(7500);
  assert.equal(life.read(), ['0 discover', '0 request', '0.5 request', '1.5 request', '3.5 request', '7.5 discover']);
  life.answer('offer').run(7500);
  assert.equal(nextTickAt(life.state), 18_000, '3 s after the second refusal');
  life.run(3000);
  assert.is(life.last.type, 'discover');
});

test('a server that offers and never grants is not asked more than about once a minute in the end', () => {
  const life = new Life().start();
  for (let round = 0; round < 20; round++) {
    life.answer('offer').run(7500);
    while (life.last.type !== 'discover') life.run(1000);
  }
  const discovers = life.sent.filter(({ type }) => type === 'discover').map(({ at }) => at);
  const [last = 0, before = 0] = discovers.reverse();
  assert.ok(last - before >= 60_000);
});

test('who refuses every request is asked at once, after 3 s, 6 s …', () => {
  const life = new Life().start();
  for (let round = 0; round < 4; round++) {
    life.answer('offer').answer('nak');
    life.run((nextTickAt(life.state) ?? 0) - life.now);
  }
  const discovers = life.sent.filter(({ type }) => type === 'discover').map(({ at }) => at / 1000);
  assert.equal(discovers, [0, 0, 3, 9, 21]);
});

test('foreign and broken replies change nothing', () => {
  const start = new Life().start();
  const refused: Parameters<typeof replyTo>[2][] = [
    { header: { xid: 99 } },
    { header: { op: 'request' } },
    { header: { hardwareAddress: hex('02005e005399') } },
    { header: { hardwareAddress: new Uint8Array(0) } },
    { options: { 61: hex('0102005e005399') } },
    { options: { 53: undefined } },
    { options: { 53: hex('09') } },
    { options: { 54: undefined } },
    { options: { 54: hex('00000000') } },
    { address: ANY_IPV4 },
    { address: ip('127.0.0.1') },
    { address: ip('255.255.255.255') },
    { address: ip('224.0.0.1') },
  ];
  for (const changes of refused) {
    const before = start.state;
    start.answer('offer', changes);
    assert.is(start.state, before, JSON.stringify(changes));
  }
  start.answer('offer', { options: { 61: hex('0102005e005301') } });
  assert.is(start.state.name, 'requesting', 'an echoed client identifier of ours is welcome (RFC 6842)');
});

test('in requesting only the chosen server counts', () => {
  const life = new Life().start().answer('offer');
  for (const type of ['ack', 'nak'] as const) {
    life.answer(type, { options: { 54: OTHER_SERVER.bytes } });
    assert.is(life.state.name, 'requesting');
  }
  life.answer('offer');
  life.answer('ack', { address: ANY_IPV4 });
  assert.is(life.state.name, 'requesting');
  life.answer('ack', { options: { 54: undefined } });
  assert.equal(leaseOf(life.state)?.server, SERVER, 'an ack that names no server is from the chosen one');
});

test('an ack before any offer is taken with rapid commit alone (RFC 4039)', () => {
  const life = new Life().start().answer('ack');
  assert.is(life.state.name, 'selecting');
  life.answer('ack', { options: { 80: new Uint8Array(0) } });
  assert.is(life.state.name, 'bound');
});

test('the lease counts from when the request was sent', () => {
  const acquiredAt = (life: Life): number | undefined => leaseOf(life.state)?.acquiredAtMs;
  const later = (): Life => new Life().run(7000);
  assert.is(later().start().last.message.secs, 0);
  assert.is(acquiredAt(later().start().run(300).answer('offer').run(2000).answer('ack')), 7300);
  assert.is(acquiredAt(later().start({ wish: ADDRESS }).run(700).answer('ack')), 7000);
  assert.is(acquiredAt(later().start().run(700).answer('ack', { options: { 80: new Uint8Array(0) } })), 7500);
});

test('T1 asks the server by unicast, half of what remains until T2, at least 60 s', () => {
  const life = new Life().bind({ leaseSec: 3600 });
  life.read();
  life.run(3_149_000);
  assert.equal(life.read(), [
    '1800 request to 192.0.2.1', '2475 request to 192.0.2.1', '2812.5 request to 192.0.2.1',
    '2981.25 request to 192.0.2.1', '3065.625 request to 192.0.2.1', '3125.625 request to 192.0.2.1',
  ]);
  const { message, route } = life.last;
  assert.equal(message.clientAddress, ADDRESS);
  assert.equal(route?.from, ADDRESS);
  for (const absent of [50, 54]) assert.not.ok(message.options.has(absent));
  assert.is(new Set(life.sent.map(({ message: { xid } }) => xid)).size, life.sent.length - 1);
  assert.equal(life.sent.slice(2, 4).map((sent) => sent.message.secs), [0, 675], 'since T1');
});

test('T2 asks everybody, and the end of the lease ends it', () => {
  const life = new Life().bind({ leaseSec: 3600 }).run(3_149_000);
  life.read();
  life.run(451_000);
  assert.equal(life.read(), [
    '3150 request', '3375 request', '3487.5 request', '3547.5 request', '3600 lost expired', '3600 discover',
  ]);
  assert.equal(life.last.message.options.get(50), ADDRESS.bytes, 'the same address is asked for');
  assert.is(life.state.name, 'selecting');
});

test('an ack in renewing or rebinding starts the lease anew', () => {
  for (const at of [1_800_000, 3_150_000]) {
    const life = new Life().bind({ leaseSec: 3600 }).run(at).run(10);
    life.answer('ack');
    assert.is(life.diary.at(-1), `${(at + 10) / 1000} bound same`);
    assert.is(nextTickAt(life.state), at + 1_800_000, 'counted from the request');
  }
});

test('a renewal that changes anything says so', () => {
  const renewed = (changes: Parameters<Life['answer']>[1]): string | undefined => {
    return new Life().bind().run(1_800_000).answer('ack', changes).diary.at(-1);
  };
  assert.is(renewed({ leaseSec: 7200 }), '1800 bound same');
  assert.is(renewed({ options: { 58: hex('00000064'), 56: hex('6869'), 54: OTHER_SERVER.bytes } }), '1800 bound same');
  assert.is(renewed({ address: ip('192.0.2.48') }), '1800 bound changed');
  assert.is(renewed({ options: { 1: hex('ffff0000') } }), '1800 bound changed');
  assert.is(renewed({ options: { 6: OTHER_SERVER.bytes } }), '1800 bound changed');
  assert.is(renewed({ options: { 3: undefined } }), '1800 bound changed');
});

test('a NAK takes the lease at once', () => {
  for (const at of [1_800_000, 3_150_000]) {
    const life = new Life().bind({ leaseSec: 3600 }).run(at);
    life.read();
    life.answer('nak').run(0);
    assert.equal(life.read(), [`${at / 1000} lost nak`, `${at / 1000} discover`]);
    assert.not.ok(life.last.message.options.has(50), 'the address is forgotten');
  }
});

test('in bound, replies of any kind are nothing to it', () => {
  const life = new Life().bind();
  const { state } = life;
  for (const type of ['offer', 'ack', 'nak'] as const) assert.is(life.answer(type).state, state);
});

test('a lease without end is never renewed, until asked to', () => {
  const life = new Life().bind({ leaseSec: 0xffff_ffff });
  assert.is(nextTickAt(life.state), undefined);
  life.feed({ kind: 'renew' });
  life.run(0);
  assert.is(life.state.name, 'renewing');
  life.answer('ack', { leaseSec: 100 });
  assert.is(life.state.name, 'bound');
  assert.is(nextTickAt(life.state), 50_000);
});

test('a suspend past the end of the lease ends it, whatever else is due', () => {
  const life = new Life().bind({ leaseSec: 3600 });
  life.read();
  life.now = 10_000_000;
  life.run(0);
  assert.equal(life.read(), ['10000 lost expired', '10000 discover']);
});

test('a suspend past T2 asks everybody', () => {
  const life = new Life().bind({ leaseSec: 3600 });
  life.now = 3_200_000;
  life.run(0);
  assert.is(life.state.name, 'rebinding');
  assert.is(life.last.route, undefined);
});

test('a suspend while searching goes on with the search', () => {
  const life = new Life().start();
  life.read();
  life.now = 3_600_000;
  life.run(0);
  assert.equal(life.read(), ['3600 noLease', '3600 discover']);
});

test('a short lease is renewed with what little jitter it bears', () => {
  for (const fraction of [0, 0.999_999]) {
    const life = new Life(countingRandom(fraction)).bind({ leaseSec: 10 });
    const at = nextTickAt(life.state) ?? 0;
    assert.ok(at >= 4500 && at <= 5500);
  }
});

test('a known address is asked for at once', () => {
  const life = new Life().start({ wish: ADDRESS });
  const { message } = life.last;
  assert.is(messageType(message), 'request');
  assert.equal(message.options.get(50), ADDRESS.bytes);
  assert.not.ok(message.options.has(54));
  assert.ok(message.clientAddress.isUnspecified);
  life.answer('ack');
  assert.equal(life.read(), ['0 request', '0 bound changed']);
});

test('a wish nobody answers becomes a discover after a second', () => {
  const life = new Life().start({ wish: ADDRESS }).run(1000);
  assert.equal(life.read(), ['0 request', '0.5 request', '1 discover']);
  assert.equal(life.last.message.options.get(50), ADDRESS.bytes);
  life.answer('ack', { address: ip('192.0.2.99') });
  assert.is(life.state.name, 'selecting', 'nobody asked for that');
  life.answer('ack');
  assert.is(life.state.name, 'bound', 'the late answer counts');
});

test('a refused wish is forgotten and the search begins at once', () => {
  const life = new Life().start({ wish: ADDRESS }).answer('nak').run(0);
  assert.equal(life.read(), ['0 request', '0 discover']);
  assert.not.ok(life.last.message.options.has(50));
  const late = new Life().start({ wish: ADDRESS }).run(1000).answer('nak').run(500);
  assert.not.ok(late.last.message.options.has(50), 'also when the refusal comes late');
});

test('no wish: link-local and impossible addresses', () => {
  for (const wish of ['169.254.1.1', '0.0.0.0', '127.0.0.1', '255.255.255.255']) {
    assert.is(new Life().start({ wish: ip(wish) }).last.type, 'discover');
  }
});

test('an adopted lease is in force while the server is asked', () => {
  const lease = leaseFor(1000);
  const adopted = (): Life => new Life().start({ adopted: lease });
  assert.equal(adopted().read(), ['0 request', '0 bound same']);
  assert.is(leaseOf(adopted().state), lease);

  const granted = adopted().run(10).answer('ack', { leaseSec: 1000 });
  assert.is(granted.diary.at(-1), '0.01 bound same');

  const silent = adopted().run(1000);
  assert.equal(silent.read(), ['0 request', '0 bound same', '0.5 request']);
  assert.is(silent.state.name, 'bound');
  assert.is(nextTickAt(silent.state), 500_000, 'its own T1');

  const refused = adopted().answer('nak').run(0);
  assert.equal(refused.read(), ['0 request', '0 bound same', '0 lost nak', '0 discover']);
  assert.not.ok(adopted().run(29_999).diary.includes('noLease'));
});

test('an expired lease is not adopted', () => {
  const life = new Life();
  life.now = 2_000_000;
  life.start({ wish: ADDRESS, adopted: leaseFor(1000) });
  assert.equal(life.read(), ['2000 request']);
});

test('a declined address is refused to everybody and not wanted for 10 s', () => {
  const life = new Life().bind();
  life.read();
  life.feed({ kind: 'decline' });
  const { message, route } = life.last;
  assert.is(route, undefined);
  assert.ok(message.clientAddress.isUnspecified);
  assert.equal(message.options.get(50), ADDRESS.bytes);
  assert.equal(message.options.get(54), SERVER.bytes);
  for (const absent of [12, 55, 57, 60, 80]) assert.not.ok(message.options.has(absent));
  assert.is(leaseOf(life.state), undefined);
  life.run(10_000);
  assert.equal(life.read(), ['0 decline', '10 discover']);
  assert.not.ok(life.last.message.options.has(50));
});

test('a lease is released by unicast, in every state that has one', () => {
  for (const ms of [0, 1_800_000, 3_150_000]) {
    const life = new Life().bind({ leaseSec: 3600 }).run(ms);
    life.feed({ kind: 'stop', release: true });
    const { type, message, route } = life.last;
    assert.is(type, 'release');
    assert.equal(message.clientAddress, ADDRESS);
    assert.equal(route, { from: ADDRESS, to: SERVER });
    assert.equal(Array.from(message.options.keys()).sort((one, other) => one - other), [53, 54, 61]);
    assert.equal(life.state, { name: 'stopped' });
  }
});

test('stopping without a lease, or without releasing it, sends nothing', () => {
  const bound = new Life().bind();
  const searching = new Life().start();
  for (const [life, release] of [[bound, false], [searching, true]] as const) {
    const count = life.sent.length;
    life.feed({ kind: 'stop', release });
    assert.is(life.sent.length, count);
    assert.is(life.state.name, 'stopped');
    assert.is(nextTickAt(life.state), undefined);
  }
});

test('renew hurries whatever is waited for', () => {
  const bound = new Life().bind();
  bound.feed({ kind: 'renew' });
  bound.run(0);
  assert.is(bound.state.name, 'renewing');
  assert.equal(bound.last.route?.to, SERVER);
  const declined = new Life().bind();
  declined.feed({ kind: 'decline' });
  declined.feed({ kind: 'renew' });
  assert.is(declined.run(0).last.type, 'discover');
  const waiting = new Life().start().run(40_000);
  const count = waiting.sent.length;
  waiting.feed({ kind: 'renew' });
  assert.is(waiting.run(0).sent.length, count + 1);
});

test('a tick that is not due does nothing', () => {
  const life = new Life().bind();
  const { state } = life;
  life.feed({ kind: 'tick' });
  assert.is(life.state, state);
});

test('no sequence of inputs throws, stops the machine or makes it send in a rush', () => {
  fc.assert(fc.property(fc.array(moves(), { maxLength: 60 }), fc.infiniteStream(fc.double({
    min: 0, max: 0.999_999, noNaN: true,
  })), (sequence, fractions) => {
    let xid = 0;
    const life = new Life({ u32: () => ++xid, fraction: () => fractions.next().value ?? 0 });
    life.start();
    for (const move of sequence) {
      move(life);
      const at = nextTickAt(life.state);
      const lease = leaseOf(life.state);
      const mayRest = life.state.name === 'stopped' || lease?.leaseSec === Infinity;
      assert.ok(mayRest || (at !== undefined && !Number.isNaN(at)), life.state.name);
      if (lease !== undefined && at !== undefined) assert.ok(at <= expiryOf(lease), 'a tick before the lease ends');
    }
  }), { numRuns: 400 });
});

/** Left alone, a client sends a few messages, then at most one every ten seconds. */
function runQuietly(life: Life, ms: number): void {
  const before = life.sent.length;
  life.run(ms);
  assert.ok(life.sent.length - before <= 10 + ms / 10_000, `${life.sent.length - before} messages in ${ms} ms`);
}

function leaseFor(leaseSec: number): Lease {
  const lease = leaseOf(new Life().bind({ leaseSec }).state);
  if (lease === undefined) throw new Error('no lease');
  return lease;
}

function moves(): fc.Arbitrary<(life: Life) => void> {
  const octets = fc.uint8Array({ maxLength: 12 });
  const changes = fc.record({
    leaseSec: fc.constantFrom(0, 1, 10, 60, 3600, 0x7fff_ffff, 0xffff_fffe, 0xffff_ffff),
    address: fc.constantFrom(ADDRESS, ip('192.0.2.48'), ANY_IPV4, ip('127.0.0.1')),
    options: fc.dictionary(fc.constantFrom('1', '3', '6', '15', '51', '53', '54', '58', '59', '61', '80', '119', '121'),
      fc.option(octets, { nil: undefined }), { maxKeys: 3 }),
  });
  return fc.oneof(
    { weight: 6, arbitrary: fc.tuple(fc.constantFrom('offer', 'ack', 'nak', 'inform'), changes, fc.boolean())
      .map(([type, change, isBroadcast]) => (life: Life) => void life.answer(type, change, isBroadcast)) },
    { weight: 6, arbitrary: fc.constantFrom('offer', 'ack').map((type) => (life: Life) => void life.answer(type)) },
    { weight: 5, arbitrary: fc.double({ min: 0, max: 7_200_000, noNaN: true })
      .map((ms) => (life: Life) => runQuietly(life, ms)) },
    { weight: 2, arbitrary: fc.nat(100_000_000).map((ms) => (life: Life) => {
      life.now += ms;
      life.run(0);
    }) },
    { weight: 1, arbitrary: fc.constantFrom<Input>({ kind: 'renew' }, { kind: 'decline' }, { kind: 'tick' })
      .map((input) => (life: Life) => life.feed(input)) },
    { weight: 1, arbitrary: fc.constantFrom(undefined, ADDRESS).map((wish) => (life: Life) => {
      life.feed({ kind: 'stop', release: true });
      life.start({ wish });
    }) },
  );
}

test.run();
