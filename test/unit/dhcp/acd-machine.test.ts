/** Conflict detection in tables: RFC 5227, 2.1 to 2.4, on a clock in the test's hand. */

import fc from 'fast-check';
import { test } from 'uvu';
import * as assert from 'uvu/assert';
import {
  type AcdEvent, type AcdInput, type AcdStart, type AcdState, firstAcdState, nextAcdTickAt, stepAcd,
} from '../../../src/dhcp/acd-machine.ts';
import { arpAnnouncement, type ArpPacket, arpProbe } from '../../../src/dhcp/arp.ts';
import { ANY_IPV4 } from '../../../src/shared/ipaddress.ts';
import { hex } from './battery.ts';
import { ADDRESS, countingRandom, SERVER } from './life.ts';

const OURS = hex('02005e005301');
const THEIRS = hex('02005e005302');

class Watch {
  state: AcdState;
  now = 0;
  readonly diary: string[] = [];
  readonly events: AcdEvent[] = [];
  readonly #fraction: number;

  constructor(start: Partial<AcdStart> = {}, fraction = 0.5, now = 0) {
    this.#fraction = fraction;
    this.now = now;
    this.state = firstAcdState({ isInUse: false, conflicts: 0, ...start }, this.#env);
  }

  feed(input: AcdInput): this {
    const { state, actions } = stepAcd(this.state, input, this.#env);
    this.state = state;
    for (const action of actions) {
      if (action.kind === 'event') {
        this.events.push(action.event);
        this.diary.push(`${this.now / 1000} ${action.event.kind}`);
      } else {
        this.diary.push(`${this.now / 1000} ${action.packet.sender.isUnspecified ? 'probe' : 'announce'}`);
      }
    }
    return this;
  }

  run(ms: number): this {
    const end = this.now + ms;
    for (let at = nextAcdTickAt(this.state); at !== undefined && at <= end; at = nextAcdTickAt(this.state)) {
      this.now = Math.max(this.now, at);
      this.feed({ kind: 'tick' });
    }
    this.now = end;
    return this;
  }

  hear(packet: Partial<ArpPacket> = {}): this {
    return this.feed({ kind: 'packet', packet: { ...arpAnnouncement(THEIRS, ADDRESS), ...packet } });
  }

  read(): string[] {
    return this.diary.splice(0);
  }

  get #env(): Parameters<typeof stepAcd>[2] {
    return { now: this.now, random: countingRandom(this.#fraction), hardwareAddress: OURS, address: ADDRESS };
  }
}

const FULL_LIFE = ['0.5 probe', '2 probe', '3.5 probe', '5.5 announce', '5.5 free', '7.5 announce'];

test('three probes, a wait, two announcements; usable with the first', () => {
  const watch = new Watch().run(3_600_000);
  assert.equal(watch.read(), FULL_LIFE);
  assert.is(watch.state.name, 'monitoring');
  assert.is(nextAcdTickAt(watch.state), undefined, 'nothing wakes while it watches');
});

test('waits are random within the bounds of RFC 5227', () => {
  assert.equal(new Watch({}, 0).run(10_000).read().slice(0, 4), ['0 probe', '1 probe', '2 probe', '4 announce']);
  const late = new Watch({}, 0.999_999).run(10_000);
  assert.ok(late.events.length === 1 && late.now === 10_000);
  assert.match(late.diary[3] ?? '', /^6\.99/);
});

test('an address in use here is announced at once', () => {
  assert.equal(new Watch({ isInUse: true }).run(10_000).read(), ['0 announce', '0 free', '2 announce']);
});

test('after ten conflicts probing waits a minute', () => {
  assert.equal(new Watch({ conflicts: 9 }).run(60_000).read(), FULL_LIFE);
  assert.equal(new Watch({ conflicts: 10 }).run(61_000).read(), ['60.5 probe']);
});

test('a claim ends the probing, from its first wait to the last', () => {
  for (const ms of [0, 700, 3000, 5400]) {
    for (const packet of [{}, { operation: 'reply', target: SERVER }, { target: SERVER }] as const) {
      const watch = new Watch().run(ms).hear(packet).run(100_000);
      assert.equal(watch.events, [{ kind: 'conflict', hardwareAddress: THEIRS }]);
      assert.is(watch.state.name, 'ended');
    }
  }
});

test('who probes for the same address at the same time is a conflict', () => {
  assert.equal(new Watch().run(700).hear({ sender: ANY_IPV4 }).events.map(({ kind }) => kind), ['conflict']);
});

test('it begins whenever it begins', () => {
  assert.is(new Watch({}, 0.5, 7000).run(10_000).read()[0], '7.5 probe');
});

test('while probing, other addresses and questions are no conflict', () => {
  const watch = new Watch().run(700);
  const { state } = watch;
  watch.hear({ sender: ANY_IPV4, target: SERVER }).hear({ sender: SERVER, target: ADDRESS });
  assert.is(watch.state, state);
});

test('our own packets, come back, are none', () => {
  for (const ms of [700, 6000, 100_000]) {
    const watch = new Watch().run(ms);
    const { state } = watch;
    watch.feed({ kind: 'packet', packet: arpProbe(OURS, ADDRESS) });
    watch.feed({ kind: 'packet', packet: arpAnnouncement(OURS, ADDRESS) });
    assert.is(watch.state, state);
  }
});

test('in use, requests and probes for the address are none', () => {
  const watch = new Watch().run(100_000);
  const { state } = watch;
  watch.hear({ sender: ANY_IPV4 }).hear({ sender: SERVER });
  assert.is(watch.state, state);
});

test('one claim is answered, a second within ten seconds takes the address', () => {
  const watch = new Watch().run(100_000);
  watch.read();
  watch.hear().run(9_999).hear();
  assert.equal(watch.read(), ['100 announce', '100 defended', '109.999 lost']);
  assert.equal(watch.events.at(-1), { kind: 'lost', hardwareAddress: THEIRS });
  watch.hear().run(100_000);
  assert.equal(watch.read(), [], 'nothing follows');
});

test('claims further apart are all answered', () => {
  const watch = new Watch().run(100_000);
  watch.read();
  for (let count = 0; count < 3; count++) watch.hear().run(10_000);
  assert.equal(watch.read().filter((line) => line.endsWith('defended')).length, 3);
  assert.is(watch.state.name, 'monitoring');
});

test('a claim between the announcements is answered too', () => {
  const watch = new Watch().run(6000).hear().run(20_000);
  assert.equal(watch.read().slice(3), ['5.5 announce', '5.5 free', '6 announce', '6 defended', '7.5 announce']);
  const pressed = new Watch().run(6000).hear().run(3000).hear();
  assert.is(pressed.events.at(-1)?.kind, 'lost');
});

test('a suspend while probing goes on with the next probe', () => {
  const watch = new Watch().run(700);
  watch.read();
  watch.now = 3_600_000;
  watch.run(0);
  assert.equal(watch.read(), ['3600 probe']);
});

test('no sequence of inputs throws, or says anything after the end', () => {
  const address = fc.constantFrom(ADDRESS, SERVER, ANY_IPV4);
  const hardware = fc.constantFrom(OURS, THEIRS);
  const packet = fc.record({ sender: address, target: address, senderHardware: hardware });
  const moves = fc.oneof(
    packet.map((each) => (watch: Watch) => void watch.hear(each)),
    fc.nat(20_000).map((ms) => (watch: Watch) => void watch.run(ms)),
    fc.constant((watch: Watch) => void watch.feed({ kind: 'tick' })),
  );
  fc.assert(fc.property(fc.array(moves), fc.boolean(), (sequence, isInUse) => {
    const watch = new Watch({ isInUse });
    for (const move of sequence) move(watch);
    const kinds = watch.events.map(({ kind }) => kind);
    const ends = kinds.findIndex((kind) => kind === 'conflict' || kind === 'lost');
    assert.ok(ends === -1 || ends === kinds.length - 1);
    assert.ok(kinds.filter((kind) => kind === 'free').length <= 1);
    assert.ok(isInUse || !kinds.includes('lost') || kinds[0] === 'free');
  }));
});

test.run();
