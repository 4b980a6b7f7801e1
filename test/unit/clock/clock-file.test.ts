/** The clock file: a board without a clock of its own, over reboots. */

import { test } from 'uvu';
import * as assert from 'uvu/assert';
import { openClockSettings, type ClockSettings } from '../../../src/clock/clock.ts';
import { keepClockFile } from '../../../src/clock/clock-file.ts';
import { SystemError } from '../../../src/shared/errors.ts';
import { createScope, type Scope } from '../../../src/shared/scope.ts';
import { memoryStorage } from '../../helpers/core-bench.ts';
import { FakeClock } from '../../helpers/fake-clock.ts';

const FILE = 'causeway/clock';
const HOUR = 3_600_000;

/** A boot of a board whose clock begins at `bootUnixSec`, with the files of the boot before. */
class Boot {
  readonly clock = new FakeClock();
  readonly scope: Scope = createScope();
  readonly storage: ReturnType<typeof memoryStorage>;
  readonly settings: ClockSettings;
  readonly set: number[] = [];
  writes = 0;
  #baseMs: number;

  constructor(files: Readonly<Record<string, string>>, bootUnixSec: number, hasRight = true) {
    this.#baseMs = bootUnixSec * 1000 - this.clock.now();
    this.storage = memoryStorage(files);
    const { write } = this.storage;
    const storage = { ...this.storage, write: (name: string, file: Parameters<typeof write>[1]) => {
      if (name === FILE) this.writes++;
      write(name, file);
    } };
    const system = {
      wallTime: () => this.#baseMs + this.clock.now(),
      setWallClock: (unixMs: number) => {
        if (!hasRight) throw new SystemError('EPERM', 1, 'clock_settime', 'no');
        this.set.push(unixMs / 1000);
        this.#baseMs = unixMs - this.clock.now();
      },
    };
    const zones = { detect: () => undefined, has: () => false, install: () => undefined, watch: () => undefined };
    const env = { clock: this.clock, system, storage, zones };
    this.settings = openClockSettings(env, this.scope);
    keepClockFile({ ...env, settings: this.settings }, this.scope);
  }

  get unixSec(): number {
    return Math.floor((this.#baseMs + this.clock.now()) / 1000);
  }

  /** Of the NTP client. */
  sync(unixSec: number): void {
    this.#baseMs = unixSec * 1000 - this.clock.now();
    this.settings.noteSynced();
  }

  stored(): number {
    return Number(/UnixTime=(\d+)/.exec(this.storage.files.get(FILE) ?? '')?.[1]);
  }

  /** The next boot of the board, which begins in 1970. */
  async reboot(): Promise<Boot> {
    await this.scope.close();
    return new Boot(Object.fromEntries(this.storage.files), 10);
  }
}

const settingsFile = (policy: string) => ({ settings: `[global]\nTimeUpdates=${policy}\n` });

test('time goes on after a reboot, synchronised or not, and after a power cut from the last hour', async () => {
  const first = new Boot({}, 10);
  assert.equal(first.set, [], 'nothing is known yet');
  first.sync(1_800_000_000);
  await first.clock.advance(90_000);
  const second = await first.reboot();
  assert.equal(second.set, [1_800_000_090]);
  await second.clock.advance(100_000);
  const third = await second.reboot();
  assert.equal(third.set, [1_800_000_190]);
  await third.clock.advance(2.5 * HOUR);
  assert.is(third.writes, 2, 'once an hour');
  const files = Object.fromEntries(third.storage.files); // the power goes
  assert.equal(new Boot(files, 10).set, [1_800_000_190 + 7200]);
});

test('a clock that is ahead of the file is left alone', async () => {
  const boot = new Boot({ [FILE]: '[Clock]\nUnixTime=1700000000\n' }, 1_800_000_000);
  assert.equal(boot.set, []);
  await boot.scope.close();
  assert.is(boot.stored(), 1_800_000_000);
});

test('a file that says too much is put right by a time server, not by a dead RTC', async () => {
  const files = { [FILE]: '[Clock]\nUnixTime=4000000000\n' };
  const unsynced = new Boot(files, 10, false);
  assert.is(unsynced.unixSec, 10);
  await unsynced.scope.close();
  assert.is(unsynced.stored(), 4_000_000_000);
  const synced = new Boot(files, 10);
  synced.sync(1_800_000_000);
  await synced.scope.close();
  assert.is(synced.stored(), 1_800_000_000);
});

test('by hand: what the user set is kept, earlier or later', async () => {
  const boot = new Boot({ ...settingsFile('manual'), [FILE]: '[Clock]\nUnixTime=1900000000\n' }, 10);
  assert.equal(boot.set, [1_900_000_000]);
  boot.settings.setTime(1_800_000_000n);
  await boot.scope.close();
  assert.is(boot.stored(), 1_800_000_000);
});

test('external: the file is neither read nor written', async () => {
  const boot = new Boot({ ...settingsFile('external'), [FILE]: '[Clock]\nUnixTime=1900000000\n' }, 10);
  await boot.clock.advance(3 * HOUR);
  await boot.scope.close();
  assert.equal([boot.set, boot.writes], [[], 0]);
});

test('a damaged file counts as none', () => {
  for (const text of ['', '[Clock]\n', '[Clock]\nUnixTime=soon\n', '[Clock]\nUnixTime=99999999999\n', 'UnixTime=1\n']) {
    const value = text.startsWith('UnixTime') ? '[Other]\nUnixTime=1900000000\n' : text;
    assert.equal(new Boot({ [FILE]: value }, 10).set, []);
  }
});

test.run();
