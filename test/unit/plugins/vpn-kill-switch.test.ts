/**
 * Kill switches of several connections: one does not undo another, and what an earlier daemon closed
 * goes when nobody wants it.
 */

import { test } from 'uvu';
import * as assert from 'uvu/assert';
import { KillSwitches } from '../../../plugins/vpn/kill-switch.ts';
import { parseIpAddress } from '../../../src/shared/ipaddress.ts';
import { fakeKernel, type FakeKernel } from '../../helpers/fake-kernel.ts';

const TABLE = 0x42_ffff;
const [ONE, TWO] = ['192.0.2.1', '192.0.2.2'].map(parseIpAddress);

async function shown(kernel: FakeKernel): Promise<{ rules: string[]; ways: (number | undefined)[] }> {
  const rules = await kernel.rule.list(4);
  const routes = await kernel.route.list(4, TABLE);
  return {
    rules: rules.map(({ priority, destination }) => `${priority} ${destination?.address ?? 'all'}`).sort(),
    ways: routes.map(({ ifindex }) => ifindex).sort((one = Infinity, other = Infinity) => one - other),
  };
}

async function withTunnels(): Promise<FakeKernel> {
  const kernel = fakeKernel();
  for (const name of ['vpn0', 'vpn1']) await kernel.link.add({ kind: 'dummy', name });
  for (const link of kernel.mirror.links.values()) await kernel.link.setUp(link.ifindex);
  return kernel;
}

test('two at once', async () => {
  const kernel = await withTunnels();
  const [first, second] = ['vpn0', 'vpn1'].map((name) => kernel.mirror.linkByName(name)?.ifindex);
  const switches = new KillSwitches(kernel);
  // Both asked for in one turn: neither waits for the other.
  await Promise.all([
    switches.close('one', { server: ONE, ifindex: first }),
    switches.close('two', { server: TWO, ifindex: undefined }),
  ]);
  const both = ['31000 192.0.2.1', '31000 192.0.2.2', '31001 all'];
  assert.equal(await shown(kernel), { rules: both, ways: [first, undefined] });
  await switches.close('two', { server: TWO, ifindex: second });
  assert.equal(await shown(kernel), { rules: both, ways: [first, second, undefined] });
  await switches.open('one');
  assert.equal(await shown(kernel), { rules: ['31000 192.0.2.2', '31001 all'], ways: [second, undefined] });
  await switches.open('one');
  await switches.close('two', { server: TWO, ifindex: undefined });
  assert.equal(await shown(kernel), { rules: ['31000 192.0.2.2', '31001 all'], ways: [undefined] }, 'nothing leaves');
  await switches.open('two');
  assert.equal(await shown(kernel), { rules: [], ways: [] });
});

test('what a daemon before this one closed', async () => {
  const kernel = await withTunnels();
  await new KillSwitches(kernel).close('gone', { server: ONE, ifindex: undefined });
  const switches = new KillSwitches(kernel);
  await switches.close('here', { server: TWO, ifindex: undefined });
  await switches.retain(new Set(['here']));
  assert.equal(await shown(kernel), { rules: ['31000 192.0.2.2', '31001 all'], ways: [undefined] });
  await switches.retain(new Set());
  assert.equal(await shown(kernel), { rules: [], ways: [] });
});

test.run();
