/**
 * Netlink sockets against the kernel, in a network namespace of our own (rtnetlink(7)).
 */

import { test } from 'uvu';
import * as assert from 'uvu/assert';
import { execFileSync } from 'node:child_process';
import { createScope } from '../../src/shared/scope.ts';
import type { MessageSocket, NetlinkSender } from '../../src/system/system.ts';
import { testSystem } from '../helpers/system.ts';
import { enterNamespaces } from '../helpers/unshare.ts';
import { until } from '../helpers/patience.ts';

enterNamespaces('--net');

const system = testSystem();
const RTMGRP_LINK = 1;
const RTM_NEWLINK = 16;
const RTM_GETLINK = 18;
const NLMSG_ERROR = 2;
const NLMSG_DONE = 3;
const NLM_F_DUMP = 0x300;

function request(type: number, flags: number, ifindex = 0): Uint8Array {
  const bytes = new Uint8Array(32);
  new Uint32Array(bytes.buffer).set([bytes.length, 0, 77, 0, 0, ifindex]);
  new Uint16Array(bytes.buffer).set([type, flags | 1], 2);
  return bytes;
}

/** Type of each message in a datagram, with the interface it names. */
function messages(bytes: Uint8Array): { type: number; ifindex: number; errno: number }[] {
  const view = new DataView(bytes.slice().buffer);
  const found = [];
  for (let at = 0; at + 16 <= bytes.length; at += (view.getUint32(at, true) + 3) & ~3) {
    const type = view.getUint16(at + 4, true);
    const errno = type === NLMSG_ERROR ? -view.getInt32(at + 16, true) : 0;
    found.push({ type, ifindex: type === RTM_NEWLINK ? view.getInt32(at + 20, true) : 0, errno });
  }
  return found;
}

function ip(...commands: string[]): void {
  execFileSync('ip', ['-batch', '-'], { input: commands.join('\n') });
}

function dump(socket: MessageSocket<NetlinkSender>): Promise<number[]> {
  return new Promise((resolve) => {
    const links: number[] = [];
    socket.onMessage = (bytes, { portId }) => {
      assert.is(portId, 0, 'from the kernel');
      for (const { type, ifindex } of messages(bytes)) {
        if (type === NLMSG_DONE) resolve(links);
        else if (type === RTM_NEWLINK) links.push(ifindex);
      }
    };
    socket.send(request(RTM_GETLINK, NLM_F_DUMP));
  });
}

test('a dump of many links comes whole', async () => {
  const scope = createScope();
  ip(...Array.from({ length: 200 }, (_, index) => `link add v${index} type veth peer name w${index}`));
  const socket = system.netlink({ protocol: 0 }, scope);
  assert.ok(socket.localPort > 0);
  const links = await dump(socket);
  assert.is(new Set(links).size, 401);
  assert.is(links.length, 401);
  await scope.close();
});

test('a refused request carries the errno and the kernel\'s words', async () => {
  const scope = createScope();
  const socket = system.netlink({ protocol: 0 }, scope);
  const answer = new Promise<Buffer>((resolve) => {
    socket.onMessage = (bytes) => resolve(Buffer.from(bytes));
  });
  const strange = request(RTM_GETLINK, NLM_F_DUMP);
  new DataView(strange.buffer).setUint16(18, 1, true); // ifi_type must be 0 in a dump
  socket.send(strange);
  const bytes = await answer;
  // NLMSG_GET_STRICT_CHK refuses it, NETLINK_EXT_ACK says why.
  assert.match(bytes.toString('latin1'), /Invalid values in header/);
  await scope.close();
});

test('an overflow is told and survived', async () => {
  const scope = createScope();
  const socket = system.netlink({ protocol: 0, groups: [RTMGRP_LINK], receiveBufferBytes: 2048 }, scope);
  const codes: string[] = [];
  let events = 0;
  socket.onError = (error) => codes.push(error.code);
  socket.onMessage = () => events++;
  for (const state of ['up', 'down', 'up']) {
    codes.length = 0;
    ip(...Array.from({ length: 100 }, (_, index) => `link set v${index} ${state}`));
    await until('an error', () => codes.length > 0);
    assert.ok(codes.every((code) => code === 'ENOBUFS'), codes.join(' '));
    events = 0;
    ip('link set v199 mtu 1400', 'link set v199 mtu 1500');
    await until('an event', () => events > 0);
  }
  await scope.close();
});

test('groups bring only their own events', async () => {
  const scope = createScope();
  const links = system.netlink({ protocol: 0, groups: [RTMGRP_LINK], receiveBufferBytes: 1 << 20 }, scope);
  const seen: number[] = [];
  links.onMessage = (bytes) => seen.push(...messages(bytes).map(({ type }) => type));
  ip('address add 192.0.2.1/24 dev v150', 'link set v150 mtu 1300');
  await until('an event', () => seen.length > 0);
  assert.ok(seen.every((type) => type === RTM_NEWLINK), seen.join(' '));
  await scope.close();
});

test.run();
