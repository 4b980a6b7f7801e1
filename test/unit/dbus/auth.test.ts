/**
 * Authentication line by line, and joining a bus that refuses, hangs up, is silent or talks nonsense.
 */

import { test } from 'uvu';
import * as assert from 'uvu/assert';
import { SystemError } from '../../../src/shared/errors.ts';
import type { StreamSocket } from '../../../src/system/system.ts';
import { authStep } from '../../../src/dbus/auth.ts';
import { connectBus } from '../../../src/dbus/bus.ts';
import { withScope } from '../../helpers/with-scope.ts';

test('lines in, lines out', () => {
  const challenge = { name: 'challenge' } as const;
  const verdict = authStep(challenge, 'DATA', true);
  assert.equal(verdict, { state: { name: 'verdict' }, send: 'DATA\r\n' });
  const descriptors = { state: { name: 'descriptors' }, send: 'NEGOTIATE_UNIX_FD\r\n' };
  assert.equal(authStep(verdict.state, 'OK 1234deadbeef', true), descriptors);
  assert.equal(authStep(challenge, 'OK 1234deadbeef', true), descriptors);
  const done = (canPassFds: boolean) => ({ state: { name: 'done', canPassFds }, send: 'BEGIN\r\n' });
  assert.equal(authStep(verdict.state, 'OK 1234deadbeef', false), done(false));
  assert.equal(authStep({ name: 'descriptors' }, 'AGREE_UNIX_FD', true), done(true));
  assert.equal(authStep({ name: 'descriptors' }, 'ERROR not here', true), done(false));
  for (const line of ['REJECTED EXTERNAL', 'ERROR', '', 'HTTP/1.1 200 OK']) {
    assert.throws(() => authStep(challenge, line, true), /does not let us in/);
    assert.throws(() => authStep(verdict.state, line, true), /does not let us in/);
  }
});

/** A transport whose far side answers each thing sent. */
function answering(answer: (text: string, transport: StreamSocket) => void): StreamSocket {
  const transport: StreamSocket = {
    onData: () => undefined,
    onEnd: () => undefined,
    send: (bytes) => setImmediate(() => answer(Buffer.from(bytes).toString('latin1'), transport)),
    queuedBytes: 0,
  };
  return transport;
}

const say = (transport: StreamSocket, text: string): void => transport.onData(Buffer.from(text, 'latin1'), []);

async function joining(transport: StreamSocket, context: Parameters<Parameters<typeof withScope>[0]>[0]) {
  const { scope, clock } = context;
  return connectBus(transport, { clock }, scope).then(
    () => 'joined',
    (error: unknown) => (error instanceof Error ? `${error.name}: ${error.message}` : 'not an Error'),
  );
}

test('a bus that refuses', withScope(async (context) => {
  const transport = answering((text, to) => say(to, text.includes('AUTH') ? 'DATA\r\n' : 'REJECTED ANONYMOUS\r\n'));
  assert.match(await joining(transport, context), /^org\.freedesktop\.DBus\.Error\.AuthFailed: .*REJECTED ANONYMOUS/);
}));

test('a bus that hangs up', withScope(async (context) => {
  const error = new SystemError('ECONNREFUSED', 111, 'connect', 'Connection refused');
  const transport = answering((_, to) => to.onEnd(error));
  assert.match(await joining(transport, context), /Disconnected: the bus is lost: connect: Connection refused$/);
}));

test('a bus that never ends its line', withScope(async (context) => {
  const transport = answering((_, to) => say(to, 'x'.repeat(20_000)));
  assert.match(await joining(transport, context), /line too long/);
}));

test('a bus that is silent, before and after authentication', withScope(async (context) => {
  const silent = joining(answering(() => undefined), context);
  await context.clock.advance(25_000);
  assert.is(await silent, 'ConnmanError: Operation timeout');
  const half = joining(answering((text, to) => text.includes('AUTH') && say(to, 'OK 12\r\n')), context);
  await context.clock.advance(25_000);
  assert.is(await half, 'ConnmanError: Operation timeout');
}));

test('a scope that is closed already', withScope(async ({ clock, scope }) => {
  const closed = scope.child();
  await closed.close();
  const error = await connectBus(answering(() => undefined), { clock }, closed).catch((reason: unknown) => reason);
  assert.is(error instanceof Error && error.name, 'AbortError');
}));

test('a bus that talks nonsense after authentication', withScope(async (context) => {
  const transport = answering((text, to) => say(to, text.includes('AUTH') ? 'OK 12\r\n' : 'nonsense, sixteen bytes'));
  assert.match(await joining(transport, context), /Disconnected: the bus is lost: D-Bus message: no byte order mark/);
}));

test.run();
