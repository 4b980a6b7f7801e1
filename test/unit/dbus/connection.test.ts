/**
 * Descriptors have one owner: whatever comes with a message that nobody takes them from is closed,
 * and closed once. The far side is a script.
 */

import { test } from 'uvu';
import * as assert from 'uvu/assert';
import type { Scope } from '../../../src/shared/scope.ts';
import type { Clock } from '../../../src/shared/clock.ts';
import type { StreamSocket } from '../../../src/system/system.ts';
import { type Bus, connectBus } from '../../../src/dbus/bus.ts';
import { describeInterface } from '../../../src/dbus/interface.ts';
import { variant } from '../../../src/dbus/signature.ts';
import type { Head } from '../../../src/dbus/write-message.ts';
import { settle } from '../../helpers/fake-clock.ts';
import { withScope } from '../../helpers/with-scope.ts';
import { decode, encode } from './battery.ts';

const fileInterface = describeInterface({
  name: 'test.File',
  methods: { Take: { in: { fd: 'h' } }, Name: { in: { value: 'v' } } },
  signals: { Came: { fd: 'h' } },
});

interface Script {
  readonly bus: Bus;
  readonly closed: number[];
  readonly taken: number[];
  say(head: Partial<Head>, body?: { signature: string; values: unknown[] }, fds?: readonly number[]): void;
}

async function scripted({ scope, clock }: { scope: Scope; clock: Clock }): Promise<Script> {
  const closed: number[] = [];
  const taken: number[] = [];
  let isJoined = false;
  const transport: StreamSocket = {
    onData: () => undefined,
    onEnd: () => undefined,
    queuedBytes: 0,
    send(bytes) {
      if (bytes[0] === 0x6c) {
        if (isJoined) return;
        isJoined = true;
        const { serial } = decode(bytes);
        setImmediate(() => say(reply(serial), { signature: 's', values: [':1.1'] }));
        return;
      }
      const text = Buffer.from(bytes).toString('latin1');
      const answer = text.includes('AUTH') ? 'OK 12\r\n' : text.includes('NEGOTIATE') ? 'AGREE_UNIX_FD\r\n' : undefined;
      if (answer !== undefined) setImmediate(() => transport.onData(Buffer.from(answer), []));
    },
  };
  const say: Script['say'] = (head, { signature, values } = { signature: '', values: [] }, fds = []) => {
    const bytes = encode(signature, values, { serial: 7, sender: ':1.2', ...head });
    transport.onData(bytes, fds);
    bytes.fill(0xff);
  };
  const bus = await connectBus(transport, { clock, closeFd: (fd) => void closed.push(fd) }, scope);
  const methods = { Take: ({ fd }: { fd: number }) => void taken.push(fd), Name: () => undefined };
  bus.export('/file', fileInterface, { methods }, scope);
  return { bus, closed, taken, say };
}

const reply = (replySerial: number): Partial<Head> => ({
  type: 2, replySerial, path: undefined, interface: undefined, member: undefined,
});
const call = (member: string): Partial<Head> => ({ type: 1, path: '/file', interface: 'test.File', member });
const descriptors = (signature: string, ...values: unknown[]) => ({ signature, values });

test('calls: what a declared argument names is the handler\'s, all else is closed', withScope(async (context) => {
  const { say, taken, closed } = await scripted(context);
  say(call('Take'), descriptors('h', 0), [50]);
  assert.equal([taken, closed], [[50], []]);
  say(call('Name'), descriptors('v', variant('h', 0)), [51]);
  say(call('Nothing'), descriptors('hh', 0, 0), [52, 53]);
  say({ ...call('Take'), path: '/elsewhere' }, descriptors('h', 0), [54]);
  assert.equal([taken, closed], [[50], [51, 52, 53, 54]]);
}));

test('signals, stray replies, and replies of another signature', withScope(async (context) => {
  const { bus, say, closed } = await scripted(context);
  say({ path: '/file', interface: 'test.File', member: 'Came' }, descriptors('h', 0), [50]);
  assert.equal(closed.splice(0), [50]);
  say(reply(4000), descriptors('h', 0), [51]);
  assert.equal(closed.splice(0), [51]);
  const asked = bus.proxy(fileInterface, 'a.b', '/').Name({ value: variant('y', 1) });
  say(reply(2), descriptors('v', variant('h', 0)), [52]);
  const error = await asked.catch((reason: unknown) => reason);
  assert.match(error instanceof Error ? error.message : '', /the reply has signature "v" instead of ""/);
  assert.equal(closed, [52]);
}));

test('a header that cannot be read takes its descriptors with it', withScope(async (context) => {
  const { say, taken, closed } = await scripted(context);
  say({ ...call('Take'), serial: 0 }, descriptors('h', 0), [50]);
  assert.equal([taken, closed.splice(0)], [[], [50]]);
  say(call('Take'), descriptors('h', 0), [51]);
  assert.equal([taken, closed], [[51], []]);
}));

test('what is left at the end is closed', withScope(async (context) => {
  const { say, closed } = await scripted(context);
  say(call('Name'), descriptors('v', variant('y', 1)), [60, 61]);
  assert.equal(closed, []);
  await context.scope.close();
  assert.equal(closed, [60, 61]);
  await settle();
}));

test.run();
