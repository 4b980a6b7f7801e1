/**
 * The tunnel's interface in the kernel: up, with the tunnel's addresses, and nothing of an earlier
 * tunnel left. Invariant: `configure` resolves only after the kernel said that the link is up.
 */

import type { Link } from '../src/netlink/link/link.ts';
import { untilLink } from '../src/netlink/link/seen.ts';
import type { Rtnetlink } from '../src/netlink/rtnetlink.ts';
import type { Clock } from '../src/shared/clock.ts';
import type { Scope } from '../src/shared/scope.ts';
import type { Tunnel, TunnelAddress } from './driver.ts';

/** How long an interface that was made or announced may take to appear and come up. */
const LINK_MS = 5000;

/** What interfaces take from the daemon. */
export interface TunnelEnv {
  readonly kernel: Rtnetlink;
  readonly clock: Clock;
}

/** One connection's interface. */
export class TunnelInterface {
  readonly #env: TunnelEnv;
  readonly #scope: Scope;
  #addresses: readonly TunnelAddress[] = [];

  constructor(env: TunnelEnv, scope: Scope) {
    this.#env = env;
    this.#scope = scope;
  }

  /** Sets the interface up for `tunnel`; resolves with its index. Rejects with `signal.reason` or what failed. */
  async configure(name: string, tunnel: Tunnel, signal: AbortSignal): Promise<number> {
    const { link, address } = this.#env.kernel;
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

  #wait(name: string, isReady: (link: Link) => boolean, signal: AbortSignal): Promise<Link> {
    const { clock, kernel: { mirror } } = this.#env;
    return untilLink({ mirror, clock }, { name, isReady, limitMs: LINK_MS, signal }, this.#scope);
  }
}

/** Removes an interface that was just made when `scope` closes, even before the kernel has told of it. */
export function removeWith({ clock, kernel: { mirror, link } }: TunnelEnv, name: string, scope: Scope): void {
  const told = untilLink({ mirror, clock }, { name, limitMs: LINK_MS }, scope).catch(() => undefined);
  scope.defer(async () => {
    await told;
    const known = mirror.linkByName(name);
    if (known !== undefined) await link.remove(known.ifindex);
  });
}

function isSame(one: TunnelAddress, other: TunnelAddress): boolean {
  const isSamePeer = one.peer === undefined ? other.peer === undefined : one.peer.equals(other.peer);
  return isSamePeer && one.prefixLength === other.prefixLength && one.address.equals(other.address);
}
