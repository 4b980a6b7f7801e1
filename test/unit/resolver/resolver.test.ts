/** The resolver's lists: order, duplicates, fallback, and when the backend is told. */

import { test } from 'uvu';
import * as assert from 'uvu/assert';
import { parseIpAddress, type IpAddress } from '../../../src/shared/ipaddress.ts';
import type { DnsConfiguration } from '../../../src/dns-backend/backend.ts';
import { createResolver, type LinkServers, type Resolver } from '../../../src/resolver.ts';
import type { FakeClock } from '../../helpers/fake-clock.ts';
import { withScope } from '../../helpers/with-scope.ts';

function ip(text: string): IpAddress {
  const address = parseIpAddress(text);
  if (address === undefined) throw new Error(`${text} is no address`);
  return address;
}

function servers(nameservers: readonly string[], domains: readonly string[] = []): LinkServers {
  return { nameservers: nameservers.map((each) => ({ address: ip(each) })), domains };
}

interface Setting {
  readonly resolver: Resolver;
  readonly clock: FakeClock;
  /** What the backend was told, newest last: `2: servers / domains | 3: …`. */
  readonly applied: string[];
  readonly changed: number[];
}

function resolving(title: string, body: (setting: Setting) => Promise<void>): void {
  test(title, withScope(async ({ clock, scope }) => {
    const applied: string[] = [];
    const changed: number[] = [];
    const apply = ({ links }: DnsConfiguration): void => {
      applied.push(links.map(({ ifindex, nameservers, domains }) => (
        `${ifindex}: ${nameservers.map(({ address }) => address).join(' ')} / ${domains.join(' ')}`)).join(' | '));
    };
    const options = { backend: { apply }, fallbackNameservers: [ip('9.9.9.9')] };
    const resolver = createResolver(options, { clock }, scope);
    resolver.changed.observe(scope, (ifindex) => changed.push(ifindex));
    await body({ resolver, clock, applied, changed });
  }));
}

resolving('nothing is told before there is something to tell', async ({ clock, applied }) => {
  await clock.advance(1000);
  assert.equal(applied, []);
});

resolving('changes of one moment are told together', async ({ resolver, clock, applied, changed }) => {
  resolver.setServers(2, servers(['192.0.2.1', '192.0.2.2'], ['lab.test']));
  resolver.setServers(3, servers(['198.51.100.1']));
  resolver.setDefault(3);
  assert.equal(changed, [2, 3]);
  assert.equal(applied, []);
  await clock.advance(0);
  assert.equal(applied, ['3: 198.51.100.1 /  | 2: 192.0.2.1 192.0.2.2 / lab.test']);
});

resolving('what is the same is not told again', async ({ resolver, clock, applied, changed }) => {
  resolver.setServers(2, servers(['192.0.2.1']));
  await clock.advance(0);
  resolver.setServers(2, servers(['192.0.2.1']));
  resolver.setDefault(undefined);
  resolver.remove(7);
  await clock.advance(0);
  assert.is(applied.length, 1);
  assert.equal(changed, [2]);
});

resolving('order is kept; duplicates and what is nobody else’s address go', async ({ resolver, clock, applied }) => {
  const given = ['192.0.2.2', '127.0.0.1', '192.0.2.1', '192.0.2.2', '::1', '0.0.0.0', 'ff02::1'];
  resolver.setServers(2, servers(given, ['a', 'a']));
  await clock.advance(0);
  assert.equal(applied, ['2: 192.0.2.2 192.0.2.1 / a']);
});

resolving('a link without servers asks the fallback servers', async ({ resolver }) => {
  assert.equal(resolver.nameserversOf(2).map(({ address }) => String(address)), ['9.9.9.9']);
  resolver.setServers(2, servers(['192.0.2.1']));
  assert.equal(resolver.nameserversOf(2).map(({ address }) => String(address)), ['192.0.2.1']);
  resolver.remove(2);
  assert.equal(resolver.nameserversOf(2).map(({ address }) => String(address)), ['9.9.9.9']);
});

resolving('links that are not the default wait for each other, the default for none', async (lab) => {
  const { resolver, clock, applied } = lab;
  const give = (ifindex: number): void =>
    resolver.setServers(ifindex, { nameservers: [{ address: ip(`192.0.2.${ifindex}`) }], domains: [] });
  give(1);
  resolver.setDefault(1);
  await clock.advance(0);
  assert.is(applied.length, 1);
  for (const ifindex of [2, 3, 4]) {
    give(ifindex);
    await clock.advance(10);
  }
  assert.is(applied.length, 1);
  await clock.advance(100);
  assert.is(applied.length, 2);
  for (const ifindex of [1, 2, 3, 4]) assert.match(applied[1] ?? '', `192.0.2.${ifindex}`);
  give(5);
  resolver.setDefault(5);
  await clock.advance(0);
  assert.is(applied.length, 3);
  assert.match(applied[2] ?? '', /192\.0\.2\.5.*192\.0\.2\.1/);
});

resolving('a removed link is gone', async ({ resolver, clock, applied }) => {
  resolver.setServers(2, servers(['192.0.2.1', '192.0.2.2']));
  resolver.remove(2);
  await clock.advance(0);
  assert.equal(applied, ['']);
  assert.equal(clock.pending(), []);
});

resolving('confined, the servers of other links are not told', async ({ resolver, clock, applied }) => {
  resolver.setServers(2, servers(['192.0.2.1']));
  resolver.setServers(3, servers(['198.51.100.1']));
  await clock.advance(1000);
  applied.length = 0;
  resolver.confine([3]);
  resolver.confine([3]);
  await clock.advance(1000);
  resolver.confine([]);
  await clock.advance(1000);
  resolver.confine(undefined);
  await clock.advance(1000);
  const [one, other] = ['2: 192.0.2.1 / ', '3: 198.51.100.1 / '];
  assert.equal(applied, [other, '', `${one} | ${other}`]);
});

test('names that are told go to the backend in the form of a hosts file', withScope(async ({ clock, scope }) => {
  const told: string[] = [];
  const backend = { apply: () => undefined, setHosts: (text: string) => void told.push(text) };
  const resolver = createResolver({ backend, fallbackNameservers: [] }, { clock }, scope);
  resolver.setHost('a.test', [ip('192.0.2.1'), ip('2001:db8::1')]);
  resolver.setHost('b.test', [ip('192.0.2.2')]);
  resolver.setHost('a.test', []);
  const [a, b] = ['192.0.2.1 a.test\n2001:db8::1 a.test', '192.0.2.2 b.test'];
  assert.equal(told, [a, `${a}\n${b}`, b]);
}));

test.run();
