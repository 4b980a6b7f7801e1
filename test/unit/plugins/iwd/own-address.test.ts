/** Addresses of our own over iwd, whatever else is chosen while they change. */

import { test } from 'uvu';
import * as assert from 'uvu/assert';
import { causewayServiceInterface } from '../../../../src/dbus/interfaces/causeway-service.ts';
import { propertiesInterface } from '../../../../src/dbus/interfaces/freedesktop.ts';
import { variant } from '../../../../src/dbus/signature.ts';
import { FAVORITE, HOME, iwdBench, settled } from '../../../helpers/iwd-bench.ts';
import { groupOf, storedNetwork, wifiIdentifier } from '../../../helpers/wifi-bench.ts';
import { withScope } from '../../../helpers/with-scope.ts';

const CAFE_GROUP = groupOf('cafe', 'none');

test('whatever is chosen while the address changes, what was chosen last is joined', withScope(async (context) => {
  const files = { ...FAVORITE, ...storedNetwork(CAFE_GROUP, ['Favorite=true', 'AutoConnect=true']) };
  const { bench, daemon } = await iwdBench(context, { files });
  const path = `/net/connman/service/${wifiIdentifier(CAFE_GROUP)}`;
  const choose = (value: string): Promise<void> => bench.client.proxy(propertiesInterface, 'net.connman', path).Set({
    interface_name: causewayServiceInterface.name, property_name: 'MACAddressPolicy', value: variant('s', value),
  });
  for (let turns = 0; turns < 60; turns++) {
    await choose(turns % 2 === 0 ? 'random' : 'permanent');
    await bench.service(turns % 4 < 2 ? CAFE_GROUP : HOME).Disconnect().catch(() => undefined);
    for (let turn = 0; turn < turns; turn++) await new Promise(setImmediate);
    const joined = bench.service(CAFE_GROUP).Connect().then(() => 'joined', (error: Error) => error.name);
    await settled(bench);
    await settled(bench);
    const outcome = await Promise.race([joined, Promise.resolve('nothing')]);
    assert.match(outcome, /^joined$|AlreadyConnected$|InProgress$/, `after ${turns} turns`);
    assert.equal([bench.state(CAFE_GROUP)[0], bench.state(HOME)[0]], ['ready', 'idle'], `after ${turns} turns`);
  }
  assert.not(daemon.calls.includes('died'));
}));

test.run();
