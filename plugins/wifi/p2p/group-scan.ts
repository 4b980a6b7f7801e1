/**
 * A look for a group before it is joined. wpa_supplicant joins what it has heard last under the owner's
 * address, which may be a group of the past where its own look misses the new one; an entry that two
 * looks have missed it forgets (wpa_supplicant.conf, bss_expiration_scan_count).
 */

import type { Core, Scope } from '../../../src/api.ts';
import { variant } from '../../../src/dbus/signature.ts';
import { ConnmanError, messageOf } from '../../../src/shared/errors.ts';
import { logger } from '../../../src/shared/log.ts';
import type { SupplicantLink } from '../supplicant-link.ts';

const log = logger('plugins/wifi/p2p/group-scan.ts');

const LOOKS = 2;
/** One channel takes a fraction of that; what is busy is not waited for. */
const LIMIT_MS = 4_000;

/** Looks on one channel until `signal` or for four seconds at most. Resolves in any case. */
export async function lookForGroup(
  { station, clock }: { readonly station: SupplicantLink; readonly clock: Core['clock'] },
  frequencyMhz: number, signal: AbortSignal, scope: Scope,
): Promise<void> {
  const limits = scope.child();
  const channels: [number, number][] = [[frequencyMhz, 0]];
  const request = new Map([['Type', variant('s', 'active')], ['Channels', variant('a(uu)', channels)]]);
  try {
    const limit = clock.deadline('look for a group', LIMIT_MS, signal, limits);
    for (let left = LOOKS; left > 0; left--) {
      const done = new Promise<void>((resolve, reject) => {
        limit.addEventListener('abort', () => reject(limit.reason), { once: true });
        station.events.observe(limits, ({ kind }) => {
          if (kind === 'scanDone' || kind === 'removed') resolve();
        });
      });
      done.catch(() => undefined);
      await station.scan(request).catch((error: unknown) => {
        // Another runs, and ends likewise.
        if (!(error instanceof ConnmanError) || error.code !== 'InProgress') throw error;
      });
      await done;
    }
  } catch (error) {
    log.debug('%s: %s', station.path, messageOf(error));
  } finally {
    await limits.close();
  }
}
