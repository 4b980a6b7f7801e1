/** An adapter that goes and comes while iwd runs: another one to iwd, the same services to us. */

import { test } from 'uvu';
import * as assert from 'uvu/assert';
import { managerInterface } from '../../../../src/dbus/interfaces/manager.ts';
import { variant } from '../../../../src/dbus/signature.ts';
import { FAVORITE, HOME, type IwdBench, iwdBench, settled } from '../../../helpers/iwd-bench.ts';
import { withScope } from '../../../helpers/with-scope.ts';

const addRadio = ({ bench }: IwdBench): void => {
  bench.kernel.addLink({ name: 'wlan0', hardwareAddress: Uint8Array.of(2, 0, 0, 0, 0, 10), isUp: true });
};

test('taken out and put in: the favourite is joined, whoever tells of it first', withScope(async (context) => {
  const both = await iwdBench(context, { files: FAVORITE });
  const { bench, daemon } = both;
  const steps = [
    [() => bench.kernel.removeLink('wlan0'), () => daemon.takeOut(), () => daemon.putIn(), () => addRadio(both)],
    [() => daemon.takeOut(), () => bench.kernel.removeLink('wlan0'), () => addRadio(both), () => daemon.putIn()],
  ];
  for (const [first, second, third, fourth] of steps) {
    assert.is(bench.state(HOME)[0], 'ready');
    daemon.hear(-55); // it is being measured
    first?.();
    await settled(bench);
    second?.();
    await settled(bench);
    assert.is(bench.core.services.list.length, 0);
    third?.();
    await settled(bench);
    fourth?.();
    await settled(bench);
    assert.not(daemon.calls.includes('died'));
  }
  assert.equal(bench.state(HOME), ['ready', undefined]);
}));

test('offline for a while', withScope(async (context) => {
  const { bench, daemon } = await iwdBench(context, { files: FAVORITE });
  const manager = bench.client.proxy(managerInterface, 'net.connman', '/');
  await manager.SetProperty({ name: 'OfflineMode', value: variant('b', true) });
  await settled(bench);
  assert.equal([daemon.isPowered, bench.core.services.list.length], [false, 0]);
  await manager.SetProperty({ name: 'OfflineMode', value: variant('b', false) });
  await settled(bench);
  assert.equal([daemon.isPowered, bench.state(HOME)[0]], [true, 'ready']);
}));

test.run();
