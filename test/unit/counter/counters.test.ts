/** Counters of clients: who is told what, when, and that nothing is asked where nobody wants to know. */

import { test } from 'uvu';
import * as assert from 'uvu/assert';
import { decodeUsage } from '../../../src/counter/data-file.ts';
import type { Bus } from '../../../src/dbus/bus.ts';
import { counterInterface } from '../../../src/dbus/interfaces/counter.ts';
import { managerInterface } from '../../../src/dbus/interfaces/manager.ts';
import { serviceInterface } from '../../../src/dbus/interfaces/service.ts';
import type { Variant } from '../../../src/dbus/signature.ts';
import type { LinkStatistics } from '../../../src/netlink/link/link.ts';
import type { Scope } from '../../../src/shared/scope.ts';
import { coreBench, type CoreBench } from '../../helpers/core-bench.ts';
import { withScope } from '../../helpers/with-scope.ts';

const SERVICE = 'ethernet_020000000001_cable';
const FILES = {
  [`${SERVICE}/settings`]: `[${SERVICE}]\nIPv4.method=manual\nIPv4.local_address=192.0.2.10\n`,
};
const ZEROS = {
  'RX.Packets': 0, 'TX.Packets': 0, 'RX.Bytes': 0, 'TX.Bytes': 0,
  'RX.Errors': 0, 'TX.Errors': 0, 'RX.Dropped': 0, 'TX.Dropped': 0, Time: 0,
};

async function connected(context: Parameters<Parameters<typeof withScope>[0]>[0]): Promise<CoreBench> {
  const bench = await coreBench(context, { mainConf: 'OnlineCheckMode=none', files: FILES });
  bench.kernel.addLink({ name: 'eth0', hardwareAddress: Uint8Array.of(2, 0, 0, 0, 0, 1), statistics: traffic(100) });
  await bench.settled();
  bench.kernel.setCarrier('eth0', true);
  await bench.settled();
  bench.kernel.requests.length = 0;
  return bench;
}

function traffic(rxBytes: number): LinkStatistics {
  const none = { rxErrors: 0, txErrors: 0, rxDropped: 0, txDropped: 0, txBytes: 0, txPackets: 0 };
  return { ...none, rxBytes, rxPackets: Math.floor(rxBytes / 50) };
}

/** A counter of `client`; what it was told, oldest first. */
function serveCounter(client: Bus, path: string, scope: Scope): unknown[] {
  const told: unknown[] = [];
  const plain = (counters: ReadonlyMap<string, Variant>): unknown =>
    Object.fromEntries([...counters].map(([key, { value }]) => [key, value]));
  client.export(path, counterInterface, {
    methods: {
      Release: () => void told.push('Release'),
      Usage: ({ service, home, roaming }) => void told.push([service.split('/').at(-1), plain(home), plain(roaming)]),
    },
  }, scope);
  return told;
}

const managerOf = (client: Bus) => client.proxy(managerInterface, 'net.connman', '/');
const asked = ({ kernel }: CoreBench): number => kernel.requests.filter(({ verb }) => verb === 'link.get').length;
const codeOf = (promise: Promise<unknown>): Promise<string> =>
  promise.then(() => 'success', (error: Error) => error.name);

test('all at once, then what changes, every period', withScope(async (context) => {
  const bench = await connected(context);
  await context.clock.advance(60_000);
  assert.is(asked(bench), 0, 'nobody wants to know');
  const told = serveCounter(bench.client, '/counter', context.scope);
  await managerOf(bench.client).RegisterCounter({ path: '/counter', accuracy: 10, period: 2 });
  await bench.settled();
  assert.equal(told, [[SERVICE, ZEROS, ZEROS]]);
  bench.kernel.changeLink('eth0', { statistics: traffic(300) });
  await context.clock.advance(2000);
  assert.equal(told[1], [SERVICE, { 'RX.Packets': 4, 'RX.Bytes': 200, Time: 62 }, {}]);
  await context.clock.advance(2000);
  assert.equal(told[2], [SERVICE, { Time: 64 }, {}]);
  await bench.client.proxy(serviceInterface, 'net.connman', `/net/connman/service/${SERVICE}`).ResetCounters();
  await context.clock.advance(2000);
  assert.equal(told[3], [SERVICE, { 'RX.Packets': 0, 'RX.Bytes': 0, Time: 2 }, {}]);
  assert.is(asked(bench), 3);
  await managerOf(bench.client).UnregisterCounter({ path: '/counter' });
  await context.clock.advance(10_000);
  assert.is(told.length, 4);
  assert.is(asked(bench), 3);
}));

test('a last report when the service goes, everything on its return', withScope(async (context) => {
  const bench = await connected(context);
  const told = serveCounter(bench.client, '/counter', context.scope);
  await managerOf(bench.client).RegisterCounter({ path: '/counter', accuracy: 10, period: 0 });
  await context.clock.advance(5000);
  bench.kernel.setCarrier('eth0', false);
  await bench.settled();
  assert.equal(told, [[SERVICE, ZEROS, ZEROS], [SERVICE, { Time: 5 }, {}]]);
  bench.kernel.setCarrier('eth0', true);
  await context.clock.advance(5000);
  assert.is(told.length, 2, 'period 0 does not poll');
  await managerOf(bench.client).RegisterCounter({ path: '/other', accuracy: 10, period: 1 });
  serveCounter(bench.client, '/other', context.scope);
  await context.clock.advance(1000);
  const [, , third] = told;
  assert.equal(third, [SERVICE, { ...ZEROS, Time: 6 }, ZEROS], 'everything of a new service');
}));

test('paths are unique, owners are respected, and leaving the bus ends a counter', withScope(async (context) => {
  const bench = await connected(context);
  const { clock, scope } = context;
  const other = await bench.connect(scope);
  const register = (client: Bus) => managerOf(client).RegisterCounter({ path: '/counter', accuracy: 10, period: 1 });
  const leaving = scope.child();
  const gone = await bench.connect(leaving);
  serveCounter(gone, '/counter', leaving);
  await register(gone);
  assert.is(await codeOf(register(other)), 'net.connman.Error.AlreadyExists');
  assert.is(
    await codeOf(managerOf(other).UnregisterCounter({ path: '/counter' })),
    'net.connman.Error.PermissionDenied',
  );
  assert.is(await codeOf(managerOf(other).UnregisterCounter({ path: '/x' })), 'net.connman.Error.NotRegistered');
  await leaving.close();
  await bench.settled();
  assert.is(await codeOf(register(other)), 'success', 'the path is free again');
  const told = serveCounter(other, '/counter', scope);
  await clock.advance(3000);
  assert.is(told.length, 3);
}));

test('the shortest period is that of all', withScope(async (context) => {
  const bench = await connected(context);
  const slow = serveCounter(bench.client, '/slow', context.scope);
  const fast = serveCounter(bench.client, '/fast', context.scope);
  await managerOf(bench.client).RegisterCounter({ path: '/slow', accuracy: 10, period: 30 });
  await managerOf(bench.client).RegisterCounter({ path: '/fast', accuracy: 10, period: 10 });
  await context.clock.advance(30_000);
  assert.equal([slow.length, fast.length], [4, 4]);
  await managerOf(bench.client).UnregisterCounter({ path: '/fast' });
  await context.clock.advance(30_000);
  assert.equal([slow.length, fast.length], [5, 4]);
}));

test('what was carried outlives the daemon, in ConnMan’s file', withScope(async (context) => {
  const files = new Map<string, Uint8Array>();
  const usage = {
    read: (identifier: string) => files.get(identifier),
    write: (identifier: string, bytes: Uint8Array) => void files.set(identifier, bytes),
  };
  for (const [life, expected] of [[1, 900], [2, 1800]] as const) {
    const scope = context.scope.child();
    const bench = await coreBench({ clock: context.clock, scope }, {
      mainConf: 'OnlineCheckMode=none', files: FILES, usage,
    });
    bench.kernel.addLink({ name: 'eth0', hardwareAddress: Uint8Array.of(2, 0, 0, 0, 0, 1), statistics: traffic(100) });
    await bench.settled();
    bench.kernel.setCarrier('eth0', true);
    await bench.settled();
    bench.kernel.changeLink('eth0', { statistics: traffic(1000) });
    await bench.settled();
    bench.kernel.setCarrier('eth0', false);
    await bench.settled();
    const kept = files.get(SERVICE);
    assert.is(kept === undefined ? undefined : decodeUsage(kept)?.home.rxBytes, expected, `life ${life}`);
    await scope.close();
  }
}));

test.run();
