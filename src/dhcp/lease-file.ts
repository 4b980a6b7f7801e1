/**
 * A lease as the entries of one key-file group, so that a restart asks for the same address again
 * or goes on with it. Invariant: `parseLease` is total and interprets the stored options by the
 * same rules as those from the wire.
 */

import type { Clock } from '../shared/clock.ts';
import type { Lease } from './lease.ts';

/** The moment, as a `Clock` tells it. */
export type Moment = Pick<Clock, 'now' | 'wallTime'>;

/** The entries of a lease, in file order; no value needs escaping. */
export declare function formatLease(lease: Lease, clock: Moment): Map<string, string>;

/**
 * The lease that entries stand for, or undefined if they are none. Its age comes from wall time;
 * a lease from the future counts as expired. An expired one is still good as a wish.
 */
export declare function parseLease(entries: ReadonlyMap<string, string>, clock: Moment): Lease | undefined;
