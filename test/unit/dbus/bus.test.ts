/**
 * A daemon and its clients on one in-memory bus with real encoding: calls, errors, signals, names,
 * callers that leave, a bus that dies.
 */

import { test } from 'uvu';
import * as assert from 'uvu/assert';
import { ConnmanError } from '../../../src/shared/errors.ts';
import { setLogSink } from '../../../src/shared/log.ts';
import type { Scope } from '../../../src/shared/scope.ts';
import type { Bus, Exported } from '../../../src/dbus/bus.ts';
import { DBusError } from '../../../src/dbus/errors.ts';
import { describeInterface } from '../../../src/dbus/interface.ts';
import { propertiesInterface, standardPeerInterface } from '../../../src/dbus/interfaces/freedesktop.ts';
import { variant } from '../../../src/dbus/signature.ts';
import { memoryBus } from '../../helpers/memory-bus.ts';
import { withScope } from '../../helpers/with-scope.ts';

const lampInterface = describeInterface({
  name: 'test.Lamp',
  methods: {
    GetProperties: { out: { properties: 'a{sv}' } },
    SetProperty: { in: { name: 's', value: 'v' } },
    Add: { in: { a: 'i', b: 'i' }, out: { sum: 'i' } },
    Split: { in: { text: 's' }, out: { head: 's', tail: 'as' } },
    Wait: {},
    Fail: { in: { how: 's' } },
    Poke: { in: { how: 's' }, noReply: true },
    Pass: { in: { fd: 'h' }, out: { fd: 'h' } },
  },
  signals: { PropertyChanged: { name: 's', value: 'v' }, Flashed: { count: 'u', colours: 'as' } },
  properties: {
    Name: 's',
    Lit: { type: 'b', access: 'readwrite' },
    Level: { type: 'y', access: 'readwrite' },
    Note: 's',
  },
});

interface Lamp {
  name: string;
  lit: boolean;
  level: number;
  note: string | undefined;
  readonly poked: string[];
  waiting: AbortSignal | undefined;
}

function exportLamp(bus: Bus, path: string, scope: Scope) {
  const lamp: Lamp = { name: 'one', lit: false, level: 3, note: undefined, poked: [], waiting: undefined };
  const exported: Exported<typeof lampInterface> = bus.export(
    path,
    lampInterface,
    {
      methods: {
        GetProperties: () => exported.dictionary(),
        SetProperty: ({ name, value }) => {
          const lit = value.as('b');
          if (name !== 'Lit') throw new ConnmanError('InvalidProperty');
          if (lit === undefined) throw new ConnmanError('InvalidArguments');
          lamp.lit = lit;
          exported.changed('Lit');
        },
        Add: ({ a, b }) => a + b,
        Split: async ({ text }) => {
          const [head = '', ...tail] = text.split(' ');
          return { head, tail };
        },
        Wait: (_, call) =>
          new Promise<void>((_resolve, reject) => {
            lamp.waiting = call.signal;
            call.signal.addEventListener('abort', () => reject(call.signal.reason));
          }),
        Fail: ({ how }) => {
          if (how === 'connman') throw new ConnmanError('NoCarrier');
          if (how === 'dbus') throw new DBusError('net.connman.Agent.Error.Retry', 'again');
          throw new Error('the secret is 1234');
        },
        Poke: ({ how }) => void lamp.poked.push(how),
        Pass: ({ fd }) => fd,
      },
      properties: {
        Name: () => lamp.name,
        Lit: () => lamp.lit,
        Level: () => lamp.level,
        Note: () => lamp.note,
      },
      setters: { Level: (value) => void (lamp.level = value) },
    },
    scope,
  );
  return { lamp, exported };
}

async function failure(promise: Promise<unknown>): Promise<{ name: string; message: string }> {
  const error = await promise.then(
    () => assert.unreachable('should have failed'),
    (reason: unknown) => reason,
  );
  if (!(error instanceof Error)) throw new TypeError('not an Error');
  return { name: error.name, message: error.message };
}

test('methods by name, with one result, several, or none', withScope(async ({ scope, clock }) => {
  const net = memoryBus(clock);
  const [server, client] = [await net.connect(scope), await net.connect(scope)];
  const { lamp } = exportLamp(server, '/lamp', scope);
  const proxy = client.proxy(lampInterface, server.uniqueName, '/lamp');
  assert.is(await proxy.Add({ a: 2, b: -5 }), -3);
  assert.equal(await proxy.Split({ text: 'a b c' }), { head: 'a', tail: ['b', 'c'] });
  assert.is(await proxy.SetProperty({ name: 'Lit', value: variant('b', true) }), undefined);
  await proxy.Poke({ how: 'softly' });
  const properties = await proxy.GetProperties();
  assert.equal([...properties.keys()], ['Name', 'Lit', 'Level']);
  assert.is(properties.get('Lit')?.as('b'), true);
  assert.is(properties.get('Lit')?.as('s'), undefined);
  assert.equal(lamp.poked, ['softly']);
}));

test('errors go out by name, surprises only into the log', withScope(async ({ scope, clock }) => {
  const net = memoryBus(clock);
  const [server, client] = [await net.connect(scope), await net.connect(scope)];
  exportLamp(server, '/lamp', scope);
  const proxy = client.proxy(lampInterface, server.uniqueName, '/lamp');
  const noCarrier = { name: 'net.connman.Error.NoCarrier', message: 'No carrier' };
  assert.equal(await failure(proxy.Fail({ how: 'connman' })), noCarrier);
  const retry = { name: 'net.connman.Agent.Error.Retry', message: 'again' };
  assert.equal(await failure(proxy.Fail({ how: 'dbus' })), retry);
  const lines: string[] = [];
  const before = setLogSink((level, line) => void lines.push(`${level} ${line}`));
  const failed = { name: 'net.connman.Error.Failed', message: 'Input/output error' };
  assert.equal(await failure(proxy.Fail({ how: 'badly' })), failed);
  setLogSink(before);
  assert.is(lines.length, 1);
  assert.match(lines[0] ?? '', /^error test\.Lamp\.Fail failed: Error: the secret is 1234\n\s+at /);
}));

test('what is not there is unknown, as libdbus says it', withScope(async ({ scope, clock }) => {
  const net = memoryBus(clock);
  const [server, client] = [await net.connect(scope), await net.connect(scope)];
  exportLamp(server, '/a/lamp', scope);
  const call = (path: string, name: string, member: string, args: { signature?: string; body?: unknown[] } = {}) =>
    failure(client.call({ destination: server.uniqueName, path, interface: name, member, ...args }));
  assert.equal(await call('/a/lamp', 'test.Lamp', 'Nothing'), {
    name: 'org.freedesktop.DBus.Error.UnknownMethod',
    message: 'Method "Nothing" with signature "" on interface "test.Lamp" doesn\'t exist',
  });
  assert.equal(await call('/a/lamp', 'test.Lamp', 'Add', { signature: 'iu', body: [1, 2] }), {
    name: 'org.freedesktop.DBus.Error.UnknownMethod',
    message: 'Method "Add" with signature "iu" on interface "test.Lamp" doesn\'t exist',
  });
  assert.is((await call('/a/lamp', 'test.Other', 'Wait')).name, 'org.freedesktop.DBus.Error.UnknownMethod');
  assert.is((await call('/a', 'test.Lamp', 'Wait')).name, 'org.freedesktop.DBus.Error.UnknownMethod', 'leads to one');
  assert.is((await call('/b', 'test.Lamp', 'Wait')).name, 'org.freedesktop.DBus.Error.UnknownObject');
  const introspectable = 'org.freedesktop.DBus.Introspectable';
  assert.is((await call('/b', introspectable, 'Introspect')).name, 'org.freedesktop.DBus.Error.UnknownObject');
  const target = { destination: server.uniqueName, path: '/a/lamp', member: 'Add', signature: 'ii', body: [1, 2] };
  assert.equal((await client.call(target)).body, [3], 'without an interface the member decides');
}));

test('changes are announced once, both ways, and only if they are changes', withScope(async ({ scope, clock }) => {
  const net = memoryBus(clock);
  const [server, client] = [await net.connect(scope), await net.connect(scope)];
  const { lamp, exported } = exportLamp(server, '/lamp', scope);
  const heard: unknown[] = [];
  const from = { sender: server.uniqueName, path: '/lamp' };
  await client.subscribe(lampInterface, 'PropertyChanged', from, scope, ({ name, value }) => {
    heard.push([name, value.signature, value.value]);
  });
  await client.subscribe(propertiesInterface, 'PropertiesChanged', from, scope, (args) => {
    const { interface_name: name, changed_properties: changed, invalidated_properties: gone } = args;
    heard.push([name, [...changed.keys()], gone]);
  });
  exported.dictionary();
  exported.changed('Name', 'Lit', 'Note');
  await net.settled();
  assert.equal(heard, []);

  lamp.lit = true;
  lamp.note = 'new';
  exported.changed('Name', 'Lit', 'Note');
  exported.changed('Lit');
  await net.settled();
  const both = ['test.Lamp', ['Lit', 'Note'], []];
  assert.equal(heard.splice(0), [['Lit', 'b', true], ['Note', 's', 'new'], both]);

  lamp.note = undefined;
  exported.changed('Note');
  exported.announce('Note', variant('s', ''));
  await net.settled();
  assert.equal(heard.splice(0), [['test.Lamp', [], ['Note']], ['Note', 's', '']]);

  lamp.level = 9;
  exported.touch('Level');
  exported.dictionary();
  exported.changed('Level');
  await net.settled();
  assert.equal(heard, []);
}));

test('a getter that fails leaves its key out', withScope(async ({ scope, clock }) => {
  const net = memoryBus(clock);
  const server = await net.connect(scope);
  const { lamp, exported } = exportLamp(server, '/lamp', scope);
  const all = exported.dictionary().bytes.length;
  lamp.level = 1000;
  const lines: string[] = [];
  const before = setLogSink((level, line) => void lines.push(`${level} ${line}`));
  exported.touch('Level');
  assert.ok(exported.dictionary().bytes.length < all);
  setLogSink(before);
  assert.match(lines[0] ?? '', /test\.Lamp\.Level: RangeError: 1000 does not fit type y/);
}));

test('Properties of any interface', withScope(async ({ scope, clock }) => {
  const net = memoryBus(clock);
  const [server, client] = [await net.connect(scope), await net.connect(scope)];
  const { lamp } = exportLamp(server, '/lamp', scope);
  const proxy = client.proxy(propertiesInterface, server.uniqueName, '/lamp');
  const of = (property_name: string) => ({ interface_name: 'test.Lamp', property_name });
  assert.is((await proxy.Get(of('Level'))).as('y'), 3);
  assert.equal([...(await proxy.GetAll({ interface_name: 'test.Lamp' })).keys()], ['Name', 'Lit', 'Level']);
  await proxy.Set({ ...of('Level'), value: variant('y', 7) });
  await proxy.Set({ ...of('Lit'), value: variant('b', true) });
  assert.equal([lamp.level, lamp.lit], [7, true], 'by its setter, by SetProperty');
  const set = async (name: string, value = variant('s', 'x')) =>
    (await failure(proxy.Set({ ...of(name), value }))).name.replace('org.freedesktop.DBus.Error.', '');
  assert.is(await set('Name'), 'PropertyReadOnly');
  assert.is(await set('Level'), 'InvalidArgs');
  assert.is(await set('Weight'), 'UnknownProperty');
  assert.match((await failure(proxy.Get(of('Note')))).name, /UnknownProperty$/);
  assert.match((await failure(proxy.GetAll({ interface_name: 'test.Other' }))).name, /UnknownInterface$/);
}));

test('Peer answers on any path', withScope(async ({ scope, clock }) => {
  const net = memoryBus(clock);
  const [server, client] = [await net.connect(scope), await net.connect(scope)];
  const peer = client.proxy(standardPeerInterface, server.uniqueName, '/no/such/thing');
  await peer.Ping();
  assert.is(await peer.GetMachineId(), '00112233445566778899aabbccddeeff');
}));

test('signals with arguments, heard until the scope closes, from the named sender only', withScope(
  async ({ scope, clock }) => {
    const net = memoryBus(clock);
    const [server, other, client] = [await net.connect(scope), await net.connect(scope), await net.connect(scope)];
    assert.is(await server.requestName('test.lamps', scope), true);
    const { exported } = exportLamp(server, '/lamp', scope);
    const impostor = exportLamp(other, '/lamp', scope).exported;
    const listening = scope.child();
    const heard: unknown[] = [];
    const note = (who: string) => (args: { count: number; colours: string[] }) => void heard.push([who, args]);
    await client.subscribe(lampInterface, 'Flashed', { sender: 'test.lamps' }, listening, note('named'));
    await client.subscribe(lampInterface, 'Flashed', {}, listening, note('any'));
    const args = { count: 2, colours: ['red', 'blå'] };
    exported.emit('Flashed', args);
    await net.settled();
    assert.equal(heard.splice(0), [['named', args], ['any', args]]);
    impostor.emit('Flashed', args);
    await net.settled();
    assert.equal(heard.splice(0), [['any', args]]);
    await listening.close();
    await net.settled();
    exported.emit('Flashed', args);
    await net.settled();
    assert.equal(heard, []);
    assert.equal(net.matchRules, []);
  },
));

test('names: one owner, watched from owner to owner', withScope(async ({ scope, clock }) => {
  const net = memoryBus(clock);
  const [one, two, client] = [await net.connect(scope), await net.connect(scope), await net.connect(scope)];
  const owners: (string | undefined)[] = [];
  client.watchName('test.name', scope, (owner) => void owners.push(owner));
  await net.settled();
  const owning = scope.child();
  assert.is(await one.requestName('test.name', owning), true);
  assert.is(await two.requestName('test.name', scope), false);
  const late: (string | undefined)[] = [];
  await net.settled();
  client.watchName('test.name', scope, (owner) => void late.push(owner));
  await owning.close();
  await net.settled();
  assert.is(await two.requestName('test.name', scope), true);
  await net.settled();
  assert.equal(owners, [undefined, one.uniqueName, undefined, two.uniqueName]);
  assert.equal(late, [one.uniqueName, undefined, two.uniqueName]);
  assert.is(net.matchRules.length, 1);
}));

test('a caller that leaves aborts its call; ordinary calls cost no match rule', withScope(async ({ scope, clock }) => {
  const net = memoryBus(clock);
  const [server, client] = [await net.connect(scope), await net.connect(scope)];
  const { lamp } = exportLamp(server, '/lamp', scope);
  await client.proxy(lampInterface, server.uniqueName, '/lamp').Split({ text: 'x' });
  assert.equal(net.matchRules, []);
  const leaving = scope.child();
  const visitor = await net.connect(leaving);
  const waiting = failure(visitor.proxy(lampInterface, server.uniqueName, '/lamp').Wait());
  await net.settled();
  assert.is(net.matchRules.length, 1);
  assert.is(lamp.waiting?.aborted, false);
  await leaving.close();
  await net.settled();
  assert.is(lamp.waiting?.aborted, true);
  assert.equal(net.matchRules, []);
  assert.is((await waiting).name, 'org.freedesktop.DBus.Error.Disconnected');
}));

test('a call can be given up, by signal or by time', withScope(async ({ scope, clock }) => {
  const net = memoryBus(clock);
  const [server, client] = [await net.connect(scope), await net.connect(scope)];
  exportLamp(server, '/lamp', scope);
  const proxy = client.proxy(lampInterface, server.uniqueName, '/lamp');
  const controller = new AbortController();
  const given = failure(proxy.Wait({}, { signal: controller.signal }));
  controller.abort(new Error('enough'));
  assert.is((await given).message, 'enough');
  const late = failure(proxy.Wait({}, { timeoutMs: 500 }));
  const later = failure(proxy.Wait({}, { timeoutMs: 1500 }));
  await net.settled();
  await clock.advance(499);
  assert.is(clock.pending().length, 1);
  await clock.advance(1);
  assert.equal(await late, { name: 'ConnmanError', message: 'Operation timeout' });
  await clock.advance(1000);
  assert.is((await later).message, 'Operation timeout');
  assert.equal(clock.pending(), []);
}));

test('names that are none stay here: a bus would cut us off', withScope(async ({ scope, clock }) => {
  const net = memoryBus(clock);
  const [server, client] = [await net.connect(scope), await net.connect(scope)];
  exportLamp(server, '/lamp', scope);
  const good = { destination: server.uniqueName, path: '/lamp', interface: 'test.Lamp', member: 'Add' };
  for (const [key, bad] of Object.entries({ destination: 'a', path: 'lamp', interface: 'Lamp', member: 'A dd' })) {
    assert.is((await failure(client.call({ ...good, [key]: bad }))).name, 'TypeError', key);
  }
  assert.is((await failure(client.call({ ...good, signature: 'a' }))).name, 'DecodeError');
  assert.is(clock.pending().length, 0);
  assert.equal((await client.call({ ...good, signature: 'ii', body: [1, 2] })).body, [3]);
}));

test('a bus that dies settles everything', withScope(async ({ scope, clock }) => {
  const net = memoryBus(clock);
  const [server, client] = [await net.connect(scope), await net.connect(scope)];
  const { lamp, exported } = exportLamp(server, '/lamp', scope);
  const proxy = client.proxy(lampInterface, server.uniqueName, '/lamp');
  const owners: (string | undefined)[] = [];
  client.watchName(server.uniqueName, scope, (owner) => void owners.push(owner));
  const waiting = failure(proxy.Wait({}, { timeoutMs: Infinity }));
  await net.settled();
  const losses: unknown[] = [];
  client.lost.observe(scope, (error) => void losses.push(error));
  net.stop();
  assert.is((await waiting).name, 'org.freedesktop.DBus.Error.Disconnected');
  assert.is((await failure(proxy.Add({ a: 1, b: 2 }))).name, 'org.freedesktop.DBus.Error.Disconnected');
  assert.equal(losses, [undefined]);
  assert.equal(owners, [server.uniqueName, undefined]);
  assert.is(lamp.waiting?.aborted, true);
  exported.emit('Flashed', { count: 1, colours: [] });
  const listening = await failure(client.onSignal({ sender: 'test.name' }, scope, () => undefined));
  assert.is(listening.name, 'org.freedesktop.DBus.Error.Disconnected');
}));

test('one client has only so many calls open', withScope(async ({ scope, clock }) => {
  const net = memoryBus(clock);
  const [server, client] = [await net.connect(scope), await net.connect(scope)];
  exportLamp(server, '/lamp', scope);
  const proxy = client.proxy(lampInterface, server.uniqueName, '/lamp');
  const names: string[] = [];
  for (let count = 0; count < 1030; count++) proxy.Wait().catch((error: Error) => void names.push(error.name));
  await net.settled();
  assert.equal(names, Array(6).fill('org.freedesktop.DBus.Error.LimitsExceeded'));
  const other = await net.connect(scope);
  assert.is(await other.proxy(lampInterface, server.uniqueName, '/lamp').Add({ a: 1, b: 1 }), 2);
  assert.is(net.matchRules.length, 1);
}));

test('a descriptor goes through as itself', withScope(async ({ scope, clock }) => {
  const net = memoryBus(clock);
  const [server, client] = [await net.connect(scope), await net.connect(scope)];
  exportLamp(server, '/lamp', scope);
  assert.is(await client.proxy(lampInterface, server.uniqueName, '/lamp').Pass({ fd: 2 }), 2);
}));

test('what is closed is gone', withScope(async ({ scope, clock }) => {
  const net = memoryBus(clock);
  const [server, client] = [await net.connect(scope), await net.connect(scope)];
  const serving = scope.child();
  const { exported } = exportLamp(server, '/lamp', serving);
  assert.throws(() => exportLamp(server, '/lamp', scope), /is served at \/lamp already/);
  assert.throws(() => exportLamp(server, 'lamp', scope), /is not an object path/);
  await serving.close();
  exported.emit('Flashed', { count: 1, colours: [] });
  exported.changed('Name');
  const gone = await failure(client.proxy(lampInterface, server.uniqueName, '/lamp').Add({ a: 1, b: 1 }));
  assert.is(gone.name, 'org.freedesktop.DBus.Error.UnknownObject');
}));

test.run();
