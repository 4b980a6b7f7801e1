/**
 * Provisioning files of VPNs, `*.config` in connman-vpn's directory: read at start and again
 * whenever one says something else; what a file no longer has goes. Then what clients stored is taken up.
 */

import type { Storage } from '../src/daemon/storage.ts';
import { parseVpnConfig } from '../src/provision/vpn-config.ts';
import type { Clock } from '../src/shared/clock.ts';
import { logger } from '../src/shared/log.ts';
import type { Scope } from '../src/shared/scope.ts';
import type { Providers } from './providers.ts';

const log = logger('vpn/provisioning.ts');

/** Follows the files of the second storage; loads stored connections of both. Resolves when all there is was read. */
export function watchProvisioning(
  providers: Providers, [storage, vpnStorage]: readonly [Storage, Storage], clock: Clock, scope: Scope,
): Promise<void> {
  let queue = Promise.resolve();
  const said = new Map<string, string>();
  providers.load(storage, (file, ident) => vpnStorage.read(`${file}.config`)?.hasGroup(ident) === true);
  providers.load(vpnStorage, () => false);
  vpnStorage.watch('.config', clock, scope, ({ name, isGone }) => {
    const file = name.slice(0, -'.config'.length);
    if (!/^[\x20-\x7e]+$/.test(file)) {
      log.warn('%j is no name for a provisioning file', name);
      return;
    }
    // One after the other: what goes must be gone before it comes back.
    queue = queue.then(async () => {
      const content = isGone ? undefined : vpnStorage.read(name);
      const text = content?.toString();
      // Touched, or read while it was still being written: its connections stay up.
      if (text === said.get(file)) return;
      await providers.withdraw(file);
      said.delete(file);
      if (content === undefined || text === undefined) return;
      said.set(file, text);
      const entries = parseVpnConfig(content, file, (problem) => log.warn('%s: %s', name, problem));
      if (entries.length === 0) log.warn('%s has no connection', name);
      for (const entry of entries) providers.provision(entry);
    });
  });
  return queue;
}
