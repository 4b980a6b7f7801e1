/**
 * A service's IPv6 over the real kernel, with radvd as its router and kea-dhcp6 as its server:
 * prefixes are delegated while somebody wants them, beside the address, and given back after that.
 */

import { readFileSync, writeFileSync } from 'node:fs';
import { test } from 'uvu';
import * as assert from 'uvu/assert';
import { formatPrefix } from '../../src/dhcpv6/lease.ts';
import { Ipv6Links } from '../../src/ipconfig/ipv6-links.ts';
import { Ipv6Session, type Ipv6Memory, type Ipv6Setup } from '../../src/ipconfig/ipv6.ts';
import { openRtnetlink } from '../../src/netlink/rtnetlink.ts';
import { PrefixWish } from '../../src/service/prefix-wish.ts';
import { DeadlineClock } from '../../src/shared/clock.ts';
import { systemRandom } from '../../src/shared/random.ts';
import { createScope } from '../../src/shared/scope.ts';
import { fetchIpv6Servers, Ipv6Servers } from '../helpers/ipv6-servers.ts';
import { until } from '../helpers/patience.ts';
import { testSystem } from '../helpers/system.ts';
import { enterNamespaces } from '../helpers/unshare.ts';

await fetchIpv6Servers();
enterNamespaces('--net');

const system = testSystem();
const sysctl = {
  read: (name: string) => readFileSync(`/proc/sys/${name}`, 'utf8').trim(),
  write: (name: string, value: string) => writeFileSync(`/proc/sys/${name}`, value),
};

test('kea delegates while it is wanted', async () => {
  const servers = await Ipv6Servers.open();
  const scope = createScope();
  try {
    await servers.radvd('AdvManagedFlag on; prefix 2001:db8:1::/64 { AdvAutonomous off; };');
    const kea = await servers.kea({
      'pd-pools': [{ prefix: '2001:db8:8000::', 'prefix-len': 40, 'delegated-len': 56 }],
    });
    const clock = new DeadlineClock(system.bootTimeSource(scope));
    const kernel = await openRtnetlink({ system, clock }, scope);
    const ipv6Links = new Ipv6Links(sysctl, kernel, scope);
    const prefixWish = new PrefixWish();
    let memory: Ipv6Memory = { duid: undefined, lease: undefined, stableSecret: undefined };
    const { ifindex, name, hardwareAddress } = servers.near;
    const session = new Ipv6Session({
      ifindex, interfaceName: name, hardwareAddress,
      configuration: { method: 'auto', privacy: 'disabled' },
      hostname: undefined,
      isNeverDefault: () => false,
      tunnelSource: () => undefined,
      prefixWish,
      memory: () => memory,
      remember: (change) => void (memory = { ...memory, ...change }),
    }, { kernel, system, clock, random: systemRandom, ipv6Links }, scope);
    let setup: Ipv6Setup | undefined;
    const told: string[] = [];
    session.events.observe(scope, (event) => {
      told.push(event.kind);
      if ('setup' in event) ({ setup } = event);
    });
    const prefixes = (): string[] => (setup?.lease?.prefixes ?? []).map(({ prefix }) => formatPrefix(prefix));
    session.start();
    await until('an address', () => String(setup?.inUse.address).startsWith('2001:db8:1::1'));
    const address = String(setup?.inUse.address);
    assert.equal(prefixes(), [], 'nobody wants any');

    const tethering = scope.child();
    prefixWish.add(tethering);
    await until('a prefix', () => prefixes().length > 0);
    assert.match(prefixes()[0] ?? '', /^2001:db8:80[0-9a-f:]*\/56$/);
    assert.match(memory.lease?.get('Prefix.0') ?? '', prefixes()[0] ?? 'none');
    assert.is(String(setup?.inUse.address), address, 'what was lent before holds on');
    await kea.waitForLine((line) => line.includes('DHCP6_PD_LEASE_ALLOC'));

    await tethering.close();
    await until('the prefix to go', () => prefixes().length === 0);
    assert.is(memory.lease?.has('Prefix.0') ?? false, false);
    assert.is(String(setup?.inUse.address), address);
    assert.not.ok(told.includes('lost'), told.join(' '));

    await session.stop('release');
    await kea.waitForLine((line) => line.includes('DHCP6_RELEASE_NA '));
  } finally {
    await scope.close();
    await servers.close();
  }
});

test.run();
