/** Keys of main.conf at work in a whole core: which links are taken, what checks do, who is asked for names. */

import { test } from 'uvu';
import * as assert from 'uvu/assert';
import type { Service } from '../../../src/service/service.ts';
import { coreBench, type CoreBench } from '../../helpers/core-bench.ts';
import { withScope, type TestContext } from '../../helpers/with-scope.ts';

const SERVICE = 'ethernet_020000000001_cable';
const STORED = {
  [`${SERVICE}/settings`]: `[${SERVICE}]
AutoConnect=true
IPv4.method=manual
IPv4.netmask_prefixlen=24
IPv4.local_address=192.0.2.10
IPv4.gateway=192.0.2.1
`,
};
/** What cannot be asked for fails without leaving the process. */
const URL = 'OnlineCheckIPv4URL=ftp://192.0.2.80/';

/** A machine with a cable in. */
async function plugged(context: TestContext, mainConf: string): Promise<CoreBench> {
  const bench = await coreBench(context, { mainConf, files: STORED });
  bench.kernel.addLink({ name: 'eth0', hardwareAddress: Uint8Array.of(2, 0, 0, 0, 0, 1) });
  await bench.settled();
  bench.kernel.setCarrier('eth0', true);
  await bench.settled();
  return bench;
}

/** Seconds from each failed check to the one after it; the first is over already. */
async function pauses(context: TestContext, { core, settled }: CoreBench, count: number): Promise<number[]> {
  const service = core.services.get(SERVICE);
  const seen: number[] = [];
  const note = (): void => void seen.push(...(service?.inUse.lastCheck === undefined ? [] : [pauseOf(service)]));
  note();
  service?.checked.observe(context.scope, note);
  while (seen.length < count && (await context.clock.advanceToNext())) await settled();
  return seen;
}

const managed = ({ core }: CoreBench): string[] =>
  core.technologies.list.flatMap(({ devices }) => [...devices].map(({ interfaceName }) => interfaceName)).sort();

const pauseOf = ({ inUse: { lastCheck } }: Service): number => Math.round((lastCheck?.nextInMs ?? Number.NaN) / 1000);
const errorOf = ({ core }: CoreBench): string | undefined => core.services.get(SERVICE)?.error;

test('FallbackNameservers are asked where the network names none', withScope(async (context) => {
  const bench = await plugged(context, 'OnlineCheckMode=none\nFallbackNameservers=192.0.2.53,2001:db8::53');
  assert.equal(bench.core.services.get(SERVICE)?.inUse.nameservers, ['192.0.2.53']);
  const fallback = bench.dns.current?.fallbackNameservers ?? [];
  assert.equal(fallback.map(({ address }) => String(address)), ['192.0.2.53', '2001:db8::53']);
}));

test('NetworkInterfaceBlacklist replaces the prefixes that are left alone', withScope(async (context) => {
  const bench = await coreBench(context, { mainConf: 'OnlineCheckMode=none\nNetworkInterfaceBlacklist=eth' });
  for (const name of ['eth0', 'lan0', 'vmnet0']) bench.kernel.addLink({ name });
  await bench.settled();
  assert.equal(managed(bench), ['lan0', 'vmnet0']);
}));

test('ManagedInterfaces takes a kind that would be left alone', withScope(async (context) => {
  const of = async (mainConf: string): Promise<string[]> => {
    const bench = await coreBench(context, { mainConf: `OnlineCheckMode=none\n${mainConf}` });
    for (const name of ['eth0', 'br-lan', 'br-other']) {
      bench.kernel.addLink({ name, ...(name !== 'eth0' && { kind: 'bridge' }) });
    }
    await bench.settled();
    return managed(bench);
  };
  assert.equal(await of(''), ['eth0']);
  assert.equal(await of('ManagedInterfaces=br-l*'), ['br-lan', 'eth0']);
}));

test('OnlineCheckIntervalStyle, -InitialInterval and -MaxInterval make the series', withScope(async (context) => {
  const squares = await plugged(context, `${URL}\nOnlineCheckInitialInterval=2\nOnlineCheckMaxInterval=4`);
  assert.equal(await pauses(context, squares, 4), [4, 9, 16, 16]);
  const others = `${URL}\nOnlineCheckIntervalStyle=fibonacci\nOnlineCheckInitialInterval=4\nOnlineCheckMaxInterval=6`;
  assert.equal(await pauses(context, await plugged(context, others), 4), [3, 5, 8, 8]);
}));

test('EnableOnlineToReadyTransition is the old word for continuous checks', withScope(async (context) => {
  const threshold = `${URL}\nOnlineCheckFailuresThreshold=2`;
  const continuous = await plugged(context, `EnableOnlineToReadyTransition=true\n${threshold}`);
  await pauses(context, continuous, 3);
  assert.is(errorOf(continuous), 'online-check-failed');
  const oneShot = await plugged(context, threshold);
  await pauses(context, oneShot, 3);
  assert.is(errorOf(oneShot), undefined);
}));

test('EnableOnlineCheck=false asks nobody', withScope(async (context) => {
  const bench = await plugged(context, `EnableOnlineCheck=false\n${URL}`);
  assert.equal(await pauses(context, bench, 1), []);
  assert.is(bench.core.services.get(SERVICE)?.state, 'ready');
}));

test.run();
