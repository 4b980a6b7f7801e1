/**
 * The DHCPv6 client against kea-dhcp6 and dnsmasq over a veth pair, with real sockets. Time is the
 * test's: the client's clock stands still while packets travel and jumps to its next deadline
 * otherwise, so that hours of leases pass within a second.
 */

import { writeFileSync } from 'node:fs';
import { test } from 'uvu';
import * as assert from 'uvu/assert';
import {
  type Dhcpv6Client, type Dhcpv6ClientOptions, type Dhcpv6Event, type Dhcpv6Lease, formatLease6, makeDuid,
  parseLease6, startDhcpv6Client,
} from '../../src/dhcpv6/client.ts';
import { decodeMessage } from '../../src/dhcpv6/message.ts';
import { systemRandom } from '../../src/shared/random.ts';
import type { Scope } from '../../src/shared/scope.ts';
import type { System } from '../../src/system/system.ts';
import { output } from '../helpers/child.ts';
import type { FakeClock } from '../helpers/fake-clock.ts';
import { fetchIpv6Servers, Ipv6Servers, untilUsable } from '../helpers/ipv6-servers.ts';
import { testSystem } from '../helpers/system.ts';
import { enterNamespaces } from '../helpers/unshare.ts';
import { withScope } from '../helpers/with-scope.ts';

await fetchIpv6Servers();
enterNamespaces('--net');

const system = testSystem();
let servers: Ipv6Servers;

/** A client on `up0`. */
class Host {
  readonly client: Dhcpv6Client;
  /** Types of the messages sent. */
  readonly sent: string[] = [];
  readonly #clock: FakeClock;
  readonly #events: Dhcpv6Event[] = [];
  /** A message was sent and nothing came since. */
  #isAwaiting = false;

  constructor(clock: FakeClock, scope: Scope, options: Partial<Dhcpv6ClientOptions> = {}) {
    this.#clock = clock;
    const { near } = servers;
    const duid = makeDuid(near.hardwareAddress, new Date('2026-01-01T00:00:00Z'));
    this.client = startDhcpv6Client(
      { ...near, duid, iaid: 0x00005301, mode: 'stateful', ...options },
      { system: this.#counted(), clock, random: systemRandom },
      scope,
    );
    this.client.events.observe(scope, (event) => void this.#events.push(event));
  }

  /**
   * The next event. While a message waits for its answer time stands still, for `patienceMs` at most
   * (an answer takes milliseconds, on a busy machine more); then it goes on to the next deadline.
   */
  async next(kind: Dhcpv6Event['kind'], patienceMs = 2000): Promise<Dhcpv6Event> {
    const limit = performance.now() + 40_000;
    while (this.#events.length === 0) {
      if (performance.now() > limit) throw new Error(`no ${kind} within 40 s; sent ${this.sent.join(' ')}`);
      const until = performance.now() + (this.#isAwaiting ? patienceMs : 0);
      while (this.#isAwaiting && this.#events.length === 0 && performance.now() < until) await pause(5);
      this.#isAwaiting = false;
      if (this.#events.length === 0) await this.#clock.advanceToNext();
    }
    const event = this.#events.shift();
    assert.is(event?.kind, kind, this.sent.join(' '));
    if (event === undefined) throw new Error('no event');
    return event;
  }

  async bound(): Promise<Dhcpv6Lease> {
    const event = await this.next('bound');
    assert.ok(event.kind === 'bound');
    return event.lease;
  }

  #counted(): System {
    return {
      ...system,
      udp: (options, scope) => {
        const socket = system.udp(options, scope);
        const send = socket.send.bind(socket);
        socket.send = (bytes, to) => {
          send(bytes, to);
          this.sent.push(decodeMessage(bytes).type);
          this.#isAwaiting = true;
        };
        return new Proxy(socket, {
          set: (target, name, value: unknown) => (
            Reflect.set(target, name, name === 'onMessage' ? this.#heard(value) : value)
          ),
        });
      },
    };
  }

  #heard(onMessage: unknown): unknown {
    if (typeof onMessage !== 'function') return onMessage;
    return (...words: unknown[]) => {
      this.#isAwaiting = false;
      Reflect.apply(onMessage, undefined, words);
    };
  }
}

function pause(ms: number): Promise<void> {
  return new Promise((resolve) => setTimeout(resolve, ms));
}

const PREFIXES = { 'pd-pools': [{ prefix: '2001:db8:8000::', 'prefix-len': 40, 'delegated-len': 56 }] };
const OPTION_DATA = [
  { name: 'dns-servers', data: '2001:db8:1::53, 2001:db8:1::54' },
  { name: 'domain-search', data: 'example.org, lab.example.org' },
  { name: 'sntp-servers', data: '2001:db8:1::123' },
];

test.before(async () => {
  servers = await Ipv6Servers.open();
});

test.after.each(() => servers.stop());

test.after(() => servers.close());

test('kea: four messages to an address, renewed, rebound, released', withScope(async ({ clock, scope }) => {
  const kea = await servers.kea({ 'option-data': OPTION_DATA });
  const host = new Host(clock, scope);
  const lease = await host.bound();
  assert.equal(host.sent, ['solicit', 'request']);
  assert.match(String(lease.addresses[0]?.address), /^2001:db8:1::1[0-9a-f][0-9a-f]$/);
  assert.equal(lease.nameservers.map(String), ['2001:db8:1::53', '2001:db8:1::54']);
  assert.equal(lease.searchDomains, ['example.org', 'lab.example.org']);
  assert.equal(lease.timeservers, ['2001:db8:1::123']);
  assert.is(Math.round((lease.renewAtMs - clock.now()) / 1000), 300);
  const renewed = await host.next('bound');
  assert.ok(renewed.kind === 'bound' && !renewed.isChanged);
  assert.equal(host.sent, ['solicit', 'request', 'renew']);
  host.client.stop({ release: true });
  assert.is(host.sent.at(-1), 'release');
  await kea.waitForLine((line) => line.includes('DHCP6_RELEASE_NA '));
}));

test('kea: a prefix beside the address, both renewed and rebound', withScope(async ({ clock, scope }) => {
  await servers.kea(PREFIXES);
  const host = new Host(clock, scope, { wantsPrefix: true });
  const lease = await host.bound();
  const [prefix] = lease.prefixes;
  assert.match(`${prefix?.prefix.address}/${prefix?.prefix.prefixLength}`, /^2001:db8:8[0-9a-f]*:[0-9a-f:]*\/56$/);
  assert.is(lease.addresses.length, 1);
  const renewed = await host.next('bound');
  assert.ok(renewed.kind === 'bound' && !renewed.isChanged && renewed.lease.prefixes.length === 1);
  // With the server away until after T2, the next that answers is a REBIND.
  await servers.stop();
  while (host.sent.at(-1) !== 'rebind') await clock.advanceToNext();
  await servers.kea(PREFIXES);
  const rebound = await host.next('bound');
  assert.ok(rebound.kind === 'bound');
  // A restart with a prefix asks by REBIND, as a prefix cannot be confirmed.
  const { lease: known } = host.client;
  assert.ok(known);
  host.client.stop({ release: false });
  const again = new Host(clock, scope, { wantsPrefix: true, lease: known, adopt: true });
  assert.equal(again.client.lease, known, 'in force at once');
  const adopted = await again.next('bound');
  assert.ok(adopted.kind === 'bound' && !adopted.isChanged);
  const confirmed = await again.next('bound');
  assert.ok(confirmed.kind === 'bound' && !confirmed.isChanged);
  assert.equal(again.sent, ['rebind']);
}));

test('kea: a prefix alone', withScope(async ({ clock, scope }) => {
  await servers.kea(PREFIXES);
  const host = new Host(clock, scope, { wantsPrefix: true, wantsAddresses: false });
  const lease = await host.bound();
  assert.equal([lease.addresses.length, lease.prefixes.length], [0, 1]);
}));

test('kea: without prefixes to give, the address comes all the same', withScope(async ({ clock, scope }) => {
  await servers.kea();
  const host = new Host(clock, scope, { wantsPrefix: true });
  const lease = await host.bound();
  assert.equal([lease.addresses.length, lease.prefixes.length], [1, 0]);
}));

test('kea: rapid commit takes two messages', withScope(async ({ clock, scope }) => {
  await servers.kea({ 'rapid-commit': true });
  const host = new Host(clock, scope);
  await host.bound();
  assert.equal(host.sent, ['solicit']);
}));

test('kea: after a restart the address is confirmed', withScope(async ({ clock, scope }) => {
  await servers.kea({ 'option-data': OPTION_DATA });
  const first = new Host(clock, scope);
  await first.bound();
  const { lease } = first.client;
  assert.ok(lease);
  first.client.stop({ release: false });
  const known = parseLease6(formatLease6(lease, clock), clock);
  assert.ok(known);
  const again = new Host(clock, scope, { lease: known });
  const confirmed = await again.bound();
  assert.equal(again.sent, ['confirm']);
  assert.is(String(confirmed.addresses[0]?.address), String(lease.addresses[0]?.address));
  assert.equal(confirmed.nameservers.map(String), ['2001:db8:1::53', '2001:db8:1::54']);
  await again.next('bound');
  assert.equal(again.sent, ['confirm', 'renew']);
}));

test('kea: an address of another network is not on the link, and is replaced', withScope(async ({ clock, scope }) => {
  await servers.kea();
  const first = new Host(clock, scope);
  const lease = await first.bound();
  first.client.stop({ release: false });
  const moved = parseLease6(new Map([...formatLease6(lease, clock)].map(([key, value]) => (
    [key, value.replace('2001:db8:1:', '2001:db8:ffff:')]
  ))), clock);
  assert.ok(moved);
  const again = new Host(clock, scope, { lease: moved, adopt: true });
  assert.is((await again.next('bound')).kind, 'bound');
  assert.equal(await again.next('lost'), { kind: 'lost', reason: 'notOnLink' });
  assert.match(String((await again.bound()).addresses[0]?.address), /^2001:db8:1:/);
  assert.is(again.sent[0], 'confirm');
}));

test('kea: what it has forgotten is bound anew or replaced', withScope(async ({ clock, scope }) => {
  await servers.kea();
  const host = new Host(clock, scope);
  await host.bound();
  await servers.stop();
  // Another pool: the address cannot be had again.
  await servers.kea({ pools: [{ pool: '2001:db8:1::300 - 2001:db8:1::3ff' }] });
  const event = await host.next('bound');
  assert.ok(event.kind === 'bound' && event.isChanged);
  const given = event.lease.addresses.map(({ address }) => String(address));
  assert.ok(given.some((address) => address.startsWith('2001:db8:1::3')), `${given} ${host.sent}`);
}));

test('kea: a declined address is not given again', withScope(async ({ clock, scope }) => {
  await servers.kea();
  const host = new Host(clock, scope);
  const [given] = (await host.bound()).addresses;
  assert.ok(given);
  host.client.decline([given.address]);
  assert.is(host.client.lease, undefined);
  const [other] = (await host.bound()).addresses;
  assert.is.not(String(other?.address), String(given.address));
  assert.equal(host.sent, ['solicit', 'request', 'decline', 'solicit', 'request']);
}));

test('kea: an address that another host has is declined and replaced', withScope(async ({ clock, scope }) => {
  const kea = await servers.kea({ pools: [{ pool: '2001:db8:1::100 - 2001:db8:1::101' }] });
  await servers.namespace.output(['ip', 'address', 'add', '2001:db8:1::100/64', 'dev', 'down0', 'nodad']);
  writeFileSync('/proc/sys/net/ipv6/conf/up0/accept_dad', '1');
  const host = new Host(clock, scope);
  const [given] = (await host.bound()).addresses;
  assert.is(String(given?.address), '2001:db8:1::100');
  await output(['ip', 'address', 'add', '2001:db8:1::100/128', 'dev', 'up0']);
  for (const limit = performance.now() + 20_000; ;) {
    if ((await output(['ip', '-6', 'address', 'show', 'dev', 'up0'])).includes('dadfailed')) break;
    assert.ok(performance.now() < limit, 'the kernel finds the other host');
    await pause(50);
  }
  await output(['ip', 'address', 'del', '2001:db8:1::100/128', 'dev', 'up0']);
  host.client.decline(given === undefined ? [] : [given.address]);
  await kea.waitForLine((line) => line.includes('DHCP6_DECLINE_LEASE') && line.includes('2001:db8:1::100'));
  assert.is(String((await host.bound()).addresses[0]?.address), '2001:db8:1::101');
  writeFileSync('/proc/sys/net/ipv6/conf/up0/accept_dad', '0');
  await servers.namespace.output(['ip', 'address', 'del', '2001:db8:1::100/64', 'dev', 'down0']);
}));

test('kea: silence, then a lease; silence again, and it ends in time', withScope(async ({ clock, scope }) => {
  const host = new Host(clock, scope);
  await host.next('noLease', 5);
  const kea = await servers.kea();
  const lease = await host.bound();
  kea.freeze();
  const validUntil = lease.addresses[0]?.validUntilMs ?? 0;
  assert.equal(await host.next('lost', 5), { kind: 'lost', reason: 'expired' });
  assert.ok(Math.abs(clock.now() - validUntil) < 1, `${clock.now()} ${validUntil}`);
  assert.is(host.client.lease, undefined);
  kea.thaw();
  await host.bound();
}));

test('dnsmasq: stateless, and asked again when it says so', withScope(async ({ clock, scope }) => {
  await servers.dnsmasq(
    '--dhcp-range=2001:db8:1::,ra-stateless', '--dhcp-option=option6:dns-server,[2001:db8:1::53]',
    '--dhcp-option=option6:domain-search,example.org', '--dhcp-option=option6:information-refresh-time,3600',
    '--dhcp-option=option6:56,00:01:00:10:20:01:0d:b8:00:01:00:00:00:00:00:00:00:00:01:23',
    '--dhcp-option=option6:103,https://portal.example.org/api',
  );
  const host = new Host(clock, scope, { mode: 'stateless' });
  const lease = await host.bound();
  assert.equal(host.sent, ['informationRequest']);
  assert.equal([lease.addresses, lease.prefixes], [[], []]);
  assert.equal(lease.nameservers.map(String), ['2001:db8:1::53']);
  assert.equal(lease.searchDomains, ['example.org']);
  assert.equal(lease.timeservers, ['2001:db8:1::123']);
  assert.is(lease.captivePortal, 'https://portal.example.org/api');
  assert.is(Math.round((lease.renewAtMs - clock.now()) / 1000), 3600);
  const again = await host.next('bound');
  assert.ok(again.kind === 'bound' && !again.isChanged);
  assert.equal(host.sent, ['informationRequest', 'informationRequest']);
}));

test('dnsmasq: an address and a temporary one, renewed; rapid commit', withScope(async ({ clock, scope }) => {
  await servers.dnsmasq('--dhcp-range=2001:db8:1::100,2001:db8:1::1ff,64,10m', '--dhcp-rapid-commit');
  const host = new Host(clock, scope, { wantsTemporary: true });
  const lease = await host.bound();
  assert.equal(lease.addresses.map(({ isTemporary }) => isTemporary), [false, true]);
  assert.equal(host.sent, ['solicit']);
  await host.next('bound');
  assert.is(host.sent.at(-1), 'renew');
}));

test('dnsmasq: the same address after a release', withScope(async ({ clock, scope }) => {
  await servers.dnsmasq('--dhcp-range=2001:db8:1::100,2001:db8:1::1ff,64,10m');
  const first = new Host(clock, scope);
  const [given] = (await first.bound()).addresses;
  first.client.stop({ release: true });
  const again = new Host(clock, scope);
  assert.is(String((await again.bound()).addresses[0]?.address), String(given?.address));
}));

test('a link that is down, or has no address yet, is waited for', withScope(async ({ clock, scope }) => {
  await servers.kea();
  await output(['ip', 'link', 'set', 'up0', 'down']);
  const host = new Host(clock, scope);
  await clock.advance(5000);
  assert.equal(host.sent, []);
  await output(['ip', 'link', 'set', 'up0', 'up']);
  await untilUsable();
  await host.bound();
}));

test.run();
