/**
 * All that exists while a service is connecting or connected: both address families, and the name
 * servers of its link. The service owns one at a time and listens; when it stops, requests to the
 * kernel are made at once and in order, so that a new connection may follow immediately.
 */

import type { GeneralOptions } from '../daemon/main-conf.ts';
import type { Device } from '../device.ts';
import type { Lease } from '../dhcp/client.ts';
import type { NameServer } from '../dns-backend/backend.ts';
import { parseNameServer } from '../dns-backend/name-server.ts';
import type { Gateways } from '../gateway.ts';
import type { AddressConflict } from '../ipconfig/configuration.ts';
import { Ipv4Session, type Ipv4Setup } from '../ipconfig/ipv4.ts';
import { combineOffers, type NetworkOffer } from '../ipconfig/offer.ts';
import type { StopMode } from '../ipconfig/session.ts';
import type { Rtnetlink } from '../netlink/rtnetlink.ts';
import { combineStandings, type Standing } from '../online-check/machine.ts';
import type { Proxies } from '../proxy.ts';
import type { Resolver } from '../resolver.ts';
import type { Clock } from '../shared/clock.ts';
import { Emitter, type Observable } from '../shared/emitter.ts';
import type { ConnmanError } from '../shared/errors.ts';
import type { IpAddress } from '../shared/ipaddress.ts';
import { logger } from '../shared/log.ts';
import type { Random } from '../shared/random.ts';
import type { Scope } from '../shared/scope.ts';
import type { System } from '../system/system.ts';
import type { ServiceConfiguration } from './configuration.ts';
import { FamilyConnection, type FamilyEvent, type LastCheck } from './family-connection.ts';
import { LinkProxy } from './link-proxy.ts';

const log = logger('src/service/connection.ts');

/** What connections take from the core. */
export interface ConnectionEnv {
  readonly kernel: Rtnetlink;
  readonly system: System;
  readonly clock: Clock;
  readonly random: Random;
  readonly resolver: Resolver;
  readonly gateways: Gateways;
  readonly proxies: Proxies;
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
  /** Name servers that were chosen for the service, in place of what the network offers. */
  nameservers(): readonly string[];
  readonly lease: Lease | undefined;
  readonly lastAddress: IpAddress | undefined;
}

/** What the service is told. */
export type ConnectionEvent =
  /** No family has an address any more. */
  | { readonly kind: 'configuration' }
  /** A family's addresses and routes are in the kernel; also after each change of them. */
  | { readonly kind: 'ready' }
  /** Another host claims the address. */
  | { readonly kind: 'conflict'; readonly conflict: AddressConflict }
  /** The online check has an answer; what the answers so far amount to. */
  | { readonly kind: 'checked'; readonly standing: Standing }
  /** Another proxy may be in force. */
  | { readonly kind: 'proxy' }
  | { readonly kind: 'failed'; readonly error: ConnmanError };

/** A service's link in use. */
export class Connection {
  readonly #target: ConnectionTarget;
  readonly #env: ConnectionEnv;
  readonly #scope: Scope;
  readonly #events = new Emitter<ConnectionEvent>();
  readonly #ipv4: FamilyConnection<Ipv4Setup>;
  /** How the web is reached. */
  readonly proxy: LinkProxy;
  #isDefault = false;

  constructor(target: ConnectionTarget, env: ConnectionEnv, scope: Scope) {
    this.#target = target;
    this.#env = env;
    this.#scope = scope.child();
    const { identifier, device } = target;
    const { link } = device;
    const session = new Ipv4Session({
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
    this.proxy = this.#makeProxy();
    const hosts = (offer: NetworkOffer) => this.#nameserversOf(offer).map(({ address }) => address);
    const web = {
      proxyFor: (url: string, signal: AbortSignal) => this.proxy.find(url, signal),
      captivePortal: () => this.offer.captivePortal,
    };
    this.#ipv4 = new FamilyConnection({ identifier, device, family: 4, hosts, web }, session, env, this.#scope);
  }

  get events(): Observable<ConnectionEvent> {
    return this.#events;
  }

  /** How IPv4 is set up once its routes are in place. */
  get ipv4(): Ipv4Setup | undefined {
    return this.#ipv4.setup;
  }

  /** What the network offered. */
  get offer(): NetworkOffer {
    return combineOffers(this.#families().flatMap(({ setup }) => setup?.offer ?? []));
  }

  /** The last finished online check of the family that stands best, for whoever asks why. */
  get lastCheck(): LastCheck | undefined {
    const checks = this.#families().flatMap(({ lastCheck }) => lastCheck ?? []);
    return checks.find(({ standing }) => standing === 'online') ?? checks[0];
  }

  start(): void {
    for (const family of this.#families()) {
      family.events.observe(this.#scope, (event) => this.#onFamily(event));
      family.start();
    }
  }

  /** Other name servers or domains were configured. */
  updateServers(): void {
    for (const family of this.#families()) family.updateHosts();
  }

  /**
   * Whether the service is the default. One-shot, the default is asked until it is online and others
   * only once; continuous, all are asked for as long as they are connected.
   */
  setDefault(isDefault: boolean): void {
    this.#isDefault = isDefault;
    if (isDefault && this.#isReady()) this.#noteUnchecked();
    for (const family of this.#families()) family.setDefault(isDefault);
  }

  /** Asks anew whether the link is online. */
  recheck(): void {
    for (const family of this.#families()) family.recheck();
  }

  /** Ends; nothing is emitted any more. */
  async stop(mode: StopMode): Promise<void> {
    const stopped = this.#families().map((family) => family.stop(mode));
    if (mode !== 'keep') this.#env.resolver.remove(this.#target.device.ifindex);
    await Promise.all([...stopped, this.#scope.close()]);
  }

  #makeProxy(): LinkProxy {
    const { identifier, device, configuration } = this.#target;
    const proxy = new LinkProxy({
      identifier,
      device,
      chosen: () => configuration().proxy,
      offeredUrl: () => this.offer.pacUrl,
      domain: () => configuration().domains[0] ?? this.offer.domains[0],
      addresses: () => this.#families().flatMap(({ setup }) => setup?.inUse.address ?? []),
      nameservers: () => this.#env.resolver.nameserversOf(device.ifindex),
    }, this.#env, this.#scope);
    proxy.changed.observe(this.#scope, () => this.#events.emit({ kind: 'proxy' }));
    return proxy;
  }

  /** The families that are not off. */
  #families(): readonly FamilyConnection<Ipv4Setup>[] {
    return [this.#ipv4];
  }

  #onFamily(event: FamilyEvent): void {
    switch (event.kind) {
      case 'ready':
        if (this.#isDefault) this.#noteUnchecked();
        this.#publishServers();
        this.#events.emit(event);
        return;
      case 'lost':
        if (this.#isReady()) this.#publishServers();
        else this.#env.resolver.remove(this.#target.device.ifindex);
        this.#events.emit({ kind: this.#isReady() ? 'ready' : 'configuration' });
        return;
      case 'checked':
        this.#events.emit({ kind: 'checked', standing: this.#standing() });
        return;
      case 'conflict':
      case 'failed':
        this.#events.emit(event);
        return;
    }
  }

  #isReady(): boolean {
    return this.#families().some(({ setup }) => setup !== undefined);
  }

  #standing(): Standing {
    const inUse = this.#families().filter(({ setup }) => setup !== undefined);
    return combineStandings(inUse.map(({ lastCheck }) => lastCheck?.standing ?? 'unknown'));
  }

  #noteUnchecked(): void {
    if (this.#env.options.OnlineCheckMode !== 'none') return;
    const { interfaceName, type } = this.#target.device;
    log.info('Online check disabled; interface %s [ %s ] remains in ready state.', interfaceName, type);
  }

  /** Chosen for the service, or else what the network gave. */
  #nameserversOf(offer: NetworkOffer): readonly NameServer[] {
    const chosen = this.#target.nameservers().flatMap((text) => parseNameServer(text) ?? []);
    return chosen.length > 0 ? chosen : offer.nameservers.map((address) => ({ address }));
  }

  #publishServers(): void {
    const { device } = this.#target;
    const { offer } = this;
    const { domains, mdns } = this.#target.configuration();
    this.#env.resolver.setServers(device.ifindex, {
      nameservers: this.#nameserversOf(offer),
      domains: (domains.length > 0 ? domains : offer.domains).map((name) => ({ name })),
      networks: this.#families().flatMap(({ setup }) => setup?.subnets ?? []),
      isMulticastDnsWanted: mdns,
    });
  }
}
