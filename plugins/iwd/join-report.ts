/**
 * Why iwd could not join. Its own word is `Failed` for almost everything; what the kernel told of the
 * attempt (nl80211) says whether the access point refused the key. A pure judgement over events.
 * Codes: IEEE 802.11-2020, 9.4.1.7 (reasons) and 12.4.4 (SAE).
 */

import type { JoinError } from '../../src/api.ts';
import type { MlmeEvent } from '../../src/netlink/genl/nl80211-air.ts';

/** What an attempt was about. */
export interface Attempted {
  /** What iwd's Connect ended with, such as `net.connman.iwd.Failed`. */
  readonly errorName: string;
  /** What the kernel told meanwhile; undefined where it does not. */
  readonly events: readonly MlmeEvent[] | undefined;
  /** Whether the secret came from a user or never worked: a refusal is then its fault. */
  readonly isUnproven: boolean;
}

const SAE = 3;
const SAE_CONFIRM = 2;
const CLASS_2_FRAME = 6;
/** Message integrity, handshake timeout: the access point did not take our proof of the key. */
const KEY_REASONS: ReadonlySet<number> = new Set([2, 14, 15]);
const EAP_FAILED = 23;

/** In the words of a service's `Error`. */
export function judge({ errorName, events, isUnproven }: Attempted): JoinError['reason'] {
  if (errorName.endsWith('.InvalidFormat')) return 'invalid-key';
  if (!errorName.endsWith('.Failed')) return 'connect-failed';
  if (events === undefined) return isUnproven ? 'invalid-key' : 'connect-failed';
  if (events.some(isKeyRefusal)) return 'invalid-key';
  return events.some((event) => event.kind === 'disconnection' && event.reason === CLASS_2_FRAME)
    ? 'blocked' : 'connect-failed';
}

/** Whether an attempt failed without a word of the access point's. */
export function isUnanswered({ errorName, events }: Pick<Attempted, 'errorName' | 'events'>): boolean {
  return errorName.endsWith('.Failed') && events?.every(({ kind }) => kind === 'silence') === true;
}

// iwd itself ends an EAP conversation that failed; the other endings are the access point's.
function isKeyRefusal(event: MlmeEvent): boolean {
  switch (event.kind) {
    case 'silence':
    case 'channel':
      return false;
    case 'authentication':
      return event.algorithm === SAE && event.sequence === SAE_CONFIRM && event.status !== 0;
    case 'disconnection':
      return event.reason === EAP_FAILED || (event.isByAccessPoint && KEY_REASONS.has(event.reason));
  }
}
