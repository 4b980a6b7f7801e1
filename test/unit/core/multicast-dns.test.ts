/** mDNS of a service: on where it is wanted, connected, and something the DNS backend can do. */

import { test } from 'uvu';
import * as assert from 'uvu/assert';
import { coreBench } from '../../helpers/core-bench.ts';
import { withScope } from '../../helpers/with-scope.ts';

const MAC = Uint8Array.of(2, 0, 0, 0, 0, 1);
const SERVICE = 'ethernet_020000000001_cable';
const files = {
  [`${SERVICE}/settings`]: `[${SERVICE}]
AutoConnect=true
IPv4.method=manual
IPv4.netmask_prefixlen=24
IPv4.local_address=192.0.2.10
mDNS=true
`,
};

for (const canMulticastDns of [true, false]) {
  test(`a backend that ${canMulticastDns ? 'can' : 'cannot'}`, withScope(async (context) => {
    const bench = await coreBench(context, { mainConf: 'OnlineCheckMode=none', files, canMulticastDns });
    const told = (): string[] => bench.signals.filter((line) => line.includes(' mDNS ')).splice(0);
    bench.kernel.addLink({ name: 'eth0', hardwareAddress: MAC });
    await bench.settled();
    bench.kernel.setCarrier('eth0', true);
    await bench.settled();
    const service = bench.core.services.get(SERVICE);
    assert.is(service?.inUse.isMulticastDns, canMulticastDns);
    assert.is(bench.dns.current?.links[0]?.isMulticastDnsWanted, true, 'the backend decides for itself');
    assert.equal(told(), canMulticastDns ? [`Service ${SERVICE} mDNS true`] : []);
    service?.configure({ mdns: false });
    await bench.settled();
    assert.is(service?.inUse.isMulticastDns, false);
    assert.is(bench.dns.current?.links[0]?.isMulticastDnsWanted, false);
    assert.is(told().at(-1), canMulticastDns ? `Service ${SERVICE} mDNS false` : undefined);
  }));
}

test.run();
