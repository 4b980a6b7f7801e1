/**
 * The addresses of a Wi-Fi Direct group: as its owner this machine has the first address of a block
 * of its own and serves the others by DHCP; as a client it takes what the owner gave with the key,
 * or asks by DHCP. No route leads further than to the group.
 */

import { BLOCK_PREFIX_LENGTH, findFreeBlock, inBlock } from '../address-pool.ts';
import type { Sysctl } from '../daemon/sysctl.ts';
import { startDhcpServer } from '../dhcp/server.ts';
import type { Ipv4Configuration } from '../ipconfig/configuration.ts';
import { type Ipv4Env, type Ipv4Event, Ipv4Session } from '../ipconfig/ipv4.ts';
import type { Link } from '../netlink/link/link.ts';
import { untilLink } from '../netlink/link/seen.ts';
import { equalBytes } from '../shared/bytes.ts';
import { Emitter, type Observable } from '../shared/emitter.ts';
import { ConnmanError, messageOf } from '../shared/errors.ts';
import type { IpAddress } from '../shared/ipaddress.ts';
import { logger } from '../shared/log.ts';
import type { Scope } from '../shared/scope.ts';
import type { PeerGroup } from './driver.ts';

const log = logger('src/peer/group-link.ts');

/** An owner lends for so long. */
const LEASE_SEC = 3600;
/** The owner's last number in the block; its clients follow. */
const OWNER = 1;
const CLIENTS = { first: 2, last: 3 } as const;
/** A new interface is told of by then. */
const LINK_LIMIT_MS = 10_000;

/** What it takes from outside. */
export interface GroupEnv extends Ipv4Env {
  readonly sysctl: Sysctl;
}

/** The two ends. */
export interface GroupAddresses {
  readonly local: IpAddress;
  /** The peer's, as far as known. */
  readonly remote: IpAddress | undefined;
}

/** The addresses, until `scope` closes. */
export class GroupLink {
  readonly #group: PeerGroup;
  readonly #env: GroupEnv;
  readonly #scope: Scope;
  readonly #changed = new Emitter<GroupAddresses | undefined>();
  #addresses: GroupAddresses | undefined;

  constructor(group: PeerGroup, env: GroupEnv, scope: Scope) {
    this.#group = group;
    this.#env = env;
    this.#scope = scope;
  }

  get addresses(): GroupAddresses | undefined {
    return this.#addresses;
  }

  /** Emits what `addresses` is when it becomes another; undefined when they are lost. */
  get changed(): Observable<GroupAddresses | undefined> {
    return this.#changed;
  }

  /** Resolves when there are addresses. Rejects with Failed, or the reason of `signal`. */
  async start(signal: AbortSignal): Promise<void> {
    const link = await this.#link(signal);
    signal.throwIfAborted();
    this.#refuseRouters(link);
    const configuration = this.#configuration();
    const session = new Ipv4Session({
      ifindex: link.ifindex, interfaceName: link.name, hardwareAddress: link.hardwareAddress, mtu: link.mtu,
      configuration, lease: undefined, lastAddress: undefined, hostname: undefined, vendorClass: undefined,
      clientIdentifier: undefined, detectsConflicts: false, needsServer: true,
    }, this.#env, this.#scope);
    this.#scope.defer(() => session.stop('release'));
    await new Promise<void>((resolve, reject) => {
      signal.addEventListener('abort', () => reject(signal.reason), { once: true });
      session.events.observe(this.#scope, (event) => {
        const failure = this.#take(event, link);
        if (failure === undefined) resolve();
        else reject(failure);
      });
      session.start();
    });
  }

  #configuration(): Ipv4Configuration {
    const { role, given } = this.#group;
    if (role === 'client') return given === undefined ? { method: 'dhcp' } : { method: 'fixed', ...given };
    const { addresses, routes } = this.#env.kernel.mirror;
    const routed = [...routes.values()].flatMap(({ destination }) => destination ?? []);
    const block = findFreeBlock([...addresses.values(), ...routed]);
    if (block === undefined) throw new ConnmanError('Failed', 'no private network is free');
    return { method: 'fixed', address: inBlock(block, OWNER), prefixLength: BLOCK_PREFIX_LENGTH };
  }

  #refuseRouters({ name }: Link): void {
    const parameter = `net/ipv6/conf/${name}/accept_ra`;
    try {
      if (this.#env.sysctl.read(parameter) !== undefined) this.#env.sysctl.write(parameter, '0');
    } catch (error) {
      log.warn('%s: routers of the group are heard: %s', name, messageOf(error));
    }
  }

  // What happened to the addresses; the error where there are none.
  #take(event: Ipv4Event, link: Link): ConnmanError | undefined {
    switch (event.kind) {
      case 'configured': {
        const { inUse, lease } = event.setup;
        if (this.#group.role === 'owner') this.#serve(link, inUse.address);
        this.#set({ local: inUse.address, remote: this.#remoteOf(inUse.address, lease?.server) });
        return undefined;
      }
      case 'prolonged':
      case 'conflict':
        return undefined;
      case 'lost':
        return this.#lose();
      case 'failed':
        this.#lose();
        return event.error;
    }
  }

  #remoteOf(local: IpAddress, server: IpAddress | undefined): IpAddress | undefined {
    if (this.#group.role === 'client') return this.#group.given?.owner ?? server;
    return local.equals(this.#addresses?.local) ? this.#addresses?.remote : undefined;
  }

  #serve({ ifindex, name }: Link, address: IpAddress): void {
    if (this.#addresses !== undefined) return;
    const { first, last } = CLIENTS;
    const server = startDhcpServer({
      ifindex, name, address, prefixLength: BLOCK_PREFIX_LENGTH, first: inBlock(address, first),
      last: inBlock(address, last), leaseSec: LEASE_SEC, router: address,
    }, this.#env, this.#scope);
    server.events.observe(this.#scope, (event) => {
      if (event.kind !== 'leased' || !this.#isPeer(event.binding.hardwareAddress)) return;
      this.#set({ local: address, remote: event.binding.address });
    });
  }

  #isPeer(hardwareAddress: Uint8Array): boolean {
    const { peerHardwareAddress } = this.#group;
    return peerHardwareAddress === undefined || equalBytes(peerHardwareAddress, hardwareAddress);
  }

  #lose(): ConnmanError {
    this.#set(undefined);
    return new ConnmanError('Failed', 'no address for the group');
  }

  #set(addresses: GroupAddresses | undefined): void {
    const before = this.#addresses;
    const isSame = (one: IpAddress | undefined, other: IpAddress | undefined): boolean =>
      one === undefined ? other === undefined : one.equals(other);
    if (isSame(before?.local, addresses?.local) && isSame(before?.remote, addresses?.remote)) return;
    this.#addresses = addresses;
    log.debug('%s: %s with %s', this.#group.interfaceName, addresses?.local, addresses?.remote);
    this.#changed.emit(addresses);
  }

  // The supplicant has made it; the kernel tells us of it by another way.
  #link(signal: AbortSignal): Promise<Link> {
    const { kernel: { mirror }, clock } = this.#env;
    const name = this.#group.interfaceName;
    return untilLink({ mirror, clock }, { name, limitMs: LINK_LIMIT_MS, signal }, this.#scope);
  }
}
