/**
 * IP sockets bound to devices, on veth pairs in a network namespace of our own.
 */

import { test } from 'uvu';
import * as assert from 'uvu/assert';
import { execFileSync } from 'node:child_process';
import { once } from 'node:events';
import { writeFileSync } from 'node:fs';
import { connect, createServer, Socket } from 'node:net';
import { IpAddress, parseIpAddress } from '../../src/shared/ipaddress.ts';
import { createScope } from '../../src/shared/scope.ts';
import type { MessageSocket, UdpSender } from '../../src/system/system.ts';
import { testSystem } from '../helpers/system.ts';
import { enterNamespaces } from '../helpers/unshare.ts';

enterNamespaces('--net');

const system = testSystem();

function ip(...commands: string[]): void {
  execFileSync('ip', ['-batch', '-'], { input: commands.join('\n') });
}

function address(text: string): IpAddress {
  const parsed = parseIpAddress(text);
  assert.ok(parsed, text);
  return parsed;
}

// Both ends are in one namespace: accept_local lets a packet in whose source is ours too.
ip('link set lo up',
  'link add left type veth peer name right', 'link set left up', 'link set right up',
  'address add 192.0.2.1/24 dev left', 'address add 198.51.100.1/24 dev right',
  'address add fe80::a/64 dev left nodad', 'address add fe80::b/64 dev right nodad');
for (const link of ['all', 'left', 'right']) {
  writeFileSync(`/proc/sys/net/ipv4/conf/${link}/accept_local`, '1');
  writeFileSync(`/proc/sys/net/ipv4/conf/${link}/rp_filter`, '0');
}
const links: { ifname: string; ifindex: number }[] =
  JSON.parse(execFileSync('ip', ['-json', 'link'], { encoding: 'utf8' }));
const ifindexOf = (name: string): number => links.find(({ ifname }) => ifname === name)?.ifindex ?? 0;

function interfacesOf(socket: MessageSocket<UdpSender>, count: number): Promise<number[]> {
  return new Promise((resolve) => {
    const seen: number[] = [];
    socket.onMessage = (_bytes, { ifindex }) => {
      if (seen.push(ifindex) === count) resolve(seen.sort((one, other) => one - other));
    };
  });
}

function nextMessage(socket: MessageSocket<UdpSender>): Promise<{ bytes: number[]; sender: UdpSender }> {
  return new Promise((resolve) => {
    socket.onMessage = (bytes, sender) => resolve({ bytes: Array.from(bytes), sender });
  });
}

test('who listens is told of the first who knocks, and whoever accepts finds everybody waiting', async () => {
  const scope = createScope();
  const fd = system.tcp({ family: 4, bind: { address: address('192.0.2.1'), port: 0 } });
  let knocks = 0;
  const knocked = new Promise<void>((resolve) => {
    const port = system.listen(fd, 5, scope, () => {
      knocks++;
      resolve();
    });
    for (let client = 0; client < 2; client++) connect({ host: '192.0.2.1', port }).end('hello');
  });
  await knocked;
  const heard: string[] = [];
  const server = createServer((socket) => {
    socket.on('data', (text) => {
      if (heard.push(String(text)) === 2) server.close();
    });
  });
  server.listen({ fd });
  await once(server, 'close');
  assert.equal(heard, ['hello', 'hello']);
  assert.is(knocks, 1);
  await scope.close();
});

test('two cannot listen where one does, and a scope that has closed is told nothing', async () => {
  const scope = createScope();
  const where = { family: 4, bind: { address: address('192.0.2.1'), port: 7700 } } as const;
  const [one, other] = [system.tcp(where), system.tcp(where)];
  assert.is(system.listen(one, 5, scope, () => assert.unreachable()), 7700);
  assert.throws(() => system.listen(other, 5, scope, () => undefined), /EADDRINUSE|in use/);
  await scope.close();
  const client = connect({ host: '192.0.2.1', port: 7700 });
  await once(client, 'connect');
  client.destroy();
  for (const fd of [one, other]) system.closeFd(fd);
});

test('UDP bound to a device hears that device only, and says which', async () => {
  const scope = createScope();
  const onRight = system.udp({ family: 4, port: 5000, device: 'right', packetInfo: true, reuseAddress: true }, scope);
  const onLeft = system.udp({ family: 4, port: 5000, device: 'left', packetInfo: true, reuseAddress: true }, scope);
  const sender = system.udp({ family: 4, device: 'left', broadcast: true }, scope);
  let heardOnLeft = 0;
  onLeft.onMessage = () => heardOnLeft++;
  const message = nextMessage(onRight);
  sender.send(Uint8Array.of(1, 2), { address: address('255.255.255.255'), port: 5000 });
  const { bytes, sender: { address: from, port, ifindex } } = await message;
  assert.equal([bytes, from.toString(), port, ifindex], [[1, 2], '192.0.2.1', sender.localPort, ifindexOf('right')]);
  assert.is(heardOnLeft, 0);
  await scope.close();
});

test('messages that leave together arrive as they were, also where the link is too small for them', async () => {
  const scope = createScope();
  const received: string[] = [];
  const server = system.udpServer({ family: 4, address: address('198.51.100.1'), receiveBufferBytes: 1 << 20 }, scope);
  const peer = { address: address('198.51.100.1'), port: server.localPort };
  const asker = system.udpServer({ family: 4, device: 'left', peer }, scope);
  const texts = (length: number): string[] =>
    Array.from({ length: 20 }, (_, index) => `${length} ${index} `.padEnd(length, 'x'));
  const sendAll = async (wanted: readonly string[]): Promise<void> => {
    received.length = 0;
    await new Promise<void>((resolve) => {
      server.onBatch = (batch) => {
        for (let index = 0; index < batch.count; index++) {
          received.push(batch.message(index).toString('latin1', 0, batch.length(index)));
        }
        if (received.length === wanted.length) resolve();
      };
      for (const text of wanted) {
        const { outbox } = asker;
        outbox.add(outbox.memory.write(text, outbox.offset));
      }
    });
    assert.equal(received.sort(), [...wanted].sort());
  };
  await sendAll([...texts(60), ...texts(90), 'alone']);
  // What is to be cut to more than a packet is refused, and goes by itself, in fragments.
  ip('link set left mtu 1280');
  await sendAll([...texts(60), ...texts(1400)]);
  await sendAll([...texts(60), ...texts(1400)]);
  ip('link set left mtu 1500');
  await scope.close();
});

test('a destination may name the interface to leave by, in both families', async () => {
  const scope = createScope();
  const sender4 = system.udp({ family: 4, broadcast: true }, scope);
  const hearer4 = system.udp({ family: 4, port: 5001, packetInfo: true }, scope);
  for (const [out, into] of [['left', 'right'], ['right', 'left']] as const) {
    // The kernel hands a broadcast to its own host too, as if it had come in where it left.
    const heardOn = interfacesOf(hearer4, 2);
    sender4.send(Uint8Array.of(4), { address: address('255.255.255.255'), port: 5001, ifindex: ifindexOf(out) });
    assert.equal(await heardOn, [ifindexOf(out), ifindexOf(into)].sort((one, other) => one - other));
  }
  const sender6 = system.udp({ family: 6 }, scope);
  const group = address('ff02::abcd');
  const multicastGroup = { address: group, ifindex: ifindexOf('right') };
  const hearer6 = system.udp({ family: 6, port: 5001, packetInfo: true, multicastGroup }, scope);
  const message = nextMessage(hearer6);
  sender6.send(Uint8Array.of(6), { address: group, port: 5001, ifindex: ifindexOf('left') });
  const { bytes, sender: { address: from, ifindex } } = await message;
  assert.equal([bytes, from.isLinkLocal, ifindex], [[6], true, ifindexOf('right')]);
  await scope.close();
});

test('an IPv4 multicast group is joined on one interface', async () => {
  const scope = createScope();
  const group = address('239.1.2.3');
  const multicastGroup = { address: group, ifindex: ifindexOf('right') };
  const hearer = system.udp({ family: 4, port: 5002, packetInfo: true, multicastGroup }, scope);
  const sender = system.udp({ family: 4 }, scope);
  const message = nextMessage(hearer);
  sender.send(Uint8Array.of(9), { address: group, port: 5002, ifindex: ifindexOf('left') });
  assert.is((await message).sender.ifindex, ifindexOf('right'));
  await scope.close();
});

test('UDP binds to a link-local address of its device', async () => {
  const scope = createScope();
  const bound = system.udp({ family: 6, address: address('fe80::b'), port: 546, device: 'right' }, scope);
  assert.is(bound.localPort, 546);
  const sender = system.udp({ family: 6, device: 'left', peer: { address: address('fe80::b'), port: 546 } }, scope);
  const message = nextMessage(bound);
  sender.send(Uint8Array.of(5));
  assert.is((await message).sender.address.toString(), 'fe80::a');
  await scope.close();
});

test('a raw ICMPv6 socket hears the types it asked for, with hop limit and interface', async () => {
  const scope = createScope();
  const ROUTER_SOLICITATION = 133;
  const NEIGHBOUR_SOLICITATION = 135;
  const common = { family: 6, protocol: 58, hopLimit: 255 } as const;
  const hearer = system.raw({ ...common, device: 'right', icmpv6Types: [ROUTER_SOLICITATION] }, scope);
  const sender = system.raw({ ...common, device: 'left', icmpv6Types: [] }, scope);
  const everyNode = address('ff02::1');
  const message = nextMessage(hearer);
  for (const type of [NEIGHBOUR_SOLICITATION, ROUTER_SOLICITATION]) {
    sender.send(Uint8Array.of(type, 0, 0, 0, 0, 0, 0, 0), { address: everyNode, port: 0, ifindex: ifindexOf('left') });
  }
  const { bytes, sender: from } = await message;
  assert.is(bytes[0], ROUTER_SOLICITATION);
  assert.ok(bytes[2] !== 0 || bytes[3] !== 0, 'the kernel fills in the checksum');
  assert.equal([from.address.isLinkLocal, from.hopLimit, from.ifindex], [true, 255, ifindexOf('right')]);
  await scope.close();
});

test('TCP bound to a device leaves by it, whatever the routes say', async () => {
  const scope = createScope();
  const unroutable = address('203.0.113.9');
  const arp = system.packet({ ifindex: ifindexOf('right'), etherType: 0x0806 }, scope);
  const asked = new Promise<void>((resolve) => {
    arp.onMessage = (bytes) => {
      if (unroutable.equals(new IpAddress(bytes.subarray(24, 28)))) resolve();
    };
  });
  const bound = new Socket({ fd: system.tcp({ family: 4, device: 'left', mark: 1 }) });
  bound.on('error', () => undefined);
  bound.connect(80, unroutable.toString());
  const free = new Socket({ fd: system.tcp({ family: 4 }) });
  free.connect(80, unroutable.toString());
  const [error]: { code?: string }[] = await once(free, 'error');
  assert.is(error?.code, 'ENETUNREACH');
  await asked;
  bound.destroy();
  await scope.close();
});

test('TCP bound to an address listens there', async () => {
  const server = createServer((socket) => void socket.end(String(socket.localAddress)));
  server.listen({ fd: system.tcp({ family: 6, bind: { address: address('::1'), port: 7000 } }) });
  await once(server, 'listening');
  const client = connect(7000, '::1');
  assert.is(String((await once(client, 'data'))[0]), '::1');
  server.close();
});

test.run();
