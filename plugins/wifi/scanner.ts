/**
 * The scans of one radio: one run at a time, each of several requests where hidden names have to be
 * called; who asks while one runs gets its results. Looks by itself while nothing is connected, ever
 * rarer (autoscan.ts).
 */

import { type Scope, ScanError } from '../../src/api.ts';
import type { Alarm, Clock } from '../../src/shared/clock.ts';
import { ConnmanError } from '../../src/shared/errors.ts';
import { logger } from '../../src/shared/log.ts';
import { afterTick, type Autoscan, startAutoscan, STOPPED } from '../lib/wifi/autoscan.ts';
import { type KnownNetwork, planScans, type ScanReason } from '../lib/wifi/scan-plan.ts';
import type { Properties } from './bss.ts';
import type { SupplicantLink } from './supplicant-link.ts';

const log = logger('plugins/wifi/scanner.ts');

/** A driver that has not ended a scan by then will not. */
const SCAN_LIMIT_MS = 30_000;

/** What decides how to scan, asked when a scan begins. */
export interface ScannerEnv {
  readonly clock: Clock;
  readonly isBackgroundScanning: boolean;
  isConnected(): boolean;
  known(): readonly KnownNetwork[];
}

/** The scans of one radio, until `scope` closes. */
export class Scanner {
  readonly #link: SupplicantLink;
  readonly #env: ScannerEnv;
  readonly #scope: Scope;
  readonly #alarm: Alarm;
  #autoscan: Autoscan = STOPPED;
  #running: Promise<void> | undefined;

  constructor(link: SupplicantLink, env: ScannerEnv, scope: Scope) {
    this.#link = link;
    this.#env = env;
    this.#scope = scope;
    this.#alarm = env.clock.alarm('look for Wi-Fi networks', scope, () => this.#tick());
  }

  /**
   * Looks for networks; resolves when the results are in. A name is called after what runs already.
   * Rejects with Failed where the supplicant refuses, OperationTimeout where it does not end, or the
   * reason of `signal`.
   */
  async scan(reason: ScanReason, signal: AbortSignal): Promise<void> {
    this.stopAutoscan();
    while (reason.kind === 'hidden' && this.#running !== undefined) {
      await Promise.race([this.#running.catch(() => undefined), rejection(signal)]);
    }
    this.#running ??= this.#run(reason).finally(() => {
      this.#running = undefined;
    });
    await Promise.race([this.#running, rejection(signal)]);
  }

  get isRunning(): boolean {
    return this.#running !== undefined;
  }

  /** Looks by itself from now on. */
  startAutoscan(): void {
    this.#set(startAutoscan(this.#autoscan, this.#env.clock.now()));
  }

  /** Lets it be: something is connected, or somebody looks. */
  stopAutoscan(): void {
    this.#set(STOPPED);
  }

  #tick(): void {
    this.#set(afterTick(this.#autoscan, this.#env.clock.now(), this.#env.isBackgroundScanning));
    this.#running ??= this.#run({ kind: 'background' })
      .catch((error: unknown) => log.debug('%s: %s', this.#link.path, error instanceof Error ? error.message : error))
      .finally(() => {
        this.#running = undefined;
      });
  }

  #set(autoscan: Autoscan): void {
    this.#autoscan = autoscan;
    this.#alarm.set(autoscan.name === 'waiting' ? autoscan.dueMs : undefined);
  }

  async #run(reason: ScanReason): Promise<void> {
    const { maxScanSsids } = this.#link.capabilities;
    const circumstances = { isConnected: this.#env.isConnected(), maxScanSsids, known: this.#env.known() };
    for (const request of planScans(reason, circumstances)) await this.#runOne(request);
  }

  async #runOne(request: Properties): Promise<void> {
    const limits = this.#scope.child();
    const limit = this.#env.clock.deadline('Wi-Fi scan', SCAN_LIMIT_MS, this.#scope.signal, limits);
    try {
      const done = new Promise<void>((resolve, reject) => {
        limit.addEventListener('abort', () => {
          reject(this.#scope.isClosed ? new ScanError('NoCarrier', 'gone') : limit.reason);
        }, { once: true });
        this.#link.events.observe(limits, (event) => {
          if (event.kind === 'removed') reject(new ScanError('NoCarrier', 'gone'));
          if (event.kind !== 'scanDone') return;
          if (event.isSuccess) resolve();
          else reject(new ScanError('Failed', 'aborted'));
        });
      });
      done.catch(() => undefined);
      await this.#link.scan(request).catch((error: unknown) => {
        // The supplicant looks by itself: what that finds will do.
        if (error instanceof ConnmanError && error.code === 'InProgress' && this.#link.isScanning) return;
        throw refusal(error);
      });
      await done;
    } finally {
      await limits.close();
    }
  }
}

function refusal(error: unknown): ScanError {
  const isBusy = error instanceof ConnmanError && error.code === 'InProgress';
  const cause = error instanceof Error ? error.cause : error;
  return new ScanError(isBusy ? 'InProgress' : 'Failed', isBusy ? 'busy' : 'refused', { cause });
}

function rejection(signal: AbortSignal): Promise<never> {
  const rejected = new Promise<never>((_, reject) => {
    if (signal.aborted) reject(signal.reason);
    else signal.addEventListener('abort', () => reject(signal.reason), { once: true });
  });
  rejected.catch(() => undefined);
  return rejected;
}
