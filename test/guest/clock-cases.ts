/**
 * The clock for real, in a kernel of its own: our connmand steps and slews it by what NTP servers say,
 * users set it, and after a "reboot" into 1970 it goes on from the clock file. Server and device share
 * the kernel, so that the servers here have a time of their own (ntp-server.ts).
 */

import * as assert from 'uvu/assert';
import { busVariant } from '../helpers/bus-daemon.ts';
import { Cell, SERVER_ADDRESS } from '../helpers/cell.ts';
import type { Child } from '../helpers/child.ts';
import type { CellEvent } from '../helpers/event-log.ts';
import { guestCase } from '../helpers/guest/cases.ts';
import { spawnTypeScript } from '../helpers/run-status-server.ts';
import { testSystem } from '../helpers/system.ts';
import { callConnman, daemon } from '../helpers/wired.ts';

const system = testSystem();
const IN_2033 = Date.UTC(2033, 4, 18, 3, 33, 20);
const HOUR = 3_600_000;

let opened: Promise<Cell> | undefined;
let running: Child | undefined;
let server: Child | undefined;

function rig(): Promise<Cell> {
  return (opened ??= Cell.open({
    files: { '/etc/connman/main.conf': '[General]\nOnlineCheckMode=none\n' },
    dnsmasq: { extra: [`--dhcp-option=42,${SERVER_ADDRESS}`] },
  }));
}

async function serve(cell: Cell, start: string): Promise<void> {
  await server?.stop();
  server = await spawnTypeScript(cell.server, 'test/integration/ntp-server.ts', [SERVER_ADDRESS, start]);
  await server.waitForLine((line) => line === 'listening');
}

async function start(cell: Cell): Promise<void> {
  running = await cell.startDaemon([...daemon.argv, '-d', 'src/ntp/*:src/clock/*'], daemon.busName);
}

const isClock = (name: string, value?: unknown) => (event: CellEvent): boolean =>
  event.kind === 'signal' && event.name === 'net.connman.Clock.PropertyChanged' && event.body[0] === name
  && (value === undefined || event.body[1] === value);

const setClock = (cell: Cell, name: string, signature: string, value: unknown): Promise<readonly unknown[]> =>
  cell.bus.call({
    destination: 'net.connman', path: '/', interface: 'net.connman.Clock', member: 'SetProperty',
    signature: 'sv', body: [name, busVariant(signature, value)],
  });

/** What busybox's adjtimex prints of the kernel's clock loop, by name. */
async function kernelClock(cell: Cell): Promise<ReadonlyMap<string, number>> {
  const text = await cell.device.output(['busybox', 'adjtimex']);
  const pairs = text.matchAll(/^\s*(?:-\w\s+)?([\w.]+):\s+(-?\d+)/gm);
  return new Map([...pairs].map(([, name = '', value]) => [name, Number(value)]));
}

/** One server ahead by years and by a tenth of a second, the user, and a machine without a clock. */
export function clockCases(): void {
  guestCase('a server that is years ahead: the clock is stepped and all are told', async () => {
    const cell = await rig();
    await serve(cell, String(IN_2033));
    await start(cell);
    const since = cell.cable().plug();
    await cell.log.wait('TimeserverSynced', isClock('TimeserverSynced', true), { since });
    await cell.log.wait('Time', isClock('Time'), { since });
    const aheadMs = system.wallTime() - IN_2033;
    assert.ok(aheadMs >= 0 && aheadMs < HOUR, new Date(system.wallTime()).toISOString());
    assert.match(running?.text ?? '', /ntp: adjust \(jump\): \+\d+\.\d{6} sec by 10\.77\.0\.1/);
    const kernel = await kernelClock(cell);
    const status = kernel.get('status') ?? 0;
    assert.is(status & 1, 1, 'STA_PLL');
    assert.is(status & 0x40, 0, 'not STA_UNSYNC');
  });

  guestCase('by hand: refused while automatic, then set, and no longer synchronised', async () => {
    const cell = await rig();
    const refused = await setClock(cell, 'Time', 't', BigInt(5))
      .then(() => '', (error: { type?: string }) => error.type);
    assert.is(refused, 'net.connman.Error.PermissionDenied');
    await setClock(cell, 'TimeUpdates', 's', 'manual');
    const since = performance.now();
    await setClock(cell, 'Time', 't', BigInt(IN_2033 / 1000 + 86_400));
    assert.ok(Math.abs(system.wallTime() - IN_2033 - 86_400_000) < 10_000);
    await cell.log.wait('not synchronised', isClock('TimeserverSynced', false), { since });
    await cell.log.wait('Time', isClock('Time'), { since });
    const [properties] = await callConnman(cell, 'Clock', 'GetProperties');
    assert.is(Object(properties).TimeUpdates, 'manual');
  });

  guestCase('a board without a clock: after a reboot into 1970 time goes on from the file', async () => {
    const cell = await rig();
    const beforeMs = system.wallTime();
    assert.is(await running?.stop(), 0);
    const stored = /UnixTime=(\d+)/.exec(cell.device.read('/var/lib/connman/causeway/clock'))?.[1];
    assert.ok(Number(stored) * 1000 >= beforeMs - 1000, stored);
    system.setWallClock(Date.UTC(1971, 0, 1)); // as early as a kernel that has been up for a while takes
    await start(cell);
    const nowMs = system.wallTime();
    assert.ok(nowMs >= Number(stored) * 1000 && nowMs < beforeMs + HOUR, new Date(nowMs).toISOString());
    assert.match(running?.text ?? '', 'the clock goes on from 2033-05-19T');
  });

  guestCase('a server that is a tenth of a second ahead: the kernel slews', async () => {
    const cell = await rig();
    await serve(cell, '+100');
    const since = performance.now();
    await setClock(cell, 'TimeUpdates', 's', 'auto');
    await cell.log.wait('TimeserverSynced', isClock('TimeserverSynced', true), { since });
    assert.match(running?.text ?? '', /ntp: adjust \(slew\): \+0\.(0[89]|1[0-9])\d+ sec/);
    const kernel = await kernelClock(cell);
    assert.ok((kernel.get('offset') ?? 0) > 10_000, 'most of it is still to come');
    assert.is(await running?.stop(), 0);
    await cell.close();
  });
}
