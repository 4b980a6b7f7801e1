/**
 * Endpoints of MPTCP on the bench: what an earlier daemon left is taken over, what is set otherwise is
 * replaced, what others added stays, and a kernel without MPTCP is left in peace.
 */

import { test } from 'uvu';
import * as assert from 'uvu/assert';
import { Mptcp, type MptcpKernel } from '../../../src/mptcp.ts';
import type { KnownEndpoint, MptcpFlag } from '../../../src/netlink/genl/mptcp.ts';
import { CABLE, coreBench, type CoreBench, plugCable, staticCable } from '../../helpers/core-bench.ts';
import { ip } from '../netlink/captures.ts';
import { withScope, type TestContext } from '../../helpers/with-scope.ts';

const endpoint = (id: number, address: string, flags: readonly MptcpFlag[]): KnownEndpoint => {
  return { id, address: ip(address), ifindex: 2, flags, port: undefined };
};

/** A kernel with these endpoints, and what was asked of it. */
function fakeEndpoints(known: readonly KnownEndpoint[]): { kernel: MptcpKernel; asked: string[] } {
  const asked: string[] = [];
  const kernel: MptcpKernel = {
    list: () => Promise.resolve([...known]),
    add: async ({ address, flags }) => void asked.push(`add ${address} ${flags.join()}`),
    remove: async ({ id }) => void asked.push(`remove ${id}`),
  };
  return { kernel, asked };
}

async function connected(
  context: TestContext, parameters: Map<string, string>, known: readonly KnownEndpoint[],
): Promise<CoreBench & { readonly mptcp: Mptcp; readonly asked: string[] }> {
  const bench = await coreBench(context, { mainConf: 'OnlineCheckMode=none', files: staticCable() });
  const { kernel, asked } = fakeEndpoints(known);
  const sysctl = {
    read: (name: string) => parameters.get(name),
    write: (name: string, value: string) => void parameters.set(name, value),
  };
  const mptcp = new Mptcp({ ...bench.core, sysctl, open: () => Promise.resolve(kernel) });
  mptcp.follow(bench.core.services, context.scope);
  await plugCable(bench);
  await context.clock.advance(100);
  return { ...bench, mptcp, asked };
}

const FILTER = 'net/ipv4/conf/eth0/rp_filter';
const on = (): Map<string, string> => new Map([['net/mptcp/enabled', '1'], [FILTER, '1']]);

test('an address becomes an endpoint, its filter loose, until it goes', withScope(async (context) => {
  const parameters = on();
  const bench = await connected(context, parameters, []);
  assert.equal(bench.asked, ['add 192.0.2.10 subflow']);
  assert.is(parameters.get(FILTER), '2');
  bench.core.services.get(CABLE)?.disconnect();
  await context.clock.advance(100);
  assert.is(parameters.get(FILTER), '1');
}));

test('what an earlier daemon left is taken over; what others added stays', withScope(async (context) => {
  const left = [endpoint(1, '192.0.2.10', ['subflow']), endpoint(2, '192.0.2.99', ['signal'])];
  const bench = await connected(context, on(), left);
  assert.equal(bench.asked, []);
  const service = bench.core.services.get(CABLE);
  if (service === undefined) throw new Error('no service');
  bench.mptcp.set(service, 'backup,subflow');
  await bench.settled();
  assert.equal(bench.asked, ['remove 1', 'add 192.0.2.10 subflow,backup']);
  assert.is(bench.mptcp.valueOf(service), 'subflow,backup');
}));

test('a kernel without MPTCP is asked for nothing', withScope(async (context) => {
  const parameters = new Map([['net/mptcp/enabled', '0'], [FILTER, '1']]);
  const bench = await connected(context, parameters, []);
  const service = bench.core.services.get(CABLE);
  if (service === undefined) throw new Error('no service');
  assert.equal([bench.asked, parameters.get(FILTER), bench.mptcp.valueOf(service)], [[], '1', 'disabled']);
}));

test.run();
