/**
 * Unix streams over the real addon: order, backpressure, descriptors both ways, ends of all kinds.
 * The far side is accepted by node:net and taken over by a second stream of ours.
 */

import { test } from 'uvu';
import * as assert from 'uvu/assert';
import { closeSync, mkdtempSync, openSync, readdirSync, readSync, rmSync, writeFileSync } from 'node:fs';
import { createServer, type Socket } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { createScope, type Scope } from '../../../src/shared/scope.ts';
import { loadAddon } from '../../../src/system/addon.ts';
import { Arena } from '../../../src/system/arena.ts';
import { openStreamSocket } from '../../../src/system/stream-socket.ts';
import type { StreamSocket } from '../../../src/system/system.ts';
import { testSystem } from '../../helpers/system.ts';

const system = testSystem();
const addon = loadAddon();
const native = { addon, arena: new Arena(addon.arena) };
const directory = mkdtempSync(join(tmpdir(), 'causeway-stream-'));
process.once('exit', () => rmSync(directory, { recursive: true }));

interface Pair {
  readonly near: StreamSocket;
  readonly far: StreamSocket;
  readonly nearScope: Scope;
  readonly farScope: Scope;
}

let pairs = 0;

async function connectedPair(): Promise<Pair> {
  const path = join(directory, String(++pairs));
  const nearScope = createScope();
  const farScope = createScope();
  const server = createServer({ pauseOnConnect: true });
  const accepted = new Promise<Socket>((resolve) => server.once('connection', resolve));
  await new Promise<void>((resolve) => server.listen(path, resolve));
  const near = system.unixStream(path, nearScope);
  const socket = await accepted;
  const far = openStreamSocket(native, addon.duplicate(descriptorOf(socket)), farScope);
  socket.destroy();
  server.close();
  return { near, far, nearScope, farScope };
}

function descriptorOf(socket: Socket): number {
  const handle: unknown = Reflect.get(socket, '_handle');
  return Number(Reflect.get(Object(handle), 'fd'));
}

async function closeBoth({ nearScope, farScope }: Pair): Promise<void> {
  await nearScope.close();
  await farScope.close();
}

function openDescriptors(): number {
  return readdirSync('/proc/self/fd').length;
}

function readText(fd: number): string {
  const buffer = Buffer.alloc(100);
  return buffer.toString('utf8', 0, readSync(fd, buffer, 0, buffer.length, 0));
}

test('bytes arrive in order, far more than the kernel holds', async () => {
  const pair = await connectedPair();
  const whole = Buffer.alloc(4_000_003, 'abcdefghijk');
  const received: Uint8Array[] = [];
  let length = 0;
  for (let at = 0; at < whole.length; at += 100_000) pair.near.send(whole.subarray(at, at + 100_000));
  assert.ok(pair.near.queuedBytes > 3_000_000, 'most of it waits');
  await new Promise<void>((resolve) => {
    pair.far.onData = (bytes) => {
      received.push(bytes.slice());
      length += bytes.length;
      if (length === whole.length) resolve();
    };
  });
  assert.ok(Buffer.concat(received).equals(whole));
  assert.is(pair.near.queuedBytes, 0);
  await closeBoth(pair);
});

test('what is queued is a copy: the sender may use its buffer again', async () => {
  const pair = await connectedPair();
  const buffer = new Uint8Array(1_000_000).fill(1);
  pair.near.send(buffer);
  buffer.fill(2);
  let sum = 0;
  let length = 0;
  await new Promise<void>((resolve) => {
    pair.far.onData = (bytes) => {
      for (const byte of bytes) sum += byte;
      length += bytes.length;
      if (length === buffer.length) resolve();
    };
  });
  assert.is(sum, 1_000_000);
  await closeBoth(pair);
});

test('descriptors pass both ways, at once and from the queue', async () => {
  const pair = await connectedPair();
  const before = openDescriptors();
  const file = join(directory, 'passed');
  writeFileSync(file, 'through a socket');
  for (const [from, to] of [[pair.near, pair.far], [pair.far, pair.near]] as const) {
    for (const ahead of [0, 2_000_000]) {
      if (ahead > 0) from.send(new Uint8Array(ahead));
      const fd = openSync(file, 'r');
      from.send(Uint8Array.of(7), [fd, fd]);
      closeSync(fd);
      const fds = await new Promise<readonly number[]>((resolve) => {
        to.onData = (_bytes, received) => {
          if (received.length > 0) resolve(received);
        };
      });
      assert.is(fds.length, 2);
      for (const received of fds) {
        assert.is(readText(received), 'through a socket');
        system.closeFd(received);
      }
    }
  }
  assert.is(openDescriptors(), before, 'no duplicate is left');
  await closeBoth(pair);
});

test('descriptors nobody asked for are closed', async () => {
  const pair = await connectedPair();
  const before = openDescriptors();
  pair.near.send(Uint8Array.of(1), [0, 1, 2]);
  pair.near.send(Uint8Array.of(2));
  await new Promise((resolve) => setTimeout(resolve, 20));
  assert.is(openDescriptors(), before);
  await closeBoth(pair);
});

test('a bad descriptor is the sender\'s mistake', async () => {
  const pair = await connectedPair();
  assert.throws(() => pair.near.send(Uint8Array.of(1), [99_999]), /Bad file descriptor/);
  await closeBoth(pair);
});

test('an orderly end is told once, after the last byte', async () => {
  const pair = await connectedPair();
  const events: string[] = [];
  pair.near.onData = (bytes) => events.push(`data ${bytes.length}`);
  const ended = new Promise<void>((resolve) => {
    pair.near.onEnd = (error) => {
      events.push(`end ${String(error)}`);
      resolve();
    };
  });
  pair.far.send(new Uint8Array(5));
  await pair.farScope.close();
  await ended;
  pair.near.send(Uint8Array.of(1));
  await pair.nearScope.close();
  assert.equal(events, ['data 5', 'end undefined']);
});

test('a peer that vanishes with bytes unread is an error, told once', async () => {
  const pair = await connectedPair();
  pair.near.send(new Uint8Array(5_000_000), [0]);
  const errors: (string | undefined)[] = [];
  const ended = new Promise<void>((resolve) => {
    pair.near.onEnd = (error) => {
      errors.push(error?.code);
      resolve();
    };
  });
  await pair.farScope.close();
  pair.near.send(Uint8Array.of(1));
  await ended;
  assert.equal(errors, ['ECONNRESET']);
  assert.is(pair.near.queuedBytes, 0);
  await pair.nearScope.close();
});

test('a handler may close its own scope', async () => {
  const pair = await connectedPair();
  let calls = 0;
  const ended = new Promise<void>((resolve) => {
    pair.far.onEnd = () => resolve();
  });
  pair.near.onData = () => {
    calls++;
    void pair.nearScope.close();
  };
  pair.far.send(new Uint8Array(10));
  await ended;
  assert.is(calls, 1);
  await pair.farScope.close();
});

test('connecting to nothing says so', () => {
  const scope = createScope();
  for (const [path, code] of [[join(directory, 'absent'), 'ENOENT'], [`/${'x'.repeat(200)}`, 'EINVAL']] as const) {
    assert.throws(() => system.unixStream(path, scope), (error: { code?: string }) => error.code === code);
  }
});

test('one client is let in, and nobody else', async () => {
  const before = openDescriptors();
  const scope = createScope();
  const path = join(directory, 'door');
  const entered = new Promise<StreamSocket>((resolve) => system.unixClient(path, scope, resolve));
  const client = system.unixStream(path, scope);
  const inside = await entered;
  const text = new Promise<string>((resolve) => {
    inside.onData = (bytes) => resolve(Buffer.from(bytes).toString());
  });
  client.send(Buffer.from('hello'));
  assert.is(await text, 'hello');
  const isCode = (code: string) => (error: { code?: string }) => error.code === code;
  assert.throws(() => system.unixStream(path, scope), isCode('ECONNREFUSED'));
  assert.throws(() => system.unixClient(path, scope, () => undefined), isCode('EADDRINUSE'));
  system.unixClient(join(directory, 'nobody'), scope, () => undefined);
  await scope.close();
  assert.throws(() => system.unixStream(join(directory, 'nobody'), scope), isCode('ECONNREFUSED'));
  assert.is(openDescriptors(), before);
});

test.run();
