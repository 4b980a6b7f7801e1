/** A connection of the VPN daemon as a service: what its answers to Connect mean, and when its kill switch closes. */

import { test } from 'uvu';
import * as assert from 'uvu/assert';
import { VpnConnection } from '../../../plugins/vpn/connection.ts';
import { KillSwitches } from '../../../plugins/vpn/kill-switch.ts';
import type { Service } from '../../../src/api.ts';
import { DBusError } from '../../../src/dbus/errors.ts';
import { variant } from '../../../src/dbus/signature.ts';
import { coreBench, plugCable, staticCable } from '../../helpers/core-bench.ts';
import type { FakeKernel } from '../../helpers/fake-kernel.ts';
import { withScope, type TestContext } from '../../helpers/with-scope.ts';

interface Attempt {
  readonly kernel: FakeKernel;
  readonly service: Service;
  /** What the daemon tells. */
  readonly connection: VpnConnection;
  /** The index of the tunnel's link. */
  readonly ifindex: number;
  settled(): Promise<void>;
}

/** A cable that is ready, and a connection whose Connect is answered by `answer`. */
async function withConnection(context: TestContext, answer: (tell: (state: string) => void) => void): Promise<Attempt> {
  const bench = await coreBench(context, { mainConf: 'OnlineCheckMode=none', files: staticCable() });
  const { core, kernel, settled } = bench;
  await plugCable(bench);
  await kernel.link.add({ kind: 'dummy', name: 'vpn0' });
  const ifindex = kernel.mirror.linkByName('vpn0')?.ifindex ?? 0;
  await kernel.link.setUp(ifindex);
  const nothing = async (): Promise<void> => undefined;
  const connect = async (): Promise<void> => answer((state) => connection?.change('State', variant('s', state)));
  const connection = VpnConnection.add({
    ident: 'office',
    proxy: {
      GetProperties: async () => new Map(),
      SetProperty: nothing, ClearProperty: nothing, Disconnect: nothing,
      Connect: connect, Connect2: connect,
    },
    core,
    properties: new Map(Object.entries({
      State: variant('s', 'idle'), Type: variant('s', 'openvpn'), Name: variant('s', 'Office'),
      Host: variant('s', '192.0.2.1'), Domain: variant('s', ''),
    })),
    killSwitches: new KillSwitches(kernel, { confine: () => undefined }),
  }, context.scope);
  const service = connection?.service;
  if (connection === undefined || service === undefined) throw new Error('there is no service');
  return { kernel, connection, service, ifindex, settled };
}

const aborted = new DBusError('net.connman.Error.OperationAborted', 'Operation aborted');

test('an attempt that is called aborted and goes on all the same', withScope(async (context) => {
  const { connection, service, ifindex, settled } = await withConnection(context, (tell) => {
    tell('configuration');
    throw aborted;
  });
  const connected = service.connect('user');
  await settled();
  assert.is(service.state, 'association');
  connection.change('Index', variant('i', ifindex));
  connection.change('IPv4', variant('a{sv}', new Map([['Address', variant('s', '10.66.0.2')]])));
  connection.change('State', variant('s', 'ready'));
  await connected;
  assert.is(service.state, 'ready');
}));

test('one that is aborted', withScope(async (context) => {
  const { service } = await withConnection(context, () => {
    throw aborted;
  });
  await service.connect('user').then(() => assert.unreachable(), () => undefined);
  assert.is(service.state, 'failure');
}));

test('one that goes on and then ends', withScope(async (context) => {
  const { connection, service, settled } = await withConnection(context, (tell) => {
    tell('configuration');
    throw aborted;
  });
  const connected = service.connect('user').then(() => 'connected', () => 'refused');
  await settled();
  connection.change('State', variant('s', 'failure'));
  assert.is(await connected, 'refused');
  assert.is(service.state, 'failure');
}));

const isClosed = async (kernel: FakeKernel): Promise<boolean> => (await kernel.rule.list(4)).length > 0;

const CLOSED = 'a kill switch is closed before the daemon is asked, and after, until the user has enough';
test(CLOSED, withScope(async (context) => {
  const seen: Promise<boolean>[] = [];
  const { kernel, connection, service, settled } = await withConnection(context, () => {
    seen.push(isClosed(kernel));
    throw new DBusError('net.connman.Error.Failed', 'no');
  });
  connection.change('VPN.KillSwitch', variant('s', 'true'));
  await settled();
  assert.not.ok(await isClosed(kernel), 'nobody wants it');
  await service.connect('user').then(() => assert.unreachable(), () => undefined);
  assert.equal(await Promise.all(seen), [true]);
  assert.equal([service.state, await isClosed(kernel)], ['failure', true]);
  assert.throws(() => service.disconnect(), /Not connected/);
  await settled();
  assert.not.ok(await isClosed(kernel));
}));

test.run();
