/**
 * Provisioning files (connman-service.config(5)): what an administrator decides for services before
 * or while they are there. Files are followed while the daemon runs; the first entry, by name of the
 * file and place in it, that is for a service makes it immutable. When its entry goes, a service
 * returns to what users had decided for it, or to what a new one has.
 */

import type { FileChange } from './daemon/files.ts';
import type { Storage } from './daemon/storage.ts';
import { parseLinkLocal } from './ipconfig/configuration.ts';
import { formatComplaint } from './provision/key-table.ts';
import { isEntryFor, parseServiceFile, type ServiceEntry, type Target } from './provision/service-file.ts';
import type { Provisioned, ServiceConfiguration } from './service/configuration.ts';
import type { OwnSettings } from './service/own-settings.ts';
import type { Service } from './service/service.ts';
import type { Services } from './service/services.ts';
import type { Clock } from './shared/clock.ts';
import { Emitter, type Observable } from './shared/emitter.ts';
import { IpAddress } from './shared/ipaddress.ts';
import { logger } from './shared/log.ts';
import type { Scope } from './shared/scope.ts';

const log = logger('src/provisioning.ts');

/** When what is stored of services whose file has gone is looked for: not while links come up. */
const SWEEP_DELAY_MS = 10_000;

const SUFFIX = '.config';

/** What provisioning takes from the core. */
export interface ProvisioningEnv {
  readonly storage: Storage;
  readonly clock: Clock;
  readonly services: Services;
  readonly ownSettings: OwnSettings;
}

/** All entries of all files, and their effect on services. */
export class Provisioning {
  readonly #env: ProvisioningEnv;
  readonly #scope: Scope;
  readonly #changed = new Emitter<void>();
  /** By the file's name without its suffix. */
  readonly #files = new Map<string, readonly ServiceEntry[]>();
  #isUpdateDue = false;

  /** Reads what is there, and follows it until `scope` closes. */
  constructor(env: ProvisioningEnv, scope: Scope) {
    this.#env = env;
    this.#scope = scope;
    env.storage.watch(SUFFIX, env.clock, scope, (change) => {
      this.#read(change);
      this.#updateSoon();
    });
    env.services.added.observe(scope, ({ service }) => void this.#apply(service));
    this.#updateSoon();
  }

  /** Emits when entries came, went or changed; services have followed by then. */
  get changed(): Observable<void> {
    return this.#changed;
  }

  /** All entries, the first that fits counts. */
  get entries(): readonly Provisioned[] {
    const files = [...this.#files].sort(([one], [other]) => (one < other ? -1 : 1));
    return files.flatMap(([file, entries]) => entries.map((entry) => ({ file, entry })));
  }

  /** What is provisioned for a network. */
  find(target: Target): Provisioned | undefined {
    return this.entries.find(({ entry }) => isEntryFor(entry, target));
  }

  #read({ name, isGone }: FileChange): void {
    const file = name.slice(0, -SUFFIX.length);
    this.#files.delete(file);
    if (isGone) return;
    if (!/^[\x20-\x7e]+$/.test(file)) {
      log.warn('%j is no name for a provisioning file', name);
      return;
    }
    const { entries, complaints } = parseServiceFile(this.#env.storage.readText(name) ?? '');
    const path = `${this.#env.storage.directory}/${name}`;
    for (const complaint of complaints) log.warn('%s', formatComplaint(path, complaint));
    this.#files.set(file, entries);
  }

  // At the end of this turn: a file that is renamed goes and comes, and its services stay.
  #updateSoon(): void {
    if (this.#isUpdateDue) return;
    this.#isUpdateDue = true;
    queueMicrotask(() => {
      this.#isUpdateDue = false;
      if (!this.#scope.isClosed) this.#update();
    });
  }

  #update(): void {
    for (const service of [...this.#env.services.list]) {
      if (this.#apply(service)) this.#env.services.considerAutoconnect(service);
    }
    this.#sweepSoon();
    this.#changed.emit();
  }

  /** Whether that changed anything. */
  #apply(service: Service): boolean {
    const found = this.find(targetOf(service));
    if (shown(found) === shown(service.provisioned)) return false;
    const by = found === undefined ? 'no file any more' : `${found.file}${SUFFIX} [${found.entry.ident}]`;
    log.info('%s is provisioned by %s', service.identifier, by);
    this.#env.ownSettings.decide(service.identifier, ownKeysOf(found?.entry));
    service.provision(found, found && configurationOf(found.entry));
    return true;
  }

  // ConnMan's rule: what it stored of a service for a file does not outlive the file.
  #sweepSoon(): void {
    this.#env.clock.after('forget what is no longer provisioned', SWEEP_DELAY_MS, this.#scope, () => {
      const { storage } = this.#env;
      for (const identifier of storage.list()) {
        const settings = storage.read(`${identifier}/settings`);
        const file = settings?.get(identifier, 'Config.file');
        const ident = settings?.get(identifier, 'Config.ident');
        const isThere = this.#files.get(file ?? '')?.some((entry) => entry.ident === ident);
        if (file !== undefined && isThere !== true) storage.remove(identifier);
      }
    });
  }
}

/** What an entry decides; name and time servers are kept apart, since no `*.Configuration` shows them. */
export function configurationOf({ keys }: ServiceEntry): ServiceConfiguration {
  const method = keys['Proxy.Method'];
  const url = keys['Proxy.URL'];
  return {
    ipv4: { ...(keys.IPv4 ?? { method: 'dhcp' }), ...parseLinkLocal(keys['IPv4.LinkLocal'] ?? 'fallback') },
    ipv6: { ...(keys.IPv6 ?? { method: 'auto' }), privacy: keys['IPv6.Privacy'] ?? 'disabled' },
    nameservers: [],
    timeservers: [],
    domains: keys.SearchDomains ?? [],
    proxy: method && {
      method,
      servers: keys['Proxy.Servers'] ?? [],
      excludes: keys['Proxy.Excludes'] ?? [],
      ...(url !== undefined && { url }),
    },
    mdns: keys.mDNS ?? false,
  };
}

/** What of an entry ConnMan has no word for, by the names that src/service/own-settings.ts has. */
function ownKeysOf(entry: ServiceEntry | undefined): Map<string, string> {
  return new Map(OWN_KEYS.flatMap((key) => {
    const value = entry?.keys[key];
    return value === undefined ? [] : [[key, value] as const];
  }));
}

const OWN_KEYS = ['NeverDefault', 'CheckOnline', 'Metered', 'SendHostname', 'TakeHostname', 'MPTCP'] as const;

/** What entries are compared with; a Wi-Fi network says in the last part of identifiers which it is. */
function targetOf({ type, network }: Service): Target {
  const [, ssid, security] = /^([0-9a-f]+)_managed_([a-z0-9]+)$/.exec(network.group) ?? [];
  return {
    type,
    hardwareAddress: network.device.ident,
    interfaceName: network.device.interfaceName,
    ...(type === 'wifi' && ssid !== undefined && security !== undefined && { wifi: { ssid, security } }),
  };
}

/** What two of them are compared by. */
function shown(provisioned: Provisioned | undefined): string | undefined {
  const plain = (_: string, value: unknown): unknown => (value instanceof IpAddress ? String(value) : value);
  return JSON.stringify(provisioned, plain);
}
