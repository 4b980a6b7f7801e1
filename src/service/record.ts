/**
 * What is kept of a service while it is not there: its configuration, what users decided of it and
 * what the network gave last, read from disk once and written back. Before its first success a
 * service is not written (ConnMan's rule).
 */

import type { GeneralOptions } from '../daemon/main-conf.ts';
import type { Storage } from '../daemon/storage.ts';
import { formatLease, type Lease } from '../dhcp/client.ts';
import type { Ipv6Memory } from '../ipconfig/ipv6.ts';
import type { Network } from '../network.ts';
import type { Clock } from '../shared/clock.ts';
import type { IpAddress } from '../shared/ipaddress.ts';
import type { Scope } from '../shared/scope.ts';
import type { ServiceType } from '../types.ts';
import { DEFAULT_CONFIGURATION, type Provisioned, type ServiceConfiguration } from './configuration.ts';
import { ipv6Keys, ipv6Leases, loadIpv6Memory } from './ipv6-memory.ts';
import type { SaveQueue } from './save-queue.ts';
import { loadKeys, loadLease, loadService, NEVER_STORED, saveLeases, saveService } from './settings.ts';

/** What records take from the core. */
export interface RecordEnv {
  readonly storage: Storage;
  /** Where writes wait that no user asked for. */
  readonly saves: SaveQueue;
  readonly clock: Clock;
  readonly options: GeneralOptions;
}

/** Whose record it is. */
export interface RecordOwner {
  readonly identifier: string;
  readonly type: ServiceType;
  readonly name: string | undefined;
  readonly network: { readonly storedKeys: readonly string[] };
}

/** A service's record. Changes are written by `save` and `saveSoon`. */
export class ServiceRecord {
  configuration: ServiceConfiguration;
  isFavorite: boolean;
  /** As set; whether it counts depends on `isFavorite`. */
  isAutoconnect: boolean;
  lastAddress: IpAddress | undefined;
  lease: Lease | undefined;
  ipv6: Ipv6Memory;
  /** What is kept for the driver of its network. */
  readonly driverKeys: Map<string, string>;
  readonly #owner: RecordOwner;
  readonly #env: RecordEnv;
  #provisioned: Provisioned | undefined;
  /** What users decided, while a file decides instead. */
  #own: ServiceConfiguration | undefined;
  #modified: Date;
  #isStored: boolean;
  /** Whether all that is stored came of a file. */
  #isFromFile: boolean;
  #isUnsaved = false;

  /** Reads it; what waits to be written is when `scope` closes. */
  constructor(owner: RecordOwner, env: RecordEnv, scope: Scope) {
    const { identifier } = owner;
    const { storage, clock } = env;
    this.#owner = owner;
    this.#env = env;
    const stored = loadService(storage, identifier);
    const { configuration, isFavorite, isAutoconnect, lastAddress, modified, isProvisioned } = stored ?? NEVER_STORED;
    this.configuration = isProvisioned ? DEFAULT_CONFIGURATION : configuration;
    this.#isFromFile = isProvisioned;
    this.isFavorite = isFavorite ?? this.#isFavoriteByDefault();
    this.isAutoconnect = isAutoconnect ?? this.#isAutoconnectByDefault();
    this.lastAddress = lastAddress;
    this.lease = stored === undefined ? undefined : loadLease(storage, identifier, clock);
    this.ipv6 = loadIpv6Memory(storage, identifier);
    this.driverKeys = loadKeys(storage, identifier, owner.network.storedKeys);
    this.#isStored = stored !== undefined;
    this.#modified = modified ?? clock.wallTime();
    scope.defer(() => this.#saveWaiting());
  }

  /** What decides the configuration, if a file does. */
  get provisioned(): Provisioned | undefined {
    return this.#provisioned;
  }

  /**
   * A file decides from now on, or no longer. Returns what users had decided, which stays on disk
   * meanwhile; where they had not, what is on disk goes with the file.
   */
  provision(provisioned: Provisioned | undefined): ServiceConfiguration | undefined {
    const before = this.#provisioned;
    this.#provisioned = provisioned;
    if (provisioned !== undefined) {
      if (before === undefined && this.#isStored && !this.#isFromFile) this.#own = this.configuration;
      this.#isFromFile = this.#own === undefined;
      this.isAutoconnect = provisioned.entry.keys.AutoConnect ?? this.isAutoconnect;
      return this.#own;
    }
    const own = this.#own;
    this.#own = undefined;
    if (before?.entry.keys.AutoConnect !== undefined) this.isAutoconnect = this.#isAutoconnectByDefault();
    if (own === undefined) this.#forget();
    return own;
  }

  /** Now is when it was last connected or moved. */
  touch(): void {
    this.#modified = this.#env.clock.wallTime();
  }

  /**
   * What is on disk counts again, whoever wrote it there; a service that is not there any more is as
   * new. Returns the configuration to take on.
   */
  reload(): ServiceConfiguration {
    const { identifier, network } = this.#owner;
    const { isFavorite, isAutoconnect, configuration, isProvisioned } = loadService(this.#env.storage, identifier)
      ?? NEVER_STORED;
    this.isFavorite = isFavorite ?? this.#isFavoriteByDefault();
    this.isAutoconnect = isAutoconnect ?? this.#isAutoconnectByDefault();
    this.driverKeys.clear();
    for (const [key, value] of loadKeys(this.#env.storage, identifier, network.storedKeys)) {
      this.driverKeys.set(key, value);
    }
    const decided = isProvisioned ? DEFAULT_CONFIGURATION : configuration;
    if (this.#own !== undefined) this.#own = decided;
    return decided;
  }

  /** The lease in use, perhaps for longer than before; written with the next change, at the latest at the end. */
  noteLease(lease: Lease | undefined): void {
    this.lease = lease;
    if (lease === undefined) return;
    this.lastAddress = lease.address;
    this.#isUnsaved = true;
  }

  /** Keeps what an IPv6 session wants kept. */
  remember(change: Partial<Ipv6Memory>): void {
    this.ipv6 = { ...this.ipv6, ...change };
    this.saveSoon();
  }

  /** Has keys of the driver's kept, or forgotten where undefined. */
  keep(keys: Readonly<Record<string, string | undefined>>): void {
    for (const [key, value] of Object.entries(keys)) {
      if (value === undefined) this.driverKeys.delete(key);
      else this.driverKeys.set(key, value);
    }
    this.saveSoon();
  }

  /** No favorite any more, and its secrets gone, its network's as well. */
  forget({ secretKeys, control }: Pick<Network, 'secretKeys' | 'control'>): void {
    this.isFavorite = false;
    for (const key of secretKeys) this.driverKeys.delete(key);
    control.forget?.();
    this.configuration = { ...this.configuration, ipv6: { ...this.configuration.ipv6, privacy: 'disabled' } };
    this.save();
  }

  /** It has been connected: from now on it is written. */
  noteSuccess(): void {
    this.#isStored = true;
    this.touch();
  }

  /** Writes the settings, once the service has been connected ever. */
  save(): void {
    if (!this.#isStored) return;
    const { identifier, type, name } = this.#owner;
    const hasStoredFavorite = type !== 'ethernet' && type !== 'vpn';
    saveService(this.#env.storage, identifier, this.#own ?? this.configuration, {
      name,
      isFavorite: hasStoredFavorite ? this.isFavorite : undefined,
      isAutoconnect: this.isFavorite ? this.isAutoconnect : undefined,
      lastAddress: this.lastAddress,
      modified: this.#modified,
      provisioned: this.#own === undefined ? this.#provisioned : undefined,
      others: [
        ...ipv6Keys(this.ipv6),
        ...this.#owner.network.storedKeys.map((key) => [key, this.driverKeys.get(key)] as const),
      ],
    });
  }

  /** Writes settings and lease when there is time. */
  saveSoon(): void {
    this.#isUnsaved = true;
    this.#env.saves.add(this.#owner.identifier, () => this.#saveWaiting());
  }

  #isFavoriteByDefault(): boolean {
    const { type } = this.#owner;
    return type === 'vpn' || this.#env.options.DefaultFavoriteTechnologies.some((each) => each === type);
  }

  #isAutoconnectByDefault(): boolean {
    return this.#env.options.DefaultAutoConnectTechnologies.some((each) => each === this.#owner.type);
  }

  #forget(): void {
    const { identifier } = this.#owner;
    this.#env.saves.remove(identifier);
    this.#env.storage.remove(identifier);
    this.#isUnsaved = false;
    this.#isStored = false;
    this.#isFromFile = false;
  }

  #saveWaiting(): void {
    if (!this.#isUnsaved) return;
    this.#isUnsaved = false;
    const { identifier } = this.#owner;
    this.#env.saves.remove(identifier);
    this.save();
    saveLeases(this.#env.storage, identifier, {
      dhcp4: this.lease && formatLease(this.lease, this.#env.clock),
      ...ipv6Leases(this.ipv6),
    });
  }
}
