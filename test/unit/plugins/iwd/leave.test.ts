/** What iwd 2.3 does not survive: a connection that ends while it asks the kernel of it, a device gone meanwhile. */

import { test } from 'uvu';
import * as assert from 'uvu/assert';
import { technologyInterface } from '../../../../src/dbus/interfaces/technology.ts';
import { variant } from '../../../../src/dbus/signature.ts';
import { FAVORITE, HOME, iwdBench, settled } from '../../../helpers/iwd-bench.ts';
import { groupOf } from '../../../helpers/wifi-bench.ts';
import { withScope } from '../../../helpers/with-scope.ts';

test('left while it is measured, iwd lives: it has answered before', withScope(async (context) => {
  const { bench, daemon } = await iwdBench(context, { files: FAVORITE });
  for (let turns = 0; turns < 8; turns++) {
    daemon.hear(-50 - turns);
    for (let turn = 0; turn < turns; turn++) await new Promise(setImmediate);
    await bench.service(HOME).Disconnect();
    await settled(bench);
    assert.not(daemon.calls.includes('died'), `after ${turns} turns`);
    daemon.hear(-50 - turns);
    const joined = bench.service(HOME).Connect().catch(() => undefined);
    for (let turn = 0; turn < turns; turn++) await new Promise(setImmediate);
    const other = bench.service(groupOf('cafe', 'none')).Connect().catch(() => undefined); // gets no address here
    await settled(bench);
    await joined;
    assert.not(daemon.calls.includes('died'), `after ${turns} turns`);
    await bench.service(HOME).Connect();
    await other;
    await settled(bench);
    assert.is(bench.state(HOME)[0], 'ready', `after ${turns} turns`);
  }
}));

test('iwd has left before its device is turned off, and before that is an access point', withScope(async (context) => {
  const { bench, daemon } = await iwdBench(context, { files: FAVORITE });
  const technology = bench.client.proxy(technologyInterface, 'net.connman', '/net/connman/technology/wifi');
  await technology.SetProperty({ name: 'TetheringIdentifier', value: variant('s', 'ours') });
  await technology.SetProperty({ name: 'TetheringPassphrase', value: variant('s', 'long enough') });
  for (const [name, isOn] of [['Powered', false], ['Tethering', true]] as const) {
    daemon.calls.length = 0;
    await technology.SetProperty({ name, value: variant('b', isOn) });
    assert.ok(daemon.calls.includes('Disconnect'), name);
    await technology.SetProperty({ name, value: variant('b', !isOn) });
    await settled(bench);
    assert.is(bench.state(HOME)[0], 'ready', name);
  }
}));

test.run();
