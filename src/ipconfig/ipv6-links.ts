/**
 * What the kernel does by itself for IPv6 on each interface (ip-sysctl: net/ipv6/conf), and how what
 * it has made is cleared away. Invariant: the first value of every parameter that was changed is
 * kept until `restore`; a parameter that has the wanted value is not written.
 */

import type { Sysctl } from '../daemon/sysctl.ts';
import type { Address } from '../netlink/address/address.ts';
import { ROUTE_PROTOCOL, type Route } from '../netlink/route/route.ts';
import type { Rtnetlink } from '../netlink/rtnetlink.ts';
import { messageOf } from '../shared/errors.ts';
import { parseIpAddress, type IpAddress } from '../shared/ipaddress.ts';
import { logger } from '../shared/log.ts';
import { createScope, type Scope } from '../shared/scope.ts';

const log = logger('src/ipconfig/ipv6-links.ts');

/** Parameters by the kernel's names, written in this order. */
export type Ipv6Parameters = Readonly<Partial<Record<ParameterName, number>>>;

type ParameterName =
  | 'accept_ra' | 'accept_ra_defrtr' | 'autoconf' | 'router_solicitations' | 'use_tempaddr' | 'addr_gen_mode'
  | 'stable_secret' | 'disable_ipv6';

/** No address, no packet. */
export const OFF: Ipv6Parameters = { disable_ipv6: 1 };

/** An interface nobody is connected through: routers are not heeded, the link-local address stays. */
export const IDLE: Ipv6Parameters = { accept_ra: 0 };

/** addr_gen_mode (linux/if_link.h, IN6_ADDR_GEN_MODE_*). */
const GEN_MODE = { none: '1', stablePrivacy: '2' } as const;

/** IPv6 on all interfaces; one for the daemon. */
export class Ipv6Links {
  readonly #sysctl: Sysctl;
  readonly #kernel: Pick<Rtnetlink, 'address' | 'route' | 'mirror'>;
  /** First values, by the parameter's whole name. */
  readonly #before = new Map<string, string>();
  /** By ifindex, while addresses are being removed. */
  readonly #clearing = new Map<number, Promise<void>>();
  /** Cleared and not in use again. */
  readonly #idle = new Set<number>();

  /** Watches idle interfaces until `scope` closes. */
  constructor(sysctl: Sysctl, kernel: Pick<Rtnetlink, 'address' | 'route' | 'mirror'>, scope: Scope) {
    this.#sysctl = sysctl;
    this.#kernel = kernel;
    // The kernel tells of an address once nobody else on the link has it: seconds after it is to be gone.
    kernel.mirror.addressChanged.observe(scope, ({ after }) => {
      if (after === undefined || !this.#idle.has(after.ifindex) || !isGlobal(after) || after.isPermanent) return;
      kernel.address.remove(after).catch((error: unknown) => log.debug('%s stays: %s', after.address, error));
    });
  }

  /** Whether the kernel has IPv6, and the interface is there. */
  hasIpv6(interfaceName: string): boolean {
    return this.#sysctl.read(nameOf(interfaceName, 'disable_ipv6')) !== undefined;
  }

  /** Sets parameters that differ. What the system refuses is logged: the kernel goes on as it did. */
  set(interfaceName: string, parameters: Ipv6Parameters): void {
    for (const [parameter, value] of Object.entries(parameters)) {
      const name = nameOf(interfaceName, parameter);
      const known = this.#sysctl.read(name);
      if (known !== undefined && known !== String(value)) this.#write(name, String(value), known);
    }
  }

  /**
   * Has the kernel make addresses that do not tell the hardware address and are the same whenever the
   * link is in the same network (RFC 7217); without a secret, as it did at first.
   */
  setStablePrivacy(interfaceName: string, secret: IpAddress | undefined): void {
    const mode = nameOf(interfaceName, 'addr_gen_mode');
    const known = this.#sysctl.read(mode);
    if (known === undefined) return;
    if (secret === undefined) {
      const before = this.#before.get(mode);
      if (before !== undefined && before !== known) this.#write(mode, before, known);
      return;
    }
    const secretName = nameOf(interfaceName, 'stable_secret');
    const isSet = parseIpAddress(this.#sysctl.read(secretName) ?? '')?.equals(secret) === true;
    if (isSet && known === GEN_MODE.stablePrivacy) return;
    if (!this.#before.has(mode)) this.#before.set(mode, known);
    // The secret changes the mode silently; only a change of mode makes a link-local address (addrconf.c).
    this.#write(secretName, String(secret));
    this.#write(mode, GEN_MODE.none);
    this.#write(mode, GEN_MODE.stablePrivacy);
  }

  /** Takes away the default routes that the kernel has made of what routers say, wherever they are from. */
  removeAdvertisedDefaults(ifindex: number): void {
    for (const route of this.#kernel.mirror.routesOf(ifindex)) {
      if (route.destination !== undefined || !isAdvertised(route, [])) continue;
      this.#kernel.route.remove(route).catch((error: unknown) => log.debug('a default route stays: %s', error));
    }
  }

  /** Gives an interface that is let go its parameters back; the secret cannot be taken back. */
  restore(interfaceName: string): void {
    const prefix = nameOf(interfaceName, '');
    for (const [name, value] of [...this.#before]) {
      if (!name.startsWith(prefix)) continue;
      this.#before.delete(name);
      if (this.#sysctl.read(name) !== value) this.#write(name, value);
    }
  }

  /**
   * Removes global addresses that have come by themselves, those that `isOwn` says are ours, and the
   * routes that came with them. What the mirror tells of them is over once `take` resolves.
   */
  clear(ifindex: number, isOwn: (address: Address) => boolean): Promise<void> {
    const { mirror } = this.#kernel;
    this.#idle.add(ifindex);
    const leaving = mirror.addressesOf(ifindex).filter((each) => isGlobal(each) && (!each.isPermanent || isOwn(each)));
    const staying = mirror.addressesOf(ifindex).filter((each) => !leaving.includes(each));
    const routes = mirror.routesOf(ifindex).filter((route) => isAdvertised(route, staying));
    const removals = [
      ...leaving.map((address) => this.#kernel.address.remove(address).then(() => this.#gone(address))),
      ...routes.map((route) => this.#kernel.route.remove(route)),
    ];
    const all = Promise.allSettled([...removals, this.#clearing.get(ifindex)]).then(() => {
      if (this.#clearing.get(ifindex) === all) this.#clearing.delete(ifindex);
    });
    this.#clearing.set(ifindex, all);
    return all;
  }

  /** Resolves when nothing is being cleared away on the interface any more; what comes is its taker's. */
  async take(ifindex: number): Promise<void> {
    for (let all = this.#clearing.get(ifindex); all !== undefined; all = this.#clearing.get(ifindex)) await all;
    this.#idle.delete(ifindex);
  }

  /** The kernel's answer may be read before its event. */
  #gone(address: Address): Promise<void> {
    const { mirror } = this.#kernel;
    const isThere = (): boolean =>
      mirror.addressesOf(address.ifindex).some((each) => each.address.equals(address.address));
    if (!isThere()) return Promise.resolve();
    const scope = createScope();
    return new Promise<void>((resolve) => {
      mirror.addressChangedOn(address.ifindex).observe(scope, () => {
        if (!isThere()) resolve(scope.close());
      });
    });
  }

  #write(name: string, value: string, known?: string): void {
    if (known !== undefined && !this.#before.has(name)) this.#before.set(name, known);
    try {
      this.#sysctl.write(name, value);
      log.debug('%s is %s', name, value);
    } catch (error) {
      // An interface that is gone took its parameters along.
      const text = messageOf(error);
      if (this.#sysctl.read(name) !== undefined) log.warn('%s cannot be set to %s: %s', name, value, text);
    }
  }
}

/** Whether an address is of use beyond the link. */
export function isGlobal({ address, scope }: Address): boolean {
  return address.family === 6 && scope === 'universe' && !address.isLoopback;
}

function nameOf(interfaceName: string, parameter: string): string {
  return `net/ipv6/conf/${interfaceName}/${parameter}`;
}

/** Whether the kernel made a route of an advertisement, and no address that stays needs it. */
function isAdvertised(route: Route, staying: readonly Address[]): boolean {
  const { family, destination, protocol, type = 'unicast' } = route;
  if (family !== 6 || type !== 'unicast') return false;
  if (destination === undefined) return protocol === ROUTE_PROTOCOL.ra;
  const { address, prefixLength } = destination;
  if (address.isLinkLocal || address.isMulticast) return false;
  if (protocol !== ROUTE_PROTOCOL.ra && protocol !== ROUTE_PROTOCOL.kernel) return false;
  const isIn = (each: Address): boolean => each.address.sharesPrefix(address, prefixLength);
  return !staying.some((each) => each.prefixLength === prefixLength && isIn(each));
}
