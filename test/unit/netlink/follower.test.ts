/**
 * The mirror over sockets in memory: nothing is missed between reading and listening, lost events
 * lead to a new socket and only the differences are told, and no one but the kernel is believed.
 */

import { test } from 'uvu';
import * as assert from 'uvu/assert';
import { openRtnetlink } from '../../../src/netlink/rtnetlink.ts';
import type { Rtnetlink } from '../../../src/netlink/rtnetlink.ts';
import { Writer } from '../../../src/netlink/writer.ts';
import { SystemError } from '../../../src/shared/errors.ts';
import { setLogSink } from '../../../src/shared/log.ts';
import type { Scope } from '../../../src/shared/scope.ts';
import type { NetlinkOptions } from '../../../src/system/system.ts';
import { settle } from '../../helpers/fake-clock.ts';
import { withScope } from '../../helpers/with-scope.ts';
import type { TestContext } from '../../helpers/with-scope.ts';
import { FakeSocket, done, message, outcome } from './captures.ts';

const NEWLINK = 16;
const DELLINK = 17;
const GETLINK = 18;
const IFF_UP = 1;

setLogSink(() => undefined);

/** RTM_NEWLINK or RTM_DELLINK of `eth<ifindex>`. */
function link(type: number, ifindex: number, flags = IFF_UP, sequence = 0): Uint8Array {
  const writer = new Writer();
  writer.zeros(4);
  writer.u32(ifindex);
  writer.u32(flags);
  writer.u32(0);
  writer.attribute(3, () => writer.bytes(Buffer.from(`eth${ifindex}\0`)));
  return message(type, sequence === 0 ? 0 : 2, sequence, writer.finish());
}

/** A kernel that knows links alone: its sockets, and answers to dumps when the test says so. */
class TestKernel {
  readonly sockets: FakeSocket[] = [];
  readonly links = new Map<number, number>();
  /** Of the last socket for events. */
  groups: readonly number[] = [];
  /** The types of all requests. */
  readonly requests: number[] = [];
  readonly netlink = ({ groups = [] }: NetlinkOptions, scope: Scope): FakeSocket => {
    const socket = new FakeSocket();
    if (groups.length > 0) this.groups = groups;
    scope.defer(() => void (socket.isClosed = true));
    if (groups.length > 0) this.sockets.push(socket);
    else socket.onSend = (bytes) => this.#asked.push({ socket, bytes: bytes.slice() });
    return socket;
  };
  #asked: { socket: FakeSocket; bytes: Uint8Array }[] = [];

  get events(): FakeSocket {
    const socket = this.sockets.at(-1);
    assert.ok(socket !== undefined);
    return socket;
  }

  /** Answers what was asked, and what is asked upon that. */
  async answer(flags = 2): Promise<void> {
    await settle();
    while (this.#asked.length > 0) {
      for (const { socket, bytes } of this.#asked.splice(0)) {
        const view = new DataView(bytes.buffer);
        const sequence = view.getUint32(8, true);
        this.requests.push(view.getUint16(4, true));
        const links = view.getUint16(4, true) === GETLINK ? [...this.links] : [];
        const parts = links.map(([ifindex, each]) => link(NEWLINK, ifindex, each, sequence));
        socket.deliver([...parts, done(sequence, flags)]);
      }
      await settle();
    }
  }

  /** Refuses what was asked, and what is asked upon that. */
  async refuse(errno: number): Promise<void> {
    await settle();
    while (this.#asked.length > 0) {
      for (const { socket, bytes } of this.#asked.splice(0)) {
        socket.deliver([outcome(new DataView(bytes.buffer).getUint32(8, true), errno)]);
      }
      await settle();
    }
  }

  loseEvents(): void {
    this.events.onError(new SystemError('ENOBUFS', 105, 'recvmsg', 'no buffer space available'));
  }
}

function names({ mirror }: Rtnetlink): string {
  return [...mirror.links.values()].map(({ name, isUp }) => `${name}${isUp ? '' : '(down)'}`).sort().join(' ');
}

interface Opened {
  readonly rtnetlink: Rtnetlink;
  /** Link changes so far, and `!` for each reading anew. */
  readonly told: string[];
}

/** Opens it over a kernel that answers at once. */
async function open({ scope, clock }: TestContext, kernel: TestKernel): Promise<Opened> {
  const opening = openRtnetlink({ system: kernel, clock }, scope);
  await kernel.answer();
  const rtnetlink = await opening;
  const told: string[] = [];
  rtnetlink.mirror.linkChanged.observe(scope, ({ before, after }) => {
    told.push(`${before === undefined ? '+' : after === undefined ? '-' : '~'}${(after ?? before)?.name}`);
  });
  rtnetlink.mirror.resynchronised.observe(scope, () => told.push('!'));
  return { rtnetlink, told };
}

test('what happens while the state is read is laid over it', withScope(async ({ scope, clock }) => {
  const kernel = new TestKernel();
  kernel.links.set(2, IFF_UP).set(3, IFF_UP).set(4, IFF_UP);
  const opening = openRtnetlink({ system: kernel, clock }, scope);
  await settle();
  kernel.events.deliver([link(NEWLINK, 2, 0), link(DELLINK, 3), link(NEWLINK, 5)]);
  await kernel.answer();
  assert.is(names(await opening), 'eth2(down) eth4 eth5');
}));

test('events come one by one, in order', withScope(async (context) => {
  const kernel = new TestKernel();
  const { rtnetlink, told } = await open(context, kernel);
  kernel.events.deliver([link(NEWLINK, 2), link(NEWLINK, 2), link(NEWLINK, 3)]);
  kernel.events.deliver([link(NEWLINK, 2, 0), link(DELLINK, 3)]);
  assert.is(told.join(' '), '+eth2 +eth3 ~eth2 -eth3');
  assert.is(names(rtnetlink), 'eth2(down)');
}));

test('none but the kernel is believed, and broken messages are dropped', withScope(async (context) => {
  const kernel = new TestKernel();
  const { rtnetlink } = await open(context, kernel);
  kernel.events.deliver([link(NEWLINK, 2)], 4711);
  kernel.events.deliver([link(NEWLINK, 3), link(NEWLINK, 4).slice(0, 20), link(NEWLINK, 5)]);
  assert.is(names(rtnetlink), 'eth3');
}));

test('after a loss all is read anew over a new socket, and the differences are told', withScope(async (context) => {
  const kernel = new TestKernel();
  kernel.links.set(2, IFF_UP).set(3, IFF_UP);
  const { rtnetlink, told } = await open(context, kernel);
  const old = kernel.events;
  kernel.links.delete(3);
  kernel.links.set(4, IFF_UP);
  kernel.loseEvents();
  assert.is(old.isClosed, true);
  assert.is.not(kernel.events, old);
  kernel.events.deliver([link(NEWLINK, 5)]);
  await kernel.answer();
  assert.is(told.join(' '), '-eth3 +eth4 +eth5 !');
  assert.is(names(rtnetlink), 'eth2 eth4 eth5');
}));

test('a loss while reading is no end of it: what was read counts, then it is read again', withScope(async (context) => {
  const { clock } = context;
  const kernel = new TestKernel();
  kernel.links.set(2, IFF_UP);
  const { rtnetlink, told } = await open(context, kernel);
  kernel.loseEvents();
  kernel.links.set(3, IFF_UP);
  kernel.events.deliver([link(NEWLINK, 9)]);
  kernel.loseEvents();
  await kernel.answer();
  assert.is(names(rtnetlink), 'eth2 eth3');
  assert.is(told.join(' '), '+eth3');
  kernel.links.set(4, IFF_UP);
  await clock.advance(50);
  await kernel.answer();
  assert.is(told.join(' '), '+eth3 +eth4 !');
}));

test('a state that changes faster than it can be read is read again later', withScope(async ({ scope, clock }) => {
  const kernel = new TestKernel();
  kernel.links.set(2, IFF_UP);
  const opening = openRtnetlink({ system: kernel, clock }, scope);
  await kernel.answer(0x2 | 0x10);
  await clock.advance(50);
  await kernel.answer();
  assert.is(names(await opening), 'eth2');
}));

test('a kernel that cannot be asked fails the start, and later is asked again', withScope(async (context) => {
  const { clock, scope } = context;
  const deaf = new TestKernel();
  const opening = openRtnetlink({ system: deaf, clock }, scope.child()).catch((error: unknown) => error);
  await deaf.refuse(1);
  assert.is(Object(await opening).code, 'EPERM');

  const kernel = new TestKernel();
  const { told } = await open(context, kernel);
  kernel.links.set(2, IFF_UP);
  kernel.loseEvents();
  await kernel.refuse(12);
  assert.is(told.join(' '), '');
  await clock.advance(1000);
  await kernel.answer();
  assert.is(told.join(' '), '+eth2 !');
}));

test('the end of the scope ends it all, also in the middle of reading', withScope(async ({ scope, clock }) => {
  const kernel = new TestKernel();
  const own = scope.child();
  const opening = openRtnetlink({ system: kernel, clock }, own).catch((error: unknown) => error);
  await settle();
  await own.close();
  assert.is(await opening, own.signal.reason);
  assert.ok(kernel.sockets.every(({ isClosed }) => isClosed));
}));

test('links alone, where nothing else is wanted', withScope(async ({ scope, clock }) => {
  const kernel = new TestKernel();
  kernel.links.set(2, IFF_UP);
  const opening = openRtnetlink({ system: kernel, clock, follows: 'links' }, scope);
  await kernel.answer();
  assert.is(names(await opening), 'eth2');
  assert.equal([kernel.groups, kernel.requests], [[1], [GETLINK]], 'RTNLGRP_LINK');
  kernel.events.deliver([link(NEWLINK, 3)]);
  assert.is(names(await opening), 'eth2 eth3');
}));

test('who makes or removes a link hears of it once the mirror has', withScope(async (context) => {
  const kernel = new TestKernel();
  const { rtnetlink } = await open(context, kernel);
  const heard: string[] = [];
  const made = rtnetlink.link.add({ kind: 'bridge', name: 'eth7' }).then(({ ifindex }) => heard.push(`+${ifindex}`));
  await kernel.answer();
  assert.equal(heard, []);
  kernel.events.deliver([link(NEWLINK, 7)]);
  await made;
  const removed = rtnetlink.link.remove(7).then(() => heard.push('-7'));
  await kernel.answer();
  assert.equal(heard, ['+7']);
  kernel.events.deliver([link(DELLINK, 7)]);
  await removed;
  assert.equal(heard, ['+7', '-7']);

  // The event may as well come first, or be lost: then reading anew tells.
  const early = rtnetlink.link.add({ kind: 'bridge', name: 'eth8' });
  kernel.events.deliver([link(NEWLINK, 8)]);
  await kernel.answer();
  assert.is((await early).ifindex, 8);
  const lost = rtnetlink.link.add({ kind: 'bridge', name: 'eth9' });
  await kernel.answer();
  kernel.links.set(9, IFF_UP);
  kernel.loseEvents();
  await kernel.answer();
  assert.is((await lost).ifindex, 9);
}));

test.run();
