/**
 * The batched UDP server over real sockets on the loopback: answers go to who asked, in place, from
 * the address that was asked, and a handler may close the socket in the middle of a batch.
 */

import { test } from 'uvu';
import * as assert from 'uvu/assert';
import { createSocket, type Socket } from 'node:dgram';
import { IpAddress } from '../../../src/shared/ipaddress.ts';
import { createScope } from '../../../src/shared/scope.ts';
import type { RequestBatch } from '../../../src/system/system.ts';
import { testSystem } from '../../helpers/system.ts';

const system = testSystem();
const ANY = new IpAddress(new Uint8Array(4));

function ask(client: Socket, port: number, address: string, texts: readonly string[]): Promise<string[]> {
  const answers: string[] = [];
  return new Promise((resolve) => {
    client.on('message', (bytes, from) => {
      answers.push(`${from.address} ${bytes.toString()}`);
      if (answers.length === texts.length) resolve(answers);
    });
    for (const text of texts) client.send(text, port, address);
  });
}

function withoutOdd(batch: RequestBatch, index: number): boolean {
  return batch.memory[batch.offset(index)] !== 'x'.charCodeAt(0);
}

test('answers stand where the requests stood', async () => {
  const scope = createScope();
  const server = system.udpServer({ family: 4, address: ANY, packetInfo: true }, scope);
  const senders = new Set<number>();
  server.onBatch = (batch) => {
    for (let index = 0; index < batch.count; index++) {
      const at = batch.offset(index);
      senders.add(batch.sender(index).port);
      batch.memory.write('>', at, 'latin1');
      if (withoutOdd(batch, index)) batch.answer(index, batch.length(index));
    }
  };
  const one = createSocket('udp4');
  const other = createSocket('udp4');
  const texts = Array.from({ length: 40 }, (_, index) => `q${index}`);
  const answers = await Promise.all([
    ask(one, server.localPort, '127.0.0.1', texts),
    // Another address of the same socket: the answer comes from there.
    ask(other, server.localPort, '127.0.0.2', texts),
  ]);
  for (const [index, host] of ['127.0.0.1', '127.0.0.2'].entries()) {
    assert.equal(answers[index]?.sort(), texts.map((text) => `${host} >${text.slice(1)}`).sort());
  }
  assert.is(senders.size, 2);
  one.close();
  other.close();
  await scope.close();
});

test('an answer may come later, or never', async () => {
  const scope = createScope();
  const server = system.udpServer({ family: 4, address: ANY }, scope);
  server.onBatch = (batch) => {
    const to = batch.sender(0);
    setImmediate(() => {
      const { outbox } = server;
      outbox.add(outbox.memory.write('late', outbox.offset), to);
    });
  };
  const client = createSocket('udp4');
  assert.equal(await ask(client, server.localPort, '127.0.0.1', ['soon']), ['127.0.0.1 late']);
  client.close();
  await scope.close();
});

test('more than an outbox holds leaves, each to whom it is for', async () => {
  const scope = createScope();
  const server = system.udpServer({ family: 4, address: ANY, receiveBufferBytes: 1 << 20 }, scope);
  const peer = { address: new IpAddress(Uint8Array.of(127, 0, 0, 1)), port: server.localPort };
  const [one, other] = [0, 1].map(() => system.udpServer({ family: 4, peer }, scope));
  assert.ok(one !== undefined && other !== undefined);
  const replies = new Map<typeof one, string[]>([[one, []], [other, []]]);
  server.onBatch = (batch) => {
    for (let index = 0; index < batch.count; index++) {
      const { outbox } = server;
      const text = batch.message(index).toString('latin1', 0, batch.length(index));
      outbox.add(outbox.memory.write(`>${text}`, outbox.offset), batch.sender(index));
    }
  };
  const wanted = Array.from({ length: 150 }, (_, index) => `${index}${'x'.repeat(index * 5)}`);
  const done = new Promise<void>((resolve) => {
    for (const [socket, texts] of replies) {
      socket.onBatch = (batch) => {
        for (let index = 0; index < batch.count; index++) {
          texts.push(batch.message(index).toString('latin1', 1, batch.length(index)));
        }
        if ([...replies.values()].every(({ length }) => length === wanted.length)) resolve();
      };
    }
  });
  for (const text of wanted) {
    for (const { outbox } of [one, other]) outbox.add(outbox.memory.write(text, outbox.offset));
  }
  for (const text of wanted) assert.ok(text.length < 1536);
  await done;
  for (const texts of replies.values()) assert.equal(texts.sort(), [...wanted].sort());
  await scope.close();
});

test('what the kernel refuses is told', async () => {
  const scope = createScope();
  const closed = createSocket('udp4');
  await new Promise<void>((resolve) => closed.bind(0, '127.0.0.1', resolve));
  const { port } = closed.address();
  await new Promise<void>((resolve) => closed.close(() => resolve()));
  const peer = { address: new IpAddress(Uint8Array.of(127, 0, 0, 1)), port };
  const asker = system.udpServer({ family: 4, peer }, scope);
  const told = new Promise<string>((resolve) => (asker.onError = ({ code }) => resolve(code)));
  asker.outbox.add(1);
  assert.is(await told, 'ECONNREFUSED');
  await scope.close();
});

test('a handler may close its socket before it answers', async () => {
  const scope = createScope();
  const server = system.udpServer({ family: 4, address: ANY }, scope);
  const errors: unknown[] = [];
  server.onError = (error) => errors.push(error);
  const closed = new Promise<void>((resolve) => {
    server.onBatch = (batch) => {
      void scope.close();
      batch.answer(0, 1);
      setImmediate(resolve);
    };
  });
  const client = createSocket('udp4');
  client.send('x', server.localPort, '127.0.0.1');
  await closed;
  assert.equal(errors, []);
  client.close();
});

test.run();
