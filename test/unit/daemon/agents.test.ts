/** The agent queue, over two connections of a bus in memory. */

import { test } from 'uvu';
import * as assert from 'uvu/assert';
import {
  AgentError, createAgentRegistry, toConnmanError, type AgentRegistry, type RequestOptions,
} from '../../../src/daemon/agents.ts';
import type { Bus } from '../../../src/dbus/bus.ts';
import { DBusError } from '../../../src/dbus/errors.ts';
import type { Handlers } from '../../../src/dbus/interface.ts';
import { agentInterface } from '../../../src/dbus/interfaces/agent.ts';
import { variant, type Variant } from '../../../src/dbus/signature.ts';
import type { Caller } from '../../../src/shared/caller.ts';
import { ConnmanError } from '../../../src/shared/errors.ts';
import type { Scope } from '../../../src/shared/scope.ts';
import type { FakeClock } from '../../helpers/fake-clock.ts';
import { memoryBus, type MemoryBus } from '../../helpers/memory-bus.ts';
import { withScope } from '../../helpers/with-scope.ts';

type Agents = AgentRegistry<typeof agentInterface>;
type Dictionary = Map<string, Variant>;

const PATH = '/test/agent';

/** The daemon's side and what the tests know of it. */
interface Stage {
  readonly memory: MemoryBus;
  readonly agents: Agents;
  readonly clock: FakeClock;
  readonly scope: Scope;
}

/** A program with an agent: what it heard, and how to answer. */
interface Client {
  readonly bus: Bus;
  readonly caller: Caller;
  readonly heard: string[];
  /** Answers the oldest open question. */
  answer(result: Dictionary | Error): void;
  leave(): void;
}

async function stage(scope: Scope, clock: FakeClock): Promise<Stage> {
  const memory = memoryBus(clock);
  const bus = await memory.connect(scope);
  return { memory, clock, scope, agents: createAgentRegistry(agentInterface, { bus, clock }, scope) };
}

async function client({ memory, scope }: Stage): Promise<Client> {
  const own = scope.child();
  const bus = await memory.connect(own);
  const heard: string[] = [];
  const open: ((result: Dictionary | Error) => void)[] = [];
  const gone = new AbortController();
  const wait = (): Promise<Dictionary> =>
    new Promise((resolve, reject) => {
      open.push((result) => (result instanceof Error ? reject(result) : resolve(result)));
    });
  const nothing = async (): Promise<void> => void (await wait());
  const methods: Handlers<typeof agentInterface> = {
    Release: () => void heard.push('Release'),
    Cancel: () => void heard.push('Cancel'),
    ReportError: ({ error }) => (heard.push(`ReportError ${error}`), nothing()),
    ReportPeerError: nothing,
    RequestBrowser: nothing,
    RequestInput: ({ service }) => (heard.push(`RequestInput ${service}`), wait()),
    RequestPeerAuthorization: wait,
  };
  bus.export(PATH, agentInterface, { methods }, own);
  return {
    bus,
    heard,
    caller: { id: bus.uniqueName, signal: gone.signal },
    answer: (result) => open.shift()?.(result),
    leave: () => {
      void own.close();
      gone.abort();
    },
  };
}

const ANSWER: Dictionary = new Map([['Passphrase', variant('s', 'secret')]]);

function ask(
  { agents }: Stage,
  service: string,
  options: Partial<RequestOptions<Dictionary>> & { preferred?: string } = {},
): Promise<Dictionary> {
  const question = { timeoutMs: 120_000, signal: new AbortController().signal, ...options };
  const fields = new Map<string, Variant>();
  return agents.request(options.preferred, (agent, how) => agent.RequestInput({ service, fields }, how), question);
}

/** What a promise rejects with; undefined when it resolves. */
async function failure(promise: Promise<unknown>): Promise<unknown> {
  try {
    await promise;
    return undefined;
  } catch (error) {
    return error;
  }
}

async function code(promise: Promise<unknown>): Promise<string | undefined> {
  const error = await failure(promise);
  return error instanceof ConnmanError ? error.code : String(error);
}

test(
  'registration is one a bus name, and ends when it is told so',
  withScope(async ({ scope, clock }) => {
    const all = await stage(scope, clock);
    const one = await client(all);
    assert.not(all.agents.hasAgent);
    all.agents.register(one.caller, PATH);
    assert.ok(all.agents.hasAgent);
    assert.throws(() => all.agents.register(one.caller, '/other'), 'Already exists');
    all.agents.unregister(one.caller);
    assert.not(all.agents.hasAgent);
    assert.throws(() => all.agents.unregister(one.caller), 'Not registered');
    await all.memory.settled();
    assert.equal(one.heard, []);
  }),
);

test(
  'a request without any agent is NotRegistered',
  withScope(async ({ scope, clock }) => {
    assert.is(await code(ask(await stage(scope, clock), '/service')), 'NotRegistered');
  }),
);

test(
  'the agent of the asking client comes first, else the one registered longest',
  withScope(async ({ scope, clock }) => {
    const all = await stage(scope, clock);
    const [one, two, three] = [await client(all), await client(all), await client(all)];
    for (const { caller } of [one, two]) all.agents.register(caller, PATH);
    const answers = Promise.all([
      ask(all, '/a', { preferred: two.caller.id }),
      ask(all, '/b', { preferred: three.caller.id }),
      ask(all, '/c'),
    ]);
    await all.memory.settled();
    assert.equal(two.heard, ['RequestInput /a']);
    assert.equal(one.heard, ['RequestInput /b']);
    two.answer(ANSWER);
    one.answer(ANSWER);
    await all.memory.settled();
    one.answer(ANSWER);
    assert.is((await answers)[0].get('Passphrase')?.value, 'secret');
    all.agents.unregister(one.caller);
    const last = ask(all, '/d');
    await all.memory.settled();
    assert.is(two.heard.at(-1), 'RequestInput /d');
    two.answer(ANSWER);
    await last;
  }),
);

test(
  'an agent is asked one thing at a time, in order',
  withScope(async ({ scope, clock }) => {
    const all = await stage(scope, clock);
    const one = await client(all);
    all.agents.register(one.caller, PATH);
    const withdrawn = new AbortController();
    const first = ask(all, '/1');
    const second = ask(all, '/2', { signal: withdrawn.signal });
    const third = ask(all, '/3');
    await all.memory.settled();
    assert.equal(one.heard, ['RequestInput /1']);
    withdrawn.abort(new ConnmanError('OperationAborted'));
    assert.is(await code(second), 'OperationAborted');
    one.answer(ANSWER);
    await first;
    await all.memory.settled();
    assert.equal(one.heard, ['RequestInput /1', 'RequestInput /3']);
    one.answer(ANSWER);
    await third;
  }),
);

test(
  'on time-out the agent hears Cancel and is asked the next thing; waiting in line does not count',
  withScope(async ({ scope, clock }) => {
    const all = await stage(scope, clock);
    const one = await client(all);
    all.agents.register(one.caller, PATH);
    const first = code(ask(all, '/1', { timeoutMs: 1000 }));
    const second = ask(all, '/2', { timeoutMs: 1000 });
    await all.memory.settled();
    await clock.advance(999);
    assert.equal(one.heard, ['RequestInput /1']);
    await clock.advance(1);
    assert.is(await first, 'OperationTimeout');
    await all.memory.settled();
    assert.equal(one.heard, ['RequestInput /1', 'Cancel', 'RequestInput /2']);
    one.answer(ANSWER);
    await clock.advance(999);
    one.answer(ANSWER);
    assert.is((await second).size, 1);
  }),
);

test(
  'the answer may take longer than a call usually may',
  withScope(async ({ scope, clock }) => {
    const all = await stage(scope, clock);
    const one = await client(all);
    all.agents.register(one.caller, PATH);
    const answer = ask(all, '/1', { timeoutMs: 300_000 });
    await all.memory.settled();
    await clock.advance(299_999);
    one.answer(ANSWER);
    assert.is((await answer).size, 1);
  }),
);

test(
  'a question that is withdrawn is cancelled',
  withScope(async ({ scope, clock }) => {
    const all = await stage(scope, clock);
    const one = await client(all);
    all.agents.register(one.caller, PATH);
    const withdrawn = new AbortController();
    const answer = code(ask(all, '/1', { signal: withdrawn.signal }));
    await all.memory.settled();
    withdrawn.abort(new ConnmanError('OperationAborted'));
    assert.is(await answer, 'OperationAborted');
    await all.memory.settled();
    assert.equal(one.heard, ['RequestInput /1', 'Cancel']);
    const reason = code(ask(all, '/2', { signal: withdrawn.signal }));
    assert.is(await reason, 'OperationAborted');
    assert.is(one.heard.length, 2);
  }),
);

test(
  'an agent that unregisters while asked hears Cancel; what waits for it ends, too',
  withScope(async ({ scope, clock }) => {
    const all = await stage(scope, clock);
    const one = await client(all);
    all.agents.register(one.caller, PATH);
    const answers = [code(ask(all, '/1')), code(ask(all, '/2'))];
    await all.memory.settled();
    all.agents.unregister(one.caller);
    assert.equal(await Promise.all(answers), ['OperationTimeout', 'OperationTimeout']);
    await all.memory.settled();
    assert.equal(one.heard, ['RequestInput /1', 'Cancel']);
  }),
);

test(
  'an agent that leaves the bus is forgotten, and told nothing',
  withScope(async ({ scope, clock }) => {
    const all = await stage(scope, clock);
    const [one, two] = [await client(all), await client(all)];
    all.agents.register(one.caller, PATH);
    all.agents.register(two.caller, PATH);
    const answer = code(ask(all, '/1'));
    await all.memory.settled();
    one.leave();
    assert.is(await answer, 'OperationTimeout');
    const next = ask(all, '/2');
    await all.memory.settled();
    assert.equal(one.heard, ['RequestInput /1']);
    assert.equal(two.heard, ['RequestInput /2']);
    two.answer(ANSWER);
    await next;
    two.leave();
    assert.not(all.agents.hasAgent);
  }),
);

const REFUSALS: readonly (readonly [name: string, reason: string, told: string])[] = [
  ['net.connman.Agent.Error.Canceled', 'Canceled', 'OperationAborted'],
  ['net.connman.Agent.Error.Retry', 'Retry', 'OperationTimeout'],
  ['net.connman.Agent.Error.LaunchBrowser', 'LaunchBrowser', 'OperationTimeout'],
  ['net.connman.Agent.Error.Rejected', 'Rejected', 'OperationTimeout'],
  ['net.connman.Agent.Error.Whatever', 'Other', 'OperationTimeout'],
  ['net.connman.vpn.Agent.Error.Retry', 'Other', 'OperationTimeout'],
  ['org.freedesktop.DBus.Error.UnknownMethod', 'Other', 'OperationTimeout'],
];

for (const [name, reason, told] of REFUSALS) {
  test(
    `${name} is a refusal: ${reason}`,
    withScope(async ({ scope, clock }) => {
      const all = await stage(scope, clock);
      const one = await client(all);
      all.agents.register(one.caller, PATH);
      const answer = failure(ask(all, '/1'));
      await all.memory.settled();
      one.answer(new DBusError(name, 'no'));
      const error = await answer;
      assert.instance(error, AgentError);
      assert.is(error instanceof AgentError && error.reason, reason);
      assert.is(toConnmanError(error).code, told);
      await all.memory.settled();
      assert.equal(one.heard, ['RequestInput /1']);
    }),
  );
}

test('other errors of a request keep their code for the client', () => {
  assert.is(toConnmanError(new ConnmanError('InvalidArguments')).code, 'InvalidArguments');
  assert.is(toConnmanError(new Error('anything')).code, 'OperationTimeout');
});

test(
  'an answer of another type is InvalidArguments',
  withScope(async ({ scope, clock }) => {
    const all = await stage(scope, clock);
    const one = await client(all);
    all.agents.register(one.caller, PATH);
    const signal = new AbortController().signal;
    // ReportError answers with nothing, where RequestInput's description promises a dictionary.
    const strange = { ...agentInterface, methods: { ReportError: { ...agentInterface.methods.RequestInput } } };
    const bus = await all.memory.connect(scope);
    const agents = createAgentRegistry(strange, { bus, clock }, scope);
    agents.register(one.caller, '/strange');
    const broken = scope.child();
    one.bus.export('/strange', { ...strange, methods: { ReportError: { in: { service: 'o', fields: 'a{sv}' } } } }, {
      methods: { ReportError: () => undefined },
    }, broken);
    const args = { service: '/1', fields: new Map<string, Variant>() };
    const answer = agents.request(undefined, (agent, how) => agent.ReportError(args, how), { timeoutMs: 1000, signal });
    assert.is(await code(answer), 'InvalidArguments');
  }),
);

test(
  'an agent that leaves out what was asked for is asked three times, not for ever',
  withScope(async ({ scope, clock }) => {
    const all = await stage(scope, clock);
    const one = await client(all);
    all.agents.register(one.caller, PATH);
    const isComplete = (answer: Dictionary): boolean => answer.has('Passphrase');
    const hopeless = code(ask(all, '/1', { isComplete }));
    const other = ask(all, '/2', { isComplete });
    for (let attempt = 0; attempt < 3; attempt++) {
      await all.memory.settled();
      one.answer(new Map());
    }
    assert.is(await hopeless, 'InvalidArguments');
    await all.memory.settled();
    one.answer(new Map());
    await all.memory.settled();
    one.answer(ANSWER);
    assert.is((await other).size, 1);
    const expected = [...Array<string>(3).fill('RequestInput /1'), ...Array<string>(2).fill('RequestInput /2')];
    assert.equal(one.heard, expected);
  }),
);

test(
  'at the end every agent hears Release, and nothing stays open',
  withScope(async ({ scope, clock }) => {
    const all = await stage(scope, clock);
    const [one, two] = [await client(all), await client(all)];
    for (const { caller } of [one, two]) all.agents.register(caller, PATH);
    const answer = code(ask(all, '/1'));
    await all.memory.settled();
    all.agents.releaseAll();
    assert.is(await answer, 'OperationTimeout');
    await all.memory.settled();
    assert.equal(one.heard, ['RequestInput /1', 'Release']);
    assert.equal(two.heard, ['Release']);
    assert.not(all.agents.hasAgent);
  }),
);

test(
  'closing the scope ends what is open',
  withScope(async ({ scope, clock }) => {
    const all = await stage(scope, clock);
    const own = scope.child();
    const bus = await all.memory.connect(own);
    const agents = createAgentRegistry(agentInterface, { bus, clock }, own);
    const one = await client(all);
    agents.register(one.caller, PATH);
    const answer = code(ask({ ...all, agents }, '/1'));
    await own.close();
    assert.is(await answer, 'OperationTimeout');
    assert.not(agents.hasAgent);
  }),
);

test.run();
