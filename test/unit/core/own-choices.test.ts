/**
 * What users chose of services beyond ConnMan, on the bench: never the default, not checked; for a
 * service, for a technology, for the host, and kept.
 */

import { test } from 'uvu';
import * as assert from 'uvu/assert';
import { causewayManagerInterface } from '../../../src/dbus/interfaces/causeway-manager.ts';
import { causewayServiceInterface } from '../../../src/dbus/interfaces/causeway-service.ts';
import { causewayTechnologyInterface } from '../../../src/dbus/interfaces/causeway-technology.ts';
import { propertiesInterface } from '../../../src/dbus/interfaces/freedesktop.ts';
import { variant, type Variant } from '../../../src/dbus/signature.ts';
import { coreBench, type CoreBench } from '../../helpers/core-bench.ts';
import { withScope, type TestContext } from '../../helpers/with-scope.ts';

const ONE = 'ethernet_020000000001_cable';
const TWO = 'ethernet_020000000002_cable';
const PATH = `/net/connman/service/${ONE}`;
const settings = (id: string, last: number): Record<string, string> => ({
  [`${id}/settings`]: `[${id}]
Name=Wired
AutoConnect=true
IPv4.method=manual
IPv4.netmask_prefixlen=24
IPv4.local_address=192.0.${last}.10
IPv4.gateway=192.0.${last}.1
`,
});

async function twoUplinks(context: TestContext, mainConf = 'OnlineCheckMode=none'): Promise<CoreBench> {
  const bench = await coreBench(context, {
    mainConf: `${mainConf}\nAlwaysConnectedTechnologies=ethernet`,
    files: { ...settings(ONE, 1), ...settings(TWO, 2) },
  });
  for (const last of [1, 2]) {
    bench.kernel.addLink({ name: `eth${last}`, hardwareAddress: Uint8Array.of(2, 0, 0, 0, 0, last) });
    await bench.settled();
    bench.kernel.setCarrier(`eth${last}`, true);
    await bench.settled();
  }
  return bench;
}

async function set({ client, settled }: CoreBench, path: string, name: string, value: Variant): Promise<void> {
  const [interface_name, property_name = ''] = name.split('/');
  const properties = client.proxy(propertiesInterface, 'net.connman', path);
  await properties.Set({ interface_name: interface_name ?? '', property_name, value });
  await settled();
}

const SERVICE = causewayServiceInterface.name;

/** Gateways of default routes in the main table, the best first. */
function defaultsOf({ kernel }: CoreBench): string[] {
  const found = [...kernel.mirror.routes.values()].filter((route) => {
    return route.family === 4 && (route.destination === undefined || route.destination.prefixLength === 0);
  });
  const sorted = found.sort((one, other) => (one.metric ?? 0) - (other.metric ?? 0));
  return sorted.map(({ gateway }) => String(gateway));
}

test('a service that may never be the default hands it over and has no default route', withScope(async (context) => {
  const bench = await twoUplinks(context);
  assert.is(bench.core.services.default?.identifier, ONE);
  assert.equal(defaultsOf(bench), ['192.0.1.1', '192.0.2.1']);
  await set(bench, PATH, `${SERVICE}/NeverDefault`, variant('s', 'yes'));
  assert.is(bench.core.services.default?.identifier, TWO);
  assert.equal(defaultsOf(bench), ['192.0.2.1']);
  assert.equal(bench.core.services.list.map(({ identifier }) => identifier), [TWO, ONE]);
  assert.match(bench.files.get('causeway/services') ?? '', 'NeverDefault=yes');
  const [, about] = await bench.client.proxy(causewayServiceInterface, 'net.connman', PATH).Explain();
  assert.is(about?.get('Cause')?.value, 'neverDefault');

  bench.core.services.get(TWO)?.disconnect();
  await bench.settled();
  assert.is(bench.core.services.default, undefined, 'not even when it is alone');
  assert.equal(defaultsOf(bench), []);
  await set(bench, PATH, `${SERVICE}/NeverDefault`, variant('s', 'auto'));
  assert.is(bench.core.services.default?.identifier, ONE);
  assert.equal(defaultsOf(bench), ['192.0.1.1']);
}));

test('a technology decides for those that say nothing', withScope(async (context) => {
  const bench = await twoUplinks(context);
  await set(bench, PATH, `${SERVICE}/NeverDefault`, variant('s', 'no'));
  const path = '/net/connman/technology/ethernet';
  await set(bench, path, `${causewayTechnologyInterface.name}/NeverDefault`, variant('b', true));
  assert.is(bench.core.services.default?.identifier, ONE);
  assert.equal(defaultsOf(bench), ['192.0.1.1']);
  await set(bench, path, `${causewayTechnologyInterface.name}/NeverDefault`, variant('b', false));
  assert.equal(defaultsOf(bench), ['192.0.1.1', '192.0.2.1']);
}));

test('the online check is turned off and on at run time', withScope(async (context) => {
  const bench = await twoUplinks(context, 'OnlineCheckIPv4URL=ftp://192.0.2.80/');
  await context.clock.advance(0);
  await bench.settled();
  const checkOf = (): unknown => bench.core.services.get(ONE)?.inUse.lastCheck?.outcome.kind;
  assert.is(checkOf(), 'failed');
  await set(bench, PATH, `${SERVICE}/CheckOnline`, variant('s', 'no'));
  assert.is(checkOf(), undefined);
  await context.clock.advance(60_000);
  await bench.settled();
  assert.is(checkOf(), undefined, 'nothing is asked any more');
  assert.is(bench.core.services.get(TWO)?.inUse.lastCheck?.outcome.kind, 'failed', 'the other is');
  await set(bench, PATH, `${SERVICE}/CheckOnline`, variant('s', 'auto'));
  await context.clock.advance(0);
  await bench.settled();
  assert.is(checkOf(), 'failed');

  await set(bench, '/', `${causewayManagerInterface.name}/OnlineCheck`, variant('b', false));
  assert.equal(bench.core.services.list.map(({ inUse }) => inUse.lastCheck), [undefined, undefined]);
  const [, , about] = await bench.client.proxy(causewayServiceInterface, 'net.connman', PATH).Explain();
  assert.is(about?.get('Cause')?.value, 'checkOffHere');
}));

test('what makes no sense is refused', withScope(async (context) => {
  const bench = await twoUplinks(context);
  const refused = async (name: string, text: string): Promise<void> => {
    const outcome = await set(bench, PATH, `${SERVICE}/${name}`, variant('s', text)).then(() => 'set', String);
    assert.match(outcome, 'Invalid arguments', `${name}=${text}`);
  };
  await refused('NeverDefault', 'perhaps');
  await refused('CheckOnline', '');
  for (const name of ['', '-x', 'a..b', 'a b', 'x'.repeat(64), '$(reboot)']) await refused('SendHostname', name);
  for (const flags of ['all', 'signal,fullmesh', '']) await refused('MPTCP', flags);
  await set(bench, PATH, `${SERVICE}/SendHostname`, variant('s', 'box.example.org'));
  assert.is(bench.core.services.choices.hostnameFor({ identifier: ONE, type: 'ethernet' }, 'host'), 'box.example.org');
  assert.is(bench.core.services.choices.hostnameFor({ identifier: TWO, type: 'ethernet' }, 'host'), 'host');
}));

test.run();
