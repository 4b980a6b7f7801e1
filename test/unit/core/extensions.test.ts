/**
 * net.causeway.Service1 and Manager1 on the bench: the online check told with its reason, what the
 * daemon waits for, and settings that others have written.
 */

import { test } from 'uvu';
import * as assert from 'uvu/assert';
import { causewayManagerInterface } from '../../../src/dbus/interfaces/causeway-manager.ts';
import { causewayServiceInterface } from '../../../src/dbus/interfaces/causeway-service.ts';
import { propertiesInterface } from '../../../src/dbus/interfaces/freedesktop.ts';
import { Variant } from '../../../src/dbus/signature.ts';
import { coreBench, type CoreBench } from '../../helpers/core-bench.ts';
import { withScope, type TestContext } from '../../helpers/with-scope.ts';

const ID = 'ethernet_020000000001_cable';
const PATH = `/net/connman/service/${ID}`;
const settings = (changes = ''): string => `[${ID}]
Name=Wired
AutoConnect=true
IPv4.method=manual
IPv4.netmask_prefixlen=24
IPv4.local_address=192.0.2.10
Nameservers=192.0.2.53;
${changes}`;

async function plugged(context: TestContext, mainConf: string): Promise<CoreBench> {
  const bench = await coreBench(context, { mainConf, files: { [`${ID}/settings`]: settings() } });
  bench.kernel.addLink({ name: 'eth0', hardwareAddress: Uint8Array.of(2, 0, 0, 0, 0, 1) });
  await bench.settled();
  bench.kernel.setCarrier('eth0', true);
  await bench.settled();
  return bench;
}

async function onlineCheck({ client }: CoreBench): Promise<Record<string, unknown>> {
  const properties = client.proxy(propertiesInterface, 'net.connman', PATH);
  const { value } = await properties.Get({
    interface_name: causewayServiceInterface.name, property_name: 'OnlineCheck',
  });
  if (!(value instanceof Map)) throw new Error('no dictionary');
  return Object.fromEntries([...value].map(([key, each]) => [key, each instanceof Variant ? each.value : each]));
}

test(
  'a check that failed says what it asked, why it failed and when it asks again',
  withScope(async (context) => {
    const bench = await plugged(context, 'OnlineCheckIPv4URL=ftp://192.0.2.80/');
    const signals: string[] = [];
    await bench.client.onSignal({ path: PATH, member: 'PropertiesChanged' }, context.scope, ({ body }) => {
      if (body[0] === causewayServiceInterface.name) signals.push(causewayServiceInterface.name);
    });
    await context.clock.advance(0);
    await bench.settled();
    const { Timestamp, Duration, ...check } = await onlineCheck(bench);
    const { Detail, ...rest } = check;
    const URL = 'ftp://192.0.2.80/';
    assert.equal(rest, { Standing: 'unknown', URL, Outcome: 'failed', Reason: 'url', Next: 1 });
    assert.type(Detail, 'string');
    assert.ok(typeof Duration === 'number' && Duration >= 0);
    assert.is(Timestamp, BigInt(context.clock.wallTime().getTime()) * 1000n);

    await context.clock.advance(1100);
    await bench.settled();
    assert.is((await onlineCheck(bench))['Next'], 4, 'the second step of the series');
    assert.is(signals.length >= 1, true, 'and it is announced');

    bench.core.services.get(ID)?.disconnect();
    await bench.settled();
    assert.equal(await onlineCheck(bench), {}, 'with the connection its checks are gone');
  }),
);

test(
  'Waiting names timers, soonest first',
  withScope(async (context) => {
    const bench = await plugged(context, 'OnlineCheckMode=none');
    context.clock.after('later', 5000, context.scope, () => undefined);
    context.clock.after('sooner', 250, context.scope, () => undefined);
    const manager = bench.client.proxy(causewayManagerInterface, 'net.connman', '/');
    const timers = await manager.Waiting();
    const ours = timers.filter(([name]) => name === 'later' || name === 'sooner');
    assert.equal(ours, [['sooner', 0.25], ['later', 5]]);
  }),
);

test(
  'Reload takes over what was written to the settings',
  withScope(async (context) => {
    const bench = await plugged(context, 'OnlineCheckMode=none');
    await context.clock.advance(1000);
    const manager = bench.client.proxy(causewayManagerInterface, 'net.connman', '/');
    const service = bench.core.services.get(ID);
    bench.signals.length = 0;
    await manager.Reload();
    await bench.settled();
    assert.equal(bench.signals, [], 'nothing was changed');

    const changed = settings('Domains=lan.test;\n').replace('192.0.2.10', '192.0.2.77').replace('true', 'false');
    bench.files.set(`${ID}/settings`, changed);
    await manager.Reload();
    await bench.settled();
    assert.equal(service?.configuration.domains, ['lan.test']);
    assert.is(service?.isAutoconnect, false);
    const addresses = [...bench.kernel.mirror.addressesOf(bench.kernel.mirror.linkByName('eth0')?.ifindex ?? 0)];
    assert.equal(addresses.map(({ address }) => String(address)), ['192.0.2.77']);
    assert.ok(bench.signals.includes(`Service ${ID} AutoConnect false`));
  }),
);

test.run();
