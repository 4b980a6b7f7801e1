/**
 * Services that are stored, there or not: what drivers need to find them again.
 */

import type { Storage } from '../daemon/storage.ts';

/** A service as its settings file has it. */
export interface StoredNetwork {
  /** The last part of its identifier. */
  readonly group: string;
  readonly isFavorite: boolean;
  readonly isAutoconnect: boolean;
  /** Last connected or moved. */
  readonly modified: Date;
  /** A key of the driver's. */
  get(key: string): string | undefined;
}

/** Those whose identifiers begin with `prefix`, such as `wifi_0123456789ab_`. */
export function storedNetworks(storage: Storage, prefix: string): readonly StoredNetwork[] {
  return storage.list().filter((identifier) => identifier.startsWith(prefix)).flatMap((identifier) => {
    const file = storage.read(`${identifier}/settings`);
    if (file === undefined) return [];
    const modified = new Date(file.get(identifier, 'Modified') ?? 0);
    return [{
      group: identifier.slice(prefix.length),
      isFavorite: file.getBoolean(identifier, 'Favorite') ?? false,
      isAutoconnect: file.getBoolean(identifier, 'AutoConnect') ?? false,
      modified: Number.isNaN(modified.getTime()) ? new Date(0) : modified,
      get: (key: string) => file.get(identifier, key),
    }];
  });
}
