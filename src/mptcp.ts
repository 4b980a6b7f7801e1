/**
 * Multipath TCP (RFC 8684): the addresses of connected services as endpoints of the kernel, so that
 * its connections may use several links. On by default where the kernel has it; per service it can be
 * set otherwise. While a link has endpoints, its reverse path filter is loose (RFC 3704): subflows
 * come in by links that are not the default's. What others have added is left alone.
 */

import type { Sysctl } from './daemon/sysctl.ts';
import type { KnownEndpoint, MptcpEndpoint, MptcpFlag } from './netlink/genl/mptcp.ts';
import { parseMptcpFlags } from './provision/own-values.ts';
import type { OwnSettings } from './service/own-settings.ts';
import type { Service } from './service/service.ts';
import type { Services } from './service/services.ts';
import type { Clock } from './shared/clock.ts';
import { ConnmanError, messageOf } from './shared/errors.ts';
import { logger } from './shared/log.ts';
import type { Scope } from './shared/scope.ts';
import type { System } from './system/system.ts';

const log = logger('src/mptcp.ts');

/** The kernel's endpoints. All reject with NetlinkError. */
export interface MptcpKernel {
  list(): Promise<KnownEndpoint[]>;
  add(endpoint: MptcpEndpoint): Promise<void>;
  remove(endpoint: KnownEndpoint): Promise<void>;
}

/** The kernel's, by generic netlink. */
export async function openMptcp(system: Pick<System, 'netlink'>, scope: Scope): Promise<MptcpKernel> {
  const [{ openGenl }, { addEndpoint, listEndpoints, removeEndpoint }] = await Promise.all([
    import('./netlink/genl/genl.ts'), import('./netlink/genl/mptcp.ts'),
  ]);
  const genl = openGenl({ system }, scope);
  return {
    list: () => listEndpoints(genl),
    add: (endpoint) => addEndpoint(genl, endpoint),
    remove: (endpoint) => removeEndpoint(genl, endpoint),
  };
}

/** What it takes from the core. */
export interface MptcpEnv {
  readonly sysctl: Sysctl;
  readonly ownSettings: OwnSettings;
  readonly clock: Clock;
  /** Called when the first endpoint is needed. */
  open(): Promise<MptcpKernel>;
}

const KEY = 'MPTCP';
const ENABLED = 'net/mptcp/enabled';
/** What a service is used for unless somebody decides: links are added, and not announced. */
const DEFAULT_FLAGS: readonly MptcpFlag[] = ['subflow'];
/** All services are looked at for each change: changes are gathered for so long. */
const GATHER_MS = 100;

/** All endpoints of services. */
export class Mptcp {
  readonly #env: MptcpEnv;
  #kernel: Promise<MptcpKernel> | undefined;
  #services: Services | undefined;
  /** Those that are ours, by interface and address. */
  #ours = new Map<string, MptcpEndpoint>();
  /** Reverse path filters as they were, by their name. */
  readonly #filters = new Map<string, string>();
  /** The filters of links with endpoints, loose now or before. */
  #loose: ReadonlySet<string> = new Set();
  /** Whether a change is under way, and whether another is due after it. */
  #isWorking = false;
  #isDue = false;

  constructor(env: MptcpEnv) {
    this.#env = env;
  }

  /** Follows the services until `scope` closes. */
  follow(services: Services, scope: Scope): void {
    this.#services = services;
    let isGathering = false;
    const gathered = this.#env.clock.alarm('MPTCP endpoints', scope, () => {
      isGathering = false;
      this.#update();
    });
    const update = (): void => {
      if (!isGathering) gathered.set(this.#env.clock.now() + GATHER_MS);
      isGathering = true;
    };
    services.added.observe(scope, ({ service, scope: itsScope }) => {
      service.stateChanged.observe(itsScope, update);
      service.changed.observe(itsScope, (aspects) => {
        if (aspects.includes('ipv4') || aspects.includes('ipv6')) update();
      });
    });
    services.removed.observe(scope, update);
    this.#env.ownSettings.reloaded.observe(scope, update);
  }

  /** `disabled`, or what the service's addresses are used for, with commas. */
  valueOf(service: Service): string {
    const flags = this.#isEnabled ? this.#flagsOf(service) : [];
    return flags.length === 0 ? 'disabled' : flags.join(',');
  }

  /** Keeps `disabled` or flags with commas; `auto` is as before. Throws InvalidArguments. */
  set(service: Service, value: string): void {
    if (value !== 'auto' && value !== 'disabled' && parseMptcpFlags(value) === undefined) {
      throw new ConnmanError('InvalidArguments');
    }
    this.#env.ownSettings.set(service.identifier, KEY, value === 'auto' ? undefined : value);
    this.#update();
  }

  get #isEnabled(): boolean {
    return this.#env.sysctl.read(ENABLED) === '1';
  }

  #flagsOf({ identifier, tunnel }: Service): readonly MptcpFlag[] {
    const set = this.#env.ownSettings.get(identifier, KEY);
    if (set === 'disabled') return [];
    return (set === undefined ? undefined : parseMptcpFlags(set)) ?? (tunnel === undefined ? DEFAULT_FLAGS : []);
  }

  /** One change at a time; what happens meanwhile is looked at after it. */
  #update(): void {
    this.#isDue = true;
    if (!this.#isWorking) void this.#work();
  }

  async #work(): Promise<void> {
    this.#isWorking = true;
    while (this.#isDue) {
      this.#isDue = false;
      try {
        await this.#apply();
      } catch (error) {
        log.warn('MPTCP: %s', messageOf(error));
      }
    }
    this.#isWorking = false;
  }

  async #apply(): Promise<void> {
    const services = this.#services;
    if (services === undefined || services.isKeepingTraffic) return;
    const wanted = this.#wanted(services);
    this.#relaxFilters(services, new Set([...wanted.values()].map(({ ifindex }) => ifindex)));
    const before = this.#ours;
    if (isSame(before, wanted)) return;
    this.#kernel ??= this.#env.open();
    const kernel = await this.#kernel;
    this.#ours = wanted;
    const there = new Map((await kernel.list()).filter(({ port }) => !port).map((each) => [keyOf(each), each]));
    for (const [key, known] of there) {
      const endpoint = wanted.get(key);
      const isWrong = endpoint === undefined ? before.has(key) : !hasSameFlags(endpoint, known);
      if (!isWrong) continue;
      await kernel.remove(known);
      there.delete(key);
    }
    for (const [key, endpoint] of wanted) if (!there.has(key)) await kernel.add(endpoint);
  }

  #wanted(services: Services): Map<string, MptcpEndpoint> {
    const wanted = new Map<string, MptcpEndpoint>();
    if (!this.#isEnabled) return wanted;
    for (const service of services.list) {
      const { ipv4, ipv6 } = service.inUse;
      const addresses = [ipv4?.address, ipv6?.address].filter((each) => each !== undefined);
      const usable = addresses.filter((address) => !address.isLinkLocal);
      const flags = usable.length === 0 ? [] : this.#flagsOf(service);
      if (flags.length === 0) continue;
      const { ifindex } = service.network.device;
      for (const address of usable) wanted.set(keyOf({ ifindex, address }), { ifindex, address, flags });
    }
    return wanted;
  }

  #relaxFilters(services: Services, ifindexes: ReadonlySet<number>): void {
    const relaxed = services.list.filter(({ network }) => ifindexes.has(network.device.ifindex));
    const names = new Set(relaxed.map(({ network }) => `net/ipv4/conf/${network.device.interfaceName}/rp_filter`));
    for (const [name, value] of this.#filters) {
      if (names.has(name)) continue;
      this.#filters.delete(name);
      this.#write(name, value);
    }
    const known = this.#loose;
    this.#loose = names;
    for (const name of names) {
      if (known.has(name)) continue;
      const value = this.#env.sysctl.read(name);
      if (value === undefined || !this.#isStrict(value)) continue;
      this.#filters.set(name, value);
      this.#write(name, LOOSE);
    }
  }

  /** The kernel takes the larger of `all` and the interface's own (ip-sysctl). */
  #isStrict(value: string): boolean {
    return value === '1' || (value === '0' && this.#env.sysctl.read('net/ipv4/conf/all/rp_filter') === '1');
  }

  #write(name: string, value: string): void {
    try {
      this.#env.sysctl.write(name, value);
    } catch (error) {
      // An interface that is gone took its parameters along.
      if (this.#env.sysctl.read(name) !== undefined) log.warn('%s cannot be set to %s: %s', name, value, error);
    }
  }
}

const LOOSE = '2';

function keyOf({ ifindex, address }: Pick<MptcpEndpoint, 'ifindex' | 'address'>): string {
  return `${ifindex} ${address}`;
}

function hasSameFlags(one: MptcpEndpoint, other: MptcpEndpoint): boolean {
  return one.flags.join() === other.flags.join();
}

function isSame(one: ReadonlyMap<string, MptcpEndpoint>, other: ReadonlyMap<string, MptcpEndpoint>): boolean {
  if (one.size !== other.size) return false;
  return [...one].every(([key, endpoint]) => {
    const match = other.get(key);
    return match !== undefined && hasSameFlags(endpoint, match);
  });
}
