/** What agents are asked on behalf of portals, and what their answers and silence mean. */

import { test } from 'uvu';
import * as assert from 'uvu/assert';
import { createAgentRegistry } from '../../../src/daemon/agents.ts';
import { DBusError } from '../../../src/dbus/errors.ts';
import { agentInterface } from '../../../src/dbus/interfaces/agent.ts';
import { variant, type Variant } from '../../../src/dbus/signature.ts';
import { portalAgent } from '../../../src/portal/dbus.ts';
import { coreBench } from '../../helpers/core-bench.ts';
import { memoryBus } from '../../helpers/memory-bus.ts';
import { withScope, type TestContext } from '../../helpers/with-scope.ts';

const never = (): Promise<never> => new Promise(() => undefined);
const refuse = (word: string) => (): Promise<never> =>
  Promise.reject(new DBusError(`net.connman.Agent.Error.${word}`, ''));

interface Answers {
  browser?(): Promise<void>;
  input?(): Promise<ReadonlyMap<string, Variant>>;
}

/** An agent on a bus in memory, and who asks it. */
async function meeting(context: TestContext, answers: Answers | undefined) {
  const { clock, scope } = context;
  const bench = await coreBench(context);
  bench.kernel.addLink({ name: 'eth0', hardwareAddress: Uint8Array.of(2, 0, 0, 0, 0, 1) });
  await bench.settled();
  bench.kernel.setCarrier('eth0', true);
  await bench.settled();
  const [service] = bench.core.services.list;
  if (service === undefined) throw new Error('no service');
  const broker = memoryBus(clock);
  const [bus, client] = await Promise.all([broker.connect(scope), broker.connect(scope)]);
  const agents = createAgentRegistry(agentInterface, { bus, clock }, scope);
  const heard: string[] = [];
  client.export(
    '/agent',
    agentInterface,
    {
      methods: {
        Release: () => undefined,
        Cancel: () => void heard.push('Cancel'),
        ReportError: () => undefined,
        ReportPeerError: () => undefined,
        RequestPeerAuthorization: () => new Map(),
        RequestBrowser: ({ service: path, url }) => {
          heard.push(`${path} ${url}`);
          return answers?.browser?.();
        },
        RequestInput: ({ fields }) => {
          for (const [name, field] of fields) {
            const [type, requirement] = ['Type', 'Requirement'].map((key) => field.as('a{sv}')?.get(key)?.as('s'));
            heard.push(`${name} ${type} ${requirement}`);
          }
          return answers?.input?.() ?? new Map();
        },
      },
    },
    scope,
  );
  if (answers !== undefined) agents.register({ id: client.uniqueName, signal: scope.signal }, '/agent');
  const portal = portalAgent(agents, { BrowserLaunchTimeout: 7, InputRequestTimeout: 5 });
  const controller = new AbortController();
  const browse = () => portal.requestBrowser(service, 'http://portal.test/', controller.signal);
  const login = () => portal.requestLogin(service, controller.signal);
  return { browse, login, heard, controller, broker };
}

test(
  'a browser',
  withScope(async (context) => {
    const { browse, heard } = await meeting(context, { browser: () => Promise.resolve() });
    assert.is(await browse(), 'done');
    assert.equal(heard, ['/net/connman/service/ethernet_020000000001_cable http://portal.test/']);
    assert.is(await (await meeting(context, { browser: refuse('Canceled') })).browse(), 'dismissed');
    const alone = await meeting(context, undefined);
    assert.is(await alone.browse(), 'nobody');
    assert.equal(await alone.login(), { kind: 'browser' });
  }),
);

test(
  'BrowserLaunchTimeout and InputRequestTimeout end the waiting',
  withScope(async (context) => {
    const { browse, login, heard, broker } = await meeting(context, { browser: never, input: never });
    const browsing = browse();
    await broker.settled();
    await context.clock.advance(6999);
    assert.not(heard.includes('Cancel'));
    await context.clock.advance(1);
    assert.is(await browsing, 'dismissed');
    assert.ok(heard.includes('Cancel'));
    heard.length = 0;
    const asking = login();
    await broker.settled();
    await context.clock.advance(4999);
    assert.equal(heard, ['Username string mandatory', 'Password passphrase mandatory']);
    await context.clock.advance(1);
    assert.equal(await asking, { kind: 'refused' });
    assert.is(heard.at(-1), 'Cancel');
  }),
);

test(
  'a question no longer wanted is withdrawn',
  withScope(async (context) => {
    const { browse, heard, controller, broker } = await meeting(context, { browser: never });
    const browsing = browse();
    await broker.settled();
    controller.abort(new Error('gone'));
    await browsing.then(
      () => assert.unreachable(),
      (error: Error) => assert.is(error.message, 'gone'),
    );
    await broker.settled();
    assert.is(heard.at(-1), 'Cancel');
  }),
);

test(
  'user name and password',
  withScope(async (context) => {
    const given = new Map([
      ['Username', variant('s', 'u')],
      ['Password', variant('s', 'p')],
      ['Other', variant('s', 'x')],
    ]);
    const answer = async (input: Answers['input']) => (await meeting(context, input && { input })).login();
    assert.equal(await answer(() => Promise.resolve(given)), { kind: 'credentials', username: 'u', password: 'p' });
    assert.equal(await answer(() => Promise.resolve(new Map([['Username', variant('s', 'u')]]))), {
      kind: 'refused',
    });
    assert.equal(await answer(refuse('Canceled')), { kind: 'refused' });
    assert.equal(await answer(refuse('LaunchBrowser')), { kind: 'browser' });
  }),
);

test.run();
