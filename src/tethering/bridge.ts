/**
 * The bridge that clients of all shared devices come to, ConnMan's `tether`: made for the first, gone
 * with the last. One that a daemon before this one left is taken over.
 */

import type { Link } from '../netlink/link/link.ts';
import type { Rtnetlink } from '../netlink/rtnetlink.ts';
import { messageOf } from '../shared/errors.ts';
import { logger } from '../shared/log.ts';
import type { Scope } from '../shared/scope.ts';

const log = logger('src/tethering/bridge.ts');

/** Its name. Interfaces of ours for clients are called the same with a number. */
export const TETHER_BRIDGE = 'tether';

/** Whether an interface was made for clients. */
export function isTetherInterface(name: string): boolean {
  return /^tether[0-9]*$/.test(name);
}

/** The bridge. */
export class TetherBridge {
  readonly #kernel: Rtnetlink;
  readonly #serve: (bridge: Link, scope: Scope) => Promise<void>;
  readonly #scope: Scope;
  #users = 0;
  /** While it is there. */
  #life: Scope | undefined;
  /** Making and removing, one after the other. */
  #last: Promise<unknown> = Promise.resolve();

  /** `serve` is called for the bridge when it is up, with a scope that closes before it goes. */
  constructor(kernel: Rtnetlink, serve: (bridge: Link, scope: Scope) => Promise<void>, scope: Scope) {
    this.#kernel = kernel;
    this.#serve = serve;
    this.#scope = scope;
  }

  /** Keeps it there and up until `scope` closes. Rejects with NetlinkError, or what `serve` says. */
  async use(scope: Scope): Promise<void> {
    this.#users++;
    scope.defer(() => {
      this.#users--;
      return this.#inTurn(() => (this.#users > 0 ? undefined : this.#remove()));
    });
    await this.#inTurn(() => this.#make());
  }

  /** Removes the one that a daemon before this one left, unless it is in use again. */
  async clear(): Promise<void> {
    await this.#inTurn(() => (this.#users > 0 ? undefined : this.#remove()));
  }

  /** Makes an interface a port until `scope` closes. Rejects with NetlinkError. */
  async addPort(ifindex: number, scope: Scope): Promise<void> {
    const bridge = this.#kernel.mirror.linkByName(TETHER_BRIDGE);
    if (bridge === undefined) throw new Error('there is no bridge');
    await this.#kernel.link.setMaster(ifindex, bridge.ifindex);
    scope.defer(async () => {
      await this.#kernel.link.setMaster(ifindex, 0).catch((error: unknown) => {
        log.debug('port %d was gone: %s', ifindex, messageOf(error));
      });
    });
  }

  async #inTurn<T>(step: () => T | Promise<T>): Promise<T> {
    const done = this.#last.then(step);
    this.#last = done.catch(() => undefined);
    return done;
  }

  async #make(): Promise<void> {
    if (this.#life !== undefined) return;
    const { link, mirror } = this.#kernel;
    // Without a forward delay clients are heard at once.
    const bridge = mirror.linkByName(TETHER_BRIDGE)
      ?? await link.add({ kind: 'bridge', name: TETHER_BRIDGE, stp: false, forwardDelaySec: 0 });
    if (!bridge.isUp) await link.setUp(bridge.ifindex);
    const life = this.#scope.child();
    try {
      await this.#serve(bridge, life);
      this.#life = life;
    } catch (error) {
      await life.close();
      throw error;
    }
  }

  async #remove(): Promise<void> {
    await this.#life?.close();
    this.#life = undefined;
    const bridge = this.#kernel.mirror.linkByName(TETHER_BRIDGE);
    if (bridge?.kind !== 'bridge') return;
    try {
      await this.#kernel.link.remove(bridge.ifindex);
    } catch (error) {
      log.debug('%s: %s', TETHER_BRIDGE, messageOf(error));
    }
  }
}
