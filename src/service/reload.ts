/**
 * Settings that others have written while the daemon runs: taken over as if a user had set them.
 */

import type { Storage } from '../daemon/storage.ts';
import { changesBetween } from './configuration.ts';
import type { Service } from './service.ts';
import { loadService } from './settings.ts';

/** Reads a service's settings again; what differs takes effect at once. */
export function reloadService(service: Service, storage: Storage): void {
  const stored = loadService(storage, service.identifier);
  if (stored === undefined) return;
  const change = changesBetween(service.configuration, stored.configuration);
  if (Object.keys(change).length > 0 && !service.isImmutable) service.configure(change);
  if (stored.isAutoconnect !== undefined && service.isFavorite) service.setAutoconnect(stored.isAutoconnect);
}

/**
 * Everything stored is as it was at another time, and what is not there any more was never decided:
 * the service takes all of it over, secrets and its being a favorite too.
 */
export function restoreService(service: Service): void {
  const { isFavorite } = service;
  const stored = service.record.reload();
  if (service.isImmutable) return;
  const change = changesBetween(service.configuration, stored);
  if (Object.keys(change).length > 0) service.configure(change);
  if (isFavorite !== service.isFavorite) service.changed.emit(['favorite']);
  service.changed.emit(['autoconnect']);
}
