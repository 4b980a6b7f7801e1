/** A user's connection that fails: the agent is told and decides. */

import { test } from 'uvu';
import * as assert from 'uvu/assert';
import { DBusError } from '../../../src/dbus/errors.ts';
import { agentInterface } from '../../../src/dbus/interfaces/agent.ts';
import { managerInterface } from '../../../src/dbus/interfaces/manager.ts';
import { serviceInterface } from '../../../src/dbus/interfaces/service.ts';
import { coreBench, type CoreBench } from '../../helpers/core-bench.ts';
import { withScope, type TestContext } from '../../helpers/with-scope.ts';

const SERVICE = 'ethernet_020000000001_cable';
const PATH = `/net/connman/service/${SERVICE}`;
const FILES = {
  [`${SERVICE}/settings`]:
    `[${SERVICE}]\nAutoConnect=false\nIPv4.method=manual\nIPv4.netmask_prefixlen=24\nIPv4.local_address=192.0.2.10\n`,
};

/** A plugged cable that waits for a user, and a kernel that will refuse its address `times` times. */
async function failing(context: TestContext, times: number): Promise<CoreBench> {
  const bench = await coreBench(context, { mainConf: 'OnlineCheckMode=none', files: FILES });
  bench.kernel.addLink({ name: 'eth0', hardwareAddress: Uint8Array.of(2, 0, 0, 0, 0, 1) });
  await bench.settled();
  bench.kernel.setCarrier('eth0', true);
  await bench.settled();
  bench.kernel.failNext('address.add', 'EACCES', times);
  return bench;
}

/** Registers an agent that treats errors as `answer` says; what it heard, oldest first. */
async function serveAgent({ client }: CoreBench, context: TestContext, answer: () => Promise<void>): Promise<string[]> {
  const heard: string[] = [];
  client.export('/agent', agentInterface, {
    methods: {
      Release: () => void heard.push('Release'),
      Cancel: () => void heard.push('Cancel'),
      ReportError: ({ service, error }) => {
        heard.push(`${service} ${error}`);
        return answer();
      },
      ReportPeerError: () => undefined,
      RequestBrowser: () => undefined,
      RequestInput: () => new Map(),
      RequestPeerAuthorization: () => new Map(),
    },
  }, context.scope);
  await client.proxy(managerInterface, 'net.connman', '/').RegisterAgent({ path: '/agent' });
  return heard;
}

const serviceOf = ({ client }: CoreBench) => client.proxy(serviceInterface, 'net.connman', PATH);
const stateOf = ({ core }: CoreBench): unknown[] => {
  const service = core.services.get(SERVICE);
  return [service?.state, service?.error];
};
const retry = (): Promise<void> => Promise.reject(new DBusError('net.connman.Agent.Error.Retry', ''));

test('Retry connects again', withScope(async (context) => {
  const bench = await failing(context, 2);
  const heard = await serveAgent(bench, context, retry);
  await serviceOf(bench).Connect();
  await bench.settled();
  assert.equal(heard, [`${PATH} connect-failed`, `${PATH} connect-failed`]);
  assert.equal(stateOf(bench), ['ready', undefined]);
}));

test('anything else leaves it idle; why it failed stays known', withScope(async (context) => {
  const bench = await failing(context, 1);
  const heard = await serveAgent(bench, context, () => Promise.resolve());
  await serviceOf(bench).Connect();
  await bench.settled();
  assert.equal(heard, [`${PATH} connect-failed`]);
  assert.equal(stateOf(bench), ['idle', 'connect-failed']);
  const states = bench.signals.filter((line) => line.startsWith(`Service ${SERVICE} State`));
  assert.equal(states.map((line) => line.split(' ').at(-1)), ['"configuration"', '"failure"', '"idle"']);
}));

test('without an agent it stays failed', withScope(async (context) => {
  const bench = await failing(context, 1);
  await serviceOf(bench).Connect();
  await context.clock.advance(1000);
  assert.equal(stateOf(bench), ['failure', 'connect-failed']);
}));

test('what nobody asked for is not reported', withScope(async (context) => {
  const bench = await failing(context, 1);
  const heard = await serveAgent(bench, context, retry);
  bench.core.services.get(SERVICE)?.setAutoconnect(true);
  await bench.settled();
  assert.equal(heard, []);
  assert.equal(stateOf(bench), ['failure', 'connect-failed']);
}));

test('clearing the error withdraws the question', withScope(async (context) => {
  const bench = await failing(context, 1);
  const heard = await serveAgent(bench, context, () => new Promise(() => undefined));
  await serviceOf(bench).Connect();
  await bench.settled();
  await serviceOf(bench).ClearProperty({ name: 'Error' });
  await bench.settled();
  assert.equal(heard, [`${PATH} connect-failed`, 'Cancel']);
  assert.equal(stateOf(bench), ['idle', undefined]);
}));

test('an agent that does not answer in time counts as one that does not retry', withScope(async (context) => {
  const bench = await failing(context, 1);
  const heard = await serveAgent(bench, context, () => new Promise(() => undefined));
  await serviceOf(bench).Connect();
  await bench.settled();
  assert.equal(stateOf(bench), ['failure', 'connect-failed']);
  await context.clock.advance(120_000);
  assert.equal(heard, [`${PATH} connect-failed`, 'Cancel']);
  assert.equal(stateOf(bench), ['idle', 'connect-failed']);
}));

test.run();
