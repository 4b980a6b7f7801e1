/** A host looking for routers, with time in the test's hand: when it asks, what it keeps and what it tells. */

import fc from 'fast-check';
import { test } from 'uvu';
import * as assert from 'uvu/assert';
import { type Env, firstState, type Input, nextTickAt, type State, step } from '../../../src/ndp/discovery-machine.ts';
import { informationOf, type RouterInformation } from '../../../src/ndp/knowledge.ts';
import { decodeRouterAdvertisement } from '../../../src/ndp/router-advertisement.ts';
import { ip6, NEIGHBOUR } from '../dhcp/fake-inet.ts';
import { countingRandom } from '../dhcp/life.ts';
import {
  advertisement, byte, nameserverOption, prefixOption, routeOption, type Said, searchDomainOption,
} from './advertise.ts';

class Life {
  now = 0;
  state: State = firstState(0);
  /** Seconds at which it asked. */
  readonly asked: number[] = [];
  readonly told: RouterInformation[] = [];
  readonly silentAt: number[] = [];
  readonly #random: Env['random'];

  constructor(fraction = 0.5) {
    this.#random = countingRandom(fraction);
  }

  feed(input: Input): this {
    const { state, actions } = step(this.state, input, { now: this.now, random: this.#random });
    this.state = state;
    for (const action of actions) {
      if (action.kind === 'send') this.asked.push(this.now / 1000);
      else if (action.event.kind === 'silent') this.silentAt.push(this.now / 1000);
      else this.told.push(action.event.information);
    }
    return this;
  }

  hear(said: Said = {}, router = NEIGHBOUR): this {
    return this.feed({ kind: 'advertisement', router, advertisement: decodeRouterAdvertisement(advertisement(said)) });
  }

  run(seconds: number): this {
    const end = this.now + 1000 * seconds;
    for (let ticks = 0; ticks < 1_000_000; ticks++) {
      const at = nextTickAt(this.state);
      if (at === undefined || at > end) {
        this.now = end;
        return this;
      }
      this.now = Math.max(this.now, at);
      this.feed({ kind: 'tick' });
    }
    throw new Error('the machine does not rest');
  }

  get information(): RouterInformation | undefined {
    return informationOf(this.state.knowledge);
  }
}

test('four solicitations, then silence is told, then ever more seldom (RFC 7559)', () => {
  const life = new Life().run(86_400);
  assert.equal(life.asked.slice(0, 8), [0, 4, 8, 12, 16, 48, 112, 240]);
  assert.equal(life.silentAt, [16]);
  const [before = 0, last = 0] = life.asked.slice(-2);
  assert.is(last - before, 3600, 'hourly at last');
  assert.is(life.information, undefined);
});

test('intervals vary by a tenth', () => {
  const early = new Life(0).run(100).asked;
  const late = new Life(0.9999).run(100).asked;
  assert.ok(Math.abs((early[5] ?? 0) - 46.4) < 0.01 && Math.abs((late[5] ?? 0) - 49.6) < 0.01, `${early} ${late}`);
});

test('an answer ends the asking; what it says is told once', () => {
  const life = new Life().run(0).hear({ flags: 0x40, options: prefixOption('20010db800010000', 3600) }).run(10);
  assert.equal(life.asked, [0]);
  assert.is(life.told.length, 1);
  const [told] = life.told;
  assert.equal([told?.isManaged, told?.isOtherConfig], [false, true]);
  assert.equal([told?.routers.length, told?.prefixes.length], [1, 1]);
  life.hear({ flags: 0x40, options: prefixOption('20010db800010000', 3600) });
  assert.is(life.told.length, 1, 'only its times are new');
  assert.is(life.information?.routers[0]?.untilMs, 10_000 + 1_800_000);
});

test('each thing ends in its time, and that is told', () => {
  const life = new Life().run(0).hear({ lifetimeSec: 100, options: [
    prefixOption('20010db800010000', 40), nameserverOption(0x53, 20), searchDomainOption('a.example', 30),
    routeOption('20010db8', 32, 10),
  ].join('') });
  const sizes = (): number[] => {
    const { routers, prefixes, nameservers, searchDomains, routes } = life.information ?? {
      routers: [], prefixes: [], nameservers: [], searchDomains: [], routes: [],
    };
    return [routers, prefixes, nameservers, searchDomains, routes].map(({ length }) => length);
  };
  assert.equal(sizes(), [1, 1, 1, 1, 1]);
  for (const [at, expected] of [
    [9.9, [1, 1, 1, 1, 1]], [10, [1, 1, 1, 1, 0]], [20, [1, 1, 0, 1, 0]], [30, [1, 1, 0, 0, 0]], [40, [1, 0, 0, 0, 0]],
    [100, [0, 0, 0, 0, 0]],
  ] as const) {
    life.run(at - life.now / 1000);
    assert.equal(sizes(), expected, `at ${at}`);
  }
  assert.is(life.told.length, 6);
});

test('a lifetime of nothing takes away at once', () => {
  const all = (seconds: number): string => [
    nameserverOption(0x53, seconds), searchDomainOption('a.example', seconds), routeOption('20010db8', 32, seconds),
    prefixOption('20010db800010000', seconds),
  ].join('');
  const life = new Life().run(0).hear({ options: all(600) }).run(60).hear({ lifetimeSec: 0, options: all(0) });
  const last = life.told.at(-1);
  assert.equal(
    [last?.routers, last?.nameservers, last?.searchDomains, last?.routes, last?.prefixes], [[], [], [], [], []],
  );
});

// CVE-2026-56116 of another client: a route that had ended before it was known.
test('what has ended before it was known leaves no trace', () => {
  const life = new Life().run(0).hear({ lifetimeSec: 0, options: [
    routeOption('20010db8', 32, 0), nameserverOption(0x53, 0), searchDomainOption('a.example', 0),
    prefixOption('20010db800010000', 0),
  ].join('') });
  for (let turn = 0; turn < 3; turn++) life.run(1).hear({ options: routeOption('20010db8', 32, 0) });
  const { information } = life;
  assert.equal([information?.routes, information?.nameservers, information?.searchDomains, information?.prefixes],
    [[], [], [], []]);
  life.run(7200);
  assert.equal(life.told.at(-1)?.routers, []);
});

test('before something ends, the routers are asked once more', () => {
  const life = new Life().run(0).hear({ lifetimeSec: 1000, options: nameserverOption(0x53, 100) });
  assert.equal(life.run(99).asked, [0, 80]);
  life.hear({ lifetimeSec: 1000, options: nameserverOption(0x53, 100) }).run(99);
  assert.equal(life.asked, [0, 80, 179]);
});

test('with the last router forgotten the search begins again', () => {
  const life = new Life().run(0).hear({ lifetimeSec: 9000 }).run(9000);
  assert.equal(life.asked.slice(0, 3), [0, 7200, 9000]);
  assert.equal(life.told.at(-1)?.routers, []);
  life.run(20);
  assert.equal(life.silentAt, [9016]);
});

test('a router that is none keeps its flags for three of the longest intervals', () => {
  const life = new Life().run(0).hear({ lifetimeSec: 0, flags: 0x80 }).run(5399);
  assert.equal([life.information?.isManaged, life.information?.routers], [true, []]);
  life.run(1);
  assert.is(life.information, undefined);
});

test('several routers: the preferred first, flags of any', () => {
  const other = ip6('fe80::2');
  const life = new Life().run(0).hear().hear({ flags: 0x88 }, other).run(1);
  assert.equal(life.information?.routers.map(({ address }) => String(address)), [String(other), String(NEIGHBOUR)]);
  assert.is(life.information?.isManaged, true);
  assert.is(life.told.length, 2, 'the second change within a quarter of a second waits for its end');
});

test('asked to, it asks at once, with what it knows', () => {
  const life = new Life().run(0).hear().run(100).feed({ kind: 'solicit' });
  assert.equal(life.asked, [0, 100]);
  assert.is(life.information?.routers.length, 1);
  life.hear().run(20);
  assert.equal(life.asked, [0, 100]);
});

test('a flood of invented routers is bounded and does not drive out the real one', () => {
  const options = prefixOption('20010db800010000', 3600) + nameserverOption(0x53, 600);
  const life = new Life().run(0).hear({ options });
  for (let index = 0; index < 20_000; index++) {
    const network = `20010db8${(0x10000 + index).toString(16).padStart(8, '0')}`;
    life.now += 0.1;
    life.hear({
      lifetimeSec: 65_535,
      options: prefixOption(network, Infinity) + routeOption(network, 64, Infinity)
        + nameserverOption(index & 0xff, Infinity) + searchDomainOption(`x${index}.example`, Infinity),
    }, ip6(`fe80::${(index + 1).toString(16)}`));
  }
  const { information } = life;
  assert.ok(information?.routers.some(({ address }) => address.equals(NEIGHBOUR)));
  assert.is(String(information?.prefixes[0]?.prefix.address), '2001:db8:1::');
  assert.is(String(information?.nameservers[0]?.address), '2001:db8::53');
  for (const all of [information?.routers, information?.prefixes, information?.routes, information?.nameservers,
    information?.searchDomains]) assert.is(all?.length, 16);
  assert.ok(life.told.length <= 10, `2 s of flood were told ${life.told.length} times`);
});

test('a router that changes its mind all the time is told four times a second', () => {
  const life = new Life().run(0);
  for (let index = 0; index < 10_000; index++) {
    life.run(0.001).hear({ flags: index % 2 === 0 ? 0x80 : 0 });
  }
  assert.ok(life.told.length <= 42, String(life.told.length));
  life.run(1);
  assert.equal(life.told.at(-1)?.isManaged, life.information?.isManaged);
});

test('thirty days of advertisements leave no more behind than one', () => {
  const life = new Life().run(0);
  const options = prefixOption('20010db800010000', 86_400, 14_400) + nameserverOption(0x53, 1800);
  for (let count = 0; count < 30 * 24 * 6; count++) life.hear({ options }).run(600);
  assert.is(life.told.length, 1);
  assert.equal(life.asked, [0]);
  assert.equal([life.information?.routers.length, life.information?.prefixes.length], [1, 1]);
});

test('whatever comes, it neither throws nor spins', () => {
  const input = fc.oneof(
    fc.record({ kind: fc.constant('run' as const), seconds: fc.nat(4000) }),
    fc.record({ kind: fc.constant('solicit' as const) }),
    fc.record({
      kind: fc.constant('hear' as const), lifetimeSec: fc.nat(2000), flags: fc.nat(255),
      router: fc.integer({ min: 1, max: 30 }), server: fc.nat(255), seconds: fc.nat(5000),
    }),
  );
  fc.assert(fc.property(fc.array(input, { maxLength: 60 }), (inputs) => {
    const life = new Life();
    for (const each of inputs) {
      if (each.kind === 'run') life.run(each.seconds);
      else if (each.kind === 'solicit') life.feed({ kind: 'solicit' });
      else {
        const options = nameserverOption(each.server, each.seconds);
        life.hear({ ...each, options }, ip6(`fe80::${byte(each.router)}`));
      }
      for (const { untilMs } of life.information?.nameservers ?? []) assert.ok(untilMs > life.now);
    }
    assert.ok(life.asked.length <= inputs.length + life.now / 4000 + 1);
  }));
});

test.run();
