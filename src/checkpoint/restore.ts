/**
 * What the daemon does when a checkpoint ends: everything that was read from the storage directory
 * is read again, and the end is told.
 */

import type { Changes } from '../changes/changes.ts';
import type { ClockSettings } from '../clock/clock.ts';
import { loadSettings } from '../clock/settings.ts';
import type { Core } from '../core.ts';
import type { Storage } from '../daemon/storage.ts';
import type { Scope } from '../shared/scope.ts';
import type { Checkpoints } from './checkpoints.ts';

/** Takes over what was put back. Provisioning files are watched, and looked at in any case. */
export function restoreAll(core: Core, clock: ClockSettings, storage: Storage): void {
  const { services, technologies, ownSettings, providers } = core;
  const { timeUpdates, timezoneUpdates, timeservers } = loadSettings(storage);
  clock.setTimeUpdates(timeUpdates);
  clock.setTimezoneUpdates(timezoneUpdates);
  if (timeservers.join() !== clock.timeservers.join()) clock.setTimeservers(timeservers);
  ownSettings.reload();
  services.restore();
  void technologies.reload();
  providers.reload();
}

/** Adds the ends of checkpoints to what has happened. */
export function reportCheckpoints(checkpoints: Checkpoints, changes: Changes, scope: Scope): void {
  checkpoints.ended.observe(scope, ({ id, end, isTimedOut }) => {
    const By = isTimedOut ? 'its time was up' : undefined;
    changes.report('configuration', { What: 'checkpoint', Checkpoint: id, Event: end, By });
  });
}
