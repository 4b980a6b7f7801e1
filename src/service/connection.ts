/**
 * All that exists while a service is connecting or connected: addresses, routes, name servers and
 * the online check of its link. The service owns one at a time and listens; when it stops, requests
 * to the kernel are made at once and in order, so that a new connection may follow immediately.
 */

import type { GeneralOptions } from '../daemon/main-conf.ts';
import type { Device } from '../device.ts';
import type { Lease } from '../dhcp/client.ts';
import type { NameServer } from '../dns-backend/backend.ts';
import { parseNameServer } from '../dns-backend/name-server.ts';
import type { Gateways } from '../gateway.ts';
import { Ipv4Session, type Ipv4Event, type StopMode } from '../ipconfig/ipv4.ts';
import type { AddressConflict, Ipv4InUse } from '../ipconfig/configuration.ts';
import type { Rtnetlink } from '../netlink/rtnetlink.ts';
import { startOnlineCheck, type CheckRecord, type OnlineCheck } from '../online-check/check.ts';
import type { Standing } from '../online-check/machine.ts';
import type { Resolver } from '../resolver.ts';
import type { Clock } from '../shared/clock.ts';
import { Emitter, type Observable } from '../shared/emitter.ts';
import { ConnmanError } from '../shared/errors.ts';
import type { IpAddress } from '../shared/ipaddress.ts';
import { logger } from '../shared/log.ts';
import type { Random } from '../shared/random.ts';
import type { Scope } from '../shared/scope.ts';
import type { System } from '../system/system.ts';
import { checkOptions } from './check-options.ts';
import type { ServiceConfiguration } from './configuration.ts';

const log = logger('src/service/connection.ts');

/** What connections take from the core. */
export interface ConnectionEnv {
  readonly kernel: Rtnetlink;
  readonly system: System;
  readonly clock: Clock;
  readonly random: Random;
  readonly resolver: Resolver;
  readonly gateways: Gateways;
  readonly options: GeneralOptions;
  /** Of the program. */
  readonly version: string;
  /** What DHCP tells the server. */
  hostname(): string | undefined;
}

/** The service as its connection sees it. */
export interface ConnectionTarget {
  readonly identifier: string;
  readonly device: Device;
  /** As it is now. */
  configuration(): ServiceConfiguration;
  readonly lease: Lease | undefined;
  readonly lastAddress: IpAddress | undefined;
}

/** What the service is told. */
export type ConnectionEvent =
  | { readonly kind: 'configuration' }
  /** Addresses and routes are in the kernel; also after each change of them. */
  | { readonly kind: 'ready'; readonly lease: Lease | undefined }
  /** Another host claims the address. */
  | { readonly kind: 'conflict'; readonly conflict: AddressConflict }
  /** The online check has an answer; what the answers so far amount to. */
  | { readonly kind: 'checked'; readonly standing: Standing }
  | { readonly kind: 'failed'; readonly error: ConnmanError };

/** A finished check, and what it and those before it amount to. */
export interface LastCheck extends Omit<CheckRecord, 'nextAtMs'> {
  readonly standing: Standing;
  /** From its end to the next check; undefined where none follows. */
  readonly nextInMs: number | undefined;
}

/** A service's link in use. */
export class Connection {
  readonly #target: ConnectionTarget;
  readonly #env: ConnectionEnv;
  readonly #scope: Scope;
  readonly #events = new Emitter<ConnectionEvent>();
  readonly #ipv4: Ipv4Session;
  #inUse: Ipv4InUse | undefined;
  #lease: Lease | undefined;
  #isDefault = false;
  #check: { run: OnlineCheck; scope: Scope } | undefined;
  #lastCheck: LastCheck | undefined;

  constructor(target: ConnectionTarget, env: ConnectionEnv, scope: Scope) {
    this.#target = target;
    this.#env = env;
    this.#scope = scope.child();
    const { link } = target.device;
    this.#ipv4 = new Ipv4Session({
      ifindex: link.ifindex,
      interfaceName: link.name,
      hardwareAddress: link.hardwareAddress,
      mtu: link.mtu,
      configuration: target.configuration().ipv4,
      lease: target.lease,
      lastAddress: target.lastAddress,
      hostname: env.hostname(),
      vendorClass: env.options.VendorClassID,
      detectsConflicts: env.options.AddressConflictDetection,
    }, env, this.#scope);
  }

  get events(): Observable<ConnectionEvent> {
    return this.#events;
  }

  /** The IPv4 address once its routes are in place. */
  get ipv4(): Ipv4InUse | undefined {
    return this.#inUse;
  }

  get lease(): Lease | undefined {
    return this.#lease;
  }

  /** The last finished online check, for whoever asks why. */
  get lastCheck(): LastCheck | undefined {
    return this.#lastCheck;
  }

  start(): void {
    this.#ipv4.events.observe(this.#scope, (event) => this.#onIpv4(event));
    this.#ipv4.start();
  }

  /** Name servers configured for the service, or else what the network gave. */
  nameservers(): readonly NameServer[] {
    const configured = this.#target.configuration().nameservers.flatMap((text) => parseNameServer(text) ?? []);
    return configured.length > 0 ? configured : (this.#lease?.nameservers ?? []).map((address) => ({ address }));
  }

  /** Other name servers or domains were configured. */
  updateServers(): void {
    if (this.#inUse !== undefined) void this.#route(this.#inUse, this.#lease);
  }

  /**
   * Whether the service is the default. One-shot, the default is asked until it is online and others
   * only once; continuous, all are asked for as long as they are connected.
   */
  setDefault(isDefault: boolean): void {
    this.#isDefault = isDefault;
    if (isDefault && this.#inUse !== undefined && this.#check === undefined) this.#startCheck();
  }

  /** Ends; nothing is emitted any more. */
  async stop(mode: StopMode): Promise<void> {
    const { identifier, device } = this.#target;
    const stopped = this.#ipv4.stop(mode); // first: a release takes the routes that are there
    const routes = mode === 'keep' ? undefined : this.#env.gateways.remove({ identifier, family: 4 });
    if (mode === 'keep') this.#env.gateways.abandon({ identifier, family: 4 });
    else this.#env.resolver.remove(device.ifindex);
    await Promise.all([stopped, routes, this.#scope.close()]);
  }

  #onIpv4(event: Ipv4Event): void {
    switch (event.kind) {
      case 'configured':
        void this.#route(event.inUse, event.lease);
        return;
      case 'lost':
        this.#inUse = undefined;
        this.#lease = undefined;
        this.#stopCheck();
        this.#env.resolver.remove(this.#target.device.ifindex);
        void this.#env.gateways.remove({ identifier: this.#target.identifier, family: 4 });
        this.#events.emit({ kind: 'configuration' });
        return;
      case 'conflict': {
        const { address, hardwareAddress, isResolved } = event;
        const at = this.#env.clock.wallTime();
        this.#events.emit({ kind: 'conflict', conflict: { address, hardwareAddress, at, isResolved } });
        return;
      }
      case 'failed':
        this.#events.emit(event);
        return;
    }
  }

  async #route(inUse: Ipv4InUse, lease: Lease | undefined): Promise<void> {
    const { identifier, device } = this.#target;
    this.#lease = lease;
    try {
      await this.#env.gateways.set({ identifier, family: 4 }, {
        ifindex: device.ifindex,
        family: 4,
        subnet: inUse,
        hosts: this.nameservers().map(({ address }) => address),
        routes: lease?.classlessRoutes ?? [],
        ...(inUse.gateway !== undefined && { gateway: inUse.gateway }),
      });
    } catch (error) {
      if (this.#scope.signal.aborted) return;
      const failure = error instanceof ConnmanError ? error : new ConnmanError('Failed', undefined, { cause: error });
      log.error('%s: %s: %s', device.interfaceName, failure.message, causeOf(failure));
      this.#events.emit({ kind: 'failed', error: failure });
      return;
    }
    if (this.#scope.signal.aborted) return;
    this.#inUse = inUse;
    this.#publishServers();
    this.#events.emit({ kind: 'ready', lease });
    if (this.#check !== undefined) this.#check.run.restart();
    else this.#startCheck();
  }

  #publishServers(): void {
    const { device } = this.#target;
    const configuration = this.#target.configuration();
    const domains = configuration.domains.length > 0 ? configuration.domains : domainsOf(this.#lease);
    this.#env.resolver.setServers(device.ifindex, {
      nameservers: this.nameservers(),
      domains: domains.map((name) => ({ name })),
      networks: this.#inUse === undefined ? [] : [this.#inUse],
      isMulticastDnsWanted: configuration.mdns,
    });
  }

  #startCheck(): void {
    const { device } = this.#target;
    const options = checkOptions(this.#env.options, 4, this.#env.version);
    if (options === undefined) {
      if (!this.#isDefault) return;
      log.info('Online check disabled; interface %s [ %s ] remains in ready state.', device.interfaceName, device.type);
      return;
    }
    const scope = this.#scope.child();
    const target = {
      device: device.interfaceName,
      type: device.type,
      family: 4 as const,
      nameservers: () => this.#env.resolver.nameserversOf(device.ifindex),
    };
    const run = startOnlineCheck(target, options, this.#env, scope);
    this.#check = { run, scope };
    run.result.observe(scope, () => {
      const { standing, last } = run;
      const isLast = standing !== 'online' && !this.#isDefault && options.mode === 'one-shot';
      if (isLast) this.#stopCheck();
      const nextAtMs = isLast ? undefined : last?.nextAtMs;
      const nextInMs = nextAtMs === undefined ? undefined : nextAtMs - this.#env.clock.now();
      if (last !== undefined) this.#lastCheck = { ...last, standing, nextInMs };
      this.#events.emit({ kind: 'checked', standing });
    });
  }

  #stopCheck(): void {
    void this.#check?.scope.close();
    this.#check = undefined;
  }
}

/** The search domains a lease brings: option 119, else the domain name. */
export function domainsOf(lease: Lease | undefined): readonly string[] {
  if (lease === undefined) return [];
  if (lease.searchDomains.length > 0) return lease.searchDomains;
  return lease.domainName === undefined ? [] : [lease.domainName];
}

function causeOf(error: Error): string {
  return error.cause instanceof Error ? error.cause.message : String(error.cause);
}
