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
import type { IpAddress } from '../shared/ipaddress.ts';
import { logger } from '../shared/log.ts';
import type { Scope } from '../shared/scope.ts';
import type { Ipv6Env, Ipv6Target } from './ipv6.ts';

const log = logger('src/ipconfig/autoconfiguration.ts');

/** A running search for routers and, with method `auto`, for servers. */
export class Autoconfiguration {
  readonly #target: Ipv6Target;
  readonly #env: Ipv6Env;
  readonly #scope: Scope;
  readonly #changed = new Emitter<void>();
  readonly #discovery: RouterDiscovery;
  #dhcp: { client: Dhcpv6Client; isStateful: boolean; scope: Scope } | undefined;
  /** What of a lease is on the interface. */
  #set: readonly IpAddress[] = [];

  /** Ends with `scope`; addresses and lease stay. */
  constructor(target: Ipv6Target, env: Ipv6Env, scope: Scope) {
    this.#target = target;
    this.#env = env;
    this.#scope = scope;
    this.#discovery = startRouterDiscovery({ ...target, name: target.interfaceName }, env, scope);
    this.#discovery.changed.observe(scope, (routers) => this.#onRouters(routers));
    env.kernel.mirror.addressChanged.observe(scope, ({ after }) => {
      if (after?.ifindex === target.ifindex && after.isDuplicate) this.#onDuplicate(after.address);
    });
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
    return this.#dhcp?.client.lease;
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

  /** Ends the DHCPv6 client. */
  stop(options: { release: boolean }): void {
    this.#dhcp?.client.stop(options);
  }

  // RFC 8415, 4: flag M asks for addresses and all else. Once asked, servers are not dropped because
  // another router says less (RFC 4862, 5.5.2 leaves that to the host).
  #onRouters({ isManaged, isOtherConfig }: RouterInformation): void {
    if (this.#target.configuration.method === 'auto' && (isManaged || isOtherConfig)) {
      if (this.#dhcp === undefined || (isManaged && !this.#dhcp.isStateful)) this.#askServers(isManaged);
    }
    this.#changed.emit();
  }

  #askServers(isStateful: boolean): void {
    const { ifindex, interfaceName, hardwareAddress, configuration, hostname } = this.#target;
    const { clock } = this.#env;
    const memory = this.#target.memory();
    void this.#dhcp?.scope.close();
    const duid = memory.duid ?? makeDuid(hardwareAddress, clock.wallTime());
    this.#target.remember({ duid });
    const lease = isStateful && memory.lease !== undefined ? parseLease6(memory.lease, clock) : undefined;
    const scope = this.#scope.child();
    const client = startDhcpv6Client({
      ifindex,
      name: interfaceName,
      duid,
      iaid: new DataView(hardwareAddress.slice(-4).buffer).getUint32(0),
      mode: isStateful ? 'stateful' : 'stateless',
      wantsTemporary: configuration.privacy !== 'disabled',
      ...(hostname !== undefined && { hostname }),
      ...(lease !== undefined && { lease, adopt: this.#isOnInterface(lease) }),
    }, this.#env, scope);
    this.#dhcp = { client, isStateful, scope };
    client.events.observe(scope, (event) => this.#onDhcp(event));
  }

  #onDhcp(event: Dhcpv6Event): void {
    const { interfaceName } = this.#target;
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
        return;
    }
    this.#changed.emit();
  }

  #use(lease: Dhcpv6Lease): void {
    const { ifindex, interfaceName } = this.#target;
    const now = this.#env.clock.now();
    if (lease.addresses.length > 0) this.#target.remember({ lease: formatLease6(lease, this.#env.clock) });
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
        if (!this.#scope.signal.aborted) log.error('%s: address %s is refused: %s', interfaceName, address, error);
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
      log.debug('%s: %s was gone: %s', interfaceName, address, error instanceof Error ? error.message : error);
    });
  }

  #isOnInterface({ addresses }: Dhcpv6Lease): boolean {
    const present = this.#env.kernel.mirror.addressesOf(this.#target.ifindex);
    return addresses.every(({ address }) => present.some((each) => each.address.equals(address)));
  }
}

/** For the kernel: absent is for ever. */
function secondsUntil(untilMs: number, now: number): number | undefined {
  return untilMs === Infinity ? undefined : Math.max(0, Math.floor((untilMs - now) / 1000));
}
