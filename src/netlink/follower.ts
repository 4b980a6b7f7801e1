/**
 * Keeps a mirror true. Events come over a socket of their own; the state is read over the request
 * socket after the groups were joined. Events that came meanwhile are laid over what was read: for
 * each thing the last event wins, and where there is none, what was read is as new. Once the kernel
 * has dropped events (ENOBUFS) this holds no more for that socket: a new one takes its place and the
 * state is read anew. Invariant: one reading at a time; its result is whole before anyone sees it.
 */

import { dumpAddresses } from './address/requests.ts';
import type { Connection } from './connection.ts';
import { EVENT_GROUPS, decodeEvent } from './event.ts';
import type { KernelEvent } from './event.ts';
import { NetlinkError } from './error.ts';
import { dumpLinks } from './link/requests.ts';
import { forEachMessage } from './message.ts';
import type { NetlinkMessage } from './message.ts';
import type { KernelMirror } from './mirror.ts';
import { MAIN_TABLE } from './route/route.ts';
import { dumpRoutes } from './route/requests.ts';
import type { Clock } from '../shared/clock.ts';
import { DecodeError, messageOf } from '../shared/errors.ts';
import { logger } from '../shared/log.ts';
import type { Scope } from '../shared/scope.ts';
import type { NetlinkSender, System } from '../system/system.ts';
import { KernelState } from './state.ts';

const log = logger('src/netlink/follower.ts');

/** What a follower works with. */
export interface FollowerOptions {
  readonly system: Pick<System, 'netlink'>;
  readonly clock: Clock;
  readonly connection: Connection;
  readonly mirror: KernelMirror;
  readonly eventBufferBytes: number;
  /** What the mirror is to have. */
  readonly follows: keyof typeof EVENT_GROUPS;
}

/** Feeds `mirror` until `scope` closes. */
export class Follower {
  readonly #options: FollowerOptions;
  readonly #scope: Scope;
  #socketScope: Scope;
  #isReading = false;
  /** Something was lost since the last reading began. */
  #isStale = false;
  /** Events since the reading began, until they are laid over its result. */
  #waiting: KernelEvent[] | undefined;

  constructor(options: FollowerOptions, scope: Scope) {
    this.#options = options;
    this.#scope = scope;
    this.#socketScope = scope.child();
  }

  /**
   * Fills the mirror; resolves once it is true. Rejects with SystemError or NetlinkError when the
   * kernel cannot be asked.
   */
  async start(): Promise<void> {
    this.#isReading = true;
    try {
      do {
        await this.#read();
        if (this.#isStale) await this.#pause(STORM_PAUSE_MS);
      } while (this.#isStale);
    } finally {
      this.#isReading = false;
      this.#waiting = undefined;
    }
  }

  #invalidate(why: string): void {
    this.#isStale = true;
    if (this.#isReading) return;
    log.info('reading the network state anew: %s', why);
    void this.#restart();
  }

  async #restart(): Promise<void> {
    try {
      await this.start();
    } catch (error) {
      if (this.#scope.isClosed) return;
      log.error('reading the network state failed: %s', messageOf(error));
      this.#options.clock.after('netlink: read anew', RETRY_MS, this.#scope, () => {
        if (!this.#isReading) void this.#restart();
      });
      return;
    }
    this.#options.mirror.resynchronised.emit();
  }

  async #read(): Promise<void> {
    this.#isStale = false;
    const waiting: KernelEvent[] = [];
    this.#waiting = waiting;
    this.#openSocket();
    try {
      const state = await this.#readState();
      // Events of a socket that lost some are no use; what was read is true as of some moment.
      for (const event of this.#isStale ? [] : waiting) {
        if (!state.apply(event, ignoreChange)) this.#isStale = true;
      }
      this.#waiting = undefined;
      this.#options.mirror.adopt(state);
    } catch (error) {
      // The state changes faster than it can be read.
      if (!(error instanceof NetlinkError) || error.code !== 'EINTR') throw error;
      this.#isStale = true;
    }
  }

  #openSocket(): void {
    void this.#socketScope.close();
    this.#socketScope = this.#scope.child();
    const { system, eventBufferBytes, follows } = this.#options;
    const groups = EVENT_GROUPS[follows];
    const options = { protocol: NETLINK_ROUTE, groups, receiveBufferBytes: eventBufferBytes };
    const socket = system.netlink(options, this.#socketScope);
    socket.onMessage = (bytes, sender) => this.#receive(bytes, sender);
    socket.onError = (error) => this.#invalidate(error.message);
  }

  async #readState(): Promise<KernelState> {
    const { connection, follows } = this.#options;
    const { signal } = this.#scope;
    const isAll = follows === 'all';
    const [links, addresses, ...routes] = await Promise.all([
      dumpLinks(connection, signal),
      isAll ? dumpAddresses(connection, signal) : [],
      isAll ? dumpRoutes(connection, { family: 4, table: MAIN_TABLE }, signal) : [],
      isAll ? dumpRoutes(connection, { family: 6, table: MAIN_TABLE }, signal) : [],
    ]);
    const state = new KernelState();
    for (const link of links) state.apply({ kind: 'link', link }, ignoreChange);
    for (const address of addresses) state.apply({ kind: 'address', address }, ignoreChange);
    for (const hops of routes.flat()) state.apply({ kind: 'route', hops, isReplacement: false }, ignoreChange);
    return state;
  }

  #receive(bytes: Uint8Array, { portId }: NetlinkSender): void {
    if (portId !== 0) {
      log.debug('dropped a message of port %d, which is not the kernel', portId);
      return;
    }
    try {
      forEachMessage(bytes, (message) => this.#take(message));
    } catch (error) {
      if (!(error instanceof DecodeError)) throw error;
      log.debug('dropped a broken message: %s', error.message);
    }
  }

  #take(message: NetlinkMessage): void {
    const event = decodeEvent(message);
    if (event === undefined) return;
    if (this.#waiting !== undefined) this.#waiting.push(event);
    else if (!this.#options.mirror.apply(event)) this.#invalidate('an event did not tell enough');
  }

  #pause(delayMs: number): Promise<void> {
    return new Promise((resolve, reject) => {
      const own = this.#scope.child();
      own.defer(() => reject(this.#scope.signal.reason));
      this.#options.clock.after('netlink: read anew', delayMs, own, () => {
        resolve();
        void own.close();
      });
    });
  }
}

const NETLINK_ROUTE = 0;
const STORM_PAUSE_MS = 50;
const RETRY_MS = 1000;

function ignoreChange(): void {
  // Nobody sees a state before it is whole.
}
