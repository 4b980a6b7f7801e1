/**
 * All connections: made on the bus, read from disk and from provisioning files, removed. What is
 * stored is ConnMan's, in ConnMan's places, so that either daemon takes over the other's.
 * Invariant: a connection is announced only when it can be connected, and stored only if announced.
 */

import type { Storage } from '../src/daemon/storage.ts';
import { VPN_KEYS, vpnValueProblem } from '../src/provision/vpn-keys.ts';
import { Emitter, type Observable } from '../src/shared/emitter.ts';
import { ConnmanError } from '../src/shared/errors.ts';
import { logger } from '../src/shared/log.ts';
import type { Scope } from '../src/shared/scope.ts';
import type { VpnRoute } from '../src/provision/vpn-values.ts';
import type { ProvisionedVpn } from '../src/provision/vpn-config.ts';
import { Provider, type ProviderEnv, type ProviderIdentity } from './provider.ts';
import { isStored, loadProvider, saveProvider, storageName, type StoredProvider } from './storage.ts';

const log = logger('vpn/providers.ts');

/** What a client gives to make a connection, or to change one that is there. */
export interface ProviderRequest {
  readonly strings: ReadonlyMap<string, string>;
  readonly isSplitRouting?: boolean;
  readonly userRoutes?: readonly VpnRoute[];
}

/** A connection that came, with the scope that closes when it goes. */
export interface ProviderAppearance {
  readonly provider: Provider;
  readonly scope: Scope;
}

/** The registry of connections. */
export class Providers {
  readonly #env: ProviderEnv;
  readonly #storage: Storage;
  readonly #scope: Scope;
  readonly #added = new Emitter<ProviderAppearance>();
  readonly #updated = new Emitter<Provider>();
  readonly #removed = new Emitter<Provider>();
  readonly #entries = new Map<string, { provider: Provider; scope: Scope }>();

  constructor(env: ProviderEnv, storage: Storage, scope: Scope) {
    this.#env = env;
    this.#storage = storage;
    this.#scope = scope;
  }

  get list(): readonly Provider[] {
    return [...this.#entries.values()].map(({ provider }) => provider);
  }

  get added(): Observable<ProviderAppearance> {
    return this.#added;
  }

  /** Emits when one that was there was made anew, by a client or from disk. */
  get updated(): Observable<Provider> {
    return this.#updated;
  }

  /** Emits before its object goes. */
  get removed(): Observable<Provider> {
    return this.#removed;
  }

  get(ident: string): Provider | undefined {
    return this.#entries.get(ident)?.provider;
  }

  /**
   * Makes a connection, or changes the one there; `files` are kept beside its settings, each named by the
   * option that is to hold its path. Throws InvalidArguments, NotSupported, Failed.
   */
  create(
    { strings, isSplitRouting, userRoutes }: ProviderRequest,
    files: ReadonlyMap<string, string> = new Map(),
  ): Provider {
    const identity = this.#identityOf(strings);
    const ident = identify(identity.host, identity.domain);
    const known = this.get(ident);
    if (known?.isImmutable === true) throw new ConnmanError('NotSupported');
    const provider = known ?? this.#make(ident, identity);
    if (known !== undefined) known.identify(identity);
    for (const [key, value] of strings) if (!IDENTITY_KEYS.has(key)) provider.settings.set(key, value);
    for (const [key, content] of files)
      provider.settings.set(key, this.#env.keepFile(storageName(ident), fileName(key), content));
    if (isSplitRouting !== undefined) provider.setSplitRouting(isSplitRouting);
    if (userRoutes !== undefined) provider.setUserRoutes(userRoutes);
    this.save(provider);
    if (known === undefined) this.#announce(provider);
    else this.#updated.emit(provider);
    return provider;
  }

  /** Removes a connection for good, its tunnel first. Throws NotFound. */
  async remove(ident: string): Promise<void> {
    const entry = this.#entries.get(ident);
    if (entry === undefined) throw new ConnmanError('NotFound');
    await this.#drop(entry);
    this.#storage.remove(storageName(ident));
    this.#storage.remove(`vpn_${ident}`);
  }

  /** Writes a connection; that also gives it a fresh start after a failure. */
  save(provider: Provider): void {
    provider.resetFailure();
    saveProvider(this.#storage, provider);
  }

  /** Reads what is stored in `storage`; `isProvisioned` says whether a provisioning file still has the entry. */
  load(storage: Storage, isProvisioned: (file: string, ident: string) => boolean): void {
    for (const directory of storage.list('providers')) {
      const stored = loadProvider(storage, directory);
      if (stored === undefined) continue;
      if (stored.source !== undefined) {
        if (!isProvisioned(stored.source.file, stored.source.ident)) storage.remove(directory);
        continue;
      }
      if (!this.#entries.has(stored.ident)) this.#takeUp(stored);
    }
  }

  /**
   * Takes over what others have put on disk: connections that are others now, are new, or are gone. A
   * tunnel that is up goes on as it was made.
   */
  async reload(storages: readonly Storage[]): Promise<void> {
    const stored = new Map<string, StoredProvider>();
    for (const storage of storages) {
      for (const directory of storage.list('providers')) {
        const found = loadProvider(storage, directory);
        if (found === undefined || found.source !== undefined || stored.has(found.ident)) continue;
        stored.set(found.ident, found);
      }
    }
    for (const entry of [...this.#entries.values()]) {
      const { ident, identity, isImmutable } = entry.provider;
      if (!isImmutable && stored.get(ident)?.identity.type !== identity.type) await this.#drop(entry);
    }
    for (const each of stored.values()) this.#takeUp(each);
  }

  /** Adds what a provisioning file has; one that is there already stays as it is. */
  provision(entry: ProvisionedVpn): void {
    const { type, name, host, domain } = entry;
    const ident = identify(host, domain);
    if (ident.length > MAX_IDENT) return log.warn('%s of %s.config: its Host is too long', entry.ident, entry.file);
    if (this.#entries.has(ident)) {
      log.warn('Provider configuration %s already exist', ident);
      return;
    }
    if (this.#env.driver(type) === undefined) {
      log.warn('%s of %s.config: there is no driver for %s', entry.ident, entry.file, type);
      return;
    }
    const source = { file: entry.file, ident: entry.ident };
    const provider = this.#make(ident, { type, name, host, ...(domain !== undefined && { domain }) }, source);
    for (const [key, value] of entry.settings) provider.settings.fix(key, value);
    provider.setUserRoutes(entry.routes);
    if (entry.isSplitRouting === true) provider.setSplitRouting(true);
    saveProvider(this.#storage, provider);
    this.#announce(provider);
  }

  /** Takes back what a provisioning file had. */
  async withdraw(file: string): Promise<void> {
    const gone = [...this.#entries.values()].filter(({ provider }) => provider.source?.file === file);
    await Promise.all(
      gone.map(async (entry) => {
        await this.#drop(entry);
        this.#storage.remove(storageName(entry.provider.ident));
        this.#storage.remove(`vpn_${entry.provider.ident}`);
      }),
    );
  }

  #takeUp({ ident, identity, settings, userRoutes }: StoredProvider): void {
    const known = this.get(ident);
    if (known?.isImmutable === true) return;
    if (this.#env.driver(identity.type) === undefined) {
      log.warn('%s: there is no driver for %s', ident, identity.type);
      return;
    }
    const provider = known ?? this.#make(ident, identity);
    provider.identify(identity);
    for (const [key] of provider.settings.visible()) {
      if (!settings.has(key) && isStored(identity.type, key)) provider.settings.set(key, '');
    }
    for (const [key, value] of settings) provider.settings.set(key, value);
    provider.setUserRoutes(userRoutes);
    if (known === undefined) this.#announce(provider);
    else this.#updated.emit(provider);
  }

  // Throws InvalidArguments, NotSupported, Failed where no connection can be made of that.
  #identityOf(strings: ProviderRequest['strings']): ProviderIdentity {
    const host = strings.get('Host') ?? '';
    const type = (strings.get('Type') ?? '').toLowerCase();
    const name = strings.get('Name') ?? '';
    if (host === '') throw new ConnmanError('InvalidArguments');
    if (type === '' || name === '') throw new ConnmanError('NotSupported');
    if (this.#env.driver(type) === undefined) throw new ConnmanError('Failed', 'No such device');
    const domain = strings.get('Domain') ?? strings.get('VPN.Domain');
    refuseWrong(type, strings);
    refuseUnusable(host, domain);
    return { type, name, host, ...(domain !== undefined && { domain }) };
  }

  #make(ident: string, identity: Provider['identity'], source?: Provider['source']): Provider {
    const scope = this.#scope.child();
    const provider = new Provider({ ident, identity, source }, this.#env, scope);
    this.#entries.set(ident, { provider, scope });
    return provider;
  }

  #announce(provider: Provider): void {
    const scope = this.#entries.get(provider.ident)?.scope;
    if (scope !== undefined) this.#added.emit({ provider, scope });
  }

  async #drop({ provider, scope }: { provider: Provider; scope: Scope }): Promise<void> {
    this.#entries.delete(provider.ident);
    provider.disconnect();
    this.#removed.emit(provider);
    await scope.close();
  }
}

/** `OpenVPN.CACert` is kept as `cacert.pem`. */
function fileName(key: string): string {
  return `${key.slice(key.indexOf('.') + 1).toLowerCase()}.pem`;
}

/** Keys that are not settings. */
const IDENTITY_KEYS: ReadonlySet<string> = new Set(['Type', 'Name', 'Host', 'Domain', 'VPN.Domain']);

/** Throws InvalidArguments with key, value and what would be right. */
function refuseWrong(type: string, strings: ReadonlyMap<string, string>): void {
  for (const [key, value] of strings) {
    const problem = IDENTITY_KEYS.has(key) ? undefined : vpnValueProblem(type, key, value);
    if (problem !== undefined) throw new ConnmanError('InvalidArguments', problem);
  }
}

/** Throws InvalidArguments where no server is called so, or no file could be. */
function refuseUnusable(host: string, domain: string | undefined): void {
  // oxlint-disable-next-line no-control-regex -- what must not be in a name
  if (/^-|[\s\u0000-\u001f\u007f]/.test(host)) {
    const shown = JSON.stringify(host);
    throw new ConnmanError('InvalidArguments', `Host has a wrong value ${shown}: a name or address wanted`);
  }
  if (identify(host, domain).length > MAX_IDENT) {
    throw new ConnmanError('InvalidArguments', `Host and Domain are longer than ${MAX_IDENT} characters`);
  }
}

/** NAME_MAX less `provider_`. */
const MAX_IDENT = 240;

/** The last part of a connection's path: host and domain, other characters than letters and digits as `_`. */
export function identify(host: string, domain: string | undefined): string {
  return (domain === undefined || domain === '' ? host : `${host}_${domain}`).replace(/[^0-9A-Za-z]/g, '_');
}

/** The types this build may have. */
export const TYPES: readonly string[] = Object.keys(VPN_KEYS);
