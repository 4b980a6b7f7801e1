/**
 * What needs no rights of the real System: boot time, unix datagrams, devices, UDP and TCP on the
 * loopback, and the life of descriptors.
 */

import { test } from 'uvu';
import * as assert from 'uvu/assert';
import { execFileSync } from 'node:child_process';
import { createSocket } from 'node:dgram';
import { mkdtempSync, readdirSync, readFileSync, readlinkSync, rmSync, writeFileSync } from 'node:fs';
import { createServer } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { DeadlineClock } from '../../../src/shared/clock.ts';
import { IpAddress } from '../../../src/shared/ipaddress.ts';
import { createScope } from '../../../src/shared/scope.ts';
import { loadAddon } from '../../../src/system/addon.ts';
import { Arena } from '../../../src/system/arena.ts';
import { openMessageSocket } from '../../../src/system/message-socket.ts';
import { testSystem } from '../../helpers/system.ts';

const system = testSystem();
const addon = loadAddon();
const native = { addon, arena: new Arena(addon.arena) };
const directory = mkdtempSync(join(tmpdir(), 'causeway-system-'));
process.once('exit', () => rmSync(directory, { recursive: true }));
const loopback = new IpAddress(Uint8Array.of(127, 0, 0, 1));

function openDescriptors(): string[] {
  return readdirSync('/proc/self/fd');
}

function isCode(code: string): (error: { code?: string }) => boolean {
  return (error) => error.code === code;
}

test('boot time runs and wakes when asked, never early', async () => {
  const scope = createScope();
  const source = system.bootTimeSource(scope);
  const clock = new DeadlineClock(source);
  const startedAt = clock.now();
  assert.ok(Math.abs(startedAt / 1000 - Number(readFileSync('/proc/uptime', 'utf8').split(' ')[0])) < 1);
  const fired: string[] = [];
  await new Promise<void>((resolve) => {
    clock.after('late', 40, scope, () => {
      fired.push('late');
      resolve();
    });
    clock.after('early', 10.5, scope, () => fired.push('early'));
    clock.alarm('past', scope, () => fired.push('past')).set(startedAt - 1000);
    clock.alarm('epoch', scope, () => fired.push('epoch')).set(0);
  });
  assert.equal(fired, ['epoch', 'past', 'early', 'late']);
  assert.ok(clock.now() - startedAt >= 40, `${clock.now() - startedAt} ms`);
  await scope.close();
  source.wakeAt(0);
});

/** The abstract name the kernel gave to the unix socket with the highest descriptor of this process. */
function nameOfNewest(): Uint8Array {
  const links = openDescriptors().sort((one, other) => Number(other) - Number(one)).map(linkOf);
  const inode = /^socket:\[(\d+)\]/.exec(links.find((link) => link.startsWith('socket:')) ?? '')?.[1];
  const line = readFileSync('/proc/net/unix', 'utf8').split('\n').find((each) => each.split(/\s+/)[6] === inode);
  const name = line?.split('@')[1];
  assert.ok(name, 'the socket has a name');
  return Buffer.from(name, 'latin1');
}

function linkOf(fd: string): string {
  try {
    return readlinkSync(`/proc/self/fd/${fd}`);
  } catch {
    return ''; // the one that read the folder
  }
}

test('unix datagrams go both ways, by a file\'s name and by an abstract one', async () => {
  for (const name of [`@causeway-test-${process.pid}`, join(directory, 'control')]) {
    const scope = createScope();
    const fd = addon.socket(addon.constants.AF_UNIX, addon.constants.SOCK_DGRAM, 0);
    assert.is(addon.bind(fd, Buffer.from(name.replace(/^@/, '\0')), 0, 0), 0);
    const peerScope = createScope();
    const peer = openMessageSocket(native, fd, { senderOf: () => undefined }, peerScope);
    const socket = system.unixDatagram(name, scope);
    assert.is(addon.connect(fd, Buffer.concat([Uint8Array.of(0), nameOfNewest()]), 0, 0), 0);
    peer.onMessage = (bytes) => peer.send(bytes);
    const answers: string[] = [];
    const answered = new Promise<void>((resolve) => {
      socket.onMessage = (bytes) => {
        answers.push(Buffer.from(bytes).toString());
        if (answers.length === 2) resolve();
      };
    });
    socket.send(Buffer.from('PING'));
    socket.send(new Uint8Array(0));
    await answered;
    assert.equal(answers, ['PING', ''], name);
    await peerScope.close();
    assert.throws(() => socket.send(Buffer.from('x')), isCode('ECONNREFUSED'));
    await scope.close();
  }
  assert.throws(() => system.unixDatagram(join(directory, 'absent'), createScope()), isCode('ENOENT'));
});

test('a device is read event by event and written to', async () => {
  const path = join(directory, 'device');
  execFileSync('mkfifo', [path]);
  const scope = createScope();
  const device = system.device(path, scope);
  const received = new Promise<number[]>((resolve) => {
    device.onMessage = (bytes) => resolve(Array.from(bytes));
  });
  device.send(Uint8Array.of(1, 2, 3));
  assert.equal(await received, [1, 2, 3]);
  await scope.close();
  assert.throws(() => device.send(Uint8Array.of(1)), isCode('EBADF'));
  assert.throws(() => system.device(join(directory, 'absent'), scope), isCode('ENOENT'));
});

test('a file that cannot be polled is refused and closed', () => {
  const path = join(directory, 'plain');
  writeFileSync(path, '');
  const before = openDescriptors().length;
  assert.throws(() => system.device(path, createScope()), isCode('EPERM'));
  assert.is(openDescriptors().length, before);
});

test('UDP answers to whom it hears, in batches and in order', async () => {
  const scope = createScope();
  const server = system.udp({ family: 4, address: loopback, packetInfo: true }, scope);
  const client = system.udp({ family: 4, peer: { address: loopback, port: server.localPort } }, scope);
  assert.ok(server.localPort > 0 && client.localPort > 0 && server.localPort !== client.localPort);
  server.onMessage = (bytes, { address, port, ifindex, hopLimit }) => {
    assert.equal([address.toString(), port, ifindex, hopLimit], ['127.0.0.1', client.localPort, 1, -1]);
    server.send(bytes, { address, port });
  };
  const lengths: number[] = [];
  const answered = new Promise<void>((resolve) => {
    client.onMessage = (bytes) => {
      assert.ok(bytes.every((byte) => byte === bytes.length % 256));
      if (lengths.push(bytes.length) === 100) resolve();
    };
  });
  const sent = Array.from({ length: 100 }, (_, index) => index * 11);
  for (const length of sent) client.send(new Uint8Array(length).fill(length % 256));
  await answered;
  assert.equal(lengths, sent);
  await scope.close();
});

test('the largest datagram arrives whole; of a peer that is gone the ICMP error is told', async () => {
  const scope = createScope();
  const serverScope = createScope();
  const server = system.udp({ family: 4, address: loopback }, serverScope);
  const client = system.udp({ family: 4, peer: { address: loopback, port: server.localPort } }, scope);
  const received = new Promise<number>((resolve) => {
    server.onMessage = (bytes) => resolve(bytes.length);
  });
  client.send(new Uint8Array(65_507));
  assert.is(await received, 65_507);
  assert.throws(() => client.send(new Uint8Array(65_508)), isCode('EMSGSIZE'));
  await serverScope.close();
  const told = new Promise<string>((resolve) => {
    client.onError = (error) => resolve(error.code);
  });
  client.send(Uint8Array.of(1));
  assert.is(await told, 'ECONNREFUSED');
  client.send(Uint8Array.of(1));
  await scope.close();
});

test('a TCP descriptor listens and connects through Node', async () => {
  const fd = system.tcp({ family: 4, bind: { address: loopback, port: 0 } });
  const server = createServer((socket) => socket.end('hello'));
  await new Promise<void>((resolve) => server.listen({ fd }, resolve));
  const address = server.address();
  assert.ok(address !== null && typeof address === 'object' && address.address === '127.0.0.1');
  server.close();
});

test('a handler may close its socket in the middle of a batch', async () => {
  const scope = createScope();
  const server = system.udp({ family: 4, address: loopback }, scope);
  const sender = createSocket('udp4');
  let calls = 0;
  const closed = new Promise<void>((resolve) => {
    server.onMessage = () => {
      calls++;
      void scope.close();
      resolve();
    };
  });
  const sends = Array.from({ length: 5 }, () => new Promise<void>((resolve) => {
    sender.send('x', server.localPort, '127.0.0.1', () => resolve());
  }));
  await Promise.all([...sends, closed]);
  assert.is(calls, 1);
  sender.close();
});

test('thousands of sockets leave no descriptor behind', async () => {
  const before = openDescriptors().length;
  for (let round = 0; round < 20; round++) {
    const scope = createScope();
    for (let index = 0; index < 100; index++) {
      system.netlink({ protocol: 0, groups: [1], receiveBufferBytes: 4096 }, scope);
      system.udp({ family: 6, packetInfo: true }, scope);
      system.bootTimeSource(scope);
      system.closeFd(system.tcp({ family: 4 }));
    }
    assert.ok(openDescriptors().length >= before + 300);
    await scope.close();
    assert.is(openDescriptors().length, before);
    await new Promise((resolve) => setImmediate(resolve));
  }
});

test('what fails half-way leaves no descriptor behind', () => {
  const before = openDescriptors().length;
  const scope = createScope();
  assert.throws(() => system.udp({ family: 4, device: 'no-such-device' }, scope), isCode('ENODEV'));
  assert.throws(() => system.udp({ family: 6, address: loopback }, scope), isCode('EINVAL'));
  assert.throws(() => system.netlink({ protocol: 999 }, scope), isCode('EPROTONOSUPPORT'));
  assert.throws(() => system.netlink({ protocol: 0, groups: [100_000] }, scope), isCode('EINVAL'));
  assert.throws(() => system.tcp({ family: 4, device: 'no-such-device' }), isCode('ENODEV'));
  assert.throws(() => system.tun('a-name-that-is-too-long'), isCode('ENAMETOOLONG'));
  assert.throws(() => system.closeFd(99_999), isCode('EBADF'));
  assert.is(openDescriptors().length, before);
});

test('a socket opened in a closed scope is closed at once', async () => {
  const before = openDescriptors().length;
  const scope = createScope();
  await scope.close();
  const socket = system.udp({ family: 4 }, scope);
  assert.is(openDescriptors().length, before);
  assert.throws(() => socket.send(Uint8Array.of(1), { address: loopback, port: 9 }), isCode('EBADF'));
});

test('children inherit nothing', () => {
  const scope = createScope();
  const before = execFileSync('ls', ['/proc/self/fd'], { encoding: 'utf8' });
  system.netlink({ protocol: 0 }, scope);
  system.udp({ family: 4 }, scope);
  system.bootTimeSource(scope);
  const fd = system.tcp({ family: 4 });
  const fdCopy = addon.duplicate(fd);
  assert.is(execFileSync('ls', ['/proc/self/fd'], { encoding: 'utf8' }), before);
  system.closeFd(fd);
  system.closeFd(fdCopy);
  void scope.close();
});

test.run();
