/** Kernel parameters of IPv6, and what is cleared away. */

import { test } from 'uvu';
import * as assert from 'uvu/assert';
import type { Sysctl } from '../../../src/daemon/sysctl.ts';
import { IDLE, Ipv6Links, OFF } from '../../../src/ipconfig/ipv6-links.ts';
import { ROUTE_PROTOCOL } from '../../../src/netlink/route/route.ts';
import { fakeKernel } from '../../helpers/fake-kernel.ts';
import { settle } from '../../helpers/fake-clock.ts';
import { setLogSink } from '../../../src/shared/log.ts';
import { withScope, type TestContext } from '../../helpers/with-scope.ts';
import { ip6 } from '../dhcp/fake-inet.ts';

const SECRET = ip6('2001:db8::5ec7:e7');
const name = (parameter: string): string => `net/ipv6/conf/eth0/${parameter}`;

function fixture({ scope }: TestContext) {
  const values = new Map(Object.entries({ accept_ra: '1', disable_ipv6: '0', addr_gen_mode: '0' })
    .map(([parameter, value]) => [name(parameter), value]));
  const written: string[] = [];
  const sysctl: Sysctl = {
    read: (path) => values.get(path),
    write(path, value) {
      if (!values.has(path) && !path.endsWith('stable_secret')) throw new Error('ENOENT');
      values.set(path, value);
      written.push(`${path.slice(name('').length)}=${value}`);
    },
  };
  const kernel = fakeKernel();
  const { ifindex } = kernel.addLink({ name: 'eth0' });
  return { values, written, sysctl, kernel, ifindex, links: new Ipv6Links(sysctl, kernel, scope) };
}

test('what has the wanted value is not written; what had another gets it back', withScope((context) => {
  const { links, written } = fixture(context);
  links.set('eth0', { accept_ra: 2, use_tempaddr: 2, disable_ipv6: 0 });
  assert.equal(written, ['accept_ra=2'], 'a kernel without use_tempaddr does without');
  links.set('eth0', IDLE);
  links.set('eth0', OFF);
  links.restore('eth1');
  links.restore('eth0');
  links.restore('eth0');
  assert.equal(written, ['accept_ra=2', 'accept_ra=0', 'disable_ipv6=1', 'accept_ra=1', 'disable_ipv6=0']);
}));

test('an interface that is gone is passed over, one that refuses is told of', withScope((context) => {
  const { links, values, sysctl } = fixture(context);
  const lines: string[] = [];
  const loud = setLogSink((_, line) => void lines.push(line));
  context.scope.defer(() => void setLogSink(loud));
  sysctl.write = () => {
    throw new Error('EROFS: read-only file system');
  };
  links.set('eth0', OFF);
  assert.match(lines.join(), /disable_ipv6 cannot be set to 1: EROFS/);
  lines.length = 0;
  sysctl.write = () => {
    values.clear();
    throw new Error('ENOENT');
  };
  links.set('eth0', OFF);
  assert.equal(lines, []);
  assert.is(links.hasIpv6('eth0'), false);
}));

test('stable addresses: the secret first, then the mode by way of none; written once', withScope((context) => {
  const { links, written } = fixture(context);
  links.setStablePrivacy('eth0', SECRET);
  links.setStablePrivacy('eth0', SECRET);
  assert.equal(written, [`stable_secret=${SECRET}`, 'addr_gen_mode=1', 'addr_gen_mode=2']);
  links.setStablePrivacy('eth0', undefined);
  assert.is(written.at(-1), 'addr_gen_mode=0');
  links.setStablePrivacy('eth0', undefined);
  assert.is(written.length, 4);
}));

test('cleared away is what came by itself and what is ours, and what comes late', withScope(async (context) => {
  const { links, kernel, ifindex } = fixture(context);
  await kernel.link.setUp(ifindex);
  const add = (text: string, validLifetimeSec?: number): Promise<void> =>
    kernel.address.add({ ifindex, address: ip6(text), prefixLength: 64, validLifetimeSec, noDuplicateDetection: true });
  await add('fe80::1');
  await add('2001:db8:1::1', 100);
  await add('2001:db8:2::1');
  await add('2001:db8:3::1');
  await kernel.route.add({ family: 6, gateway: ip6('fe80::9'), ifindex, protocol: ROUTE_PROTOCOL.ra, metric: 1024 });
  await kernel.route.add({ family: 6, gateway: ip6('fe80::9'), ifindex, metric: 77 });
  const on = { address: ip6('2001:db8:4::'), prefixLength: 64 };
  await kernel.route.add({ family: 6, destination: on, ifindex, protocol: ROUTE_PROTOCOL.kernel, metric: 256 });
  await links.clear(ifindex, ({ address }) => address.equals(ip6('2001:db8:2::1')));
  const addresses = (): string[] => kernel.mirror.addressesOf(ifindex).map(({ address }) => String(address));
  assert.equal(addresses(), ['fe80::1', '2001:db8:3::1']);
  const routes = kernel.mirror.routesOf(ifindex).filter(({ family }) => family === 6);
  assert.equal(routes.map(({ destination, metric }) => `${destination?.address} ${metric}`).toSorted(), [
    '2001:db8:3:: 256', 'fe80:: 256', 'undefined 77',
  ]);
  await add('2001:db8:1::1', 100);
  await settle();
  assert.equal(addresses(), ['fe80::1', '2001:db8:3::1'], 'what the kernel had not told of yet');
  await links.take(ifindex);
  await add('2001:db8:1::1', 100);
  await settle();
  assert.is(addresses().length, 3);
}));

test.run();
