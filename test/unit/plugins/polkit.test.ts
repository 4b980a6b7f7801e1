/** polkit's say in what callers may do, over a bus in memory with a stand-in for polkit. */

import { test } from 'uvu';
import * as assert from 'uvu/assert';
import { polkit } from '../../../plugins/polkit.ts';
import type { Bus } from '../../../src/dbus/bus.ts';
import { clockInterface } from '../../../src/dbus/interfaces/clock.ts';
import { managerInterface } from '../../../src/dbus/interfaces/manager.ts';
import { polkitAuthorityInterface } from '../../../src/dbus/interfaces/polkit.ts';
import { propertiesInterface } from '../../../src/dbus/interfaces/freedesktop.ts';
import { variant } from '../../../src/dbus/signature.ts';
import { createScope, type Scope } from '../../../src/shared/scope.ts';
import { coreBench, type CoreBench } from '../../helpers/core-bench.ts';
import { withScope, type TestContext } from '../../helpers/with-scope.ts';

const NAME = 'org.freedesktop.PolicyKit1';

/** A polkit that answers as told. */
interface Authority {
  verdict: boolean | Promise<boolean>;
  readonly asked: string[];
  readonly cancelled: string[];
}

async function judged(context: TestContext): Promise<CoreBench & { readonly authority: Authority }> {
  const bench = await coreBench(context);
  await polkit.start(bench.core, context.scope);
  const authority: Authority = { verdict: true, asked: [], cancelled: [] };
  const bus = await bench.connect(context.scope);
  bus.export('/org/freedesktop/PolicyKit1/Authority', polkitAuthorityInterface, {
    methods: {
      CheckAuthorization: async ({ subject: [kind, details], action_id: action, flags }) => {
        authority.asked.push(`${kind} ${details.get('name')?.value} ${action} ${flags}`);
        return [await authority.verdict, false, new Map<string, string>()] as const;
      },
      CancelCheckAuthorization: ({ cancellation_id: id }) => void authority.cancelled.push(id),
    },
  }, context.scope);
  assert.ok(await bus.requestName(NAME, context.scope));
  return { ...bench, authority };
}

/** '' or the name of the error. */
async function outcome(call: Promise<unknown>): Promise<string> {
  return call.then(() => '', (error: unknown) => (error instanceof Error ? error.name : String(error)));
}

const managerOf = (bus: Bus) => bus.proxy(managerInterface, 'net.connman', '/');
const setOffline = (bus: Bus, value: boolean): Promise<string> =>
  outcome(managerOf(bus).SetProperty({ name: 'OfflineMode', value: variant('b', value) }));

test('reading needs nothing', withScope(async (context) => {
  const { client, authority } = await judged(context);
  authority.verdict = false;
  await managerOf(client).GetProperties();
  await managerOf(client).GetServices();
  await managerOf(client).GetTechnologies();
  const properties = client.proxy(propertiesInterface, 'net.connman', '/');
  await properties.GetAll({ interface_name: 'net.connman.Manager' });
  assert.equal(authority.asked, []);
}));

test('who changes something is judged by name, and an agent may ask the user', withScope(async (context) => {
  const { client, authority, core } = await judged(context);
  assert.is(await setOffline(client, true), '');
  assert.is(core.technologies.isOffline, true);
  assert.equal(authority.asked, [`system-bus-name ${client.uniqueName} net.connman.modify 1`]);
  authority.verdict = false;
  assert.is(await setOffline(client, false), 'net.connman.Error.PermissionDenied');
  assert.is(core.technologies.isOffline, true, 'the handler did not run');
}));

test('agents, sessions, services, technologies, and the standard way to set a property', withScope(async (context) => {
  const { client, authority } = await judged(context);
  authority.verdict = false;
  const manager = managerOf(client);
  const properties = client.proxy(propertiesInterface, 'net.connman', '/');
  const value = variant('b', true);
  const calls = [
    manager.RegisterAgent({ path: '/agent' }),
    manager.CreateSession({ settings: new Map(), notifier: '/n' }),
    properties.Set({ interface_name: 'net.connman.Manager', property_name: 'OfflineMode', value }),
  ];
  for (const call of calls) assert.is(await outcome(call), 'net.connman.Error.PermissionDenied');
  assert.is(authority.asked.length, calls.length);
}));

test('a secret needs more', withScope(async (context) => {
  const { client, authority } = await judged(context);
  const value = variant('s', 'correct horse');
  const { SetProperty } = client.proxy(managerInterface, 'net.connman', '/');
  await outcome(SetProperty({ name: 'TetheringPassphrase', value }));
  assert.equal(authority.asked, [`system-bus-name ${client.uniqueName} net.connman.secret 1`]);
}));

test('a question is withdrawn when its caller leaves', withScope(async (context) => {
  const { authority, connect, settled } = await judged(context);
  const guest: Scope = createScope();
  let decide: () => void = () => undefined;
  authority.verdict = new Promise((resolve) => {
    decide = () => resolve(true);
  });
  const pending = setOffline(await connect(guest), true);
  await settled();
  assert.is(authority.asked.length, 1);
  await guest.close();
  await settled();
  assert.is(authority.cancelled.length, 1);
  decide();
  await settled();
  void pending;
}));

test('without polkit, and nobody known to be root: no', withScope(async (context) => {
  const bench = await coreBench(context);
  await polkit.start(bench.core, context.scope);
  assert.is(await setOffline(bench.client, true), 'net.connman.Error.PermissionDenied');
  const clock = bench.client.proxy(clockInterface, 'net.connman', '/');
  assert.is(await outcome(clock.GetProperties()), 'org.freedesktop.DBus.Error.UnknownMethod', 'not served here');
}));

test.run();
