/**
 * All that exists while a service is connecting or connected: both address families, and the name
 * servers of its link. The service owns one at a time and listens; when it stops, requests to the
 * kernel are made at once and in order, so that a new connection may follow immediately.
 */

import type { GeneralOptions } from '../daemon/main-conf.ts';
import type { Device } from '../device.ts';
import { clientIdentifierOf, type Lease } from '../dhcp/client.ts';
import type { NameServer } from '../dns-backend/backend.ts';
import { parseNameServer } from '../dns-backend/name-server.ts';
import type { Gateways } from '../gateway.ts';
import type { AddressConflict } from '../ipconfig/configuration.ts';
import { Ipv4Session, type Ipv4Setup } from '../ipconfig/ipv4.ts';
import { combineOffers, type NetworkOffer } from '../ipconfig/offer.ts';
import { Ipv6Session, type Ipv6Memory, type Ipv6Setup, type Ipv6Target } from '../ipconfig/ipv6.ts';
import { OFF, type Ipv6Links } from '../ipconfig/ipv6-links.ts';
import type { AddressProgress, Setup, StopMode } from '../ipconfig/session.ts';
import { tunnelIpv4, tunnelIpv6 } from '../ipconfig/tunnel-session.ts';
import type { Rtnetlink } from '../netlink/rtnetlink.ts';
import { combineStandings, type Standing } from '../online-check/machine.ts';
import type { Proxies } from '../proxy.ts';
import type { Resolver } from '../resolver.ts';
import type { Clock } from '../shared/clock.ts';
import { Emitter, type Observable } from '../shared/emitter.ts';
import type { ConnmanError } from '../shared/errors.ts';
import type { IpAddress, IpPrefix } from '../shared/ipaddress.ts';
import type { Leisure } from '../shared/leisure.ts';
import { logger } from '../shared/log.ts';
import type { Random } from '../shared/random.ts';
import type { Scope } from '../shared/scope.ts';
import type { System } from '../system/system.ts';
import type { ServiceConfiguration } from './configuration.ts';
import { FamilyConnection, type FamilyEvent, type FamilyTarget, type LastCheck } from './family-connection.ts';
import { LinkProxy } from './link-proxy.ts';

const log = logger('src/service/connection.ts');

/** What connections take from the core. */
export interface ConnectionEnv {
  readonly kernel: Rtnetlink;
  readonly system: System;
  readonly clock: Clock;
  readonly leisure: Leisure;
  readonly random: Random;
  readonly resolver: Resolver;
  readonly gateways: Gateways;
  readonly proxies: Proxies;
  readonly ipv6Links: Ipv6Links;
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
  /** Whether no default route may lead through it. */
  isNeverDefault(this: void): boolean;
  /** Whether it is asked whether it is online. */
  isChecked(this: void): boolean;
  /** What DHCP tells the server. */
  hostname(): string | undefined;
  readonly lease: Lease | undefined;
  readonly lastAddress: IpAddress | undefined;
  ipv6Memory(): Ipv6Memory;
  readonly prefixWish: Ipv6Target['prefixWish'];
  /** Keeps what is another now of `ipv6Memory`. */
  remember(change: Partial<Ipv6Memory>): void;
}

/** What the service is told. */
export type ConnectionEvent =
  /** No family has an address any more. */
  | { readonly kind: 'configuration' }
  /** A family's addresses and routes are in the kernel; also after each change of them. */
  | { readonly kind: 'ready' }
  /** A family's lease holds for longer than before. */
  | { readonly kind: 'prolonged' }
  /** Another host claims the address. */
  | { readonly kind: 'conflict'; readonly conflict: AddressConflict }
  /** The online check has an answer; what the answers so far amount to. */
  | { readonly kind: 'checked'; readonly standing: Standing }
  /** Another proxy may be in force. */
  | { readonly kind: 'proxy' }
  | { readonly kind: 'failed'; readonly error: ConnmanError };

/** What may be asked of a connection that is there. */
export type Upkeep = Pick<Connection, 'recheck' | 'wake' | 'reapply' | 'updateServers'>;

/** A service's link in use. */
export class Connection {
  readonly #target: ConnectionTarget;
  readonly #env: ConnectionEnv;
  readonly #scope: Scope;
  readonly #events = new Emitter<ConnectionEvent>();
  /** Undefined where IPv4 failed and the service goes on without. */
  #ipv4: FamilyConnection<Ipv4Setup> | undefined;
  /** Undefined where IPv6 is off, unknown to the kernel, or has failed. */
  #ipv6: FamilyConnection<Ipv6Setup> | undefined;
  /** How the web is reached. */
  readonly proxy: LinkProxy;
  /** While IPv6 has yet to begin. */
  #beginLater: Scope | undefined;
  /** Until IPv4 is known to be online, or not. */
  readonly #inHurry: Scope;
  #isDefault = false;

  constructor(target: ConnectionTarget, env: ConnectionEnv, scope: Scope) {
    this.#target = target;
    this.#env = env;
    this.#scope = scope.child();
    this.#inHurry = this.#scope.child();
    this.proxy = this.#makeProxy();
  }

  get events(): Observable<ConnectionEvent> {
    return this.#events;
  }

  /** How IPv4 is set up once its routes are in place. */
  get ipv4(): Ipv4Setup | undefined {
    return this.#ipv4?.setup;
  }

  /** How IPv6 is set up, likewise. */
  get ipv6(): Ipv6Setup | undefined {
    return this.#ipv6?.setup;
  }

  /** Whether a family is set up. */
  get isReady(): boolean {
    return this.#families().some(({ setup }) => setup !== undefined);
  }

  /** What the online checks amount to. */
  get standing(): Standing {
    const inUse = this.#families().filter(({ setup }) => setup !== undefined);
    return combineStandings(inUse.map(({ lastCheck }) => lastCheck?.standing ?? 'unknown'));
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

  /** How far IPv4 addresses are; undefined without IPv4. */
  get progress(): AddressProgress | undefined {
    return this.#ipv4?.progress;
  }

  /** IPv4 is in a hurry; IPv6, whose routers answer a second later at the soonest, comes after it. */
  start(): void {
    const { method } = this.#target.configuration().ipv4;
    if (method !== 'off') this.#env.leisure.hurry(this.#inHurry);
    this.begin(4);
    if (method !== 'dhcp') return this.begin(6);
    this.#beginLater = this.#scope.child();
    this.#env.leisure.do(this.#beginLater, () => this.begin(6));
  }

  /** Begins with one family, which has not begun or was withdrawn. */
  begin(family: 4 | 6): void {
    if (family === 6) this.#forgetBegin();
    const connection = family === 4 ? (this.#ipv4 = this.#makeIpv4()) : (this.#ipv6 = this.#makeIpv6());
    if (connection === undefined) return;
    connection.setDefault(this.#isDefault);
    connection.events.observe(this.#scope, (event) => this.#onFamily(family, event));
    connection.start();
  }

  /** Ends one family, silently; what it was is gone at once. */
  withdraw(family: 4 | 6): void {
    const connection = family === 4 ? this.#ipv4 : this.#ipv6;
    if (family === 4) this.#ipv4 = undefined;
    else this.#ipv6 = undefined;
    if (family === 6) this.#forgetBegin();
    connection?.stop('withdraw').catch((error: unknown) => log.error('IPv%d: stopping failed: %s', family, error));
    this.#updateResolver();
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
    if (isDefault && this.isReady) this.#noteUnchecked();
    for (const family of this.#families()) family.setDefault(isDefault);
  }

  /** After sleep: asks anew whether what the network gave still holds. */
  wake(): void {
    for (const family of this.#families()) family.wake();
  }

  /** What is configured is put into the kernel and the resolver again, whatever others did to it. */
  reapply(): void {
    for (const family of this.#families()) family.reapply();
    this.#updateResolver();
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

  #endHurry(family: 4 | 6): void {
    if (family === 4) void this.#inHurry.close();
  }

  #forgetBegin(): void {
    void this.#beginLater?.close();
    this.#beginLater = undefined;
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
    proxy.changed.observe(this.#scope, ({ isLate }) => {
      this.#events.emit({ kind: 'proxy' });
      if (isLate) this.recheck();
    });
    return proxy;
  }

  #makeIpv4(): FamilyConnection<Ipv4Setup> {
    const { options } = this.#env;
    const { device, configuration, lease, lastAddress } = this.#target;
    const { link, tunnel } = device;
    if (tunnel !== undefined) {
      return new FamilyConnection(this.#familyTarget(4), tunnelIpv4(tunnel, this.#scope), this.#env, this.#scope);
    }
    const session = new Ipv4Session({
      ifindex: link.ifindex,
      interfaceName: link.name,
      hardwareAddress: link.hardwareAddress,
      mtu: link.mtu,
      configuration: configuration().ipv4,
      lease,
      lastAddress,
      hostname: this.#target.hostname(),
      vendorClass: options.VendorClassID,
      clientIdentifier: clientIdentifierOf(options.DHCPClientIdentifier, link.hardwareAddress),
      detectsConflicts: options.AddressConflictDetection,
    }, this.#env, this.#scope);
    return new FamilyConnection(this.#familyTarget(4), session, this.#env, this.#scope);
  }

  #makeIpv6(): FamilyConnection<Ipv6Setup> | undefined {
    const { device, ipv6Memory } = this.#target;
    if (device.tunnel !== undefined) {
      const session = tunnelIpv6(device.tunnel, this.#scope);
      return new FamilyConnection(this.#familyTarget(6), session, this.#env, this.#scope);
    }
    const { ifindex, name, hardwareAddress } = device.link;
    const { ipv6: configuration } = this.#target.configuration();
    const { ipv6Links } = this.#env;
    if (!ipv6Links.hasIpv6(name)) return undefined;
    if (configuration.method === 'off') {
      ipv6Links.set(name, OFF);
      return undefined;
    }
    const session = new Ipv6Session({
      ifindex,
      interfaceName: name,
      hardwareAddress,
      configuration,
      hostname: this.#target.hostname(),
      isNeverDefault: this.#target.isNeverDefault,
      tunnelSource: () => (this.#env.options.Enable6to4 ? this.ipv4?.inUse.address : undefined),
      memory: ipv6Memory,
      prefixWish: this.#target.prefixWish,
      remember: (change) => this.#target.remember(change),
    }, this.#env, this.#scope);
    return new FamilyConnection(this.#familyTarget(6), session, this.#env, this.#scope);
  }

  #familyTarget(family: 4 | 6): FamilyTarget {
    const { identifier, device } = this.#target;
    const hosts = (offer: NetworkOffer) => this.#nameserversOf(offer).map(({ address }) => address);
    const web = {
      proxyFor: (url: string, signal: AbortSignal) => this.proxy.find(url, signal),
      captivePortal: () => this.offer.captivePortal,
    };
    const { isNeverDefault, isChecked } = this.#target;
    return { identifier, device, family, hosts, web, isNeverDefault, isChecked };
  }

  /** Those that have begun. */
  #families(): readonly FamilyConnection<Setup>[] {
    return [this.#ipv4, this.#ipv6].filter((family) => family !== undefined);
  }

  #onFamily(family: 4 | 6, event: FamilyEvent): void {
    switch (event.kind) {
      case 'ready':
        if (this.#isDefault) this.#noteUnchecked();
        this.#updateResolver();
        this.#events.emit(event);
        if (this.#env.options.OnlineCheckMode === 'none' || !this.#target.isChecked()) this.#endHurry(family);
        // On slow processors each step takes as long as a hurry may.
        else if (family === 4) this.#env.leisure.hurry(this.#inHurry);
        return;
      case 'lost':
        this.#updateResolver();
        this.#events.emit({ kind: this.isReady ? 'ready' : 'configuration' });
        return;
      case 'checked':
        this.#events.emit({ kind: 'checked', standing: this.standing });
        this.#endHurry(family);
        return;
      case 'prolonged':
      case 'conflict':
        this.#events.emit(event);
        return;
      case 'failed':
        this.#onFailure(family, event.error);
        return;
    }
  }

  // One family does without the other; IPv6 does not take along an IPv4 that may still come.
  #onFailure(family: 4 | 6, error: ConnmanError): void {
    const other = family === 4 ? this.#ipv6 : this.#ipv4;
    const mayGoOn = family === 6 && this.#target.configuration().ipv4.method !== 'off';
    if (other?.setup === undefined && !mayGoOn) {
      this.#events.emit({ kind: 'failed', error });
      return;
    }
    log.warn('%s: IPv%d is given up: %s', this.#target.device.interfaceName, family, error.message);
    this.withdraw(family);
    this.#events.emit({ kind: this.isReady ? 'ready' : 'configuration' });
  }

  #noteUnchecked(): void {
    if (this.#env.options.OnlineCheckMode !== 'none') return;
    const { interfaceName, type } = this.#target.device;
    log.info('Online check disabled; interface %s [ %s ] remains in ready state.', interfaceName, type);
  }

  /** Chosen for the service, or else what the network gave, as far as a family reaches them. */
  #nameserversOf(offer: NetworkOffer): readonly NameServer[] {
    const chosen = this.#target.nameservers().flatMap((text) => parseNameServer(text) ?? []);
    const all = chosen.length > 0 ? chosen : offer.nameservers.map((address) => ({ address }));
    return all.filter(({ address }) => (address.family === 4 ? this.#ipv4 : this.#ipv6)?.isWanted === true);
  }

  #updateResolver(): void {
    const { device } = this.#target;
    if (!this.isReady) return this.#env.resolver.remove(device.ifindex);
    const { offer } = this;
    const { domains, mdns } = this.#target.configuration();
    this.#env.resolver.setServers(device.ifindex, {
      nameservers: this.#nameserversOf(offer),
      domains: domains.length > 0 ? domains : offer.domains,
      networks: this.#families().flatMap(({ setup }) => (setup === undefined ? [] : networksOf(setup))),
      isMulticastDnsWanted: mdns,
    });
  }
}

// What is behind a tunnel is known by name there alone.
function networksOf({ subnets, routes, tunnel }: Setup): readonly IpPrefix[] {
  return tunnel === undefined ? subnets : [...subnets, ...routes.map(({ destination }) => destination)];
}
