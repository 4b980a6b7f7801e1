/**
 * Generic netlink over sockets in memory, with the kernel's own words about the family "nlctrl".
 */

import { test } from 'uvu';
import * as assert from 'uvu/assert';
import { u32 } from '../../../src/netlink/kinds.ts';
import { NetlinkError } from '../../../src/netlink/error.ts';
import { CONTROL_FAMILY, decodeGenl, openGenl } from '../../../src/netlink/genl/genl.ts';
import type { NetlinkOptions } from '../../../src/system/system.ts';
import { createScope } from '../../../src/shared/scope.ts';
import { settle } from '../../helpers/fake-clock.ts';
import {
  FakeSocket, assertHardened, canonical, decodeAll, hex, message, outcome, readCaptures, withSequence,
} from './captures.ts';

const { sent, received } = readCaptures('genl')('genl ctrl get name nlctrl');
const [answer = hex('')] = received;
const TEST_FAMILY = { name: 'test', version: 1, attributes: { number: [1, u32] } } as const;

/** CTRL_CMD_NEWFAMILY: "test" has the number 0x21 and a group "news" of number 6. */
const TEST_ANSWER = message(16, 0, 0, hex(
  '01 02 0000  0600 0100 2100 0000  0900 0200 7465737400 000000'
    + '1c00 0780 1800 0180 0800 0200 06000000 0900 0100 6e65777300 000000',
));

test('the kernel\'s own description is read, and stands truncation, flipped bits and noise', () => {
  const [family] = decodeAll([answer], (each) => decodeGenl(CONTROL_FAMILY.attributes, each));
  assert.equal([family?.command, family?.attributes.familyName, family?.attributes.familyId], [1, 'nlctrl', 16]);
  assert.equal(family?.attributes.groups, [{ name: 'notify', id: 16 }]);
  assertHardened((each) => decodeGenl(CONTROL_FAMILY.attributes, each), answer);
});

test('asking for a family is what genl does', async () => {
  const scope = createScope();
  const socket = new FakeSocket();
  const genl = openGenl({ system: { netlink: () => socket } }, scope);
  const asked = genl.request(CONTROL_FAMILY, { command: 3, attributes: { familyName: 'nlctrl' } });
  await settle();
  const [request = hex('')] = socket.sent;
  const theirs = canonical(sent[0] ?? hex(''), 4);
  assert.equal(canonical(request, 4), { ...Object(theirs), header: '03020000' });
  socket.deliver([withSequence(answer, socket.request(0).sequence), outcome(socket.request(0).sequence)]);
  assert.is((await asked)[0]?.attributes.familyName, 'nlctrl');
  await scope.close();
});

test('a family is asked for once, and again when its number is no longer known', async () => {
  const scope = createScope();
  const socket = new FakeSocket();
  const types: number[] = [];
  socket.onSend = (bytes) => {
    const view = new DataView(bytes.buffer, bytes.byteOffset);
    const [type, sequence] = [view.getUint16(4, true), view.getUint32(8, true)];
    types.push(type);
    const isGone = types.length === 4;
    const answers = type === 16 ? [withSequence(TEST_ANSWER, sequence)] : [];
    queueMicrotask(() => socket.deliver([...answers, outcome(sequence, isGone ? 2 : 0)]));
  };
  const genl = openGenl({ system: { netlink: () => socket } }, scope);
  await genl.request(TEST_FAMILY, { command: 1, attributes: { number: 7 } });
  await genl.request(TEST_FAMILY, { command: 1 });
  const refused = await genl.request(TEST_FAMILY, { command: 1 }).catch((error: unknown) => error);
  assert.is(refused instanceof NetlinkError && refused.code, 'ENOENT');
  await genl.request(TEST_FAMILY, { command: 1 });
  assert.equal(types, [16, 0x21, 0x21, 0x21, 16, 0x21]);
  await scope.close();
});

test('a group is joined by its name, and only the kernel is heard', async () => {
  const scope = createScope();
  const sockets: { socket: FakeSocket; groups: readonly number[] }[] = [];
  const netlink = ({ groups = [] }: NetlinkOptions): FakeSocket => {
    const socket = new FakeSocket();
    sockets.push({ socket, groups });
    return socket;
  };
  const genl = openGenl({ system: { netlink } }, scope);
  const heard: (number | undefined)[] = [];
  let losses = 0;
  const observer = {
    onMessage: (each: { attributes: { number?: number | undefined } }) => void heard.push(each.attributes.number),
    onLoss: () => void losses++,
  };
  const joined = genl.observe(TEST_FAMILY, 'news', scope, observer);
  await settle();
  const [requests] = sockets;
  requests?.socket.deliver([withSequence(TEST_ANSWER, 1), outcome(1)]);
  await joined;
  assert.equal(sockets[1]?.groups, [6]);
  const news = message(0x21, 0, 0, hex('05 01 0000 0800 0100 2a000000'));
  sockets[1]?.socket.deliver([news]);
  sockets[1]?.socket.deliver([news], 99);
  sockets[1]?.socket.deliver([message(0x22, 0, 0, hex('05 01 0000')), message(0x21, 0, 0, hex('05'))]);
  assert.equal(heard, [42]);
  const unknown = await genl.observe(TEST_FAMILY, 'olds', scope, observer).catch((error: unknown) => error);
  assert.is(unknown instanceof NetlinkError && unknown.code, 'ENOENT');
  assert.is(losses, 0);
  await scope.close();
});

test.run();
