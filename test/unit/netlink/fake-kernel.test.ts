/**
 * The kernel in memory does what core tests count on: the same steps give the same mirror as in
 * test/integration/netlink.test.ts.
 */

import { test } from 'uvu';
import * as assert from 'uvu/assert';
import { NetlinkError } from '../../../src/netlink/error.ts';
import type { Route } from '../../../src/netlink/route/route.ts';
import { fakeKernel } from '../../helpers/fake-kernel.ts';
import { withScope } from '../../helpers/with-scope.ts';
import { ip, prefix } from './captures.ts';

async function refusal(asked: Promise<unknown>): Promise<string> {
  const error = await asked.then(() => undefined, (reason: unknown) => reason);
  return error instanceof NetlinkError ? error.code : String(error);
}

function shown({ destination, gateway, ifindex, metric }: Route): string {
  return `${destination?.address ?? 'default'} ${gateway ?? '-'} ${ifindex} ${metric ?? 0}`;
}

test('a carrier shows while the link is up', withScope(async ({ scope }) => {
  const kernel = fakeKernel();
  const { ifindex } = kernel.addLink({ name: 'eth0' });
  const told: string[] = [];
  kernel.mirror.linkChanged.observe(scope, ({ after }) => told.push(`${after?.isUp} ${after?.hasCarrier}`));
  kernel.setCarrier('eth0', true);
  await kernel.link.setUp(ifindex);
  kernel.setCarrier('eth0', false);
  await kernel.link.setUp(ifindex);
  await kernel.link.setDown(ifindex);
  assert.equal(told, ['true true', 'true false', 'false false']);
}));

test('connected routes come with an address and go with it, or with the link', async () => {
  const kernel = fakeKernel();
  const { ifindex } = kernel.addLink({ name: 'eth0', isUp: true, hasCarrier: true });
  const { mirror } = kernel;
  await kernel.address.add({ ifindex, ...prefix('10.0.0.5/24') });
  await kernel.route.add({ family: 4, gateway: ip('10.0.0.1') });
  assert.equal([...mirror.routes.values()].map(shown), ['10.0.0.0 - 2 0', 'default 10.0.0.1 2 0']);
  await kernel.link.setDown(ifindex);
  assert.is(mirror.routes.size, 0);
  assert.is(mirror.addresses.size, 1);
  await kernel.link.setUp(ifindex);
  assert.equal([...mirror.routes.values()].map(shown), ['10.0.0.0 - 2 0']);
  await kernel.address.remove({ ifindex, ...prefix('10.0.0.5/24') });
  assert.is(mirror.routes.size + mirror.addresses.size, 0);
});

test('routes are refused as Linux refuses them', async () => {
  const kernel = fakeKernel();
  const { ifindex } = kernel.addLink({ name: 'eth0', isUp: true });
  const toGateway = { family: 4, gateway: ip('10.0.0.1'), ifindex } as const;
  assert.is(await refusal(kernel.route.add(toGateway)), 'ENETUNREACH');
  await kernel.address.add({ ifindex, ...prefix('10.0.0.5/24') });
  await kernel.route.add(toGateway);
  assert.is(await refusal(kernel.route.add(toGateway)), 'EEXIST');
  await kernel.route.replace({ ...toGateway, gateway: ip('10.0.0.2') });
  assert.is(await refusal(kernel.route.remove(toGateway)), 'ESRCH');
  await kernel.route.remove({ family: 4, ifindex });
  assert.is(await refusal(kernel.route.get(ip('192.0.2.1'))), 'ENETUNREACH');
  assert.is((await kernel.route.get(ip('10.0.0.77'))).ifindex, ifindex);
  await kernel.link.setDown(ifindex);
  assert.is(await refusal(kernel.route.add({ ...toGateway, onlink: true })), 'ENETDOWN');
});

test('other tables hold routes that are not mirrored', async () => {
  const kernel = fakeKernel();
  const { ifindex } = kernel.addLink({ name: 'eth0', isUp: true });
  await kernel.route.add({ family: 4, ifindex, table: 300 });
  assert.is(kernel.mirror.routes.size, 0);
  assert.equal((await kernel.route.list(4, 300)).map(shown), ['default - 2 0']);
  await kernel.route.remove({ family: 4, ifindex, table: 300 });
  assert.equal(await kernel.route.list(4, 300), []);
});

test('IPv6 addresses are tentative until detection is over', withScope(async ({ scope }) => {
  const kernel = fakeKernel();
  const { ifindex } = kernel.addLink({ name: 'eth0', isUp: true });
  const id = { ifindex, ...prefix('2001:db8::1/64') };
  const told: string[] = [];
  kernel.mirror.addressChanged.observe(scope, ({ after }) => told.push(`${after?.isTentative} ${after?.isDuplicate}`));
  await kernel.address.add(id);
  kernel.finishDetection(id);
  assert.equal(told, ['true false', 'false false']);
  await kernel.link.setDown(ifindex);
  assert.is(kernel.mirror.addresses.size + kernel.mirror.routes.size, 0);
}));

test('requests are recorded, fail when told to, and obey their signal', async () => {
  const kernel = fakeKernel();
  kernel.failNext('link.setUp', 'EPERM');
  assert.is(await refusal(kernel.link.setUp(1)), 'EPERM');
  await kernel.link.setUp(1);
  const reason = new Error('enough');
  assert.is(await refusal(kernel.link.setDown(1, AbortSignal.abort(reason))), 'Error: enough');
  assert.equal(kernel.requests, [{ verb: 'link.setUp', args: [1] }, { verb: 'link.setUp', args: [1] }]);
  assert.is(await refusal(kernel.link.setUp(77)), 'ENODEV');
});

test('links are made and removed, VLANs with their parent', async () => {
  const kernel = fakeKernel();
  await kernel.link.add({ kind: 'veth', name: 'a', peerName: 'b' });
  const parent = kernel.mirror.linkByName('a')?.ifindex ?? 0;
  await kernel.link.add({ kind: 'vlan', name: 'a.5', parentIfindex: parent, vlanId: 5 });
  assert.is(await refusal(kernel.link.add({ kind: 'bridge', name: 'a' })), 'EEXIST');
  await kernel.link.remove(parent);
  assert.equal([...kernel.mirror.links.values()].map(({ name }) => name), ['lo', 'b']);
});

test.run();
