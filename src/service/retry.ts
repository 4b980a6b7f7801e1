/**
 * When services that failed are tried again: favourites of drivers that ask for it for ever, ever
 * rarer up to every five minutes; with AutoResetFailureTimeout every service after that time. A
 * secret that was refused is tried as rarely as can be: the access point may have been at fault.
 */

import type { GeneralOptions } from '../daemon/main-conf.ts';
import type { Clock } from '../shared/clock.ts';
import type { Scope } from '../shared/scope.ts';
import type { Service } from './service.ts';

const FIRST_MS = 5_000;
const LONGEST_MS = 300_000;

/** A failure that followed `failures - 1` others. */
export interface Failure {
  readonly failures: number;
  readonly error: string | undefined;
  /** Whether it is connected by itself, and its driver wants it tried again. */
  readonly isWanted: boolean;
}

/** How long to leave it failed; undefined for until somebody acts. */
export function retryDelayMs(failure: Failure, autoResetSec: number): number | undefined {
  if (autoResetSec > 0) return autoResetSec * 1000;
  if (!failure.isWanted) return undefined;
  if (failure.error === 'invalid-key') return LONGEST_MS;
  return Math.min(FIRST_MS * 2 ** Math.min(failure.failures - 1, 10), LONGEST_MS);
}

/** Has `service` tried again until `scope` closes: it becomes idle, and is connected as any other. */
export function retryService(
  service: Service, { clock, options }: { readonly clock: Clock; readonly options: GeneralOptions }, scope: Scope,
): void {
  let failures = 0;
  let limits: Scope | undefined;
  const wait = (delayMs: number): void => {
    limits = scope.child();
    clock.after(`try ${service.identifier} again`, delayMs, limits, () => {
      if (service.progress.attempt?.isAskingToRetry === true) wait(FIRST_MS);
      else service.clearError();
    });
  };
  service.stateChanged.observe(scope, ({ after }) => {
    void limits?.close();
    limits = undefined;
    if (after === 'ready') failures = 0;
    if (after !== 'failure') return;
    failures++;
    const isWanted = service.isAutoconnect && service.network.isRetried;
    const delayMs = retryDelayMs({ failures, error: service.error, isWanted }, options.AutoResetFailureTimeout);
    if (delayMs !== undefined) wait(delayMs);
  });
}
