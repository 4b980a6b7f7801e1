/**
 * When a DHCPv6 client sends again (RFC 8415, section 15), and the numbers of 7.6. Pure.
 */

import type { Random } from '../shared/random.ts';

/** One transaction: all its messages carry `xid`. Times are clock milliseconds. */
export interface Exchange {
  readonly xid: number;
  readonly startedAt: number;
  /** When the last message left. */
  readonly sentAt: number;
  readonly tries: number;
  readonly waitMs: number;
  readonly retryAt: number;
}

/** IRT and MRT. */
export interface Timing {
  readonly firstMs: number;
  readonly mostMs: number;
  /** The first wait may be longer than `firstMs`, but not shorter: advertisements are gathered in it (18.2.1). */
  readonly isGathering?: true;
}

/** By message. SOL_MAX_RT and INF_MAX_RT are what servers may change. */
export const TIMING = {
  solicit: { firstMs: 1000, mostMs: 3_600_000, isGathering: true },
  request: { firstMs: 1000, mostMs: 30_000 },
  confirm: { firstMs: 1000, mostMs: 4000 },
  renew: { firstMs: 10_000, mostMs: 600_000 },
  rebind: { firstMs: 10_000, mostMs: 600_000 },
  decline: { firstMs: 1000, mostMs: Infinity },
  informationRequest: { firstMs: 1000, mostMs: 3_600_000 },
} as const satisfies Readonly<Record<string, Timing>>;

/** REQ_MAX_RC. */
export const REQUEST_TRIES = 10;
/** DEC_MAX_RC. */
export const DECLINE_TRIES = 4;
/** CNF_MAX_RD. */
export const CONFIRM_DURATION_MS = 10_000;

/** A transaction that has not begun. */
export function newExchange({ now, random }: { readonly now: number; readonly random: Random }): Exchange {
  return { xid: random.u32() >>> 8, startedAt: now, sentAt: now, tries: 0, waitMs: 0, retryAt: now };
}

/** The transaction after a message was sent at `now`. */
export function afterSending(exchange: Exchange, timing: Timing, env: { now: number; random: Random }): Exchange {
  const { now, random } = env;
  const jitter = exchange.tries === 0 && timing.isGathering === true
    ? 0.1 * (1 - random.fraction())
    : 0.2 * random.fraction() - 0.1;
  const doubled = exchange.tries === 0 ? timing.firstMs * (1 + jitter) : exchange.waitMs * (2 + jitter);
  const waitMs = doubled > timing.mostMs ? timing.mostMs * (1 + jitter) : doubled;
  return { ...exchange, sentAt: now, tries: exchange.tries + 1, waitMs, retryAt: now + waitMs };
}
