/** The drivers of conflict detection and of link-local addresses, on a link of the test's. */

import { test } from 'uvu';
import * as assert from 'uvu/assert';
import { type AcdEvent, type AcdOptions, startAcd } from '../../../src/dhcp/acd.ts';
import { arpAnnouncement, type ArpPacket, decodeArp, encodeArp } from '../../../src/dhcp/arp.ts';
import { SystemError } from '../../../src/shared/errors.ts';
import { withScope, type TestContext } from '../../helpers/with-scope.ts';
import { hex } from './battery.ts';
import { FakeLink } from './fake-link.ts';
import { ADDRESS, countingRandom, SERVER } from './life.ts';

const OURS = hex('02005e005301');
const THEIRS = hex('02005e005302');

class Fixture {
  readonly link = new FakeLink<ArpPacket>(decodeArp);
  readonly events: AcdEvent[] = [];

  constructor({ scope, clock, watch }: TestContext, options: Partial<AcdOptions> = {}) {
    watch('sockets', () => this.link.openSockets);
    const env = { system: this.link.system, clock, random: countingRandom() };
    const acd = startAcd({ ifindex: 7, hardwareAddress: OURS, address: ADDRESS, ...options }, env, scope);
    acd.events.observe(scope, (event) => void this.events.push(event));
  }

  get kinds(): string[] {
    return this.events.map(({ kind }) => kind);
  }

  /** Another host claims the address; false when no filter let that through. */
  claim(address = ADDRESS): boolean {
    return this.link.deliver(encodeArp(arpAnnouncement(THEIRS, address)));
  }
}

test('an address is probed for, announced and watched without a timer', withScope(async (context) => {
  const fixture = new Fixture(context);
  assert.is(fixture.link.openSockets, 1, 'it listens before it speaks');
  await context.clock.advance(10_000);
  assert.equal(fixture.events, [{ kind: 'free' }]);
  assert.is(fixture.link.sent.length, 5);
  assert.ok(fixture.link.sent.every(({ by }) => by === 'broadcast'));
  assert.equal(context.clock.pending(), []);
  assert.is(fixture.link.openSockets, 1);
}));

test('a claim while it waits for its first probe counts', withScope(async (context) => {
  const fixture = new Fixture(context);
  assert.ok(fixture.claim());
  assert.equal(fixture.events, [{ kind: 'conflict', hardwareAddress: THEIRS }]);
  assert.is(fixture.link.openSockets, 0);
  assert.equal(context.clock.pending(), []);
}));

test('other addresses stay in the kernel', withScope(async (context) => {
  const fixture = new Fixture(context);
  await context.clock.advance(0);
  assert.not.ok(fixture.claim(SERVER));
}));

test('an address in use is announced, defended and lost', withScope(async (context) => {
  const fixture = new Fixture(context, { isInUse: true });
  await context.clock.advance(5000);
  fixture.claim();
  fixture.claim();
  assert.equal(fixture.kinds, ['free', 'defended', 'lost']);
  assert.is(fixture.link.openSockets, 0);
}));

test('a link that is down: probes wait, then all three are sent', withScope(async (context) => {
  const fixture = new Fixture(context);
  fixture.link.failure = 'ENETDOWN';
  await context.clock.advance(5000);
  assert.equal(fixture.events, []);
  fixture.link.failure = undefined;
  await context.clock.advance(20_000);
  assert.is(fixture.link.sent.filter(({ message }) => message.sender.isUnspecified).length, 3);
  assert.equal(fixture.kinds, ['free']);
}));

test('an address stays watched when a defence could not be sent', withScope(async (context) => {
  const fixture = new Fixture(context, { isInUse: true });
  await context.clock.advance(5000);
  fixture.link.failure = 'ENOBUFS';
  fixture.claim();
  assert.is(fixture.link.openSockets, 0);
  fixture.link.failure = undefined;
  await context.clock.advance(100);
  assert.is(fixture.link.openSockets, 1);
  assert.ok(fixture.claim());
  assert.equal(fixture.kinds, ['free', 'defended']);
}));

test('errors of the socket and garbage on it are borne', withScope(async (context) => {
  const fixture = new Fixture(context);
  for (const socket of fixture.link.packets) {
    socket.onError(new SystemError('ENETDOWN', 100, 'recvmsg', 'down'));
    socket.onMessage(new Uint8Array(3), { hardwareAddress: THEIRS, checksumNotReady: false });
  }
  await context.clock.advance(10_000);
  assert.equal(fixture.kinds, ['free']);
}));


test.run();
