/** iwd dies where a connection ends while it asks the kernel about it: it is not made to. */

import { test } from 'uvu';
import * as assert from 'uvu/assert';
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

test.run();
