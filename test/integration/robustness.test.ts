/**
 * What people, programs and networks do to a running daemon: it stays, answers, keeps its memory and
 * descriptors, and goes back to work.
 */

import { readdirSync, readFileSync } from 'node:fs';
import { createConnection } from 'node:net';
import { resolve } from 'node:path';
import { inspect } from 'node:util';
import { test } from 'uvu';
import * as assert from 'uvu/assert';
import { BUS_SOCKET } from '../helpers/bus-daemon.ts';
import type { Cell } from '../helpers/cell.ts';
import type { Child } from '../helpers/child.ts';
import type { CellEvent } from '../helpers/event-log.ts';
import { patience } from '../helpers/patience.ts';
import { spawnTypeScript } from '../helpers/run-status-server.ts';
import { makeUplink } from '../helpers/uplinks.ts';
import { callConnman, isProperty, plugIn, SERVICE, startDaemon, withWiredCell } from '../helpers/wired.ts';

const isOnline = isProperty('Manager', 'State', 'online');

test('a hundred flaps of the cable', () =>
  withWiredCell({}, async (cell) => {
    const running = await startDaemon(cell);
    await plugIn(cell);
    // From then on routers are looked for.
    await cell.log.wait('IPv6', (event) => event.kind === 'address' && event.address.startsWith('fe80:'));
    const before = await settledDescriptors(running);
    for (let count = 0; count < 100; count++) {
      cell.cable().unplug();
      await pause(count % 10);
      cell.cable().plug();
      await pause((7 * count) % 40);
    }
    while (!(await managerProperties(cell)).includes("State: 'online'")) await pause(50);
    const since = performance.now();
    cell.cable().unplug();
    await cell.log.wait('the address to go', isAddress(false), { since });
    const pluggedAt = cell.cable().plug();
    await cell.log.wait('online', isOnline, { since: pluggedAt });
    assert.is(await settledDescriptors(running), before);
    assert.is((await cell.device.output(['ip', '-4', 'route', 'show', 'default'])).trim().split('\n').length, 1);
  }));

test('links that are renamed, get another hardware address, are swapped and deleted', () =>
  withWiredCell({ cables: 2 }, async (cell) => {
    await startDaemon(cell);
    await plugIn(cell);
    const step = async (what: string, script: string, link: string): Promise<void> => {
      const since = performance.now();
      await cell.device.script(script);
      await cell.log.wait(`${what}: online`, isOnline, { since });
      assert.match(
        await cell.device.output(['ip', '-4', 'route', 'show', 'default']), new RegExp(`dev ${link} *$`, 'm'), what,
      );
    };
    await step('renamed', 'ip link set eth0 down; ip link set eth0 name lan0; ip link set lan0 up', 'lan0');
    for (const last of ['71', '72', '73', '74', '75', '76', '77', '78']) {
      await step(
        'another address',
        `ip link set lan0 down; ip link set lan0 address 02:00:00:00:00:${last}; ip link set lan0 up`,
        'lan0',
      );
    }
    await step('another address while up', 'ip link set lan0 address 02:00:00:00:00:79', 'lan0');
    await cell.device.script('ip link set eth1 address 02:00:00:00:00:79');
    cell.cable(1).plug();
    await step('deleted, and another has the same address', 'ip link delete lan0', 'eth1');
  }));

const BAD_FILES = {
  '/var/lib/connman/settings': '\xff\xfe[[[garbage\n\0\0',
  [`/var/lib/connman/${SERVICE}/settings`]:
    `[${SERVICE}]\nIPv4.method=dhcp\nIPv4.local_address=1.2.3.4.5\nNameservers=;;bad;\nProxy.Method=__proto__\n` +
    'Modified=never\nIPv6.netmask_prefixlen=999\n',
  [`/var/lib/connman/${SERVICE}/lease`]: '[dhcp4]\nAddress=999.1.1.1\nAcquired=-5\nOption.51=zz\nOption.999=00\n',
  '/var/lib/connman/ethernet_020000000001_cable/settings': 'x'.repeat(2_000_000),
  '/var/lib/connman/ethernet_020000000001_cable/lease':
    '[dhcp4]\nAddress=10.77.0.1\nAcquired=99999999999\nOption.1=ff\n',
  '/var/lib/connman/__proto__/settings': '[__proto__]\nName=x\n',
};

test('corrupt and hostile files in the storage', () =>
  withWiredCell({ cables: 2, files: BAD_FILES }, async (cell) => {
    await cell.device.script(`cd /var/lib/connman
mkfifo fifo.config
ln -s /dev/zero zero.config
mkdir -p ethernet_02000000ffff_cable/settings
chmod 777 .`);
    const running = await startDaemon(cell);
    await running.waitForLine((line) => line.includes('others than root may write to /var/lib/connman'));
    await plugIn(cell);
    const since = cell.cable(1).plug();
    await cell.log.wait(
      'the second address',
      (event) => event.kind === 'address' && event.link === 'eth1' && event.address.startsWith('10.'),
      { since },
    );
    assert.is(cell.device.read('/var/lib/connman/settings.corrupt').length > 0, true);
  }));

test('a full disk: connected all the same, and written once there is room', () =>
  withWiredCell({}, async (cell) => {
    await cell.device.script(`mount -t tmpfs -o size=16k,mode=755 tmpfs /var/lib/connman
dd if=/dev/zero of=/var/lib/connman/fill bs=4k 2>/dev/null || true`);
    const running = await startDaemon(cell);
    await plugIn(cell);
    await running.waitForLine((line) => /cannot write .*settings: ENOSPC/.test(line));
    await cell.device.output(['rm', '/var/lib/connman/fill']);
    const since = performance.now();
    cell.cable().unplug();
    await cell.log.wait('the address to go', isAddress(false), { since });
    cell.cable().plug();
    await cell.log.wait('online', isOnline, { since });
    await cell.device.output(['sh', '-c', `until test -s /var/lib/connman/${SERVICE}/lease; do sleep 0.05; done`]);
  }));

test('a client that floods and never reads', () =>
  withWiredCell({}, async (cell) => {
    const running = await startDaemon(cell);
    await plugIn(cell);
    const before = await memoryOf(running);
    const stop = await flood(cell, 20_000);
    const askedAt = performance.now();
    const [services] = await callConnman(cell, 'Manager', 'GetServices');
    assert.ok(Array.isArray(services) && services.length === 1);
    const tookMs = performance.now() - askedAt;
    assert.ok(tookMs < patience(10_000), `answered others after ${tookMs.toFixed(0)} ms`);
    stop();
    const grownMb = ((await memoryOf(running)) - before) / 1024;
    assert.ok(grownMb < 150, `grew by ${grownMb.toFixed(0)} MB`);
    assert.ok(running.isRunning);
  }));

test('three thousand DHCP replies that lie', () =>
  withWiredCell({ dnsmasq: false }, async (cell) => {
    const uplink = await makeUplink(cell, 0, { hasServer: false });
    const running = await startDaemon(cell);
    const since = await uplink.plug();
    await uplink.namespace.output(['ip', 'route', 'add', '255.255.255.255', 'dev', uplink.port]);
    const noise = await spawnTypeScript(
      uplink.namespace, 'test/helpers/dhcp-noise.ts', [resolve('../shared/corpora/dhcp4')],
    );
    await noise.waitForLine((line) => line.startsWith('sent'), 20_000);
    await noise.exited;
    await uplink.startServer();
    await cell.log.wait('online', isOnline, { since, timeoutMs: 70_000 });
    assert.ok(running.isRunning);
    assert.not.match(running.text, /Aborting|TypeError|RangeError/);
  }));

test('more events than the kernel keeps for us, with 500 links about: all is read anew', () =>
  withWiredCell({}, async (cell) => {
    const running = await startDaemon(cell);
    await plugIn(cell);
    const names = Array.from({ length: 500 }, (_, index) => `s${index}`);
    const batch = (line: (name: string) => string): Promise<string> =>
      cell.device.output(['ip', '-batch', '-'], { input: [...names.map(line), ''].join('\n') });
    await batch((name) => `link add ${name} type bridge`);
    running.freeze();
    for (const state of ['up', 'down', 'up', 'down']) await batch(
      (name) => `link set ${name} ${state} mtu ${state === 'up' ? 1400 : 1500}`,
    );
    const since = performance.now();
    cell.cable().unplug();
    await cell.log.wait(
      'the carrier to go', (event) => event.kind === 'carrier' && event.link === 'eth0' && !event.isOn, { since },
    );
    running.thaw();
    await running.waitForLine((line) => line.includes('reading the network state anew'));
    await cell.log.wait('the address to go', isAddress(false), { since });
    const pluggedAt = cell.cable().plug();
    await cell.log.wait('online', isOnline, { since: pluggedAt });
  }));

test.run();

function isAddress(isAdded: boolean): (event: CellEvent) => boolean {
  return (event) => event.kind === 'address' && event.isAdded === isAdded && event.address.startsWith('10.77.');
}

async function managerProperties(cell: Cell): Promise<string> {
  return inspect(await callConnman(cell, 'Manager', 'GetProperties'));
}

function pause(ms: number): Promise<void> {
  return new Promise((done) => setTimeout(done, ms));
}

/** How many descriptors it has once that is the same for a while. */
async function settledDescriptors({ pid }: Child): Promise<number> {
  let last = -1;
  for (let same = 0; same < 5; ) {
    const now = readdirSync(`/proc/${pid}/fd`).length;
    same = now === last ? same + 1 : 0;
    last = now;
    await pause(200);
  }
  return last;
}

/** Resident memory in KiB. */
async function memoryOf({ pid }: Child): Promise<number> {
  return Number(/VmRSS:\s+(\d+)/.exec(readFileSync(`/proc/${pid}/status`, 'utf8'))?.[1]);
}

/** Sends `count` calls of GetServices and reads none of the replies. Resolves when they are sent. */
async function flood(cell: Cell, count: number): Promise<() => void> {
  const socket = createConnection(cell.device.path(BUS_SOCKET));
  socket.on('error', () => undefined);
  socket.write(`\0AUTH EXTERNAL ${Buffer.from('0').toString('hex')}\r\n`);
  await new Promise((done) => socket.once('data', done));
  socket.write('BEGIN\r\n');
  socket.write(message(1, ['/org/freedesktop/DBus', 'org.freedesktop.DBus', 'Hello', 'org.freedesktop.DBus']));
  await new Promise((done) => socket.once('data', done));
  socket.pause();
  for (let serial = 2; serial < count + 2; serial++) {
    const isTaken = socket.write(message(serial, ['/', 'net.connman.Manager', 'GetServices', 'net.connman']));
    // The bus stops reading from a client whose replies pile up.
    if (isTaken) continue;
    const drained = new Promise<boolean>((done) => socket.once('drain', () => done(true)));
    if (!(await Promise.race([drained, pause(2000).then(() => false)]))) break;
  }
  return () => socket.destroy();
}

/** A call without arguments (D-Bus specification, message format): path, interface, member, destination. */
function message(serial: number, words: readonly [string, string, string, string]): Buffer {
  const fields: Buffer[] = [];
  let length = 0;
  for (const [index, text] of words.entries()) {
    const [code = 0, signature = ''] = ([[1, 'o'], [2, 's'], [3, 's'], [6, 's']] as const)[index] ?? [];
    const head = Buffer.alloc(8);
    head.set([code, 1, signature.charCodeAt(0), 0]);
    head.writeUInt32LE(text.length, 4);
    const field = Buffer.concat([Buffer.alloc((8 - (length % 8)) % 8), head, Buffer.from(`${text}\0`)]);
    fields.push(field);
    length += field.length;
  }
  const start = Buffer.alloc(16);
  start.set([0x6c, 1, 0, 1]);
  start.writeUInt32LE(serial, 8);
  start.writeUInt32LE(length, 12);
  return Buffer.concat([start, ...fields, Buffer.alloc((8 - (length % 8)) % 8)]);
}
