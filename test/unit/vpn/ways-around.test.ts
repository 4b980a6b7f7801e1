/**
 * Host routes to a VPN's further servers: by the way there was before the tunnel, whatever the tunnel takes.
 */

import { test } from 'uvu';
import * as assert from 'uvu/assert';
import { MAIN_TABLE } from '../../../src/netlink/route/route.ts';
import { parseIpAddress, type IpAddress } from '../../../src/shared/ipaddress.ts';
import { createScope } from '../../../src/shared/scope.ts';
import { fakeKernel, type FakeKernel } from '../../helpers/fake-kernel.ts';
import { WaysAround } from '../../../vpn/plugins/lib/ways-around.ts';

function ip(text: string): IpAddress {
  const address = parseIpAddress(text);
  if (address === undefined) throw new Error(text);
  return address;
}

async function withTunnel(): Promise<FakeKernel> {
  const kernel = fakeKernel();
  for (const name of ['eth0', 'wg0']) {
    const { ifindex } = kernel.addLink({ name });
    await kernel.link.setUp(ifindex);
  }
  kernel.setCarrier('eth0', true);
  const [eth0, wg0] = ['eth0', 'wg0'].map((name) => kernel.mirror.linkByName(name)?.ifindex ?? 0);
  if (eth0 === undefined || wg0 === undefined) throw new Error('no links');
  await kernel.address.add({ ifindex: eth0, address: ip('192.0.2.10'), prefixLength: 24 });
  await kernel.route.add({ family: 4, ifindex: eth0, gateway: ip('192.0.2.1'), metric: 4000 });
  await kernel.route.add({ family: 4, ifindex: wg0, scope: 'link' });
  await kernel.route.add({ family: 6, ifindex: wg0, scope: 'link' });
  return kernel;
}

async function made(kernel: FakeKernel): Promise<string[]> {
  const routes = await kernel.route.list(4, MAIN_TABLE);
  return routes.filter(({ metric }) => metric === 2).map(({ destination, gateway, ifindex }) => {
    return `${destination?.address}/${destination?.prefixLength} via ${gateway} by ${ifindex}`;
  });
}

test('servers beyond a router and on the link, one that moves, and one that nothing leads to', async () => {
  const kernel = await withTunnel();
  const eth0 = kernel.mirror.linkByName('eth0')?.ifindex;
  const scope = createScope();
  const ways = new WaysAround(kernel, 'wg0', scope);
  await ways.lead(['198.51.100.7', '192.0.2.77', '198.51.100.7', '2001:db8::7'].map(ip));
  assert.equal(await made(kernel), [
    `198.51.100.7/32 via 192.0.2.1 by ${eth0}`,
    `192.0.2.77/32 via undefined by ${eth0}`,
  ]);
  assert.is((await kernel.route.list(6, MAIN_TABLE)).length, 1, 'but by the tunnel');
  await ways.lead([ip('203.0.113.7'), ip('192.0.2.77')]);
  assert.equal(await made(kernel), [
    `192.0.2.77/32 via undefined by ${eth0}`,
    `203.0.113.7/32 via 192.0.2.1 by ${eth0}`,
  ]);
  await scope.close();
  assert.equal(await made(kernel), []);
});

test('what a daemon before us left is no way', async () => {
  const kernel = await withTunnel();
  const other = kernel.addLink({ name: 'eth1' }).ifindex;
  await kernel.link.setUp(other);
  const destination = { address: ip('198.51.100.7'), prefixLength: 32 };
  await kernel.route.add({ family: 4, destination, ifindex: other, metric: 2, scope: 'link' });
  const scope = createScope();
  await new WaysAround(kernel, 'wg0', scope).lead([ip('198.51.100.7')]);
  const eth0 = kernel.mirror.linkByName('eth0')?.ifindex;
  assert.equal(await made(kernel), [`198.51.100.7/32 via 192.0.2.1 by ${eth0}`]);
  await scope.close();
});

test.run();
