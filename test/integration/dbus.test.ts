/**
 * Our D-Bus on a real dbus-daemon, over Node's socket and over the addon's: driven by gdbus,
 * busctl, dbus-send and dbus-next; calling dbus-next and the daemon itself; passing descriptors.
 */

import { execFile } from 'node:child_process';
import { closeSync, fstatSync, openSync, readdirSync } from 'node:fs';
import { createRequire } from 'node:module';
import { promisify } from 'node:util';
import dbus from 'dbus-next';
import { suite } from 'uvu';
import * as assert from 'uvu/assert';
import { type Bus, connectBus, type Exported } from '../../src/dbus/bus.ts';
import { describeInterface } from '../../src/dbus/interface.ts';
import { busInterface, propertiesInterface, standardPeerInterface } from '../../src/dbus/interfaces/freedesktop.ts';
import { variant } from '../../src/dbus/signature.ts';
import { parseBusAddress } from '../../src/dbus/address.ts';
import { nodeTransport } from '../../src/dbus/transport.ts';
import { DeadlineClock, nodeTimeSource } from '../../src/shared/clock.ts';
import { ConnmanError } from '../../src/shared/errors.ts';
import { createScope, type Scope } from '../../src/shared/scope.ts';
import { fetchPeers, peerEnvironment } from '../helpers/peers.ts';
import { startPrivateBus } from '../helpers/private-bus.ts';
import { testSystem } from '../helpers/system.ts';

const execute = promisify(execFile);
/** gdbus and busctl, where the machine lacks them. */
const environment = fetchPeers(['libglib2.0-bin', 'systemd']).then(peerEnvironment);

async function run(program: string, args: readonly string[], extra = {}): Promise<{ stdout: string }> {
  return execute(program, args, { env: { ...(await environment), LC_ALL: 'C.UTF-8', ...extra } });
}

const thingInterface = describeInterface({
  name: 'test.Thing1',
  methods: {
    GetProperties: { out: { properties: 'a{sv}' } },
    SetProperty: { in: { name: 's', value: 'v' } },
    Echo: { in: { text: 's', numbers: 'ai' }, out: { text: 's', numbers: 'ai' } },
    Wait: {},
    Take: { in: { fd: 'h' }, out: { inode: 's' } },
    Give: { out: { fd: 'h', name: 's' } },
  },
  signals: { PropertyChanged: { name: 's', value: 'v' }, Happened: { what: 's', details: 'a{sv}' } },
  properties: { Name: 's', Size: { type: 't', access: 'readwrite' }, IPv4: 'a{sv}', Tags: 'as' },
});

interface Thing {
  size: bigint;
  aborted: string[];
  waiting: (() => void)[];
}

function exportThing(bus: Bus, scope: Scope): { thing: Thing; exported: Exported<typeof thingInterface> } {
  const thing: Thing = { size: 5n, aborted: [], waiting: [] };
  const exported: Exported<typeof thingInterface> = bus.export(
    '/test/thing',
    thingInterface,
    {
      methods: {
        GetProperties: () => exported.dictionary(),
        SetProperty: ({ name, value }) => {
          const size = value.as('t');
          if (name !== 'Size') throw new ConnmanError('InvalidProperty');
          if (size === undefined) throw new ConnmanError('InvalidArguments');
          thing.size = size;
          exported.changed('Size');
        },
        Echo: async (args) => args,
        Wait: (_, { caller, signal }) => {
          signal.addEventListener('abort', () => thing.aborted.push(caller.id));
          for (const wake of thing.waiting.splice(0)) wake();
          return new Promise(() => undefined);
        },
        Take: ({ fd }) => {
          const { ino } = fstatSync(fd);
          closeSync(fd);
          return String(ino);
        },
        Give: () => ({ fd: given, name: '/dev/null' }),
      },
      properties: {
        Name: () => 'thing',
        Size: () => thing.size,
        IPv4: () => new Map([['Method', variant('s', 'dhcp')]]),
        Tags: () => ['a', 'b'],
      },
    },
    scope,
  );
  return { thing, exported };
}

const given = openSync('/dev/null', 'r');

type Connect = (address: string, scope: Scope) => Promise<Bus>;

const overNode: Connect = (address, scope) =>
  connectBus(nodeTransport(address, scope), { clock: new DeadlineClock(nodeTimeSource()) }, scope);

const system = testSystem();
const bootTime = createScope();
const bootClock = new DeadlineClock(system.bootTimeSource(bootTime));

const overAddon: Connect = (address, scope) => {
  const transport = system.unixStream(parseBusAddress(address)[0] ?? '', scope);
  return connectBus(transport, { clock: bootClock, closeFd: (fd) => system.closeFd(fd) }, scope);
};

interface Context {
  scope: Scope;
  address: string;
  server: Bus;
  thing: Thing;
  exported: Exported<typeof thingInterface>;
}

async function rejection(promise: Promise<unknown>): Promise<Error & { stderr?: string }> {
  const error = await promise.then(
    () => undefined,
    (reason: unknown) => reason,
  );
  assert.instance(error, Error);
  return error as Error & { stderr?: string };
}

for (const [way, connect] of [['node:net', overNode], ['the addon', overAddon]] as const) {
  const test = suite<Context>(way);

  test.before(async (context) => {
    context.scope = createScope();
    context.address = (await startPrivateBus(context.scope)).address;
    context.server = await connect(context.address, context.scope);
    Object.assign(context, exportThing(context.server, context.scope));
    assert.is(await context.server.requestName('test.things', context.scope), true);
  });

  test.after(async ({ scope }) => {
    await scope.close();
    if (connect === overAddon) await bootTime.close();
  });

  const gdbus = ({ address }: Context, ...args: string[]) =>
    run('gdbus', args, { DBUS_SESSION_BUS_ADDRESS: address });
  const target = ['--session', '-d', 'test.things', '-o', '/test/thing'];

  test('gdbus', async (context) => {
    const call = (...args: string[]) => gdbus(context, 'call', ...target, '-m', ...args);
    const { stdout } = await call('test.Thing1.GetProperties');
    assert.match(stdout, /'Name': <'thing'>, 'Size': <uint64 \d+>, 'IPv4': <{'Method': <'dhcp'>}>, 'Tags': <\['a', /);
    await call('test.Thing1.SetProperty', 'Size', '<uint64 7>');
    assert.is(context.thing.size, 7n);
    assert.is((await call('test.Thing1.Echo', 'blåbær', '[1,-2]')).stdout, "('blåbær', [1, -2])\n");
    const wrong = await rejection(call('test.Thing1.SetProperty', 'Size', '<"x">'));
    assert.match(wrong.stderr ?? '', /net\.connman\.Error\.InvalidArguments: Invalid arguments/);
    const unknown = await rejection(call('test.Thing1.Nothing'));
    assert.match(unknown.stderr ?? '', /UnknownMethod: Method "Nothing" with signature "" on interface "test\.Thing1"/);
    const introspected = await gdbus(context, 'introspect', ...target);
    assert.match(introspected.stdout, /interface test\.Thing1 {/);
    assert.match(introspected.stdout, /readwrite t Size = 7;/);
  });

  test('busctl', async ({ address, thing }) => {
    const busctl = async (...args: string[]) => (await run('busctl', [`--address=${address}`, ...args])).stdout;
    assert.match(await busctl('tree', 'test.things'), /└─\/test\s+└─\/test\/thing/);
    const echo = await busctl('call', 'test.things', '/test/thing', 'test.Thing1', 'Echo', 'sai', 'x', '2', '1', '2');
    assert.is(echo, 'sai "x" 2 1 2\n');
    await busctl('set-property', 'test.things', '/test/thing', 'test.Thing1', 'Size', 't', '11');
    assert.is(thing.size, 11n);
    assert.is(await busctl('get-property', 'test.things', '/test/thing', 'test.Thing1', 'Tags'), 'as 2 "a" "b"\n');
    assert.match(await busctl('introspect', 'test.things', '/test/thing'), /\.Happened\s+signal\s+sa{sv}/);
  });

  test('dbus-send', async ({ address }) => {
    const send = async (path: string, ...args: string[]) =>
      run('dbus-send', [`--bus=${address}`, '--print-reply=literal', '--dest=test.things', path, ...args]);
    assert.match((await send('/test/thing', 'test.Thing1.GetProperties')).stdout, /Name\s+variant\s+thing/);
    const gone = await rejection(send('/test/nothing', 'test.Thing1.GetProperties'));
    assert.match(gone.stderr ?? '', /UnknownObject/);
    await send('/any/where', 'org.freedesktop.DBus.Peer.Ping');
  });

  test('a client of dbus-next', async ({ address, exported }) => {
    const client = dbus.sessionBus({ busAddress: address });
    const object = await client.getProxyObject('test.things', '/test/thing');
    const thing = object.getInterface('test.Thing1');
    assert.equal(await thing['Echo']?.('ü', [3, 4]), ['ü', [3, 4]]);
    const happened = new Promise<unknown[]>((resolve) => thing.on('Happened', (...args) => resolve(args)));
    await client.getProxyObject('org.freedesktop.DBus', '/org/freedesktop/DBus');
    await thing['Echo']?.('', []);
    exported.emit('Happened', { what: 'now', details: new Map([['Count', variant('q', 3)]]) });
    const [what, details] = await happened;
    assert.is(what, 'now');
    assert.is((details as Record<string, dbus.Variant>)['Count']?.value, 3);
    client.disconnect();
  });

  test('a service of dbus-next', async ({ address, scope }) => {
    const client = await connect(address, scope);
    const { service, other } = await otherService(address);
    const peer = client.proxy(otherInterface, 'test.other', '/other');
    const heard: unknown[] = [];
    const rang = new Promise<void>((resolve) => {
      void client
        .subscribe(otherInterface, 'Rang', { sender: 'test.other' }, scope, ({ times }) => {
          heard.push(times);
          resolve();
        })
        .then(() => service.Rang(5));
    });
    assert.is(await peer.Join({ words: ['a', 'b'], by: '-' }), 'a-b');
    const failed = await rejection(peer.Fail());
    assert.equal([failed.name, failed.message], ['test.Error.Sad', 'no luck']);
    await rang;
    assert.equal(heard, [5]);
    const properties = client.proxy(propertiesInterface, 'test.other', '/other');
    const mood = { interface_name: 'test.Other', property_name: 'Mood' };
    assert.is((await properties.Get(mood)).as('s'), 'good');
    other.disconnect();
  });

  test('the bus itself', async ({ server, address, scope }) => {
    const own = scope.child();
    const client = await connect(address, own);
    const bus = client.proxy(busInterface, 'org.freedesktop.DBus', '/org/freedesktop/DBus');
    assert.is(await bus.GetNameOwner({ name: 'test.things' }), server.uniqueName);
    assert.is(await client.requestName('test.things', own), false);
    const peer = client.proxy(standardPeerInterface, 'test.things', '/');
    assert.match(await peer.GetMachineId(), /^[0-9a-f]{32}$/);
    const nobody = await rejection(client.proxy(thingInterface, 'no.body', '/').Wait());
    assert.is(nobody.name, 'org.freedesktop.DBus.Error.ServiceUnknown');
    const owners: (string | undefined)[] = [];
    const gone = new Promise<void>((resolve) => {
      server.watchName(client.uniqueName, scope, (owner) => {
        owners.push(owner);
        if (owner === undefined) resolve();
      });
    });
    await bus.GetNameOwner({ name: 'test.things' });
    await peer.Ping();
    await own.close();
    await gone;
    assert.is(owners.at(-1), undefined);
  });

  test('a caller that is killed while it waits', async (context) => {
    const { thing, address } = context;
    const waiting = new Promise<void>((resolve) => thing.waiting.push(resolve));
    const call = ['call', 'test.things', '/test/thing', 'test.Thing1', 'Wait'];
    const caller = execFile('busctl', [`--address=${address}`, ...call], { env: await environment });
    await waiting;
    caller.kill('SIGKILL');
    while (thing.aborted.length === 0) await new Promise((resolve) => setImmediate(resolve));
    assert.match(thing.aborted[0] ?? '', /^:1\.\d+$/);
  });

  test('descriptors', async ({ address, scope }) => {
    const own = scope.child();
    const client = await connect(address, own);
    const proxy = client.proxy(thingInterface, 'test.things', '/test/thing');
    if (connect === overNode) {
      assert.is((await rejection(proxy.Take({ fd: given }))).name, 'org.freedesktop.DBus.Error.NotSupported');
      return own.close();
    }
    const open = (): number => readdirSync('/proc/self/fd').length;
    const before = open();
    assert.is(await proxy.Take({ fd: given }), String(fstatSync(given).ino));
    const results = await Promise.all(Array.from({ length: 20 }, () => proxy.Give()));
    for (const { fd, name } of results) {
      assert.is(name, '/dev/null');
      assert.is(fstatSync(fd).ino, fstatSync(given).ino);
      closeSync(fd);
    }
    assert.is(open(), before);
    const give = ['call', 'test.things', '/test/thing', 'test.Thing1', 'Give'];
    assert.match((await run('busctl', [`--address=${address}`, ...give])).stdout, /^hs \d+ "\/dev\/null"\n$/);
    // A descriptor nobody asked for is closed: hidden in a variant, or for a method that is not there.
    await rejection(proxy.SetProperty({ name: 'Size', value: variant('h', given) }));
    const stray = { destination: 'test.things', path: '/test/thing', interface: 'test.Thing1', member: 'Wait' };
    await rejection(client.call({ ...stray, signature: 'h', body: [given] }));
    await proxy.Echo({ text: '', numbers: [] });
    assert.is(open(), before);
    await own.close();
  });

  test.run();
}

const otherInterface = describeInterface({
  name: 'test.Other',
  methods: { Join: { in: { words: 'as', by: 's' }, out: { text: 's' } }, Fail: {} },
  signals: { Rang: { times: 'u' } },
});

/** A service of dbus-next, whose class needs its members declared at run time without decorators. */
async function otherService(address: string) {
  const { interface: declarations } = createRequire(import.meta.url)('dbus-next') as typeof dbus;
  class Other extends declarations.Interface {
    Mood = 'good';
    Join(words: string[], by: string): string {
      return words.join(by);
    }
    Fail(): void {
      throw new dbus.DBusError('test.Error.Sad', 'no luck');
    }
    Rang(times: number): number {
      return times;
    }
  }
  Other.configureMembers({
    properties: { Mood: { signature: 's', access: 'read' } },
    methods: { Join: { inSignature: 'ass', outSignature: 's' }, Fail: {} },
    signals: { Rang: { signature: 'u' } },
  });
  const other = dbus.sessionBus({ busAddress: address });
  const service = new Other('test.Other');
  other.export('/other', service);
  await other.requestName('test.other', 0);
  return { service, other };
}
