/** The clock object and its interface, over a bus in memory and with files in memory. */

import { test } from 'uvu';
import * as assert from 'uvu/assert';
import { openClockSettings, type ClockSettings } from '../../../src/clock/clock.ts';
import { exportClock } from '../../../src/clock/dbus.ts';
import type { Storage } from '../../../src/daemon/storage.ts';
import type { TimezoneFiles } from '../../../src/daemon/timezone.ts';
import { clockInterface } from '../../../src/dbus/interfaces/clock.ts';
import { variant, type Variant } from '../../../src/dbus/signature.ts';
import { SystemError } from '../../../src/shared/errors.ts';
import { parseKeyFile, type KeyFile } from '../../../src/shared/keyfile.ts';
import type { Scope } from '../../../src/shared/scope.ts';
import type { FakeClock } from '../../helpers/fake-clock.ts';
import { memoryBus } from '../../helpers/memory-bus.ts';
import { withScope } from '../../helpers/with-scope.ts';

/** A machine whose files and clock are variables. */
class Machine {
  settings: string | undefined;
  zone: string | undefined = 'Etc/UTC';
  detections = 0;
  readonly clockSet: number[] = [];
  /** Errno name with which the next change of clock or zone fails. */
  failure: string | undefined;
  #onZoneChange: () => void = () => undefined;

  readonly storage: Storage = {
    directory: '/nowhere',
    read: () => (this.settings === undefined ? undefined : parseKeyFile(this.settings)),
    write: (_name: string, file: KeyFile) => void (this.settings = file.toString()),
    remove: () => undefined,
    list: () => [],
  readText: () => undefined,
    watch: () => undefined,
  };

  readonly zones: TimezoneFiles = {
    detect: () => {
      this.detections++;
      return this.zone;
    },
    has: (zone) => zone === 'Etc/UTC' || zone === 'Europe/Berlin',
    install: (zone) => {
      this.#failIfTold();
      this.zone = zone;
    },
    watch: (_clock, _scope, onChange) => void (this.#onZoneChange = onChange),
  };

  readonly system = {
    setWallClock: (unixMs: number): void => {
      this.#failIfTold();
      this.clockSet.push(unixMs);
    },
  };

  moveTo(zone: string | undefined): void {
    this.zone = zone;
    this.#onZoneChange();
  }

  #failIfTold(): void {
    if (this.failure !== undefined) throw new SystemError(this.failure, 1, 'test', 'as told');
  }
}

interface Setting {
  readonly machine: Machine;
  readonly clock: ClockSettings;
  /** SetProperty: '' or the name of the error. */
  set(name: string, value: Variant): Promise<string>;
  /** GetProperties as text. */
  get(): Promise<string>;
  /** PropertyChanged since the last call. */
  signals(): Promise<string[]>;
}

async function settingOf(machine: Machine, fakeClock: FakeClock, scope: Scope): Promise<Setting> {
  const clock = openClockSettings({ clock: fakeClock, ...machine }, scope);
  const bus = memoryBus(fakeClock);
  const [server, client] = [await bus.connect(scope), await bus.connect(scope)];
  exportClock(server, clock, scope);
  const proxy = client.proxy(clockInterface, server.uniqueName, '/');
  const seen: string[] = [];
  await client.subscribe(clockInterface, 'PropertyChanged', {}, scope, ({ name, value }) => {
    seen.push(`${name}=${String(value.value)}`);
  });
  return {
    machine,
    clock,
    async set(name, value) {
      try {
        await proxy.SetProperty({ name, value });
        return '';
      } catch (error) {
        return error instanceof Error && 'name' in error ? error.name.replace('net.connman.Error.', '') : String(error);
      }
    },
    async get() {
      const entries = [...await proxy.GetProperties()];
      return entries.map(([name, { signature, value }]) => `${name}:${signature}=${String(value)}`).join(' ');
    },
    async signals() {
      await bus.settled();
      return seen.splice(0);
    },
  };
}

function clocked(title: string, body: (setting: Setting) => Promise<void>, settings?: string): void {
  test(title, withScope(async ({ clock, scope }) => {
    const machine = new Machine();
    machine.settings = settings;
    await body(await settingOf(machine, clock, scope));
  }));
}

const MANUAL = '[global]\nTimeUpdates=manual\nTimezoneUpdates=manual\n';

clocked('fresh: as ConnMan shows it', async ({ get, machine }) => {
  assert.is(machine.detections, 0, 'the zone is looked for only when asked');
  assert.is(await get(), [
    'Time:t=1735689600', 'TimeUpdates:s=auto', 'Timezone:s=Etc/UTC', 'TimezoneUpdates:s=auto', 'Timeservers:as=',
    'TimeserverSynced:b=false',
  ].join(' '));
  await get();
  assert.is(machine.detections, 1);
});

test('the time shown is always now', withScope(async ({ clock, scope }) => {
  const { get } = await settingOf(new Machine(), clock, scope);
  await get();
  await clock.advance(5000);
  assert.match(await get(), /^Time:t=1735689605 /);
}));

clocked('a zone that cannot be told has no key', async ({ get, machine }) => {
  machine.zone = undefined;
  assert.not.match(await get(), /Timezone:/);
});

clocked('what is kept automatically cannot be set', async ({ set, signals, machine }) => {
  assert.is(await set('Time', variant('x', 5n)), 'InvalidArguments');
  assert.is(await set('Time', variant('t', 5n)), 'PermissionDenied');
  assert.is(await set('Timezone', variant('s', 'Europe/Berlin')), 'PermissionDenied');
  assert.is(await set('Timezone', variant('i', 5)), 'InvalidArguments');
  assert.is(await set('TimeserverSynced', variant('b', true)), 'PermissionDenied');
  assert.is(await set('Nonsense', variant('b', true)), 'InvalidProperty');
  assert.equal(await signals(), []);
  assert.equal(machine.clockSet, []);
});

clocked('the policies: words only, stored, told when they change', async ({ set, signals, machine }) => {
  for (const name of ['TimeUpdates', 'TimezoneUpdates']) {
    assert.is(await set(name, variant('s', 'sometimes')), 'InvalidArguments');
    assert.is(await set(name, variant('b', true)), 'InvalidArguments');
    assert.is(await set(name, variant('s', 'auto')), '');
    assert.equal(await signals(), []);
    assert.is(await set(name, variant('s', 'manual')), '');
    assert.equal(await signals(), [`${name}=manual`]);
  }
  assert.is(machine.settings, '[global]\nOfflineMode=false\nTimeUpdates=manual\nTimezoneUpdates=manual\n');
}, '[global]\nOfflineMode=false\n');

clocked('another program keeps the time: nobody sets it here', async ({ set, signals, machine }) => {
  assert.is(await set('TimeUpdates', variant('s', 'external')), '');
  assert.equal(await signals(), ['TimeUpdates=external']);
  assert.is(await set('Time', variant('t', 5n)), 'PermissionDenied');
  assert.is(await set('TimezoneUpdates', variant('s', 'external')), 'InvalidArguments');
  assert.match(machine.settings ?? '', /^TimeUpdates=external$/m);
});

clocked('a zone that the network offers is taken while that is automatic', async ({ set, signals, machine, clock }) => {
  clock.offerTimezone('Atlantis/Center');
  clock.offerTimezone('../../etc/passwd');
  clock.offerTimezone('Etc/UTC');
  assert.equal(await signals(), []);
  clock.offerTimezone('Europe/Berlin');
  assert.equal(await signals(), ['Timezone=Europe/Berlin']);
  machine.failure = 'EROFS';
  clock.offerTimezone('Etc/UTC'); // only logged
  machine.failure = undefined;
  await set('TimezoneUpdates', variant('s', 'manual'));
  clock.offerTimezone('Etc/UTC');
  assert.is(machine.zone, 'Europe/Berlin');
});

clocked('the time by hand', async ({ set, signals, machine, clock }) => {
  assert.is(await set('Time', variant('t', 1_700_000_000n)), '');
  assert.equal(machine.clockSet, [1_700_000_000_000]);
  assert.equal((await signals()).map((line) => line.split('=')[0]), ['Time']);
  clock.noteSynced();
  assert.equal(await signals(), ['TimeserverSynced=true']);
  assert.is(await set('Time', variant('t', 1_700_000_000n)), '');
  assert.equal((await signals()).map((line) => line.split('=')[0]), ['TimeserverSynced']);
  assert.is(await set('Time', variant('t', 2n ** 64n - 1n)), 'InvalidArguments');
  machine.failure = 'EINVAL';
  assert.is(await set('Time', variant('t', 1n)), 'InvalidArguments');
  assert.equal(await signals(), []);
}, MANUAL);

clocked('the zone by hand', async ({ set, signals, machine, get }) => {
  await get();
  assert.is(await set('Timezone', variant('s', 'Atlantis/Center')), 'InvalidArguments');
  assert.is(await set('Timezone', variant('s', 'Europe/Berlin')), '');
  assert.is(machine.zone, 'Europe/Berlin');
  assert.equal(await signals(), ['Timezone=Europe/Berlin']);
  assert.is(await set('Timezone', variant('s', 'Europe/Berlin')), '');
  assert.equal(await signals(), []);
  machine.failure = 'EACCES';
  assert.is(await set('Timezone', variant('s', 'Etc/UTC')), 'PermissionDenied');
  machine.failure = 'EROFS';
  assert.is(await set('Timezone', variant('s', 'Etc/UTC')), 'Failed');
}, MANUAL);

clocked('a zone that somebody else sets is told', async ({ signals, machine, get }) => {
  await get();
  machine.moveTo('Etc/UTC');
  assert.equal(await signals(), []);
  machine.moveTo('Europe/Berlin');
  assert.equal(await signals(), ['Timezone=Europe/Berlin']);
  assert.match(await get(), /Timezone:s=Europe\/Berlin/);
});

clocked('time servers: order kept, duplicates dropped, told at every set', async ({ set, signals, machine, get }) => {
  assert.is(await set('Timeservers', variant('s', 'pool.example')), 'InvalidArguments');
  assert.is(await set('Timeservers', variant('as', ['b.example', '', 'a.example', 'b.example', '192.0.2.1'])), '');
  assert.equal(await signals(), ['Timeservers=b.example,,a.example,192.0.2.1']);
  assert.match(await get(), /Timeservers:as=b\.example,,a\.example,192\.0\.2\.1 /);
  assert.is(await set('Timeservers', variant('as', ['b.example', '', 'a.example', '192.0.2.1'])), '');
  assert.equal(await signals(), ['Timeservers=b.example,,a.example,192.0.2.1']);
  assert.match(machine.settings ?? '', /^Timeservers=b\.example;;a\.example;192\.0\.2\.1;$/m);
  assert.is(await set('Timeservers', variant('as', [])), '');
  assert.equal(await signals(), ['Timeservers=']);
  assert.not.match(machine.settings ?? '', /Timeservers/);
});

clocked('what is stored counts, odd values do not', async ({ get }) => {
  assert.match(await get(), /TimeUpdates:s=manual .*TimezoneUpdates:s=auto Timeservers:as=a,b /);
}, '[global]\nTimeUpdates=manual\nTimezoneUpdates=whenever\nTimeservers=a;b;a;\n');

test.run();
