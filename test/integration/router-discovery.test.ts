/**
 * Router discovery against radvd and dnsmasq over a veth pair, with real ICMPv6 sockets. Time is the
 * test's: the clock stands still while packets travel and jumps where lifetimes must end.
 */

import { writeFileSync } from 'node:fs';
import { test } from 'uvu';
import * as assert from 'uvu/assert';
import { type RouterDiscovery, type RouterInformation, startRouterDiscovery } from '../../src/ndp/router-discovery.ts';
import { systemRandom } from '../../src/shared/random.ts';
import type { Scope } from '../../src/shared/scope.ts';
import { output } from '../helpers/child.ts';
import type { FakeClock } from '../helpers/fake-clock.ts';
import { fetchIpv6Servers, Ipv6Servers } from '../helpers/ipv6-servers.ts';
import { patience } from '../helpers/patience.ts';
import { testSystem } from '../helpers/system.ts';
import { enterNamespaces } from '../helpers/unshare.ts';
import { withScope } from '../helpers/with-scope.ts';

await fetchIpv6Servers();
enterNamespaces('--net');

const system = testSystem();
let servers: Ipv6Servers;

class Host {
  readonly discovery: RouterDiscovery;
  readonly changes: RouterInformation[] = [];
  readonly #clock: FakeClock;

  constructor(clock: FakeClock, scope: Scope) {
    this.#clock = clock;
    this.discovery = startRouterDiscovery(servers.near, { system, clock, random: systemRandom }, scope);
    this.discovery.changed.observe(scope, (information) => void this.changes.push(information));
  }

  /** Asks, again and again until what is known fits; the carrier may take its time. */
  async until(what: string, fits: (information: RouterInformation) => boolean): Promise<RouterInformation> {
    const limit = performance.now() + patience(20_000);
    for (let turn = 0; performance.now() < limit; turn++) {
      const { current } = this.discovery;
      if (current !== undefined && fits(current)) return current;
      // radvd answers within half a second, and no more often than every three (RFC 4861, 6.2.6).
      if (turn % 100 === 0) this.discovery.solicit();
      await this.#clock.advance(0.01);
      await new Promise((resolve) => setTimeout(resolve, 10));
    }
    throw new Error(`${what} is not so in time: ${JSON.stringify(this.discovery.current)}`);
  }
}

test.before(async () => {
  servers = await Ipv6Servers.open();
});

test.after.each(() => servers.stop());

test.after(() => servers.close());

test('radvd: flags, prefix, routes, names, portal, and their ends', withScope(async ({ clock, scope }) => {
  await servers.radvd(`
    AdvManagedFlag off; AdvOtherConfigFlag on; AdvDefaultLifetime 1800; AdvDefaultPreference high; AdvLinkMTU 1400;
    prefix 2001:db8:1::/64 { AdvOnLink on; AdvAutonomous on; AdvValidLifetime 3600; AdvPreferredLifetime 1200; };
    route 2001:db8:2::/48 { AdvRoutePreference low; AdvRouteLifetime 900; };
    RDNSS 2001:db8:1::53 2001:db8:1::54 { AdvRDNSSLifetime 300; };
    DNSSL example.org lab.example.org { AdvDNSSLLifetime 600; };`);
  const host = new Host(clock, scope);
  const heard = await host.until('radvd heard', () => true);
  const router = await servers.routerAddress();
  assert.equal(heard.routers.map(({ address, preference }) => `${address} ${preference}`), [`${router} high`]);
  assert.equal([heard.isManaged, heard.isOtherConfig, heard.mtu], [false, true, 1400]);
  const [prefix] = heard.prefixes;
  assert.is(`${prefix?.prefix.address}/${prefix?.prefix.prefixLength}`, '2001:db8:1::/64');
  assert.equal([prefix?.isOnLink, prefix?.isAutonomous], [true, true]);
  assert.is(Math.round(((prefix?.validUntilMs ?? 0) - (prefix?.preferredUntilMs ?? 0)) / 1000), 2400);
  const [route] = heard.routes;
  assert.is(`${route?.destination.address}/${route?.destination.prefixLength} ${route?.gateway} ${route?.preference}`,
    `2001:db8:2::/48 ${router} low`);
  assert.equal(heard.nameservers.map(({ address }) => String(address)), ['2001:db8:1::53', '2001:db8:1::54']);
  assert.equal(heard.searchDomains.map(({ name }) => name), ['example.org', 'lab.example.org']);
}));

test('radvd: lifetimes of nothing take away, and so does its end', withScope(async ({ clock, scope }) => {
  const sections = (seconds: number): string => `
    prefix 2001:db8:1::/64 { AdvValidLifetime ${seconds}; AdvPreferredLifetime ${seconds}; };
    route 2001:db8:2::/48 { AdvRouteLifetime ${seconds}; };
    RDNSS 2001:db8:1::53 { AdvRDNSSLifetime ${seconds}; };
    DNSSL example.org { AdvDNSSLLifetime ${seconds}; };`;
  await servers.radvd(sections(600));
  const host = new Host(clock, scope);
  await host.until('all of it', ({ nameservers, searchDomains, routes, prefixes }) => (
    [nameservers, searchDomains, routes, prefixes].every(({ length }) => length === 1)
  ));
  await servers.stop();
  await host.until('the router gone', ({ routers }) => routers.length === 0);
  await servers.radvd(sections(0));
  await host.until('none of it', ({ routers, nameservers, searchDomains, routes, prefixes }) => (
    routers.length === 1 && [nameservers, searchDomains, routes, prefixes].every(({ length }) => length === 0)
  ));
}));

test('dnsmasq: flags of its three modes', withScope(async ({ clock, scope }) => {
  const host = new Host(clock, scope);
  for (const [mode, isManaged, isOtherConfig] of [
    ['2001:db8:1::100,2001:db8:1::1ff,64,10m', true, true],
    ['2001:db8:1::,ra-stateless', false, true],
    ['2001:db8:1::,ra-only', false, false],
  ] as const) {
    await servers.dnsmasq('--enable-ra', `--dhcp-range=${mode}`);
    await host.until(mode, (heard) => heard.isManaged === isManaged && heard.isOtherConfig === isOtherConfig);
    assert.equal(host.discovery.current?.prefixes.map(({ isAutonomous }) => isAutonomous), [!isManaged]);
    await servers.stop();
  }
}));

test('what the kernel makes of it is what was heard', withScope(async ({ clock, scope }) => {
  await servers.radvd('prefix 2001:db8:1::/64 { AdvValidLifetime 3600; AdvPreferredLifetime 1200; };');
  const host = new Host(clock, scope);
  const heard = await host.until('a router', ({ routers }) => routers.length === 1);
  const route = await eventually(() => output(['ip', '-6', 'route', 'show', 'default']), /via (\S+) dev up0 proto ra/);
  assert.is(route, String(heard.routers[0]?.address));
  const addresses = (): Promise<string> => output(['ip', '-6', 'address', 'show', 'dev', 'up0']);
  await eventually(addresses, /(2001:db8:1:\S+) scope global dynamic/);
}));

test('while the link-local address is tentative it waits, and asks once it can', withScope(async ({ clock, scope }) => {
  await servers.radvd('AdvManagedFlag on;');
  writeFileSync('/proc/sys/net/ipv6/conf/up0/accept_dad', '1');
  await output(['ip', 'link', 'set', 'up0', 'down']);
  await output(['ip', 'link', 'set', 'up0', 'up']);
  const host = new Host(clock, scope);
  await host.until('a router', ({ isManaged }) => isManaged);
  writeFileSync('/proc/sys/net/ipv6/conf/up0/accept_dad', '0');
}));

async function eventually(read: () => Promise<string>, pattern: RegExp): Promise<string> {
  for (const limit = performance.now() + patience(10_000); ;) {
    const found = pattern.exec(await read())?.[1];
    if (found !== undefined) return found;
    if (performance.now() > limit) throw new Error(`no ${pattern} in time: ${await read()}`);
    await new Promise((resolve) => setTimeout(resolve, 50));
  }
}

test.run();
