/**
 * Conflict detection and link-local addresses against a kernel that has the address: real ARP over
 * a veth pair, on a clock that stands still while packets travel.
 */

import { test } from 'uvu';
import * as assert from 'uvu/assert';
import { type AcdEvent, startAcd } from '../../src/dhcp/acd.ts';
import { type Ipv4llEvent, linkLocalCandidate, startIpv4ll } from '../../src/dhcp/ipv4ll.ts';
import { formatHex, parseHex } from '../../src/shared/bytes.ts';
import type { Observable } from '../../src/shared/emitter.ts';
import { IpAddress } from '../../src/shared/ipaddress.ts';
import { systemRandom } from '../../src/shared/random.ts';
import type { Scope } from '../../src/shared/scope.ts';
import { output } from '../helpers/child.ts';
import type { FakeClock } from '../helpers/fake-clock.ts';
import { holdNamespace, type Namespace } from '../helpers/namespace.ts';
import { testSystem } from '../helpers/system.ts';
import { enterNamespaces } from '../helpers/unshare.ts';
import { withScope } from '../helpers/with-scope.ts';

enterNamespaces('--net');

const ADDRESS = new IpAddress(Uint8Array.of(192, 0, 2, 47));
const PEER = '02005e005302';
const system = testSystem();
let peer: Namespace;
let link: { ifindex: number; hardwareAddress: Uint8Array };

test.before(async () => {
  peer = await holdNamespace();
  await output(['ip', 'link', 'add', 'up0', 'type', 'veth', 'peer', 'name', 'down0', 'address', '02:00:5e:00:53:02']);
  await output(['ip', 'link', 'set', 'down0', 'netns', peer.path('').replace(/root$/, 'ns/net')]);
  await output(['ip', 'link', 'set', 'up0', 'up']);
  // With arp_notify the kernel announces its addresses when the link is set up.
  await peer.script(`
    ip link set down0 up
    echo 1 > /proc/sys/net/ipv4/conf/down0/arp_notify`);
  const shown = await output(['ip', '-o', 'link', 'show', 'up0']);
  const hardwareAddress = parseHex((/link\/ether (\S+)/.exec(shown)?.[1] ?? '').replaceAll(':', ''));
  assert.ok(hardwareAddress);
  link = { ifindex: Number.parseInt(shown, 10), hardwareAddress };
});

test.before.each(async () => {
  await peer.output(['ip', 'address', 'flush', 'dev', 'down0']);
});

test.after(async () => {
  await peer.close();
});

/** Moves the clock from deadline to deadline, with time for answers between, until there are `count` events. */
async function events<T>(observable: Observable<T>, count: number, clock: FakeClock, scope: Scope): Promise<T[]> {
  const seen: T[] = [];
  observable.observe(scope, (event) => void seen.push(event));
  const until = performance.now() + 10_000;
  while (seen.length < count) {
    if (performance.now() > until) throw new Error(`${seen.length} of ${count} events within 10 s`);
    await clock.advanceToNext();
    await new Promise((resolve) => setTimeout(resolve, 20));
  }
  return seen;
}

test('an address nobody has is free', withScope(async ({ clock, scope }) => {
  const acd = startAcd({ ...link, address: ADDRESS }, { system, clock, random: systemRandom }, scope);
  assert.equal(await events<AcdEvent>(acd.events, 1, clock, scope), [{ kind: 'free' }]);
}));

test('the host that has it answers the first probe', withScope(async ({ clock, scope }) => {
  await peer.output(['ip', 'address', 'add', `${ADDRESS}/24`, 'dev', 'down0']);
  const acd = startAcd({ ...link, address: ADDRESS }, { system, clock, random: systemRandom }, scope);
  const [conflict] = await events<AcdEvent>(acd.events, 1, clock, scope);
  assert.ok(conflict?.kind === 'conflict');
  assert.is(formatHex(conflict.hardwareAddress), PEER);
  assert.equal(clock.pending(), []);
}));

test('a host that takes the address later is answered once, then obeyed', withScope(async ({ clock, scope }) => {
  const acd = startAcd({ ...link, address: ADDRESS, isInUse: true }, { system, clock, random: systemRandom }, scope);
  const seen = events<AcdEvent>(acd.events, 3, clock, scope);
  for (let count = 0; count < 2; count++) {
    await clock.advance(4000);
    await peer.script(`
      ip link set down0 down
      ip address replace ${ADDRESS}/24 dev down0
      ip link set down0 up`);
  }
  assert.equal((await seen).map(({ kind }) => kind), ['free', 'defended', 'lost']);
}));

test('the first link-local candidate is taken, so the second is bound', withScope(async ({ clock, scope }) => {
  const [first, second] = [linkLocalCandidate(link.hardwareAddress, 0), linkLocalCandidate(link.hardwareAddress, 1)];
  await peer.output(['ip', 'address', 'add', `${first}/16`, 'dev', 'down0']);
  const search = startIpv4ll(link, { system, clock, random: systemRandom }, scope);
  const seen = await events<Ipv4llEvent>(search.events, 1, clock, scope);
  assert.equal(seen, [{ kind: 'bound', address: second }]);
}));

test.run();
