/** Link-local addresses: the candidates, conflicts one after the other, loss, and coming back. */

import { test } from 'uvu';
import * as assert from 'uvu/assert';
import { arpAnnouncement, type ArpPacket, decodeArp, encodeArp } from '../../../src/dhcp/arp.ts';
import {
  type Ipv4ll, type Ipv4llEvent, type Ipv4llOptions, linkLocalCandidate, startIpv4ll,
} from '../../../src/dhcp/ipv4ll.ts';
import type { IpAddress } from '../../../src/shared/ipaddress.ts';
import type { FakeClock } from '../../helpers/fake-clock.ts';
import { withScope, type TestContext } from '../../helpers/with-scope.ts';
import { hex } from './battery.ts';
import { FakeLink } from './fake-link.ts';
import { ADDRESS, countingRandom, ip } from './life.ts';

const OURS = hex('02005e005301');
const THEIRS = hex('02005e005302');
const [FIRST, SECOND] = [linkLocalCandidate(OURS, 0), linkLocalCandidate(OURS, 1)];

class Fixture {
  readonly link = new FakeLink<ArpPacket>(decodeArp);
  readonly events: Ipv4llEvent[] = [];
  readonly search: Ipv4ll;
  readonly clock: FakeClock;

  constructor({ scope, clock, watch }: TestContext, options: Partial<Ipv4llOptions> = {}) {
    this.clock = clock;
    watch('sockets', () => this.link.openSockets);
    const env = { system: this.link.system, clock, random: countingRandom() };
    this.search = startIpv4ll({ ifindex: 7, hardwareAddress: OURS, ...options }, env, scope);
    this.search.events.observe(scope, (event) => void this.events.push(event));
  }

  get story(): string[] {
    return this.events.map((event) => event.kind === 'bound' ? `bound ${event.address}` : event.kind);
  }

  claim(address: IpAddress): boolean {
    return this.link.deliver(encodeArp(arpAnnouncement(THEIRS, address)));
  }
}

test('candidates are spread over the range, the same for the same host', () => {
  const seen = new Set<string>();
  const thirds = new Set<number>();
  for (let attempt = 0; attempt < 1000; attempt++) {
    const address = linkLocalCandidate(OURS, attempt);
    const [, , third = 0] = address.bytes;
    assert.ok(address.isLinkLocal && third > 0 && third < 255, String(address));
    seen.add(address.toString());
    thirds.add(third);
  }
  assert.ok(seen.size > 980, `${seen.size} different ones of 1000`);
  assert.ok(thirds.size > 200);
  assert.equal(linkLocalCandidate(OURS, 3), linkLocalCandidate(OURS, 3));
  assert.not.equal(linkLocalCandidate(OURS, 0), linkLocalCandidate(THEIRS, 0));
});

test('hosts of one maker start at different addresses', () => {
  const firsts = Array.from({ length: 256 }, (_, last) => linkLocalCandidate(Uint8Array.of(2, 0, 0x5e, 0, 0, last), 0));
  assert.ok(new Set(firsts.map(String)).size > 250);
});

test('the first candidate nobody has is bound', withScope(async (context) => {
  const fixture = new Fixture(context);
  await context.clock.advance(5400);
  assert.is(fixture.search.address, undefined);
  await context.clock.advance(200);
  assert.equal(fixture.story, [`bound ${FIRST}`]);
  assert.equal(fixture.search.address, FIRST);
}));

test('a conflict leads to the next candidate', withScope(async (context) => {
  const fixture = new Fixture(context);
  await context.clock.advance(1000);
  assert.ok(fixture.claim(FIRST));
  await context.clock.advance(10_000);
  assert.equal(fixture.story, [`bound ${SECOND}`]);
  assert.is(fixture.link.openSockets, 1);
}));

test('after ten conflicts a candidate a minute', withScope(async (context) => {
  const fixture = new Fixture(context);
  for (let attempt = 0; attempt < 10; attempt++) {
    await context.clock.advance(1000);
    assert.ok(fixture.claim(linkLocalCandidate(OURS, attempt)), `attempt ${attempt}`);
  }
  const { length } = fixture.link.sent;
  await context.clock.advance(59_000);
  assert.is(fixture.link.sent.length, length);
  await context.clock.advance(10_000);
  assert.equal(fixture.story, [`bound ${linkLocalCandidate(OURS, 10)}`]);
}));

test('a lost address is given up and another found', withScope(async (context) => {
  const fixture = new Fixture(context);
  await context.clock.advance(60_000);
  fixture.claim(FIRST);
  assert.equal(fixture.search.address, FIRST, 'defended');
  fixture.claim(FIRST);
  assert.is(fixture.search.address, undefined);
  await context.clock.advance(10_000);
  assert.equal(fixture.story, [`bound ${FIRST}`, 'lost', `bound ${SECOND}`]);
}));

test('the last address is tried first, if it is one', withScope(async (context) => {
  const known = ip('169.254.77.7');
  const fixture = new Fixture(context, { lastAddress: known });
  await context.clock.advance(10_000);
  assert.equal(fixture.search.address, known);
  for (const lastAddress of [ADDRESS, ip('169.254.0.7'), ip('169.254.255.7')]) {
    const other = new Fixture(context, { lastAddress });
    await context.clock.advance(10_000);
    assert.equal(other.search.address, FIRST);
  }
}));

test('an address that is set already is bound at once', withScope(async (context) => {
  const known = ip('169.254.77.7');
  const fixture = new Fixture(context, { lastAddress: known, isInUse: true });
  await context.clock.advance(0);
  assert.equal(fixture.story, [`bound ${known}`]);
  assert.ok(fixture.link.sent.every(({ message }) => !message.sender.isUnspecified));
}));

test('closing its scope ends the search', withScope(async (context) => {
  const scope = context.scope.child();
  const fixture = new Fixture({ ...context, scope });
  await context.clock.advance(1000);
  await scope.close();
  assert.is(fixture.link.openSockets, 0);
  assert.equal(context.clock.pending(), []);
}));

test.run();
