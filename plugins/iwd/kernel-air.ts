/**
 * What iwd does not tell and the kernel does (nl80211): which access points offer WPS, how an attempt
 * to join ended, and that an access point went on elsewhere. Without that family in the kernel nothing
 * is known of it.
 */

import type { Core, Scope } from '../../src/api.ts';
import { openGenl, type Genl } from '../../src/netlink/genl/genl.ts';
import {
  type HeardAccessPoint, listHeard, type MlmeEvent, observeMlme, observeScans,
} from '../../src/netlink/genl/nl80211-air.ts';
import { formatHex } from '../../src/shared/bytes.ts';
import { Emitter } from '../../src/shared/emitter.ts';
import { messageOf } from '../../src/shared/errors.ts';
import { logger } from '../../src/shared/log.ts';

const log = logger('plugins/iwd/kernel-air.ts');

/** Who was not heard for so long is gone. */
const RETENTION_MS = 60_000;

interface Kept {
  readonly accessPoint: HeardAccessPoint;
  readonly atMs: number;
}

/** The kernel's view of the air. */
export class KernelAir {
  readonly #core: Pick<Core, 'netlink' | 'clock'>;
  readonly #scope: Scope;
  readonly #events = new Emitter<{ readonly ifindex: number; readonly event: MlmeEvent }>();
  #genl: Genl | undefined;
  /** Whether its events are heard. */
  #hears: Promise<boolean> | undefined;
  /** By interface and address: iwd scans a band at a time, and has the kernel forget the one before. */
  readonly #kept = new Map<number, Map<string, Kept>>();
  #follows: Promise<unknown> | undefined;

  /** Nothing is opened before it is asked for something; all is closed with `scope`. */
  constructor(core: Pick<Core, 'netlink' | 'clock'>, scope: Scope) {
    this.#core = core;
    this.#scope = scope;
  }

  /** What an interface heard in the last minute; nothing where that cannot be known. */
  async heard(ifindex: number): Promise<readonly HeardAccessPoint[]> {
    this.#follows ??= this.#try(() => observeScans(this.#open(), this.#scope, (each) => void this.#read(each)));
    await this.#follows;
    await this.#read(ifindex);
    return [...(this.#kept.get(ifindex)?.values() ?? [])].map(({ accessPoint }) => accessPoint);
  }

  /** Notes what happens to an interface until `scope` closes; undefined where it is not told. */
  async record(ifindex: number, scope: Scope): Promise<readonly MlmeEvent[] | undefined> {
    this.#hears ??= this.#listen();
    if (!(await this.#hears)) return undefined;
    const events: MlmeEvent[] = [];
    this.#events.observe(scope, (each) => {
      if (each.ifindex === ifindex) events.push(each.event);
    });
    return events;
  }

  /** Tells where the access point that an interface uses goes on, until `scope` closes. */
  observeChannels(ifindex: number, scope: Scope, observer: (frequencyMhz: number) => void): void {
    this.#hears ??= this.#listen();
    this.#events.observe(scope, ({ ifindex: where, event }) => {
      if (where === ifindex && event.kind === 'channel') observer(event.frequencyMhz);
    });
  }

  async #read(ifindex: number): Promise<void> {
    const heard = await this.#try(() => listHeard(this.#open(), ifindex, this.#scope.signal));
    const atMs = this.#core.clock.now();
    const before = [...(this.#kept.get(ifindex) ?? [])].filter(([, kept]) => atMs - kept.atMs < RETENTION_MS);
    const now = (heard ?? []).map((accessPoint) => [formatHex(accessPoint.bssid), { accessPoint, atMs }] as const);
    this.#kept.set(ifindex, new Map([...before, ...now]));
  }

  async #listen(): Promise<boolean> {
    const tell = (ifindex: number, event: MlmeEvent): void => this.#events.emit({ ifindex, event });
    return await this.#try(() => observeMlme(this.#open(), this.#scope, tell).then(() => true)) ?? false;
  }

  async #try<T>(body: () => Promise<T>): Promise<T | undefined> {
    try {
      return await body();
    } catch (error) {
      log.debug('%s', messageOf(error));
      return undefined;
    }
  }

  #open(): Genl {
    return (this.#genl ??= openGenl({ system: { netlink: this.#core.netlink } }, this.#scope));
  }
}
