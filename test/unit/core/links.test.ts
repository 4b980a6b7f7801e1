/**
 * Links that depend on others: VLANs over a parent that is down, members of a bond.
 */

import { test } from 'uvu';
import * as assert from 'uvu/assert';
import { coreBench, type CoreBench } from '../../helpers/core-bench.ts';
import { withScope } from '../../helpers/with-scope.ts';

const MAC = Uint8Array.of(2, 0, 0, 0, 0, 1);
const NO_CHECK = 'OnlineCheckMode=none';

const identifiers = ({ core }: CoreBench): string[] => core.services.list.map(({ identifier }) => identifier);

test(
  'a VLAN that its parent keeps down is a service once both are up',
  withScope(async (context) => {
    const bench = await coreBench(context, { mainConf: NO_CHECK });
    bench.kernel.failNext('link.setUp', 'ENETDOWN');
    const { ifindex } = bench.kernel.addLink({
      name: 'eth0.7', kind: 'vlan', vlanId: 7, parentIfindex: 99, hardwareAddress: MAC,
    });
    await bench.settled();
    assert.is(bench.core.technologies.get('ethernet')?.isPowered, true);
    assert.equal(identifiers(bench), []);
    await bench.kernel.link.setUp(ifindex);
    bench.kernel.setCarrier('eth0.7', true);
    await bench.settled();
    assert.equal(identifiers(bench), ['ethernet_020000000001_007_cable']);
  }),
);

test(
  'a cable that cannot be taken up is no service',
  withScope(async (context) => {
    const bench = await coreBench(context, { mainConf: NO_CHECK });
    bench.kernel.failNext('link.setUp', 'ENETDOWN');
    bench.kernel.addLink({ name: 'eth0', hardwareAddress: MAC });
    await bench.settled();
    assert.is(bench.core.technologies.get('ethernet')?.isPowered, false);
  }),
);

test(
  'a link has no service while it is a member of a bond',
  withScope(async (context) => {
    const bench = await coreBench(context, { mainConf: NO_CHECK });
    const { ifindex } = bench.kernel.addLink({ name: 'eth0', hardwareAddress: MAC });
    await bench.settled();
    bench.kernel.setCarrier('eth0', true);
    await bench.settled();
    assert.equal(identifiers(bench), ['ethernet_020000000001_cable']);
    const hardwareAddress = Uint8Array.of(2, 0, 0, 0, 0, 9);
    const bond = bench.kernel.addLink({ name: 'bond0', kind: 'bond', hardwareAddress });
    await bench.kernel.link.setMaster(ifindex, bond.ifindex);
    await bench.settled();
    assert.equal(identifiers(bench), []);
    bench.kernel.setCarrier('bond0', true);
    await bench.settled();
    assert.equal(identifiers(bench), ['ethernet_020000000009_cable']);
    await bench.kernel.link.setMaster(ifindex, 0);
    await bench.settled();
    assert.equal(identifiers(bench).toSorted(), ['ethernet_020000000001_cable', 'ethernet_020000000009_cable']);
  }),
);

test.run();
