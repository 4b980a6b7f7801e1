/** The search for a PAC file (WPAD): used when it is quick, waited for no longer than a moment when it is not. */

import { test } from 'uvu';
import * as assert from 'uvu/assert';
import { Device } from '../../../src/device.ts';
import { Proxies } from '../../../src/proxy.ts';
import { LinkProxy } from '../../../src/service/link-proxy.ts';
import { SystemError } from '../../../src/shared/errors.ts';
import { setLogSink } from '../../../src/shared/log.ts';
import { settle } from '../../helpers/fake-clock.ts';
import { fakeKernel } from '../../helpers/fake-kernel.ts';
import { testSystem } from '../../helpers/system.ts';
import { withScope, type TestContext } from '../../helpers/with-scope.ts';
import { ip } from '../dhcp/life.ts';
import { FakeServers, recordOf, type Received } from '../dns/fake-servers.ts';

const PAGE = 'http://192.0.2.80/';

function searching({ clock, scope, watch }: TestContext): { proxy: LinkProxy; servers: FakeServers; told: boolean[] } {
  const loud = setLogSink(() => undefined);
  scope.defer(() => void setLogSink(loud));
  const servers = new FakeServers();
  watch('sockets', () => servers.openSockets);
  const device = new Device('ethernet', fakeKernel().addLink({ name: 'eth0' }), scope);
  const proxy = new LinkProxy({
    identifier: 'wired',
    device,
    chosen: () => undefined,
    offeredUrl: () => undefined,
    domain: () => 'lan.test',
    addresses: () => [ip('192.0.2.10')],
    nameservers: () => [ip('192.0.2.53')],
  }, {
    system: { ...testSystem(), ...servers.system, tcpStream: unreachable },
    clock,
    random: { u32: () => 7, fraction: () => 0.5 },
    proxies: new Proxies({ clock }),
    version: 'test',
  }, scope);
  const told: boolean[] = [];
  proxy.changed.observe(scope, ({ isLate }) => told.push(isLate));
  return { proxy, servers, told };
}

const unreachable = (): never => {
  throw new SystemError('ENETUNREACH', 101, 'connect', 'Network is unreachable');
};

const address = ({ query, answer }: Received): void =>
  answer({ answers: [recordOf(query.questions[0]?.name ?? '', 1, { kind: 'address', address: ip('192.0.2.7') })] });

test('a PAC file that is found at once is in force for the first request', withScope(async (context) => {
  const { proxy, servers, told } = searching(context);
  servers.onQuery = address;
  await proxy.find(PAGE, context.scope.signal);
  assert.equal(proxy.settings, { method: 'auto', url: 'http://wpad.lan.test/wpad.dat' });
  assert.equal(told, [false]);
}));

test('a name server that is silent holds nobody up; what it says later is told', withScope(async (context) => {
  const { proxy, servers, told } = searching(context);
  let isOver = false;
  const first = proxy.find(PAGE, context.scope.signal).then(() => void (isOver = true));
  await context.clock.advance(200);
  assert.is(isOver, false);
  await context.clock.advance(200);
  assert.is(isOver, true);
  await first;
  await proxy.find(PAGE, context.scope.signal);
  const [asked] = servers.received;
  if (asked !== undefined) address(asked);
  await settle();
  assert.equal(told, [true]);
  assert.equal(proxy.settings, { method: 'auto', url: 'http://wpad.lan.test/wpad.dat' });
}));

test.run();
