/**
 * Requests and their answers over a socket in memory: acknowledgements, errors, dumps that are
 * interrupted, aborts, lost answers, and messages that are not the kernel's.
 */

import { test } from 'uvu';
import * as assert from 'uvu/assert';
import { Connection } from '../../../src/netlink/connection.ts';
import type { Request } from '../../../src/netlink/connection.ts';
import { NetlinkError } from '../../../src/netlink/error.ts';
import { FLAG } from '../../../src/netlink/message.ts';
import { SystemError } from '../../../src/shared/errors.ts';
import { setLogSink } from '../../../src/shared/log.ts';
import { createScope } from '../../../src/shared/scope.ts';
import type { Scope } from '../../../src/shared/scope.ts';
import { FakeSocket, done, message, outcome, part } from './captures.ts';

const EBUSY = 16;
const EEXIST = 17;

const change: Request<never> = { operation: 'RTM_TEST', type: 0x500, body: (writer) => writer.u32(1) };
const dump: Request<number> = {
  operation: 'RTM_DUMP', type: 0x502, flags: FLAG.dump, body: () => undefined,
  decode: ({ view, at, end }) => (end - at < 4 || view.getInt32(at, true) < 0 ? undefined : view.getInt32(at, true)),
};

interface Setting {
  readonly socket: FakeSocket;
  readonly scope: Scope;
  readonly connection: Connection;
}

function withConnection(body: (setting: Setting) => Promise<void>): () => Promise<void> {
  return async () => {
    const scope = createScope();
    const socket = new FakeSocket();
    await body({ socket, scope, connection: new Connection(socket, scope) });
    await scope.close();
  };
}

/** How a promise stands after what is ready has run. */
async function standing(promise: Promise<unknown>): Promise<unknown> {
  const pending = Symbol('pending');
  const settled = promise.then((value) => value, (error: unknown) => error);
  await new Promise((resolve) => setImmediate(resolve));
  const found = await Promise.race([settled, Promise.resolve(pending)]);
  return found === pending ? 'pending' : found;
}

test('a request asks for an acknowledgement and settles with it', withConnection(async ({ socket, connection }) => {
  const asked = connection.perform(change);
  const { sequence, type, flags } = socket.request(0);
  assert.equal([type, flags], [0x500, FLAG.request | FLAG.ack]);
  assert.is(await standing(asked), 'pending');
  socket.deliver([outcome(sequence)]);
  await asked;
}));

test('requests do not wait for each other; answers find theirs', withConnection(async ({ socket, connection }) => {
  const first = connection.perform(change);
  const second = connection.perform(change);
  const [one, two] = [socket.request(0).sequence, socket.request(1).sequence];
  assert.is.not(one, two);
  socket.deliver([outcome(two, EEXIST), outcome(one)]);
  await first;
  const error = await standing(second);
  assert.instance(error, NetlinkError);
  assert.is(error instanceof NetlinkError && error.code, 'EEXIST');
}));

test('no more are on their way than answers have room', withConnection(async ({ socket, connection }) => {
  const asked = Array.from({ length: 100 }, () => connection.perform(change));
  for (let answered = 0; answered < 100; answered++) {
    assert.ok(socket.sent.length - answered <= 32);
    socket.deliver([outcome(socket.request(answered).sequence)]);
  }
  await Promise.all(asked);
}));

test('a dump collects its parts, out of memory that is used again', withConnection(async ({ socket, connection }) => {
  const asked = connection.request(dump);
  const { sequence, flags } = socket.request(0);
  assert.is(flags, FLAG.request | FLAG.dump);
  socket.deliver([part(sequence, 1), part(sequence, 2)]);
  socket.deliver([part(sequence, 3), done(sequence)]);
  assert.equal(await asked, [1, 2, 3]);
}));

test('one dump at a time; other requests pass it', withConnection(async ({ socket, connection }) => {
  const first = connection.request(dump);
  const second = connection.request(dump);
  const other = connection.perform(change);
  assert.equal(socket.sent.length, 2);
  socket.deliver([outcome(socket.request(1).sequence)]);
  await other;
  socket.deliver([done(socket.request(0).sequence)]);
  assert.equal(await first, []);
  socket.deliver([part(socket.request(2).sequence, 7), done(socket.request(2).sequence)]);
  assert.equal(await second, [7]);
}));

test('an interrupted or refused dump starts again', withConnection(async ({ socket, connection }) => {
  const asked = connection.request(dump);
  const first = socket.request(0).sequence;
  socket.deliver([part(first, 1), part(first, 2, 0x2 | FLAG.dumpInterrupted), done(first)]);
  socket.deliver([outcome(socket.request(1).sequence, EBUSY)]);
  const third = socket.request(2).sequence;
  socket.deliver([part(third, 5), done(third)]);
  assert.equal(await asked, [5]);
}));

test('a dump that is interrupted for ever is given up', withConnection(async ({ socket, connection }) => {
  const asked = connection.request(dump);
  for (let sent = 0; sent < socket.sent.length && sent < 50; sent++) {
    socket.deliver([done(socket.request(sent).sequence, 0x2 | FLAG.dumpInterrupted)]);
  }
  assert.is(socket.sent.length, 10);
  const error = await standing(asked);
  assert.is(error instanceof NetlinkError && error.code, 'EINTR');
}));

test('foreign messages and unasked answers are dropped', withConnection(async ({ socket, connection }) => {
  const asked = connection.perform(change);
  const { sequence } = socket.request(0);
  socket.deliver([outcome(sequence)], 4711);
  socket.deliver([outcome(sequence + 1), message(0x500, 0, 0, new Uint8Array(4))]);
  assert.is(await standing(asked), 'pending');
  socket.deliver([outcome(sequence)]);
  await asked;
}));

test('broken answers are dropped, a broken error fails its request', withConnection(async ({ socket, connection }) => {
  const asked = connection.perform(change);
  const { sequence } = socket.request(0);
  socket.deliver([new Uint8Array(7)]);
  assert.is(await standing(asked), 'pending');
  socket.deliver([message(2, 0, sequence, new Uint8Array(1))]);
  const error = await standing(asked);
  assert.is(error instanceof NetlinkError && error.code, 'EBADMSG');
}));

test('a request that cannot be sent fails alone', withConnection(async ({ socket, connection }) => {
  const refusal = new SystemError('EPERM', 1, 'sendmsg', 'no');
  socket.onSend = () => {
    throw refusal;
  };
  assert.is(await standing(connection.perform(change)), refusal);
  socket.onSend = () => undefined;
  const asked = connection.perform(change);
  socket.deliver([outcome(socket.request(0).sequence)]);
  await asked;
}));

test('an abort rejects with its reason, before and after sending', withConnection(async ({ socket, connection }) => {
  const controller = new AbortController();
  const running = connection.request(dump);
  const queued = standing(connection.request(dump, controller.signal));
  const sent = standing(connection.perform(change, controller.signal));
  const reason = new Error('enough');
  controller.abort(reason);
  assert.is(await queued, reason);
  assert.is(await sent, reason);
  assert.is(await standing(connection.perform(change, controller.signal)), reason);
  socket.deliver([outcome(socket.request(1).sequence), done(socket.request(0).sequence)]);
  assert.equal(await running, []);
  assert.is(socket.sent.length, 2);
}));

test('an aborted dump holds the next back until it is over', withConnection(async ({ socket, connection }) => {
  const controller = new AbortController();
  const aborted = standing(connection.request(dump, controller.signal));
  controller.abort();
  await aborted;
  const next = connection.request(dump);
  assert.is(socket.sent.length, 1);
  socket.deliver([part(socket.request(0).sequence, 1), done(socket.request(0).sequence)]);
  socket.deliver([part(socket.request(1).sequence, 2), done(socket.request(1).sequence)]);
  assert.equal(await next, [2]);
}));

test('lost answers fail what waits for one, but not the dump', withConnection(async ({ socket, connection }) => {
  const running = connection.request(dump);
  const asked = standing(connection.perform(change));
  const loss = new SystemError('ENOBUFS', 105, 'recvmsg', 'no buffer space');
  const lines: string[] = [];
  const before = setLogSink((level, line) => lines.push(`${level} ${line}`));
  socket.onError(loss);
  setLogSink(before);
  assert.equal(lines, ['warn the kernel could not deliver netlink answers: recvmsg: no buffer space']);
  assert.is(await asked, loss);
  socket.deliver([done(socket.request(0).sequence)]);
  assert.equal(await running, []);
}));

test('the end of the scope settles everything', withConnection(async ({ scope, connection }) => {
  const asked = [connection.perform(change), connection.request(dump), connection.request(dump)].map(standing);
  await scope.close();
  for (const each of await Promise.all(asked)) assert.is(each, scope.signal.reason);
  assert.is(await standing(connection.perform(change)), scope.signal.reason);
}));

test.run();
