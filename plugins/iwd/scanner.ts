/**
 * The scans of one station: one run at a time, and who asks while one runs gets its results. iwd looks
 * by itself only while it may connect by itself, so we look while nothing is joined, ever rarer
 * (autoscan.ts).
 */

import { type Core, ScanError, type Scope } from '../../src/api.ts';
import { DBusError } from '../../src/dbus/errors.ts';
import { iwdStationInterface } from '../../src/dbus/interfaces/iwd.ts';
import { unlessAborted } from '../../src/shared/abort.ts';
import type { Alarm } from '../../src/shared/clock.ts';
import { messageOf } from '../../src/shared/errors.ts';
import { logger } from '../../src/shared/log.ts';
import { afterTick, type Autoscan, startAutoscan, STOPPED } from '../lib/wifi/autoscan.ts';
import type { IwdObjects } from './objects.ts';

const log = logger('plugins/iwd/scanner.ts');

/** A driver that has not ended a scan by then will not. */
const SCAN_LIMIT_MS = 30_000;

/** What it takes from the radio. */
export interface IwdScannerEnv {
  readonly core: Pick<Core, 'clock' | 'options'>;
  readonly objects: IwdObjects;
  /** Done before each scan. */
  prepare(): Promise<void>;
  /** Takes in what was found; a scan ends with it. */
  update(): Promise<void>;
}

/** The scans of the station at `path`, until `scope` closes. */
export class IwdScanner {
  readonly #path: string;
  readonly #env: IwdScannerEnv;
  readonly #scope: Scope;
  readonly #alarm: Alarm;
  #autoscan: Autoscan = STOPPED;
  #running: Promise<void> | undefined;
  #wasScanning = false;

  constructor(path: string, env: IwdScannerEnv, scope: Scope) {
    this.#path = path;
    this.#env = env;
    this.#scope = scope;
    this.#alarm = env.core.clock.alarm('look for Wi-Fi networks', scope, () => this.#tick());
    env.objects.changed.observe(scope, (change) => {
      if (change.path === path && change.interface === iwdStationInterface.name) this.#follow();
    });
  }

  /**
   * Looks for networks; resolves when the results are in. Rejects with NoCarrier without a station,
   * Failed with what iwd says, OperationTimeout where it does not end, or the reason of `signal`.
   */
  async scan(signal: AbortSignal): Promise<void> {
    this.stopAutoscan();
    this.#running ??= this.#run().finally(() => (this.#running = undefined));
    await unlessAborted(this.#running, signal);
  }

  /** Looks by itself from now on. */
  startAutoscan(): void {
    this.#set(startAutoscan(this.#autoscan, this.#env.core.clock.now()));
  }

  /** Lets it be: something is joined, or somebody looks. */
  stopAutoscan(): void {
    this.#set(STOPPED);
  }

  // iwd scans for reasons of its own as well: what that finds is as good.
  #follow(): void {
    const isScanning = this.#isScanning;
    if (this.#wasScanning && !isScanning && this.#running === undefined) void this.#env.update();
    this.#wasScanning = isScanning;
  }

  get #isScanning(): boolean {
    return this.#env.objects.get(this.#path, iwdStationInterface)?.get('Scanning')?.as('b') ?? false;
  }

  #tick(): void {
    const { clock, options } = this.#env.core;
    this.#set(afterTick(this.#autoscan, clock.now(), options.BackgroundScanning));
    this.#running ??= this.#run()
      .catch((error: unknown) => log.debug('%s: %s', this.#path, messageOf(error)))
      .finally(() => (this.#running = undefined));
  }

  #set(autoscan: Autoscan): void {
    this.#autoscan = autoscan;
    this.#alarm.set(autoscan.name === 'waiting' ? autoscan.dueMs : undefined);
  }

  async #run(): Promise<void> {
    const { core, objects } = this.#env;
    const limits = this.#scope.child();
    try {
      await this.#env.prepare();
      const limit = core.clock.deadline('Wi-Fi scan', SCAN_LIMIT_MS, this.#scope.signal, limits);
      // Told after the answer, and after the end of a scan of iwd's own.
      let hasBegun = false;
      objects.changed.observe(limits, () => (hasBegun ||= this.#isScanning));
      await objects.proxy(iwdStationInterface, this.#path).Scan().catch((error: unknown) => {
        this.#complain(error);
        hasBegun = true;
      });
      const isGone = (): boolean => objects.get(this.#path, iwdStationInterface) === undefined;
      await objects.wait(() => (isGone() || (hasBegun && !this.#isScanning) ? true : undefined), limit, limits);
      await this.#env.update();
    } finally {
      await limits.close();
    }
  }

  // One that runs already will do.
  #complain(error: unknown): void {
    const name = error instanceof DBusError ? error.name : '';
    if (/\.(InProgress|Busy)$/.test(name)) {
      if (this.#isScanning) return;
      throw new ScanError('Failed', 'busy', { message: 'Device or resource busy' });
    }
    const isGone = /\.Unknown(Object|Interface|Method)$/.test(name);
    throw isGone ? new ScanError('NoCarrier', 'gone') : new ScanError('Failed', 'refused', { cause: error });
  }
}
