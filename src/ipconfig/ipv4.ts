/**
 * One service's IPv4 address while it is connected: gets it by the configured method (DHCP, or as
 * written down), claims it, sets it on the interface, and says when it is there and when it is lost.
 * A link-local address (./link-local.ts) is there instead while there is none, or beside it always.
 * Invariant: of ours the address in `#own` is on the interface, and the link-local one.
 */

import type { AcdEvent } from '../dhcp/acd.ts';
import { expiryOf, startDhcpClient, type ClientEvent, type DhcpClient, type Lease } from '../dhcp/client.ts';
import { IPV4LL_PREFIX_LENGTH } from '../dhcp/ipv4ll.ts';
import type { Address } from '../netlink/address/address.ts';
import type { Rtnetlink } from '../netlink/rtnetlink.ts';
import { formatHex } from '../shared/bytes.ts';
import type { Clock } from '../shared/clock.ts';
import { Emitter, type Observable } from '../shared/emitter.ts';
import { ConnmanError, messageOf } from '../shared/errors.ts';
import { logger } from '../shared/log.ts';
import type { IpAddress } from '../shared/ipaddress.ts';
import type { Random } from '../shared/random.ts';
import type { Scope } from '../shared/scope.ts';
import type { System } from '../system/system.ts';
import { Claim } from './claim.ts';
import type { Ipv4Configuration, Ipv4InUse } from './configuration.ts';
import { LinkLocal, type LinkLocalEvent } from './link-local.ts';
import { offerOfLease } from './offer.ts';
import type { AddressProgress, AddressSession, SessionEvent, Setup, StopMode } from './session.ts';

const log = logger('src/ipconfig/ipv4.ts');

/** DHCP MTUs outside this range are not taken (ConnMan's limits). */
const MTU_RANGE = { min: 1280, max: 1500 } as const;

/** How much longer than the lease the kernel keeps an address. */
const LIFETIME_GRACE_SEC = 2;

/** What a session takes from outside. */
export interface Ipv4Env {
  readonly kernel: Rtnetlink;
  readonly system: System;
  readonly clock: Clock;
  readonly random: Random;
}

/** The interface and what is known from before. */
export interface Ipv4Target {
  readonly ifindex: number;
  readonly interfaceName: string;
  readonly hardwareAddress: Uint8Array;
  readonly mtu: number;
  readonly configuration: Ipv4Configuration;
  readonly lease: Lease | undefined;
  readonly lastAddress: IpAddress | undefined;
  readonly hostname: string | undefined;
  readonly vendorClass: string | undefined;
  /** DHCP option 61. */
  readonly clientIdentifier: Uint8Array | undefined;
  /** Whether others on the link are asked before an address is used (RFC 5227). */
  readonly detectsConflicts: boolean;
  /** Whether DHCP has failed where no server answers, and no address is made up. */
  readonly needsServer?: boolean;
}

/** How IPv4 is set up; `lease` where DHCP did it. */
export interface Ipv4Setup extends Setup {
  readonly inUse: Ipv4InUse;
  readonly lease: Lease | undefined;
}

/** What a session tells. */
export type Ipv4Event = SessionEvent<Ipv4Setup>;

/** A running IPv4 configuration. */
export class Ipv4Session implements AddressSession<Ipv4Setup> {
  readonly #target: Ipv4Target;
  readonly #env: Ipv4Env;
  readonly #scope: Scope;
  readonly #events = new Emitter<Ipv4Event>();
  readonly #claim: Claim;
  #declined = 0;
  #client: DhcpClient | undefined;
  #mtu: number;
  /** What was lent or written down, once it is used. */
  #own: Ipv4InUse | undefined;
  readonly #linkLocal: LinkLocal;
  /** Whether the link-local address does for one that cannot be had. */
  #isStandIn = false;
  /** Why the lease before was lost. */
  #lost: string | undefined;

  /** Nothing happens before `start`. */
  constructor(target: Ipv4Target, env: Ipv4Env, scope: Scope) {
    this.#target = target;
    this.#mtu = target.mtu;
    this.#env = env;
    this.#scope = scope.child();
    this.#claim = new Claim(target, env, this.#scope);
    this.#linkLocal = new LinkLocal(target, env, this.#scope, (event) => this.#onLinkLocal(event));
  }

  get events(): Observable<Ipv4Event> {
    return this.#events;
  }

  get progress(): AddressProgress {
    const unanswered = this.#client?.unanswered;
    return {
      isProbing: this.#claim.isProbing,
      ...(unanswered !== undefined && { unanswered }),
      ...(this.#lost !== undefined && { lost: this.#lost }),
    };
  }

  /** Begins; `off` and `auto` by themselves configure nothing. */
  start(): void {
    const { configuration } = this.#target;
    switch (configuration.method) {
      case 'dhcp':
        this.#startDhcp();
        break;
      case 'manual':
      case 'fixed':
        this.#startStatic(configuration);
        break;
      case 'auto':
      case 'off':
        return;
    }
    if (configuration.linkLocal === 'enabled') this.#linkLocal.start();
  }

  wake(): void {
    this.#client?.renewNow();
  }

  reapply(): void {
    if (this.#own !== undefined) void this.#set(this.#own, this.#client?.lease);
    this.#linkLocal.reapply();
    this.#client?.renewNow();
  }

  /** Ends; what the kernel shall do is asked of it before this returns, in order. */
  async stop(mode: StopMode): Promise<void> {
    this.#client?.stop({ release: mode === 'release' });
    const closed = this.#scope.close();
    if (mode !== 'keep') this.#setMtu(this.#target.mtu);
    if (mode !== 'keep') await Promise.all([this.#removeOwn(), this.#linkLocal.stop()]);
    await closed;
  }

  #startDhcp(): void {
    const { ifindex, interfaceName, hardwareAddress, mtu, lease } = this.#target;
    const { hostname, vendorClass, clientIdentifier } = this.#target;
    // Whoever configured the interface before us (`ip=`, an initial ramdisk) had it from the same server.
    const { lastAddress = this.#addressesOnInterface().find(({ address }) => !address.isLinkLocal)?.address }
      = this.#target;
    const options = {
      ifindex,
      name: interfaceName,
      hardwareAddress,
      mtu,
      ...(lease !== undefined && { lease, adopt: this.#isOnInterface(lease) }),
      ...(lastAddress !== undefined && { lastAddress }),
      ...(hostname !== undefined && { hostname }),
      ...(vendorClass !== undefined && { vendorClass }),
      ...(clientIdentifier !== undefined && { clientIdentifier }),
    };
    this.#client = startDhcpClient(options, this.#env, this.#scope);
    this.#client.events.observe(this.#scope, (event) => this.#onDhcp(event));
    this.#client.begin();
  }

  #startStatic({ method, address, prefixLength = 32, gateway }: Ipv4Configuration): void {
    if (address === undefined) {
      this.#events.emit({
        kind: 'failed',
        error: new ConnmanError('InvalidArguments', 'no IPv4 address is configured'),
      });
      return;
    }
    this.#use({ method, address, prefixLength, ...(gateway !== undefined && { gateway }) }, undefined);
  }

  #onDhcp(event: ClientEvent): void {
    switch (event.kind) {
      case 'bound':
        if (event.isChanged || this.#own?.method !== 'dhcp') this.#useLease(event.lease);
        else void this.#prolong(this.#own, event.lease);
        return;
      case 'lost':
        log.debug('%s: the lease is lost: %s', this.#target.interfaceName, event.reason);
        this.#lost = event.reason;
        this.#lose();
        return;
      case 'noLease':
        log.info('%s: no DHCP server answers, still asking', this.#target.interfaceName);
        if (this.#target.needsServer === true) {
          this.#events.emit({ kind: 'failed', error: new ConnmanError('Failed', 'no DHCP server answers') });
          return;
        }
        if (this.#own === undefined) this.#standIn();
        return;
    }
  }

  #lose(): void {
    this.#claim.end();
    void this.#removeOwn();
    this.#events.emit({ kind: 'lost' });
  }

  // RFC 3927, 2.11: an address for the link alone, given up, unless it is wanted always, for one that is lent.
  #standIn(): void {
    if (this.#isStandIn || this.#target.configuration.linkLocal === 'disabled') return;
    this.#isStandIn = true;
    if (this.#linkLocal.address === undefined) this.#linkLocal.start();
    else this.#tell();
  }

  #onLinkLocal(event: LinkLocalEvent): void {
    const isAlone = this.#own === undefined;
    if (event.kind === 'failed' && isAlone && this.#isStandIn) this.#events.emit(event);
    else if (event.kind === 'failed') log.warn('%s: %s', this.#target.interfaceName, event.error.message);
    else if (event.kind === 'lost' && isAlone && this.#isStandIn) this.#events.emit({ kind: 'lost' });
    else if (!isAlone || this.#isStandIn) this.#tell();
  }

  #useLease(lease: Lease): void {
    this.#lost = undefined;
    const { address, prefixLength, routers, mtu } = lease;
    const [gateway] = routers;
    const isSensible = mtu !== undefined && mtu >= MTU_RANGE.min && mtu <= MTU_RANGE.max;
    this.#setMtu(isSensible ? mtu : this.#target.mtu);
    this.#use({ method: 'dhcp', address, prefixLength, ...(gateway !== undefined && { gateway }) }, lease);
  }

  #setMtu(mtu: number): void {
    const { ifindex, interfaceName } = this.#target;
    if (mtu === this.#mtu || !this.#env.kernel.mirror.links.has(ifindex)) return;
    this.#mtu = mtu;
    this.#env.kernel.link
      .setMtu(ifindex, mtu)
      .catch((error: unknown) => log.warn('%s: MTU %d is refused: %s', interfaceName, mtu, error));
  }

  #use(inUse: Ipv4InUse, lease: Lease | undefined): void {
    this.#claim.start(inUse.address, this.#isOnInterface(inUse), (event) => {
      if (event.kind !== 'free') return this.#onConflict(event, inUse);
      this.#declined = 0;
      void this.#set(inUse, lease);
    });
  }

  // As ConnMan: a first lease that someone else has is declined, after a second one, and where the
  // address was written down, a link-local one will do; DHCP goes on asking.
  #onConflict({ kind, hardwareAddress }: Exclude<AcdEvent, { kind: 'free' }>, { address, method }: Ipv4InUse): void {
    log.warn('%s: %s has %s (%s)', this.#target.interfaceName, formatHex(hardwareAddress, ':'), address, kind);
    this.#events.emit({ kind: 'conflict', address, hardwareAddress, isResolved: kind === 'defended' });
    if (kind === 'defended') return;
    if (kind === 'lost') this.#lose();
    if (method === 'dhcp') {
      this.#client?.decline();
      this.#declined++;
    }
    if (method !== 'dhcp' || this.#declined > 1) this.#standIn();
  }

  async #set(inUse: Ipv4InUse, lease: Lease | undefined): Promise<void> {
    const { address, prefixLength } = inUse;
    const before = this.#own;
    this.#own = inUse;
    this.#isStandIn = false;
    if (this.#target.configuration.linkLocal !== 'enabled') void this.#linkLocal.stop();
    try {
      const isOther = before !== undefined && !(before.address.equals(address) && before.prefixLength === prefixLength);
      // In the same network the new one would be secondary and go with the old one (promote_secondaries).
      const isAfter = isOther && !before.address.sharesPrefix(address, before.prefixLength);
      if (isOther && !isAfter) void this.#remove(before);
      await this.#put(inUse, lease);
      if (isAfter) await this.#remove(before);
      if (this.#own === inUse) this.#tell(lease);
    } catch (error) {
      if (this.#scope.isClosed) return;
      this.#own = undefined;
      const text = `address ${address}/${prefixLength} is refused: ${messageOf(error)}`;
      this.#events.emit({ kind: 'failed', error: new ConnmanError('Failed', text, { cause: error }) });
    }
  }

  #tell(lease = this.#client?.lease): void {
    const own = this.#own;
    const { address } = this.#linkLocal;
    if (own !== undefined) {
      this.#events.emit({ kind: 'configured', setup: setupOf(own, lease, address) });
    } else if (address !== undefined) {
      const inUse = { method: 'auto', address, prefixLength: IPV4LL_PREFIX_LENGTH } as const;
      this.#events.emit({ kind: 'configured', setup: setupOf(inUse, undefined) });
    }
  }

  // The server has granted more time to the address that is there.
  async #prolong(inUse: Ipv4InUse, lease: Lease): Promise<void> {
    try {
      await this.#put(inUse, lease);
      this.#events.emit({ kind: 'prolonged', setup: setupOf(inUse, lease, this.#linkLocal.address) });
    } catch (error) {
      log.debug('%s: %s keeps its time: %s', this.#target.interfaceName, inUse.address, messageOf(error));
    }
  }

  #put(inUse: Ipv4InUse, lease: Lease | undefined): Promise<void> {
    const { address, prefixLength } = inUse;
    const broadcast = broadcastOf(inUse);
    const validLifetimeSec = this.#lifetimeOf(lease);
    const { ifindex } = this.#target;
    const wanted = { ifindex, address, prefixLength, broadcast, validLifetimeSec };
    return this.#env.kernel.address.add(wanted, this.#scope.signal);
  }

  // So that the address of a daemon that is no more goes with its lease; the daemon itself is earlier.
  #lifetimeOf(lease: Lease | undefined): number | undefined {
    const leftMs = lease === undefined ? Infinity : expiryOf(lease) - this.#env.clock.now();
    return leftMs === Infinity ? undefined : Math.max(0, Math.ceil(leftMs / 1000)) + LIFETIME_GRACE_SEC;
  }

  async #removeOwn(): Promise<void> {
    const before = this.#own;
    this.#own = undefined;
    if (before !== undefined) await this.#remove(before);
  }

  async #remove({ address, prefixLength }: Ipv4InUse): Promise<void> {
    const { ifindex, interfaceName } = this.#target;
    try {
      await this.#env.kernel.address.remove({ ifindex, address, prefixLength });
    } catch (error) {
      log.debug('%s: %s was gone: %s', interfaceName, address, messageOf(error));
    }
  }

  #isOnInterface({ address, prefixLength }: Pick<Lease, 'address' | 'prefixLength'>): boolean {
    const isIt = (each: Address): boolean => each.prefixLength === prefixLength && each.address.equals(address);
    return this.#addressesOnInterface().some(isIt);
  }

  #addressesOnInterface(): Address[] {
    return [...this.#env.kernel.mirror.addressesOf(this.#target.ifindex)].filter(({ address }) => address.family === 4);
  }
}

function setupOf(own: Ipv4InUse, lease: Lease | undefined, linkLocal?: IpAddress): Ipv4Setup {
  const beside = linkLocal === undefined ? [] : [{ address: linkLocal, prefixLength: IPV4LL_PREFIX_LENGTH }];
  return {
    inUse: { ...own, ...(linkLocal !== undefined && { linkLocal }) },
    subnets: [own, ...beside],
    routes: lease?.classlessRoutes ?? [],
    offer: offerOfLease(lease),
    lease,
  };
}

function broadcastOf({ address, prefixLength }: Ipv4InUse): IpAddress | undefined {
  return prefixLength < 31 ? address.broadcast(prefixLength) : undefined;
}
