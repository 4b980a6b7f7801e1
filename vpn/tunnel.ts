/**
 * The tunnel's interface in the kernel: up, with the tunnel's addresses, and nothing of an earlier
 * tunnel left. Invariant: `configure` resolves only after the kernel said that the link is up.
 */

import type { Address } from '../src/netlink/address/address.ts';
import type { Rtnetlink } from '../src/netlink/rtnetlink.ts';
import type { Link } from '../src/netlink/link/link.ts';
import type { Clock } from '../src/shared/clock.ts';
import { ConnmanError } from '../src/shared/errors.ts';
import type { Scope } from '../src/shared/scope.ts';
import type { Tunnel, TunnelAddress } from './driver.ts';

/** How long an interface that a helper announced may take to appear and come up. */
const LINK_MS = 5000;

/** One connection's interface. */
export class TunnelInterface {
  readonly #kernel: Rtnetlink;
  readonly #clock: Clock;
  readonly #scope: Scope;
  #addresses: readonly TunnelAddress[] = [];

  constructor({ kernel, clock }: { readonly kernel: Rtnetlink; readonly clock: Clock }, scope: Scope) {
    this.#kernel = kernel;
    this.#clock = clock;
    this.#scope = scope;
  }

  /** Sets the interface up for `tunnel`; resolves with its index. Rejects with `signal.reason` or what failed. */
  async configure(name: string, tunnel: Tunnel, signal: AbortSignal): Promise<number> {
    const { link, address } = this.#kernel;
    const { ifindex } = await this.#wait(name, () => true, signal);
    if (tunnel.mtu !== undefined) await link.setMtu(ifindex, tunnel.mtu, signal);
    await link.setUp(ifindex, signal);
    await this.#wait(name, (seen) => seen.isUp, signal);
    if (tunnel.isConfigured === true) return ifindex;
    const before = this.#addresses;
    this.#addresses = tunnel.addresses;
    for (const old of before.filter((each) => !tunnel.addresses.some((next) => isSame(each, next)))) {
      await address.remove({ ifindex, ...old }, signal).catch(() => undefined);
    }
    for (const next of tunnel.addresses) {
      await address.add({ ifindex, ...next, noDuplicateDetection: next.address.family === 6 }, signal);
    }
    return ifindex;
  }

  /** Addresses that somebody else put on it (pppd). */
  addressesOf(ifindex: number): Address[] {
    return [...this.#kernel.mirror.addressesOf(ifindex)];
  }

  // The mirror may hear of the link after the helper spoke of it.
  #wait(name: string, isReady: (link: Link) => boolean, signal: AbortSignal): Promise<Link> {
    return new Promise((resolve, reject) => {
      const own = this.#scope.child();
      const settle = (action: () => void): void => {
        action();
        void own.close();
      };
      const look = (): void => {
        const link = this.#kernel.mirror.linkByName(name);
        if (link !== undefined && isReady(link)) settle(() => resolve(link));
      };
      const limit = this.#clock.deadline(`link ${name}`, LINK_MS, signal, own);
      limit.addEventListener('abort', () => settle(() => reject(limit.reason)));
      own.signal.addEventListener('abort', () => reject(new ConnmanError('OperationAborted')));
      this.#kernel.mirror.linkChanged.observe(own, look);
      look();
    });
  }
}

function isSame(one: TunnelAddress, other: TunnelAddress): boolean {
  const isSamePeer = one.peer === undefined ? other.peer === undefined : one.peer.equals(other.peer);
  return isSamePeer && one.prefixLength === other.prefixLength && one.address.equals(other.address);
}
