/**
 * A user is asked for a secret and says something else, or nothing: who waits is told, nothing was shown and
 * nothing is left behind, so that the next attempt is like the first.
 */

import { test } from 'uvu';
import * as assert from 'uvu/assert';
import { DBusError } from '../../../../src/dbus/errors.ts';
import { agentInterface } from '../../../../src/dbus/interfaces/agent.ts';
import { managerInterface } from '../../../../src/dbus/interfaces/manager.ts';
import { serviceInterface } from '../../../../src/dbus/interfaces/service.ts';
import { technologyInterface } from '../../../../src/dbus/interfaces/technology.ts';
import { variant, type Variant } from '../../../../src/dbus/signature.ts';
import type { Scope } from '../../../../src/shared/scope.ts';
import { groupOf, storedNetwork, type WifiBench, wifiBench, wifiIdentifier } from '../../../helpers/wifi-bench.ts';
import { type TestContext, withScope } from '../../../helpers/with-scope.ts';

const SECRET = 'rigsecret';
const HOME = groupOf('home', 'psk');
const AIR = { ap: { ssid: 'home', keyManagements: ['wpa-psk'], secret: SECRET }, other: { ssid: 'cafe' } };
/** As dbus-send's --reply-timeout. */
const PATIENT = { timeoutMs: Number.POSITIVE_INFINITY };
const ERROR = 'net.connman.Error.';

const codeOf = (promise: Promise<unknown>): Promise<string> =>
  promise.then(() => 'success', (error: Error) => error.name);

function told({ signals }: WifiBench): string[] {
  const about = signals.filter((line) => /^Service \S+ (?:State|Error) /.test(line));
  return about.map((line) => line.split(' ').slice(2).join(' '));
}

/** Nothing was shown, of the service or in the list, and nothing is left. */
async function isAsBefore(bench: WifiBench, context: TestContext, why: string): Promise<void> {
  // ConnMan gathers changes of the list for 100 ms.
  await context.clock.advance(300);
  await bench.settled();
  assert.equal(bench.signals.filter((line) => line.startsWith('Manager ')), [], `${why}: nothing shown`);
  assert.equal(told(bench), [], `${why}: nothing shown`);
  assert.equal(bench.state(HOME), ['idle', undefined], why);
  assert.is((await bench.service(HOME).GetProperties()).get('State')?.value, 'idle', why);
  const timers = context.clock.pending().map(({ name }) => name);
  assert.equal(timers.filter((name) => /^(?:connect$|answer )/.test(name)), [], why);
}

async function joinsNow(bench: WifiBench, why: string): Promise<void> {
  bench.agent.answer = { Passphrase: SECRET };
  assert.is(await codeOf(bench.service(HOME).Connect()), 'success', why);
  await bench.settled();
  assert.equal(told(bench), ['State "association"', 'State "configuration"', 'State "ready"'], why);
}

test('whatever an agent refuses with, the next attempt is like the first', withScope(async (context) => {
  for (const [name, code] of [
    ['net.connman.Agent.Error.Canceled', 'OperationAborted'],
    ['net.connman.Agent.Error.Retry', 'OperationTimeout'],
    ['net.connman.Agent.Error.LaunchBrowser', 'OperationTimeout'],
    ['net.connman.Agent.Error.Rejected', 'OperationTimeout'],
    ['org.freedesktop.DBus.Error.NoReply', 'OperationTimeout'],
    ['org.example.Error', 'OperationTimeout'],
  ] as const) {
    const bench = await wifiBench(context, AIR, { files: storedNetwork(HOME) });
    await context.clock.advance(300);
    bench.signals.length = 0;
    for (let time = 0; time < 3; time++) {
      bench.agent.answer = new DBusError(name, '');
      assert.is(await codeOf(bench.service(HOME).Connect()), `${ERROR}${code}`, name);
      await isAsBefore(bench, context, name);
    }
    assert.equal(bench.supplicant.blocks, [], name);
    await joinsNow(bench, name);
  }
}));

/** Connects and leaves the question open; what Connect answers at last, and what the agent hears. */
async function ask(bench: WifiBench, context: TestContext) {
  await context.clock.advance(300);
  bench.signals.length = 0;
  const agents = context.scope.child();
  const client = await bench.connect(agents);
  const heard: string[] = [];
  client.export('/silent', agentInterface, {
    methods: {
      Release: () => undefined,
      Cancel: () => void heard.push('Cancel'),
      RequestBrowser: () => undefined,
      ReportPeerError: () => undefined,
      RequestPeerAuthorization: () => new Map(),
      ReportError: () => void heard.push('ReportError'),
      RequestInput: () => new Promise<ReadonlyMap<string, Variant>>(() => heard.push('RequestInput')),
    },
  }, agents);
  await client.proxy(managerInterface, 'net.connman', '/').RegisterAgent({ path: '/silent' });
  const path = `/net/connman/service/${wifiIdentifier(HOME)}`;
  const code = codeOf(client.proxy(serviceInterface, 'net.connman', path).Connect(undefined, PATIENT));
  await bench.settled();
  assert.equal([heard, told(bench)], [['RequestInput'], []]);
  return { heard, code, agents };
}

test('no answer, nobody any more to give it, or no need for it: the same', withScope(async (context) => {
  const ends: Readonly<Record<string, (bench: WifiBench, agents: Scope) => unknown>> = {
    'OperationTimeout after two minutes': () => context.clock.advance(120_000),
    'OperationTimeout as the agent goes': (_, agents) => agents.close(),
    'OperationAborted by Disconnect': (bench) => bench.service(HOME).Disconnect(),
  };
  for (const [name, end] of Object.entries(ends)) {
    const bench = await wifiBench(context, AIR, { files: storedNetwork(HOME) });
    const { heard, code, agents } = await ask(bench, context);
    assert.is(await codeOf(bench.service(HOME).Connect()), `${ERROR}InProgress`);
    await end(bench, agents);
    if (!agents.isClosed) assert.is(await code, `${ERROR}${name.split(' ')[0]}`, name);
    await isAsBefore(bench, context, name);
    assert.equal(heard, agents.isClosed ? ['RequestInput'] : ['RequestInput', 'Cancel'], name);
    await joinsNow(bench, name);
  }
}));

test('the network or the radio goes while a user is asked', withScope(async (context) => {
  for (const way of ['network', 'radio'] as const) {
    const bench = await wifiBench(context, AIR, { files: storedNetwork(HOME) });
    const { heard, code } = await ask(bench, context);
    const technology = bench.client.proxy(technologyInterface, 'net.connman', '/net/connman/technology/wifi');
    const power = (isOn: boolean) => technology.SetProperty({ name: 'Powered', value: variant('b', isOn) });
    if (way === 'network') bench.supplicant.vanish('ap');
    else await power(false);
    assert.is(await code, `${ERROR}OperationAborted`, way);
    await bench.settled();
    assert.equal([heard, told(bench), bench.state(HOME)[0]], [['RequestInput', 'Cancel'], [], undefined], way);
    if (way === 'network') bench.supplicant.air.set('ap', AIR.ap);
    else await power(true);
    await technology.Scan();
    // ConnMan gathers new services for 100 ms.
    await context.clock.advance(300);
    await bench.settled();
    await joinsNow(bench, way);
  }
}));

test.run();
