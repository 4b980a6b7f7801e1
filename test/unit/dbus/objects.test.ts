/**
 * The tree of objects as others see it: introspection of objects and the paths above them, and
 * ObjectManager, which shows ConnMan's interfaces without properties and ours with them.
 */

import { test } from 'uvu';
import * as assert from 'uvu/assert';
import type { Scope } from '../../../src/shared/scope.ts';
import type { Bus } from '../../../src/dbus/bus.ts';
import { describeInterface } from '../../../src/dbus/interface.ts';
import { introspectableInterface, objectManagerInterface } from '../../../src/dbus/interfaces/freedesktop.ts';
import { counterInterface } from '../../../src/dbus/interfaces/counter.ts';
import { variant } from '../../../src/dbus/signature.ts';
import { memoryBus } from '../../helpers/memory-bus.ts';
import { withScope } from '../../helpers/with-scope.ts';

const rootInterface = describeInterface({ name: 'test.Root', methods: { Run: {} }, signals: {} });
const oldInterface = describeInterface({
  name: 'test.Old',
  methods: {},
  signals: { PropertyChanged: { name: 's', value: 'v' } },
  properties: { Size: 'u' },
});
const newInterface = describeInterface({ name: 'test.New1', methods: {}, signals: {}, properties: { Size: 'u' } });

const exportRoot = (bus: Bus, scope: Scope) =>
  bus.export('/', rootInterface, { methods: { Run: () => undefined } }, scope);
const properties = { Size: () => 5 };
const exportOld = (bus: Bus, path: string, scope: Scope) =>
  bus.export(path, oldInterface, { methods: {}, properties }, scope);
const exportNew = (bus: Bus, path: string, scope: Scope) =>
  bus.export(path, newInterface, { methods: {}, properties }, scope);

async function twoBuses({ scope, clock }: Parameters<Parameters<typeof withScope>[0]>[0]) {
  const net = memoryBus(clock);
  return { net, server: await net.connect(scope), client: await net.connect(scope) };
}

test('introspection of objects and of the paths above', withScope(async (context) => {
  const { server, client } = await twoBuses(context);
  exportRoot(server, context.scope);
  exportOld(server, '/net/thing/b', context.scope);
  exportNew(server, '/net/thing/b', context.scope);
  exportOld(server, '/net/thing/a', context.scope);
  exportOld(server, '/nettle', context.scope);
  const look = async (path: string) => {
    const xml = await client.proxy(introspectableInterface, server.uniqueName, path).Introspect();
    assert.match(xml, /^<!DOCTYPE node PUBLIC "-\/\/freedesktop\/\/DTD D-BUS Object Introspection 1\.0\/\/EN"/);
    const named = (tag: string) => [...xml.matchAll(new RegExp(`<${tag} name="([^"]*)"`, 'g'))].map(([, name]) => name);
    return { interfaces: named('interface'), nodes: named('node') };
  };
  const [introspectable, standard] = ['org.freedesktop.DBus.Introspectable', 'org.freedesktop.DBus.Properties'];
  assert.equal(await look('/'), {
    interfaces: [introspectable, 'org.freedesktop.DBus.ObjectManager', 'test.Root'],
    nodes: ['net', 'nettle'],
  });
  assert.equal(await look('/net'), { interfaces: [], nodes: ['thing'] });
  assert.equal(await look('/net/thing'), { interfaces: [], nodes: ['a', 'b'] });
  assert.equal(await look('/net/thing/b'), {
    interfaces: [introspectable, standard, 'test.Old', 'test.New1'],
    nodes: [],
  });
}));

test('all objects but the root', withScope(async (context) => {
  const { server, client } = await twoBuses(context);
  exportRoot(server, context.scope);
  exportOld(server, '/old', context.scope);
  exportNew(server, '/new', context.scope);
  const objects = await client.proxy(objectManagerInterface, server.uniqueName, '/').GetManagedObjects();
  assert.equal([...objects.keys()], ['/old', '/new']);
  const shown = [...objects.values()].map((interfaces) => [...interfaces].map(([name, values]) => [name, values.size]));
  assert.equal(shown, [
    [['org.freedesktop.DBus.Introspectable', 0], ['test.Old', 0]],
    [['org.freedesktop.DBus.Introspectable', 0], ['test.New1', 1]],
  ]);
}));

test('what comes and goes is told at the end of the turn', withScope(async (context) => {
  const { net, server, client } = await twoBuses(context);
  const { scope } = context;
  const heard: unknown[] = [];
  await client.onSignal({ sender: server.uniqueName }, scope, ({ path, member, body: [object, interfaces] }) => {
    heard.push([path, member, object, interfaces instanceof Map ? [...interfaces.keys()] : interfaces]);
  });
  const early = scope.child();
  exportOld(server, '/early', early);
  await net.settled();
  assert.equal(heard, [], 'nothing is told before there is an ObjectManager');
  exportRoot(server, scope);
  await net.settled();
  assert.equal(heard, []);

  const introspectable = 'org.freedesktop.DBus.Introspectable';
  const [old, fresh, passing] = [scope.child(), scope.child(), scope.child()];
  const exported = exportOld(server, '/a', old);
  exportNew(server, '/b', passing);
  void passing.close();
  exported.changed('Size');
  await net.settled();
  const [changed, standard, added, ...more] = heard.splice(0);
  assert.equal(changed, ['/a', 'PropertyChanged', 'Size', variant('u', 5)]);
  assert.is(Array.isArray(standard) && standard[1], 'PropertiesChanged');
  assert.equal(added, ['/', 'InterfacesAdded', '/a', [introspectable, 'test.Old']]);
  assert.equal(more, []);

  exportNew(server, '/a', fresh);
  await net.settled();
  assert.equal(heard.splice(0), [['/', 'InterfacesAdded', '/a', ['test.New1']]]);
  await old.close();
  await net.settled();
  assert.equal(heard.splice(0), [['/', 'InterfacesRemoved', '/a', ['test.Old']]]);
  await fresh.close();
  await net.settled();
  assert.equal(heard.splice(0), [['/', 'InterfacesRemoved', '/a', [introspectable, 'test.New1']]]);
}));

test('a method that wants no reply gets none', withScope(async (context) => {
  const { net, server, client } = await twoBuses(context);
  const usages: unknown[] = [];
  const methods = {
    Release: () => undefined,
    Usage: ({ service }: { service: string }) => void usages.push(service),
  };
  server.export('/counter', counterInterface, { methods }, context.scope);
  const counter = client.proxy(counterInterface, server.uniqueName, '/counter');
  await counter.Usage({ service: '/s', home: new Map(), roaming: new Map() });
  await net.settled();
  assert.equal(usages, ['/s']);
}));

test.run();
