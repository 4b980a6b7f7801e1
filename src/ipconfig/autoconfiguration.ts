/**
 * What routers and DHCPv6 servers of a link say (RFC 4861, RFC 8415): asks the routers, and the
 * servers when a router says that they are to be asked. The addresses of a lease are set on the
 * interface here; those that routers announce the kernel makes (RFC 4862). Loaded when needed.
 */

import {
  formatLease6, makeDuid, parseLease6, startDhcpv6Client, type Dhcpv6Client, type Dhcpv6Event, type Dhcpv6Lease,
} from '../dhcpv6/client.ts';
import { startRouterDiscovery, type RouterDiscovery, type RouterInformation } from '../ndp/router-discovery.ts';
import { Emitter, type Observable } from '../shared/emitter.ts';
import { messageOf } from '../shared/errors.ts';
import type { IpAddress } from '../shared/ipaddress.ts';
import { logger } from '../shared/log.ts';
import type { Scope } from '../shared/scope.ts';
import type { Ipv6Env, Ipv6Target } from './ipv6.ts';

const log = logger('src/ipconfig/autoconfiguration.ts');

/** What servers are asked for: the first two are lent, the last is only told. */
interface Wish {
  readonly addresses: boolean;
  readonly prefixes: boolean;
  readonly configuration: boolean;
}

/** A client with its wish; `before` is the lease of the one before it, which holds until this one has its own. */
interface Asking {
  readonly client: Dhcpv6Client;
  readonly wish: Wish;
  readonly scope: Scope;
  before: Dhcpv6Lease | undefined;
}

/** A running search for routers and, with method `auto`, for servers. */
export class Autoconfiguration {
  readonly #target: Ipv6Target;
  readonly #env: Ipv6Env;
  readonly #scope: Scope;
  readonly #changed = new Emitter<void>();
  readonly #discovery: RouterDiscovery;
  #dhcp: Asking | undefined;
  /** What of a lease is on the interface. */
  #set: readonly IpAddress[] = [];

  /** Ends with `scope`; addresses and lease stay. */
  constructor(target: Ipv6Target, env: Ipv6Env, scope: Scope) {
    this.#target = target;
    this.#env = env;
    this.#scope = scope;
    this.#discovery = startRouterDiscovery({ ...target, name: target.interfaceName }, env, scope);
    this.#discovery.changed.observe(scope, () => this.#onRouters());
    env.kernel.mirror.addressChangedOn(target.ifindex).observe(scope, ({ after }) => {
      if (after?.isDuplicate === true) this.#onDuplicate(after.address);
    });
    this.updateWishes();
  }

  /** Emits when `routers` or `lease` is another one. */
  get changed(): Observable<void> {
    return this.#changed;
  }

  /** Emits when no router answers, again perhaps after one did. */
  get silent(): Observable<void> {
    return this.#discovery.silent;
  }

  /** What routers say; undefined until one did. */
  get routers(): RouterInformation | undefined {
    return this.#discovery.current;
  }

  /** What a server gave. */
  get lease(): Dhcpv6Lease | undefined {
    return this.#dhcp?.client.lease ?? this.#dhcp?.before;
  }

  /** Whether an address is there because of the lease. */
  isLeased(address: IpAddress): boolean {
    return this.#set.some((each) => each.equals(address));
  }

  /** The machine slept: routers and servers are asked anew. */
  wake(): void {
    this.#discovery.solicit();
    this.#dhcp?.client.renewNow();
  }

  /** Sets the addresses of the lease again, and asks routers and servers anew. */
  reapply(): void {
    if (this.lease !== undefined) this.#use(this.lease);
    this.wake();
  }

  /**
   * What is asked for may be something else. RFC 8415, 4: flag M asks for addresses and all else. Once
   * asked, servers are not dropped because another router says less (RFC 4862, 5.5.2 leaves that to the host).
   */
  updateWishes(): void {
    if (this.#target.configuration.method !== 'auto') return;
    const { isManaged = false, isOtherConfig = false } = this.routers ?? {};
    const known = this.#dhcp?.wish;
    const wish = {
      addresses: isManaged || known?.addresses === true,
      prefixes: this.#target.prefixWish.isWanted,
      configuration: isOtherConfig || known?.configuration === true,
    };
    const isLent = wish.addresses || wish.prefixes; // and configuration comes along
    const isSame = known?.addresses === wish.addresses && known.prefixes === wish.prefixes;
    if (isSame && (isLent || known.configuration === wish.configuration)) return;
    this.#askServers(wish);
  }

  /** Ends the DHCPv6 client. */
  stop(options: { release: boolean }): void {
    this.#dhcp?.client.stop(options);
  }

  #askServers(wish: Wish): void {
    const { ifindex, interfaceName, hardwareAddress, configuration, hostname } = this.#target;
    const { clock } = this.#env;
    const memory = this.#target.memory();
    const before = this.#endClient(wish);
    if (!wish.addresses && !wish.prefixes && !wish.configuration) return;
    const duid = memory.duid ?? makeDuid(hardwareAddress, clock.wallTime());
    this.#target.remember({ duid });
    const lease = wantedOf(before ?? (memory.lease && parseLease6(memory.lease, clock)), wish);
    const isHeld = lease !== undefined && lease.addresses.length + lease.prefixes.length > 0;
    const scope = this.#scope.child();
    const client = startDhcpv6Client({
      ifindex,
      name: interfaceName,
      duid,
      iaid: new DataView(hardwareAddress.slice(-4).buffer).getUint32(0),
      mode: wish.addresses || wish.prefixes ? 'stateful' : 'stateless',
      wantsAddresses: wish.addresses,
      wantsTemporary: wish.addresses && configuration.privacy !== 'disabled',
      wantsPrefix: wish.prefixes,
      ...(hostname !== undefined && { hostname }),
      ...(isHeld && { lease, adopt: this.#isOnInterface(lease) }),
    }, this.#env, scope);
    this.#dhcp = { client, wish, scope, before: wantedOf(before, wish) };
    client.events.observe(scope, (event) => this.#onDhcp(event));
  }

  /** Ends the client before the next, which goes on with what it had; prefixes that were all are given back. */
  #endClient(next: Wish): Dhcpv6Lease | undefined {
    const lease = this.lease;
    const hasPrefixesAlone = lease?.addresses.length === 0 && lease.prefixes.length > 0;
    const isGivenBack = hasPrefixesAlone && !next.prefixes;
    if (isGivenBack) this.#dhcp?.client.stop({ release: true });
    void this.#dhcp?.scope.close();
    this.#dhcp = undefined;
    if (!isGivenBack) return lease;
    this.#target.remember({ lease: undefined });
    this.#changed.emit();
    return undefined;
  }

  #onRouters(): void {
    this.updateWishes();
    this.#changed.emit();
  }

  #onDhcp(event: Dhcpv6Event): void {
    const { interfaceName } = this.#target;
    if (this.#dhcp !== undefined) this.#dhcp.before = undefined;
    switch (event.kind) {
      case 'bound':
        this.#use(event.lease);
        break;
      case 'lost':
        log.info('%s: the DHCPv6 lease is lost: %s', interfaceName, event.reason);
        for (const address of this.#set) this.#remove(address);
        this.#set = [];
        this.#discovery.solicit();
        break;
      case 'noLease':
        log.info('%s: no DHCPv6 server answers, still asking', interfaceName);
        break;
    }
    this.#changed.emit();
  }

  #use(lease: Dhcpv6Lease): void {
    const { ifindex, interfaceName } = this.#target;
    const now = this.#env.clock.now();
    const isWorthKeeping = lease.addresses.length + lease.prefixes.length > 0;
    if (isWorthKeeping) this.#target.remember({ lease: formatLease6(lease, this.#env.clock) });
    const given = lease.addresses.map(({ address }) => address);
    for (const gone of this.#set) if (!given.some((each) => each.equals(gone))) this.#remove(gone);
    this.#set = given;
    for (const { address, preferredUntilMs, validUntilMs } of lease.addresses) {
      this.#env.kernel.address.add({
        ifindex,
        address,
        prefixLength: this.#prefixLengthOf(address),
        preferredLifetimeSec: secondsUntil(preferredUntilMs, now),
        validLifetimeSec: secondsUntil(validUntilMs, now),
        noPrefixRoute: true, // RFC 8415, 18.2.10.1: what is on the link is the routers' to say
      }, this.#scope.signal).catch((error: unknown) => {
        if (!this.#scope.isClosed) log.error('%s: address %s is refused: %s', interfaceName, address, error);
      });
    }
  }

  #prefixLengthOf(address: IpAddress): number {
    const around = (this.routers?.prefixes ?? []).find(({ isOnLink, prefix }) =>
      isOnLink && address.sharesPrefix(prefix.address, prefix.prefixLength));
    return around?.prefix.prefixLength ?? 128;
  }

  #onDuplicate(address: IpAddress): void {
    log.warn('%s: another host has %s', this.#target.interfaceName, address);
    if (!this.isLeased(address)) return;
    this.#remove(address);
    this.#set = this.#set.filter((each) => !each.equals(address));
    this.#dhcp?.client.decline([address]);
  }

  #remove(address: IpAddress): void {
    const { ifindex, interfaceName } = this.#target;
    const prefixLength = this.#prefixLengthOf(address);
    this.#env.kernel.address.remove({ ifindex, address, prefixLength }).catch((error: unknown) => {
      log.debug('%s: %s was gone: %s', interfaceName, address, messageOf(error));
    });
  }

  #isOnInterface({ addresses }: Dhcpv6Lease): boolean {
    const present = this.#env.kernel.mirror.addressesOf(this.#target.ifindex);
    return addresses.every(({ address }) => present.some((each) => each.address.equals(address)));
  }
}

/** What of a lease is still wanted. */
function wantedOf(lease: Dhcpv6Lease | undefined, { addresses, prefixes }: Wish): Dhcpv6Lease | undefined {
  if (lease === undefined) return undefined;
  return { ...lease, addresses: addresses ? lease.addresses : [], prefixes: prefixes ? lease.prefixes : [] };
}

/** For the kernel: absent is for ever. */
function secondsUntil(untilMs: number, now: number): number | undefined {
  return untilMs === Infinity ? undefined : Math.max(0, Math.floor((untilMs - now) / 1000));
}
