/**
 * The machine's time as users see it: who keeps it (`auto` or `manual`), the time zone, and the
 * time servers given for all services (facts: net.connman.Clock). Knows no D-Bus; src/clock/dbus.ts
 * exports it. Invariant: what is kept automatically cannot be set by hand.
 */

import type { Storage } from '../daemon/storage.ts';
import type { TimezoneFiles } from '../daemon/timezone.ts';
import type { Clock } from '../shared/clock.ts';
import { ConnmanError, errorFromErrno, messageOf, SystemError } from '../shared/errors.ts';
import { Emitter, type Observable } from '../shared/emitter.ts';
import { logger } from '../shared/log.ts';
import type { Scope } from '../shared/scope.ts';
import type { System } from '../system/system.ts';
import { loadSettings, saveSettings, type TimePolicy, type UpdatePolicy } from './settings.ts';

export type { TimePolicy, UpdatePolicy } from './settings.ts';

const log = logger('src/clock/clock.ts');

/** The year 9999; kernels take less. */
const MAX_UNIX_SEC = 253_402_300_799n;
/** EIO's text, for failures that ConnMan has no name for. */
const FAILED = 'Input/output error';

/** What may change, in the words of D-Bus. */
export type ClockProperty =
  | 'Time' | 'TimeUpdates' | 'Timezone' | 'TimezoneUpdates' | 'Timeservers' | 'TimeserverSynced';

/** The clock object of the core. Setters throw ConnmanError. */
export interface ClockSettings {
  readonly timeUpdates: TimePolicy;
  readonly timezoneUpdates: UpdatePolicy;
  /** Name in the zoneinfo database; undefined when it cannot be told. */
  readonly timezone: string | undefined;
  /** The user's global list, without duplicates. */
  readonly timeservers: readonly string[];
  readonly isTimeserverSynced: boolean;
  /** After a change, once per property. `Timeservers` also when it was set to what it was. */
  readonly changed: Observable<ClockProperty>;
  /** Wall time in whole seconds since 1970. */
  readonly unixSec: bigint;
  /** Sets the wall clock. PermissionDenied unless timeUpdates is manual; InvalidArguments. */
  setTime(unixSec: bigint): void;
  setTimeUpdates(policy: TimePolicy): void;
  /** Installs a zone. PermissionDenied unless timezoneUpdates is manual; InvalidArguments. */
  setTimezone(zone: string): void;
  setTimezoneUpdates(policy: UpdatePolicy): void;
  setTimeservers(servers: readonly string[]): void;
  /** For the NTP client: the clock has been set by a time server. */
  noteSynced(): void;
  /** What a network says the time zone is: installed while timezoneUpdates is auto, if there is such a zone. */
  offerTimezone(zone: string): void;
}

/** What the clock object takes from outside. */
export interface ClockEnv {
  readonly clock: Clock;
  readonly system: Pick<System, 'setWallClock'>;
  readonly zones: TimezoneFiles;
  readonly storage: Storage;
}

/** Makes the clock object from what is stored; it watches the time zone until `scope` closes. */
export function openClockSettings(env: ClockEnv, scope: Scope): ClockSettings {
  return new StoredClock(env, scope);
}

class StoredClock implements ClockSettings {
  readonly changed = new Emitter<ClockProperty>();
  readonly #env: ClockEnv;
  #timeUpdates: TimePolicy;
  #timezoneUpdates: UpdatePolicy;
  #timeservers: readonly string[];
  #isTimeserverSynced = false;
  /** Found at first use: it may take reading the whole database. */
  #timezone: { readonly name: string | undefined } | undefined;

  constructor(env: ClockEnv, scope: Scope) {
    this.#env = env;
    const stored = loadSettings(env.storage);
    this.#timeUpdates = stored.timeUpdates;
    this.#timezoneUpdates = stored.timezoneUpdates;
    this.#timeservers = stored.timeservers;
    env.zones.watch(env.clock, scope, () => this.#lookAtTimezone());
  }

  get timeUpdates(): TimePolicy {
    return this.#timeUpdates;
  }

  get timezoneUpdates(): UpdatePolicy {
    return this.#timezoneUpdates;
  }

  get timezone(): string | undefined {
    this.#timezone ??= { name: this.#env.zones.detect() };
    return this.#timezone.name;
  }

  get timeservers(): readonly string[] {
    return this.#timeservers;
  }

  get isTimeserverSynced(): boolean {
    return this.#isTimeserverSynced;
  }

  get unixSec(): bigint {
    return BigInt(Math.floor(this.#env.clock.wallTime().getTime() / 1000));
  }

  setTime(unixSec: bigint): void {
    if (this.#timeUpdates !== 'manual') throw new ConnmanError('PermissionDenied');
    if (unixSec > MAX_UNIX_SEC) throw new ConnmanError('InvalidArguments');
    try {
      this.#env.system.setWallClock(Number(unixSec) * 1000);
    } catch (error) {
      if (!(error instanceof SystemError)) throw error;
      throw new ConnmanError('InvalidArguments', undefined, { cause: error });
    }
    this.#setSynced(false);
    this.changed.emit('Time');
  }

  setTimeUpdates(policy: TimePolicy): void {
    if (policy === this.#timeUpdates) return;
    this.#timeUpdates = policy;
    this.#save();
    this.changed.emit('TimeUpdates');
  }

  setTimezone(zone: string): void {
    const { zones } = this.#env;
    if (this.#timezoneUpdates !== 'manual') throw new ConnmanError('PermissionDenied');
    if (!zones.has(zone)) throw new ConnmanError('InvalidArguments');
    this.#install(zone);
  }

  offerTimezone(zone: string): void {
    if (this.#timezoneUpdates !== 'auto' || zone === this.timezone || !this.#env.zones.has(zone)) return;
    try {
      this.#install(zone);
    } catch (error) {
      if (!(error instanceof ConnmanError)) throw error; // logged
    }
  }

  #install(zone: string): void {
    try {
      this.#env.zones.install(zone);
    } catch (error) {
      log.error('time zone %s cannot be installed: %s', zone, messageOf(error));
      throw errorFromErrno(error instanceof Error && 'code' in error ? String(error.code) : '', FAILED, error);
    }
    this.#lookAtTimezone();
  }

  setTimezoneUpdates(policy: UpdatePolicy): void {
    if (policy === this.#timezoneUpdates) return;
    this.#timezoneUpdates = policy;
    this.#save();
    this.changed.emit('TimezoneUpdates');
  }

  setTimeservers(servers: readonly string[]): void {
    this.#timeservers = [...new Set(servers)];
    this.#save();
    this.changed.emit('Timeservers');
  }

  noteSynced(): void {
    this.#setSynced(true);
    this.changed.emit('Time');
  }

  #setSynced(isSynced: boolean): void {
    if (isSynced === this.#isTimeserverSynced) return;
    this.#isTimeserverSynced = isSynced;
    this.changed.emit('TimeserverSynced');
  }

  #lookAtTimezone(): void {
    const before = this.#timezone;
    const name = this.#env.zones.detect();
    this.#timezone = { name };
    if (before?.name === name) return;
    log.info('time zone is %s', name ?? 'unknown');
    this.changed.emit('Timezone');
  }

  #save(): void {
    saveSettings(this.#env.storage, {
      timeUpdates: this.#timeUpdates,
      timezoneUpdates: this.#timezoneUpdates,
      timeservers: this.#timeservers,
    });
  }
}
