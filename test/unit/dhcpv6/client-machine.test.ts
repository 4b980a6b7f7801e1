/** A DHCPv6 client's life, told as a diary: what it sends when, and what servers make it do. */

import { test } from 'uvu';
import * as assert from 'uvu/assert';
import { leaseOf } from '../../../src/dhcpv6/client-state.ts';
import { OPTION, STATUS, u16Bytes, valueOf } from '../../../src/dhcpv6/options.ts';
import { hex } from '../dhcp/battery.ts';
import { ip6 } from '../dhcp/fake-inet.ts';
import {
  ADDRESS, asked, delegated, elapsedOf, granted, Life, OTHER_SERVER, refusal, SERVER, countingRandom6, type Answer,
} from './life.ts';

const u32 = (seconds: number): Uint8Array => Uint8Array.of(...u16Bytes(seconds >>> 16, seconds & 0xffff));
const preference = (value: number): Answer => ({ options: { [OPTION.preference]: Uint8Array.of(value) } });

test('solicit: 1 s and more at first, doubled up to an hour (RFC 8415, 15)', () => {
  const life = new Life().start().run(86_400);
  const at = life.sent.map((sent) => sent.at / 1000);
  const waits = at.slice(1).map((time, index) => Math.round(1000 * (time - (at[index] ?? 0))) / 1000);
  assert.equal(waits.slice(0, 4), [1.05, 2.1, 4.2, 8.4]);
  assert.is(waits.at(-1), 3600);
  const first = new Life({}, countingRandom6(0)).start().run(10).sent.map((sent) => sent.at);
  assert.is((first[1] ?? 0) - (first[0] ?? 0), 1100, 'never shorter than a second');
  assert.equal(life.events, [{ kind: 'noLease' }], 'said once');
});

test('retransmissions keep the transaction and tell the time that passed', () => {
  const life = new Life().start().run(800);
  assert.equal(new Set(life.sent.map(({ message }) => message.xid)).size, 1);
  assert.equal(life.sent.slice(0, 4).map(({ message }) => elapsedOf(message)), [0, 105, 315, 735]);
  assert.is(elapsedOf(life.sent.at(-1)?.message ?? life.last.message), Math.min(0xffff, elapsedOf(life.last.message)));
  assert.is(elapsedOf(life.run(7200).last.message), 0xffff);
});

test('what is asked for', () => {
  const message = new Life({ wantsTemporary: true, wantsPrefix: true, hostname: 'lab' }).start().last.message;
  assert.equal(asked(message), ['nonTemporary', 'temporary', 'delegation']);
  assert.ok(valueOf(message.options, OPTION.rapidCommit));
  assert.equal(valueOf(message.options, OPTION.requested), u16Bytes(23, 24, 31, 56, 103, 39, 82));
  assert.equal(valueOf(message.options, OPTION.clientFqdn), hex('01036c6162'));
  const alone = new Life({ wantsAddresses: false, wantsPrefix: true }).start().last.message;
  assert.equal(asked(alone), ['delegation']);
});

test('advertisements are gathered for a second; the best is taken', () => {
  const life = new Life().start()
    .answer('advertise', preference(3))
    .answer('advertise', { ...preference(7), server: OTHER_SERVER })
    .answer('advertise', { ...preference(5) });
  assert.equal(life.read(), ['0.05 solicit']);
  life.untilSent();
  assert.equal(life.read(), ['1.1 request']);
  assert.equal(valueOf(life.last.message.options, OPTION.serverId), OTHER_SERVER);
  assert.equal(asked(life.last.message), ['nonTemporary 2001:db8:1::100']);
  life.answer('reply', { server: OTHER_SERVER });
  assert.equal(life.read(), ['1.1 bound changed']);
});

test('the highest preference and a late offer are taken at once; more is better than less', () => {
  assert.equal(new Life().start().answer('advertise', preference(255)).read(), ['0.05 solicit', '0.05 request']);
  assert.equal(new Life().start().run(1.05).answer('advertise').read(), ['0.05 solicit', '1.1 solicit', '1.1 request']);
  const life = new Life({ wantsPrefix: true }).start()
    .answer('advertise')
    .answer('advertise', { server: OTHER_SERVER, associations: [granted(), delegated()] })
    .untilSent();
  assert.equal(valueOf(life.last.message.options, OPTION.serverId), OTHER_SERVER);
});

test('an offer of nothing is none, but may say how seldom to ask', () => {
  const life = new Life().start();
  for (const answer of [
    { associations: [] }, { associations: [refusal(STATUS.noAddresses)] }, { status: STATUS.noAddresses },
    { associations: [granted({ iaid: 1 })] }, { associations: [granted({ validSec: 0 })] },
    { associations: [granted({ kind: 'temporary', addresses: [] })] },
  ]) life.answer('advertise', { ...answer, options: { [OPTION.solicitMaxTime]: u32(60) } });
  life.run(3600);
  assert.ok(life.sent.every(({ message }) => message.type === 'solicit'));
  const [before, last] = life.sent.slice(-2);
  assert.is((last?.at ?? 0) - (before?.at ?? 0), 60_000);
  life.answer('advertise', { associations: [], options: { [OPTION.solicitMaxTime]: u32(59) } }).run(3600);
  assert.is(life.last.at - (life.sent.at(-2)?.at ?? 0), 60_000, 'nonsense changes nothing');
});

test('rapid commit: a reply that says so is enough, one that does not is nothing', () => {
  const life = new Life().start().answer('reply');
  assert.equal(life.read(), ['0.05 solicit']);
  life.answer('reply', { options: { [OPTION.rapidCommit]: new Uint8Array(0) } });
  assert.equal(life.read(), ['0.05 bound changed']);
});

test('messages for others, of others and of the wrong kind change nothing', () => {
  const life = new Life().start();
  for (const wrong of [
    { xid: 77 }, { duid: SERVER }, { server: hex('00') }, { server: new Uint8Array(131) },
  ]) life.answer('advertise', { ...preference(255), ...wrong });
  for (const type of ['reconfigure', 'solicit', 'request', 'release'] as const) life.answer(type);
  assert.equal(life.read(), ['0.05 solicit']);
  life.answer('advertise', preference(255)).read();
  life.answer('reply', { server: OTHER_SERVER }).answer('advertise', preference(255));
  assert.equal(life.read(), []);
  assert.is(life.state.name, 'requesting');
});

test('ten requests without an answer, then a new search', () => {
  const life = new Life().start().answer('advertise', preference(255)).run(0);
  life.read();
  life.run(205);
  const types = life.read().map((line) => line.replace(/^\S+ /, ''));
  const rest = types.filter((each) => each !== 'request');
  assert.is(types.length - rest.length, 9, 'and the first');
  assert.equal(rest.slice(0, 2), ['noLease', 'solicit']);
});

test('a refused request: every status', () => {
  for (const status of [STATUS.unspecified, STATUS.useMulticast, 9, 0xffff]) {
    const life = new Life().start().answer('advertise', preference(255)).answer('reply', { status });
    assert.is(life.state.name, 'requesting', `status ${status} is waited out`);
    assert.is(life.untilSent().last.message.type, 'request');
  }
  for (const status of [STATUS.noAddresses, STATUS.noBinding, STATUS.notOnLink, STATUS.noPrefixes]) {
    for (const answer of [{ status }, { associations: [refusal(status)] }]) {
      const life = new Life().start().answer('advertise', preference(255)).answer('reply', answer);
      assert.equal(life.untilSent().last.message.type, 'solicit', `status ${status}`);
      assert.equal(asked(life.last.message), ['nonTemporary'], 'without a wish');
    }
  }
});

test('a server that refuses for ever is asked more and more seldom', () => {
  const life = new Life().start();
  for (let turn = 0; turn < 200; turn++) {
    if (life.last.message.type === 'solicit') life.answer('advertise', preference(255));
    life.answer('reply', { status: STATUS.notOnLink }).untilSent();
  }
  assert.ok(life.now > 190 * 30_000, `200 turns in ${life.now / 1000} s`);
});

test('renew at T1, rebind at T2, lost at the end (18.2.4, 18.2.5)', () => {
  const life = new Life().bind();
  assert.equal(life.read(), ['0.05 solicit', '0.05 request', '0.05 bound changed']);
  life.run(1799);
  assert.equal(life.read(), []);
  life.run(1);
  assert.equal(life.read(), ['1800.05 renew']);
  assert.equal(valueOf(life.last.message.options, OPTION.serverId), SERVER);
  life.run(1079.9);
  assert.ok(life.read().every((line) => line.endsWith('renew')));
  life.run(0.1);
  assert.equal(life.read(), ['2880.05 rebind']);
  assert.is(valueOf(life.last.message.options, OPTION.serverId), undefined);
  assert.is(elapsedOf(life.last.message), 0);
  life.run(719.9).read();
  assert.ok(leaseOf(life.state));
  life.run(0.1);
  assert.equal(life.read(), ['3600.05 lost expired']);
  assert.equal(asked(life.untilSent().last.message), ['nonTemporary 2001:db8:1::100'], 'the old address is asked for');
});

test("the server's T1 and T2 count; without end there is nothing to renew", () => {
  const life = new Life().bind({ associations: [granted({ renewalSec: 100, rebindingSec: 200 })] }).run(100);
  assert.is(life.last.message.type, 'renew');
  assert.is(life.run(100).last.message.type, 'rebind');
  const endless = new Life().bind({ associations: [granted({ validSec: Infinity })] }).run(1e8);
  assert.is(endless.sent.length, 2);
  const unasked = granted({ renewalSec: Infinity, rebindingSec: Infinity });
  const never = new Life().bind({ associations: [unasked] }).run(3599);
  assert.is(never.sent.length, 2);
  const storm = new Life().bind({ associations: [granted({ renewalSec: 1, rebindingSec: 2, validSec: 3 })] });
  for (let turn = 0; turn < 20; turn++) {
    storm.untilSent().answer('reply', { associations: [granted({ renewalSec: 1, rebindingSec: 2, validSec: 3 })] });
  }
  assert.ok(storm.now >= 100_000, 'no server makes its clients ask without end');
});

test('T1 after T2 makes an association as if it had not come (21.4)', () => {
  const life = new Life().bind({ associations: [granted({ renewalSec: 200, rebindingSec: 100 })] });
  assert.equal(life.read(), ['0.05 solicit']);
});

test('renewals: more time is no change, another address or option is', () => {
  const life = new Life().bind();
  life.read();
  life.untilSent().answer('reply');
  assert.equal(life.read().at(-1), '1800.05 bound same');
  life.untilSent().answer('reply', { options: { [OPTION.nameservers]: ip6('2001:db8::53').bytes } });
  assert.match(life.read().at(-1) ?? '', /bound changed$/);
  // What the server takes away and gives in its place (18.2.10.1).
  const [old] = [granted({ validSec: 0 })];
  const both = { ...granted({ address: '2001:db8:1::200' }) };
  life.untilSent().answer('reply', { associations: [{ ...both, addresses: [...old.addresses, ...both.addresses] }] });
  assert.equal(leaseOf(life.state)?.addresses.map(({ address }) => String(address)), ['2001:db8:1::200']);
});

test('a reply that says nothing of what we have is none', () => {
  const life = new Life().bind().untilSent();
  life.answer('reply', { associations: [] }).answer('reply', { status: STATUS.unspecified });
  assert.is(life.state.name, 'renewing');
  life.answer('reply', { server: OTHER_SERVER });
  assert.is(life.state.name, 'renewing', 'a renewal is the business of one server');
});

test('NoBinding: the same is requested anew and stays meanwhile; refused, it is lost', () => {
  const answers = [{ associations: [refusal(STATUS.noBinding)] }, { status: STATUS.noBinding, associations: [] }];
  for (const answer of answers) {
    const life = new Life().bind().untilSent();
    life.read();
    life.answer('reply', answer);
    assert.equal(life.read(), ['1800.05 request']);
    assert.equal(asked(life.last.message), ['nonTemporary 2001:db8:1::100']);
    assert.ok(leaseOf(life.state));
    const refused = new Life().bind().untilSent().answer('reply', answer);
    refused.read();
    life.answer('reply');
    assert.equal(life.read(), ['1800.05 bound same']);
    refused.answer('reply', { associations: [refusal(STATUS.noAddresses)] });
    assert.equal(refused.read(), ['1800.05 lost noBinding']);
    const silent = new Life().bind().untilSent().answer('reply', answer).run(1000);
    assert.ok(silent.diary.some((line) => line.endsWith('lost noBinding')));
  }
});

test('NotOnLink and a lifetime of nothing end a lease at once', () => {
  for (const answer of [{ status: STATUS.notOnLink }, { associations: [refusal(STATUS.notOnLink)] }]) {
    const life = new Life().bind().untilSent();
    life.read();
    assert.equal(life.answer('reply', answer).read(), ['1800.05 lost notOnLink']);
    assert.equal(asked(life.untilSent().last.message), ['nonTemporary'], 'and it is not asked for');
  }
  const life = new Life().bind().untilSent();
  life.read();
  assert.equal(life.answer('reply', { associations: [granted({ validSec: 0 })] }).read(), ['1800.05 lost expired']);
});

test('addresses end one by one', () => {
  const both = [granted(), { ...granted({ kind: 'temporary', address: '2001:db8:1::7', validSec: 600 }) }];
  const life = new Life({ wantsTemporary: true }).bind({ associations: both });
  life.read();
  life.run(600);
  assert.ok(life.read().some((line) => line === '600.05 bound changed'));
  assert.equal(leaseOf(life.state)?.addresses.map(({ address }) => String(address)), [String(ADDRESS)]);
  assert.equal(asked(life.untilSent().last.message).sort(), ['nonTemporary 2001:db8:1::100', 'temporary']);
});

test('a known lease is confirmed by one exchange (18.2.3)', () => {
  const known = leaseOf(new Life().bind().state);
  assert.ok(known);
  const life = new Life().start({ lease: known });
  assert.equal(life.read(), ['0.05 confirm']);
  assert.equal(asked(life.last.message), ['nonTemporary 2001:db8:1::100']);
  assert.is(valueOf(life.last.message.options, OPTION.serverId), undefined);
  assert.is(leaseOf(life.state), undefined);
  life.answer('reply', { associations: [], status: STATUS.success, server: OTHER_SERVER });
  assert.equal(life.read(), ['0.05 bound changed']);
  assert.equal(leaseOf(life.state), known);
});

test('a lease in force is told of first; confirmed or unanswered it stays, refused it goes', () => {
  const known = leaseOf(new Life().bind().state);
  assert.ok(known);
  const adopted = (): Life => new Life().start({ lease: known, adopt: true });
  assert.equal(adopted().read(), ['0.05 confirm', '0.05 bound same']);
  assert.equal(adopted().answer('reply', { associations: [] }).read().at(-1), '0.05 bound same');
  const silent = adopted().run(15);
  assert.equal(silent.read().map((line) => line.replace(/^\S+ /, '')),
    ['confirm', 'bound same', 'confirm', 'confirm', 'confirm', 'bound same']);
  const refused = adopted().answer('reply', { associations: [], status: STATUS.notOnLink });
  assert.equal(refused.read().at(-1), '0.05 lost notOnLink');
  assert.equal(adopted().answer('reply', { status: STATUS.unspecified, associations: [] }).state.name, 'verifying');
  const ended = adopted().feed({ kind: 'renew' });
  ended.now += 5_000_000;
  assert.match(ended.feed({ kind: 'tick' }).read().at(-1) ?? '', /lost expired/, 'it ended while nobody looked');
});

test('a known prefix is put to REBIND (18.2.12)', () => {
  const known = leaseOf(new Life({ wantsPrefix: true }).bind({ associations: [granted(), delegated()] }).state);
  assert.ok(known);
  const life = new Life({ wantsPrefix: true }).start({ lease: known });
  assert.equal(life.read(), ['0.05 rebind']);
  assert.equal(asked(life.last.message), ['nonTemporary 2001:db8:1::100', 'delegation 2001:db8:8000::']);
  life.answer('reply', { associations: [granted(), delegated()] });
  assert.equal(life.read(), ['0.05 bound changed']);
  const unknown = new Life({ wantsPrefix: true }).start({ lease: known })
    .answer('reply', { associations: [granted(), refusal(STATUS.noBinding, 'delegation')] });
  assert.equal(unknown.read(), ['0.05 rebind', '0.05 request']);
  const wider = leaseOf(new Life().bind().state);
  assert.ok(wider);
  const more = new Life({ wantsPrefix: true }).start({ lease: wider });
  assert.equal(more.read(), ['0.05 solicit'], 'something more is wanted');
});

test('an ended lease is only a wish', () => {
  const known = leaseOf(new Life().bind().state);
  assert.ok(known);
  const life = new Life();
  life.now = 1e9;
  assert.equal(asked(life.start({ lease: known, adopt: true }).last.message), ['nonTemporary 2001:db8:1::100']);
  assert.is(life.last.message.type, 'solicit');
});

test('declined addresses: four times at most, then anew; the rest stays (18.2.8)', () => {
  const life = new Life().bind();
  life.read();
  life.feed({ kind: 'decline', addresses: [ip6('2001:db8::99')] });
  assert.equal(life.read(), [], 'not ours');
  life.feed({ kind: 'decline', addresses: [ADDRESS] });
  assert.is(leaseOf(life.state), undefined);
  assert.equal(asked(life.last.message), ['nonTemporary 2001:db8:1::100']);
  life.run(20);
  assert.equal(life.read().map((line) => line.replace(/^\S+ /, '')),
    ['decline', 'decline', 'decline', 'decline', 'solicit', 'solicit', 'solicit']);
  const two = { ...granted(), addresses: [...granted().addresses, ...granted({ address: '2001:db8:1::2' }).addresses] };
  const rest = new Life().bind({ associations: [two] }).feed({ kind: 'decline', addresses: [ADDRESS] });
  rest.answer('reply', { associations: [], status: STATUS.noBinding }).run(0);
  assert.equal(asked(rest.last.message), ['nonTemporary 2001:db8:1::2']);
  assert.is(rest.last.message.type, 'renew');
});

test('released with everything in it, or left alone (18.2.7)', () => {
  const life = new Life({ wantsPrefix: true }).bind({ associations: [granted(), delegated()] });
  life.feed({ kind: 'stop', release: true });
  assert.is(life.last.message.type, 'release');
  assert.equal(asked(life.last.message), ['nonTemporary 2001:db8:1::100', 'delegation 2001:db8:8000::']);
  assert.equal(valueOf(life.last.message.options, OPTION.serverId), SERVER);
  const left = new Life().bind().feed({ kind: 'stop', release: false });
  assert.is(left.last.message.type, 'request');
  assert.is(new Life().start().feed({ kind: 'stop', release: true }).sent.length, 1, 'nothing to give back');
});

test('stateless: configuration, asked anew when its time has come (18.2.6, 21.23)', () => {
  const life = new Life().start({ mode: 'stateless' });
  assert.equal(life.read(), ['0.05 informationRequest']);
  assert.equal(valueOf(life.last.message.options, OPTION.requested), u16Bytes(23, 24, 31, 56, 103, 32, 83));
  assert.equal(asked(life.last.message), []);
  const servers = { [OPTION.nameservers]: ip6('2001:db8::53').bytes };
  life.answer('reply', { associations: [], options: servers });
  assert.equal(life.read(), ['0.05 bound changed']);
  assert.equal(leaseOf(life.state)?.nameservers.map(String), ['2001:db8::53']);
  life.run(86_400);
  assert.equal(life.read(), ['86400.05 informationRequest']);
  assert.ok(leaseOf(life.state), 'what was known holds until there is something new');
  life.answer('reply', { associations: [], options: { ...servers, [OPTION.refreshTime]: u32(3600) } });
  assert.equal(life.read(), ['86400.05 bound same']);
  assert.is(life.untilSent().now, 90_000_050);
  life.answer('reply', { associations: [], options: { [OPTION.refreshTime]: u32(1) } });
  const before = life.now;
  assert.is(life.untilSent().now - before, 600_000, 'not more often than every ten minutes');
  life.answer('reply', { associations: [], options: { [OPTION.refreshTime]: u32(0xffff_ffff) } }).run(1e8);
  assert.equal(life.state.name, 'informed');
  assert.match(life.feed({ kind: 'renew' }).run(0).last.message.type, /informationRequest/);
});

test('stateless: what is adopted holds, and nobody is told that there is nothing', () => {
  const known = leaseOf(new Life().start({ mode: 'stateless' }).answer('reply', { associations: [] }).state);
  assert.ok(known);
  const life = new Life().start({ mode: 'stateless', lease: known, adopt: true });
  assert.equal(life.read(), ['0.05 informationRequest', '0.05 bound same']);
  life.run(100);
  assert.ok(life.read().every((line) => line.endsWith('informationRequest')));
  life.answer('reply', { associations: [] });
  assert.match(life.read().at(-1) ?? '', /bound same$/);
});

test('stateless: silence, refusals, and how seldom to ask', () => {
  const life = new Life().start({ mode: 'stateless' }).run(40);
  assert.ok(life.diary.includes('30 noLease'));
  life.answer('reply', { status: STATUS.unspecified, associations: [] });
  assert.is(life.state.name, 'informing');
  life.run(86_400);
  assert.is(Math.round(life.last.at - (life.sent.at(-2)?.at ?? 0)), 3_600_000);
});

test('asked to hurry, it hurries in every state', () => {
  const life = new Life().feed({ kind: 'start', mode: 'stateful' }).feed({ kind: 'renew' }).run(0);
  assert.is(life.sent.length, 1);
  life.feed({ kind: 'renew' }).run(0);
  assert.is(life.sent.length, 2);
  life.answer('advertise', preference(255)).feed({ kind: 'renew' }).run(0);
  assert.is(life.sent.length, 4);
  life.answer('reply').feed({ kind: 'renew' }).run(0);
  assert.is(life.last.message.type, 'renew');
  life.feed({ kind: 'stop', release: false }).feed({ kind: 'renew' }).run(1e6);
  assert.is(life.state.name, 'stopped');
});

test('a sleep past T1, T2 and the end of the lease', () => {
  for (const [asleepSec, type] of [[2000, 'renew'], [3000, 'rebind'], [4000, 'solicit']] as const) {
    const life = new Life().bind();
    life.now += 1000 * asleepSec;
    life.feed({ kind: 'tick' });
    if (type === 'solicit') assert.match(life.diary.at(-1) ?? '', /lost expired/);
    assert.is(life.run(0.1).last.message.type, type);
  }
});

test('thirty days of renewals, of every kind, leave nothing behind', () => {
  const associations = [granted(), delegated(), granted({ kind: 'temporary', address: '2001:db8:1::7' })];
  const life = new Life({ wantsPrefix: true, wantsTemporary: true }).bind({ associations });
  let renewals = 0;
  while (life.now < 30 * 86_400_000) {
    life.untilSent();
    // Every seventh is lost, every fifth unanswered until another server is asked.
    if (renewals++ % 7 !== 0) life.answer('reply', { associations });
    if (renewals % 50 === 0) life.feed({ kind: 'renew' });
  }
  assert.ok(renewals > 1400, String(renewals));
  assert.is(life.events.filter(({ kind }) => kind === 'lost').length, 0);
  const lease = leaseOf(life.state);
  assert.equal([lease?.addresses.length, lease?.prefixes.length, lease?.options.size], [2, 1, 0]);
});

test.run();
