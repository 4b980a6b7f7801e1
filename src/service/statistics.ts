/**
 * How much a service has carried, at home and while roaming: the counters of its link (rtnetlink's)
 * from when it was connected, and the seconds it was. Pure: samples and times are arguments.
 * Values are ConnMan's 32 bits and wrap around.
 */

import type { LinkStatistics } from '../netlink/link/link.ts';

/** What is counted of a link since it was made, or of a service: the same counters. */
export type Traffic = LinkStatistics;

/** What is told of a service. */
export interface Usage extends Traffic {
  readonly timeSec: number;
}

/** Nothing yet. */
export const NO_USAGE: Usage = {
  rxPackets: 0,
  txPackets: 0,
  rxBytes: 0,
  txBytes: 0,
  rxErrors: 0,
  txErrors: 0,
  rxDropped: 0,
  txDropped: 0,
  timeSec: 0,
};

/** Where a service is used. */
export type Where = 'home' | 'roaming';

/** The statistics of one service. */
export class Statistics {
  readonly #usage: Record<Where, Usage> = { home: NO_USAGE, roaming: NO_USAGE };
  /** The last sample, while connected; `atMs` lies on a whole second of the connection. */
  #last: { traffic: Traffic | undefined; atMs: number } | undefined;

  /** So far, as of the last sample. */
  get home(): Usage {
    return this.#usage.home;
  }

  /** So far, as of the last sample. */
  get roaming(): Usage {
    return this.#usage.roaming;
  }

  /** Goes on from what was counted in earlier lives of the daemon. */
  restore(usage: Readonly<Record<Where, Usage>>): void {
    this.#usage.home = usage.home;
    this.#usage.roaming = usage.roaming;
  }

  /** The service got connected; what its link has counted before is not its own. */
  begin(traffic: Traffic | undefined, nowMs: number): void {
    this.#last = { traffic, atMs: nowMs };
  }

  /** Takes in what the link has counted now; nothing while not connected. */
  update(traffic: Traffic | undefined, nowMs: number, where: Where): void {
    if (this.#last === undefined) return;
    const seconds = Math.floor((nowMs - this.#last.atMs) / 1000);
    const before = this.#last.traffic;
    this.#last = { traffic: traffic ?? before, atMs: this.#last.atMs + seconds * 1000 };
    const usage = this.#usage[where];
    const grown = traffic === undefined ? usage : { ...usage, ...growth(usage, before ?? traffic, traffic) };
    this.#usage[where] = { ...grown, timeSec: (usage.timeSec + seconds) >>> 0 };
  }

  /** The service is no longer connected. */
  end(): void {
    this.#last = undefined;
  }

  /** Everything counts from zero. */
  reset(): void {
    this.#usage.home = NO_USAGE;
    this.#usage.roaming = NO_USAGE;
  }
}

/** What a link counts. */
const COUNTED = [
  'rxPackets',
  'txPackets',
  'rxBytes',
  'txBytes',
  'rxErrors',
  'txErrors',
  'rxDropped',
  'txDropped',
] as const satisfies readonly (keyof Traffic)[];

/** The keys of `Usage`, in ConnMan's order. */
export const USAGE_KEYS = [...COUNTED, 'timeSec'] as const satisfies readonly (keyof Usage)[];

// A driver that was reset counts from zero again.
function growth(usage: Usage, before: Traffic, after: Traffic): Partial<Usage> {
  const grown = COUNTED.map((key) => {
    const more = after[key] >= before[key] ? after[key] - before[key] : after[key];
    return [key, (usage[key] + more) >>> 0] as const;
  });
  return Object.fromEntries(grown);
}
