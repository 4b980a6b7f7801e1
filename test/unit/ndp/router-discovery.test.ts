/** The driver: what it hears, what failing sends do, and that nothing is left behind. */

import { test } from 'uvu';
import * as assert from 'uvu/assert';
import { startRouterDiscovery, type RouterInformation } from '../../../src/ndp/router-discovery.ts';
import { SystemError } from '../../../src/shared/errors.ts';
import { formatHex } from '../../../src/shared/bytes.ts';
import { heapInUse, interpretOnly } from '../../helpers/heap.ts';
import { withScope, type TestContext } from '../../helpers/with-scope.ts';
import { hex, readVector } from '../dhcp/battery.ts';
import { FakeInet, ip6 } from '../dhcp/fake-inet.ts';
import { countingRandom } from '../dhcp/life.ts';

interpretOnly();

const OPTIONS = { ifindex: 7, name: 'eth0', hardwareAddress: hex('02005e005301') };
const HEARD = readVector('ndp-advertisement-radvd');

function fixture({ clock, scope, watch }: TestContext) {
  const link = new FakeInet((bytes) => formatHex(bytes));
  const changes: RouterInformation[] = [];
  let silences = 0;
  const own = scope.child();
  const discovery = startRouterDiscovery(OPTIONS, { system: link.system, clock, random: countingRandom() }, own);
  discovery.changed.observe(scope, (information) => void changes.push(information));
  discovery.silent.observe(scope, () => void silences++);
  watch('sockets', () => link.sockets.size);
  return { link, changes, discovery, own, silences: () => silences };
}

test('it asks all routers of the link, and hears one', withScope(async (context) => {
  const { link, changes, discovery, own } = fixture(context);
  assert.is(link.sent.length, 0, 'the first message leaves with the next turn of the loop');
  await context.clock.advance(0);
  assert.equal(link.sent, [{ message: '8500000000000000010102005e005301', to: 'ff02::2:0%7' }]);
  assert.equal([...link.sockets].map(({ options }) => options), [
    { family: 6, protocol: 58, device: 'eth0', icmpv6Types: [134], hopLimit: 255 },
  ]);
  assert.is(discovery.current, undefined);
  link.deliver(HEARD);
  assert.is(changes.length, 1);
  assert.equal(discovery.current?.routers.map(({ address }) => String(address)), ['fe80::5eff:fe00:5302']);
  assert.equal(discovery.current?.searchDomains.map(({ name }) => name), ['example.org', 'lab.example.org']);
  await own.close();
  assert.is(link.sockets.size, 0);
}));

test('what comes from off the link, is cut or is broken is not heard', withScope(async (context) => {
  const { link, changes } = fixture(context);
  await context.clock.advance(0);
  link.deliver(HEARD, { hopLimit: 254 });
  link.deliver(HEARD, { hopLimit: -1 });
  link.deliver(HEARD, { address: ip6('2001:db8::1') });
  link.deliver(HEARD, { address: ip6('::') });
  for (let length = 0; length < 16; length++) link.deliver(HEARD.slice(0, length));
  link.deliver(hex('8600000040000708 0000000000000000 0300'));
  assert.is(changes.length, 0);
}));

test('without an address to send from it listens, and tries again soon', withScope(async (context) => {
  const { link, changes } = fixture(context);
  link.sendFailure = 'EADDRNOTAVAIL';
  await context.clock.advance(50);
  assert.is(link.sockets.size, 1);
  assert.ok(link.deliver(HEARD), 'others asked');
  assert.is(changes.length, 1);
}));

test('a link that is down is tried again, and asked at once when told', withScope(async (context) => {
  const { link, discovery } = fixture(context);
  link.sendFailure = 'ENETDOWN';
  link.openFailure = 'ENODEV';
  await context.clock.advance(60_000);
  assert.is(link.sockets.size, 0);
  link.sendFailure = undefined;
  link.openFailure = undefined;
  discovery.solicit();
  assert.is(link.sent.length, 1);
  assert.is(link.sockets.size, 1);
  const [socket] = link.sockets;
  socket?.onError(new SystemError('ENETDOWN', 100, 'recvmmsg', 'Network is down'));
}));

test('silence is told once', withScope(async (context) => {
  const { silences } = fixture(context);
  await context.clock.advance(600_000);
  assert.is(silences(), 1);
}));

test('thirty days of advertisements: one timer, one socket, a flat heap', withScope(async (context) => {
  const { clock } = context;
  const { link, changes, discovery } = fixture(context);
  await clock.advance(0);
  let early = 0;
  for (let count = 0; count < 30 * 24 * 6; count++) {
    link.deliver(HEARD);
    await clock.advance(600_000);
    changes.splice(0);
    link.sent.splice(0);
    assert.equal([clock.pending().length, link.sockets.size], [1, 1]);
    if (count === 500) early = heapInUse();
  }
  assert.is(discovery.current?.routers.length, 1);
  const grown = heapInUse() - early;
  assert.ok(grown < 500_000, `the heap has grown by ${grown} bytes`);
}));

test.run();
