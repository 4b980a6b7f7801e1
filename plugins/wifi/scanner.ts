/**
 * The scans of one radio: one run at a time, each of several requests where hidden names have to be
 * called; who asks while one runs gets its results. Looks by itself while nothing is connected, ever
 * rarer, for everything (autoscan.ts) and for known networks that are gone (search.ts).
 */

import { type Scope, ScanError } from '../../src/api.ts';
import type { Alarm, Clock } from '../../src/shared/clock.ts';
import { ConnmanError, messageOf } from '../../src/shared/errors.ts';
import { logger } from '../../src/shared/log.ts';
import { afterTick, type Autoscan, startAutoscan, STOPPED } from '../lib/wifi/autoscan.ts';
import { type KnownNetwork, planScans, type ScanReason } from '../lib/wifi/scan-plan.ts';
import { nextSearchAt } from '../lib/wifi/search.ts';
import type { Properties } from './bss.ts';
import type { SupplicantLink } from './supplicant-link.ts';

const log = logger('plugins/wifi/scanner.ts');

/** A driver that has not ended a scan by then will not. */
const SCAN_LIMIT_MS = 30_000;

/** So long wpa_supplicant joins from what a scan has found; a second less than it says itself. */
const FRESH_MS = 4_000;
/** A scan of few channels takes a fraction of that; a driver that is busy is not waited for. */
const JOIN_SCAN_LIMIT_MS = 4_000;

/** In MHz. */
type Channels = ReadonlySet<number> | 'all';

/** Of a scan that others have begun: the supplicant joins from the last one alone, whoever made it. */
const UNKNOWN: Channels = new Set();
const NEVER = { at: Number.NEGATIVE_INFINITY, channels: UNKNOWN };

/** A look for a network that is about to be joined. */
export interface Refresh {
  /** Never rejects. */
  readonly heard: Promise<void>;
}

const HEARD: Refresh = { heard: Promise.resolve() };

/** What decides how to scan, asked when a scan begins. */
export interface ScannerEnv {
  readonly clock: Clock;
  readonly isBackgroundScanning: boolean;
  isConnected(): boolean;
  known(): readonly KnownNetwork[];
  /** Whether an access point of the name is heard. */
  isHeard(ssid: Uint8Array): boolean;
}

/** The scans of one radio, until `scope` closes. */
export class Scanner {
  readonly #link: SupplicantLink;
  readonly #env: ScannerEnv;
  readonly #scope: Scope;
  readonly #alarm: Alarm;
  readonly #searchAlarm: Alarm;
  #searched: { readonly since: number; readonly networks: readonly KnownNetwork[] } | undefined;
  #autoscan: Autoscan = STOPPED;
  #running: Promise<void> | undefined;
  /** Why, while something runs. */
  #reason: ScanReason | undefined;
  /** What is listened to, while something runs. */
  #channels: Channels = UNKNOWN;
  /** When a scan last ended well, and what it listened to. */
  #heard: { readonly at: number; readonly channels: Channels } = NEVER;

  constructor(link: SupplicantLink, env: ScannerEnv, scope: Scope) {
    this.#link = link;
    this.#env = env;
    this.#scope = scope;
    this.#alarm = env.clock.alarm('look for Wi-Fi networks', scope, () => this.#tick());
    this.#searchAlarm = env.clock.alarm('look for known Wi-Fi networks', scope, () => this.#search());
    link.events.observe(scope, (event) => {
      if (event.kind === 'scanDone' && event.isSuccess) this.#heard = { at: env.clock.now(), channels: this.#channels };
    });
  }

  /**
   * Looks for networks; resolves when the results are in. A name is called after what runs already, and
   * users want to hear everything.
   * Rejects with Failed where the supplicant refuses, OperationTimeout where it does not end, or the
   * reason of `signal`.
   */
  async scan(reason: ScanReason, signal: AbortSignal): Promise<void> {
    this.stopAutoscan();
    while (this.#running !== undefined && !this.#isEnough(reason)) {
      await Promise.race([this.#running.catch(() => undefined), rejection(signal)]);
    }
    await Promise.race([this.#start(reason), rejection(signal)]);
  }

  /**
   * Looks for a network where it was heard, unless that was just now: else the supplicant would search
   * all channels before it joins, which takes seconds. A search that nobody waits for gives way; where the
   * driver cannot end one, the supplicant joins from what that finds. Resolves, soon and in any case, when the
   * radio listens; `heard` settles when it has heard.
   */
  async refresh(ssid: Uint8Array, frequenciesMhz: readonly number[]): Promise<Refresh> {
    if (!this.#link.isScanning && this.#isFresh(frequenciesMhz)) return HEARD;
    const limits = this.#scope.child();
    const limit = this.#env.clock.deadline('scan before a join', JOIN_SCAN_LIMIT_MS, this.#scope.signal, limits);
    const complain = (error: unknown): void => log.debug('%s: %s', this.#link.path, messageOf(error));
    const isInTheWay = this.#link.isScanning && (this.#reason === undefined || isUnasked(this.#reason));
    const mayScan = !isInTheWay || await this.#abort(limit).catch(complain);
    const scanned = mayScan === true && this.scan({ kind: 'join', ssid, frequenciesMhz }, limit).catch(complain);
    return { heard: Promise.resolve(scanned).then(() => limits.close()) };
  }

  /**
   * Looks for a group of Wi-Fi Direct that is about to be joined, until `signal`; never rejects, and resolves
   * soon in any case.
   */
  async lookForGroup(frequencyMhz: number, signal: AbortSignal): Promise<void> {
    const limits = this.#scope.child();
    try {
      const limit = this.#env.clock.deadline('look for a group', JOIN_SCAN_LIMIT_MS, signal, limits);
      await this.scan({ kind: 'group', frequencyMhz }, limit);
    } catch (error) {
      log.debug('%s: %s', this.#link.path, messageOf(error));
      if (this.#reason?.kind === 'group') this.#reason = undefined;
    } finally {
      await limits.close();
    }
  }

  get isRunning(): boolean {
    return this.#running !== undefined;
  }

  /** Looks by itself from now on. */
  startAutoscan(): void {
    const now = this.#env.clock.now();
    this.#set(startAutoscan(this.#autoscan, now));
    if (this.#searched !== undefined || !this.#env.isBackgroundScanning) return;
    const networks = this.#env.known().filter(({ isAutoconnect, frequencyMhz }) => isAutoconnect && frequencyMhz > 0);
    if (this.#missing(networks).length === 0) return;
    this.#searched = { since: now, networks };
    this.#searchAlarm.set(nextSearchAt(now, now));
  }

  /** Lets it be: something is connected, or somebody looks. */
  stopAutoscan(): void {
    this.#set(STOPPED);
    this.#stopSearch();
  }

  // Whether what runs will do.
  #isEnough({ kind }: ScanReason): boolean {
    if (kind === 'hidden' || kind === 'group') return false;
    return kind !== 'user' || this.#channels === 'all';
  }

  #isFresh(frequenciesMhz: readonly number[]): boolean {
    const { at, channels } = this.#heard;
    const isThere = channels === 'all' || frequenciesMhz.some((frequency) => channels.has(frequency));
    return isThere && this.#env.clock.now() - at < FRESH_MS;
  }

  #tick(): void {
    this.#set(afterTick(this.#autoscan, this.#env.clock.now(), this.#env.isBackgroundScanning));
    this.#look({ kind: 'background' });
  }

  #missing(networks: readonly KnownNetwork[]): readonly KnownNetwork[] {
    return networks.filter(({ ssid }) => !this.#env.isHeard(ssid));
  }

  #search(): void {
    const missing = this.#missing(this.#searched?.networks ?? []);
    if (this.#searched === undefined || missing.length === 0) return this.#stopSearch();
    this.#look({ kind: 'search', missing });
    this.#searchAlarm.set(nextSearchAt(this.#searched.since, this.#env.clock.now()));
  }

  #stopSearch(): void {
    this.#searched = undefined;
    this.#searchAlarm.set(undefined);
  }

  #look(reason: ScanReason): void {
    this.#start(reason)
      .catch((error: unknown) => log.debug('%s: %s', this.#link.path, messageOf(error)));
  }

  // What runs already will do. There may be nothing to scan for, so that it ends at once.
  #start(reason: ScanReason): Promise<void> {
    return (this.#running ??= this.#run(reason).finally(() => {
      this.#running = undefined;
    }));
  }

  // Whether the driver can: else it goes on.
  async #abort(signal: AbortSignal): Promise<boolean> {
    const limits = this.#scope.child();
    try {
      const ended = new Promise<void>((resolve) => {
        this.#link.events.observe(limits, ({ kind }) => {
          if (kind === 'scanDone' || kind === 'removed') resolve();
        });
      });
      if (!(await this.#link.abortScan())) return false;
      this.#reason = undefined;
      await Promise.race([ended, rejection(signal)]);
      this.#heard = NEVER;
      await this.#running?.catch(() => undefined);
      return true;
    } finally {
      await limits.close();
    }
  }

  #set(autoscan: Autoscan): void {
    this.#autoscan = autoscan;
    this.#alarm.set(autoscan.name === 'waiting' ? autoscan.dueMs : undefined);
  }

  async #run(reason: ScanReason): Promise<void> {
    const { maxScanSsids } = this.#link.capabilities;
    const circumstances = { isConnected: this.#env.isConnected(), maxScanSsids, known: this.#env.known() };
    this.#reason = reason;
    try {
      for (const request of planScans(reason, circumstances)) {
        if (this.#reason === reason) await this.#runOne(request);
      }
    } finally {
      this.#reason = undefined;
      this.#channels = UNKNOWN;
    }
  }

  async #runOne(request: Properties): Promise<void> {
    const limits = this.#scope.child();
    this.#channels = channelsOf(request);
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
        if (error instanceof ConnmanError && error.code === 'InProgress' && this.#link.isScanning) {
          this.#channels = UNKNOWN;
          return;
        }
        throw this.#scope.isClosed ? new ScanError('NoCarrier', 'gone') : refusal(error);
      });
      await done;
    } finally {
      await limits.close();
    }
  }
}

function channelsOf(request: Properties): Channels {
  const channels = request.get('Channels')?.as('a(uu)');
  return channels === undefined ? 'all' : new Set(channels.map(([frequencyMhz]) => frequencyMhz));
}

/** Whether nobody waits for what it finds, or nobody any more. */
function isUnasked({ kind }: ScanReason): boolean {
  return kind !== 'user' && kind !== 'hidden';
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
