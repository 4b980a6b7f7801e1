/** NetworkManager's name, State and signals, as programs that know no other see them. */

import { test } from 'uvu';
import * as assert from 'uvu/assert';
import { nmcompat, stateOf } from '../../../plugins/nmcompat.ts';
import { propertiesInterface } from '../../../src/dbus/interfaces/freedesktop.ts';
import { coreBench } from '../../helpers/core-bench.ts';
import { withScope } from '../../helpers/with-scope.ts';

const NAME = 'org.freedesktop.NetworkManager';
const PATH = '/org/freedesktop/NetworkManager';
const IDENTIFIER = 'ethernet_020000000002_cable';
const STORED = `[${IDENTIFIER}]\nAutoConnect=true\nIPv4.method=manual\nIPv4.netmask_prefixlen=24
IPv4.local_address=192.0.2.10\nIPv4.gateway=192.0.2.1\n`;

test('the numbers of NMState', () => {
  const states = ['idle', 'association', 'configuration', 'ready', 'online', 'disconnect', 'failure'] as const;
  assert.equal(states.map((state) => stateOf(false, { state })), [20, 40, 40, 50, 70, 30, 20]);
  assert.equal([stateOf(false, undefined), stateOf(true, { state: 'online' })], [20, 10]);
});

test('State and its signals follow the default service and the offline mode', withScope(async (context) => {
  const options = { files: { [`${IDENTIFIER}/settings`]: STORED }, mainConf: 'OnlineCheckMode=none' };
  const { core, kernel, client, settled } = await coreBench(context, options);
  const signals: string[] = [];
  const match = { sender: NAME, interface: NAME };
  await nmcompat.start(core, context.scope);
  await client.onSignal(match, context.scope, ({ path, member, body: [value] }) => {
    assert.is(path, PATH);
    signals.push(`${member} ${value instanceof Map ? value.get('State')?.value : value}`);
  });
  const properties = client.proxy(propertiesInterface, NAME, PATH);
  const state = async (): Promise<unknown> =>
    (await properties.Get({ interface_name: NAME, property_name: 'State' })).as('u');
  assert.is(await state(), 20);
  const all = await properties.GetAll({ interface_name: NAME });
  assert.equal([...all].map(([name, { value }]) => [name, value]), [['State', 20]]);
  kernel.addLink({ name: 'eth0' });
  await settled();
  kernel.setCarrier('eth0', true);
  await settled();
  assert.is(await state(), 50);
  assert.equal(signals.splice(0), ['StateChanged 50', 'PropertiesChanged 50']);
  await core.technologies.setOffline(true);
  await settled();
  assert.is(await state(), 10);
  assert.ok(signals.includes('StateChanged 10'), signals.join());
  await core.technologies.setOffline(false);
  await settled();
  assert.ok([20, 50].includes(Number(await state())));
}));

test('NetworkManager itself is left its name', withScope(async (context) => {
  const { core, client } = await coreBench(context);
  assert.ok(await client.requestName(NAME, context.scope));
  await nmcompat.start(core, context.scope);
  const names = await core.bus.requestName(NAME, context.scope);
  assert.is(names, false);
}));

test.run();
