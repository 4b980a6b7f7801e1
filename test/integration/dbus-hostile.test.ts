/**
 * What a bus and its clients can do to us, on a real dbus-daemon over the addon's socket: the bus
 * dies or stops reading, clients flood or never read. Nothing hangs, and memory stays bounded.
 */

import { createConnection } from 'node:net';
import { test } from 'uvu';
import * as assert from 'uvu/assert';
import { type Bus, connectBus, type Exported } from '../../src/dbus/bus.ts';
import { describeInterface } from '../../src/dbus/interface.ts';
import { METHOD_CALL } from '../../src/dbus/message.ts';
import { parseBusAddress } from '../../src/dbus/address.ts';
import { nodeTransport } from '../../src/dbus/transport.ts';
import { type Head, writeMessage } from '../../src/dbus/write-message.ts';
import { MessageWriter } from '../../src/dbus/writer.ts';
import { DeadlineClock, nodeTimeSource } from '../../src/shared/clock.ts';
import { createScope, type Scope } from '../../src/shared/scope.ts';
import { startPrivateBus } from '../helpers/private-bus.ts';
import { testSystem } from '../helpers/system.ts';

const noiseInterface = describeInterface({
  name: 'test.Noise',
  methods: { Echo: { in: { text: 's' }, out: { text: 's' } }, Wait: {} },
  signals: { Noise: { bytes: 'ay' } },
});

const system = testSystem();
const clock = new DeadlineClock(nodeTimeSource());
const MEGABYTE = 0x10_0000;

function overAddon(address: string, scope: Scope): Promise<Bus> {
  const transport = system.unixStream(parseBusAddress(address)[0] ?? '', scope);
  return connectBus(transport, { clock, closeFd: (fd) => system.closeFd(fd) }, scope);
}

function overNode(address: string, scope: Scope): Promise<Bus> {
  return connectBus(nodeTransport(address, scope), { clock }, scope);
}

function exportNoise(bus: Bus, scope: Scope): Exported<typeof noiseInterface> {
  const methods = { Echo: ({ text }: { text: string }) => text, Wait: () => new Promise<void>(() => undefined) };
  return bus.export('/noise', noiseInterface, { methods }, scope);
}

function lostWith(bus: Bus, scope: Scope): Promise<Error | undefined> {
  return new Promise((resolve) => bus.lost.observe(scope, resolve));
}

async function rejection(promise: Promise<unknown>): Promise<string> {
  return promise.then(
    () => 'nothing',
    (error: unknown) => (error instanceof Error ? error.name : 'no Error'),
  );
}

async function inScope(body: (scope: Scope) => Promise<void>): Promise<void> {
  const scope = createScope();
  try {
    await body(scope);
  } finally {
    await scope.close();
  }
}

for (const [way, connect] of [['node:net', overNode], ['the addon', overAddon]] as const) {
  test(`the bus is killed while calls are pending, over ${way}`, () =>
    inScope(async (scope) => {
      const daemon = await startPrivateBus(scope);
      const [server, client] = [await connect(daemon.address, scope), await connect(daemon.address, scope)];
      exportNoise(server, scope);
      const proxy = client.proxy(noiseInterface, server.uniqueName, '/noise');
      const calls = Array.from({ length: 50 }, () => rejection(proxy.Wait({}, { timeoutMs: Infinity })));
      await proxy.Echo({ text: 'all of them arrived' });
      const losses = [lostWith(server, scope), lostWith(client, scope)];
      daemon.kill('SIGKILL');
      assert.equal(new Set(await Promise.all(calls)), new Set(['org.freedesktop.DBus.Error.Disconnected']));
      for (const error of await Promise.all(losses)) assert.ok(error === undefined || error instanceof Error);
      assert.is(await rejection(proxy.Echo({ text: 'x' })), 'org.freedesktop.DBus.Error.Disconnected');
      assert.is(await rejection(server.requestName('test.x', scope)), 'org.freedesktop.DBus.Error.Disconnected');
    }));
}

test('a bus that stops reading is given up before memory is', () =>
  inScope(async (scope) => {
    const daemon = await startPrivateBus(scope);
    const server = await overAddon(daemon.address, scope);
    const noise = exportNoise(server, scope);
    const lost = lostWith(server, scope);
    let reason: Error | undefined;
    void lost.then((error) => (reason = error));
    daemon.kill('SIGSTOP');
    const bytes = new Uint8Array(0x1_0000);
    let most = 0;
    for (let sent = 0; sent < 4000 && reason === undefined; sent++) {
      noise.emit('Noise', { bytes });
      most = Math.max(most, server.queuedBytes);
      if (sent % 16 === 0) await new Promise((resolve) => setImmediate(resolve));
    }
    assert.is((await lost)?.message, 'the bus has stopped reading');
    assert.ok(most > 60 * MEGABYTE && most < 70 * MEGABYTE, `${most} bytes were queued`);
    assert.is(await rejection(server.requestName('test.x', scope)), 'org.freedesktop.DBus.Error.Disconnected');
    daemon.kill('SIGCONT');
  }));

test('a client that floods us is answered, and so are the others', () =>
  inScope(async (scope) => {
    const daemon = await startPrivateBus(scope, { max_replies_per_connection: 50_000 });
    const server = await overAddon(daemon.address, scope);
    exportNoise(server, scope);
    const [flooder, other] = [await overNode(daemon.address, scope), await overNode(daemon.address, scope)];
    const flood = flooder.proxy(noiseInterface, server.uniqueName, '/noise');
    const calls = Array.from({ length: 20_000 }, (_, index) => flood.Echo({ text: String(index) }));
    const sober = other.proxy(noiseInterface, server.uniqueName, '/noise');
    const sobre = Array.from({ length: 20 }, (_, index) => sober.Echo({ text: `sober ${index}` }));
    assert.is((await Promise.all(sobre)).at(-1), 'sober 19');
    assert.is((await Promise.all(calls)).at(-1), '19999');
    assert.is(server.queuedBytes, 0);
  }));

test('a client that asks and never reads costs us nothing', () =>
  inScope(async (scope) => {
    const daemon = await startPrivateBus(scope, { max_outgoing_bytes: 2 * MEGABYTE });
    const server = await overAddon(daemon.address, scope);
    const noise = exportNoise(server, scope);
    const mute = await joinAndStopReading(daemon.address, server.uniqueName, scope);
    mute.start();
    const other = await overNode(daemon.address, scope);
    const sober = other.proxy(noiseInterface, server.uniqueName, '/noise');
    let most = 0;
    for (let round = 0; round < 200; round++) {
      noise.emit('Noise', { bytes: new Uint8Array(0x1_0000) });
      assert.is(await sober.Echo({ text: `round ${round}` }), `round ${round}`);
      most = Math.max(most, server.queuedBytes);
    }
    assert.ok(most < 4 * MEGABYTE, `${most} bytes were queued`);
  }));

/** Joins by hand; `start` asks for all signals and many long answers, and nothing is read any more. */
async function joinAndStopReading(address: string, server: string, scope: Scope): Promise<{ start(): void }> {
  const socket = createConnection(parseBusAddress(address)[0] ?? '');
  scope.defer(() => void socket.destroy());
  socket.on('error', () => undefined);
  const writer = new MessageWriter();
  const heard = (word: string) =>
    new Promise<void>((resolve) => {
      socket.on('data', (bytes) => bytes.includes(word) && resolve());
    });
  socket.write('\0AUTH EXTERNAL\r\nDATA\r\n');
  await heard('OK ');
  socket.write('BEGIN\r\n');
  const driver = { destination: 'org.freedesktop.DBus', path: '/', interface: 'org.freedesktop.DBus' };
  const send = (head: Omit<Head, 'type'>, ...texts: string[]): void => {
    const signature = 's'.repeat(texts.length);
    const body = { signature, write: (into: MessageWriter) => texts.forEach((text) => into.string(text)) };
    writeMessage(writer, { type: METHOD_CALL, ...head }, body);
    socket.write(writer.take());
  };
  const named = heard('NameAcquired');
  send({ ...driver, serial: 1, member: 'Hello' });
  await named;
  return {
    start() {
      socket.pause();
      send({ ...driver, serial: 2, member: 'AddMatch' }, "type='signal'");
      const text = 'x'.repeat(0x4000);
      for (let serial = 3; serial < 300; serial++) {
        send({ serial, destination: server, path: '/noise', interface: 'test.Noise', member: 'Echo' }, text);
      }
    },
  };
}

test.run();
