/**
 * struct rfkill_event both ways, and the switches behind /dev/rfkill: what they amount to by type,
 * what is told, and what a command makes of events that are older than it.
 */

import { test } from 'uvu';
import * as assert from 'uvu/assert';
import fc from 'fast-check';
import { execFileSync } from 'node:child_process';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { decodeRfkillEvent, encodeBlock, RadioSwitches, type RadioChange } from '../../src/rfkill.ts';
import { HOST_IS_LITTLE_ENDIAN } from '../../src/shared/bytes.ts';
import { DecodeError } from '../../src/shared/errors.ts';
import { FakeRfkill, noDevice, RFKILL } from '../helpers/fake-rfkill.ts';
import { testSystem } from '../helpers/system.ts';
import { withScope } from '../helpers/with-scope.ts';

const system = testSystem();

/** index 258: as `rfkill event` shows `idx 258 type 2 op 2 soft 1 hard 0`. */
const CHANGE = Uint8Array.of(...(HOST_IS_LITTLE_ENDIAN ? [2, 1, 0, 0] : [0, 0, 1, 2]), 2, 2, 1, 0);

test('an event of linux/rfkill.h', () => {
  const event = { index: 258, operation: 'change', isSoftBlocked: true, isHardBlocked: false } as const;
  assert.equal(decodeRfkillEvent(CHANGE), { ...event, typeNumber: 2 });
  const longer = Uint8Array.of(...CHANGE, 3, 9);
  assert.equal(decodeRfkillEvent(longer), { ...event, typeNumber: 2 }, 'newer kernels say more');
});

test('any bytes are an event or a DecodeError', () => {
  fc.assert(
    fc.property(fc.uint8Array({ maxLength: 12 }), (bytes) => {
      try {
        const event = decodeRfkillEvent(bytes);
        assert.ok(bytes.length >= 8 && (bytes[5] ?? 9) < 4 && event.index >= 0);
      } catch (error) {
        assert.ok(error instanceof DecodeError, String(error));
        assert.ok(bytes.length < 8 || (bytes[5] ?? 0) > 3);
      }
    }),
  );
});

test('a command is CHANGE_ALL for a type', () => {
  assert.equal([...encodeBlock(5, true)], [0, 0, 0, 0, 5, 3, 1, 0]);
  assert.equal([...encodeBlock(1, false)], [0, 0, 0, 0, 1, 3, 0, 0]);
});

test(
  'a type is blocked when all its switches are',
  withScope(async ({ clock, scope }) => {
    const rfkill = new FakeRfkill();
    const first = rfkill.add(RFKILL.wifi, { soft: true });
    const radios = new RadioSwitches({ system: { ...system, device: rfkill.device }, clock }, scope);
    await clock.advance(0);
    assert.equal(radios.stateOf('wifi'), { isSoftBlocked: true, isHardBlocked: false });
    const second = rfkill.add(RFKILL.wifi, { hard: true });
    rfkill.add(RFKILL.ultraWideband);
    await clock.advance(0);
    assert.equal(radios.stateOf('wifi'), { isSoftBlocked: false, isHardBlocked: false });
    assert.equal([...radios.types], ['wifi']);
    rfkill.set(first, { hard: true });
    await clock.advance(0);
    assert.equal(radios.stateOf('wifi'), { isSoftBlocked: false, isHardBlocked: true });
    rfkill.remove(first);
    rfkill.remove(second);
    await clock.advance(0);
    assert.is(radios.stateOf('wifi'), undefined);
    assert.is(radios.stateOf('ethernet'), undefined);
  }),
);

test(
  'a command goes to the kernel once there is a switch, and settles',
  withScope(async ({ clock, scope }) => {
    const rfkill = new FakeRfkill();
    const radios = new RadioSwitches({ system: { ...system, device: rfkill.device }, clock }, scope);
    const changes: RadioChange[] = [];
    radios.changed.observe(scope, (change) => changes.push(change));
    radios.block('bluetooth', true);
    assert.equal(rfkill.commands, [], 'no switch');
    const index = rfkill.add(RFKILL.bluetooth);
    await clock.advance(0);
    radios.block('bluetooth', true);
    assert.is(rfkill.isSoftBlocked(index), true);
    assert.is(radios.isSettling('bluetooth'), true);
    await clock.advance(499);
    assert.is(radios.isSettling('bluetooth'), true);
    await clock.advance(1);
    assert.is(radios.isSettling('bluetooth'), false);
    const added = { isSoftBlocked: false, isHardBlocked: false };
    assert.equal(changes, [{ type: 'bluetooth', added }, { type: 'bluetooth' }, { type: 'bluetooth' }]);
    assert.equal(clock.pending(), []);
  }),
);

test(
  'without the device there are no switches',
  withScope(async ({ clock, scope }) => {
    const radios = new RadioSwitches({ system: { ...system, device: noDevice }, clock }, scope);
    radios.block('wifi', true);
    assert.equal([...radios.types], []);
  }),
);

test(
  'rubbish from the device is passed over',
  withScope(async ({ clock, scope }) => {
    const rfkill = new FakeRfkill();
    let reader: ReturnType<typeof rfkill.device> | undefined;
    const device: typeof rfkill.device = (path, within) => (reader = rfkill.device(path, within));
    const radios = new RadioSwitches({ system: { ...system, device }, clock }, scope);
    for (const bytes of [[], [1, 2, 3], [0, 0, 0, 0, 1, 7, 0, 0]]) reader?.onMessage(Uint8Array.from(bytes), undefined);
    assert.equal([...radios.types], []);
    reader?.onMessage(CHANGE, undefined);
    assert.equal([...radios.types], ['bluetooth']);
  }),
);

test(
  'events come through a real descriptor',
  withScope(async ({ clock, scope }) => {
    const directory = mkdtempSync(join(tmpdir(), 'causeway-rfkill-'));
    scope.defer(() => rmSync(directory, { recursive: true }));
    const path = join(directory, 'rfkill');
    execFileSync('mkfifo', [path]);
    const device = (_: string, within: typeof scope) => system.device(path, within);
    const radios = new RadioSwitches({ system: { ...system, device }, clock }, scope);
    const told = new Promise((resolve) => radios.changed.observe(scope, resolve));
    writeFileSync(path, Uint8Array.of(...CHANGE.subarray(0, 4), 2, 0, 0, 1));
    await told;
    assert.equal(radios.stateOf('bluetooth'), { isSoftBlocked: false, isHardBlocked: true });
  }),
);

test.run();
