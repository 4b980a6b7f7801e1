/**
 * Router discovery on one link (RFC 4861, 6.3; RFC 7559): asks the routers and keeps what they say.
 * It only listens and solicits: addresses and default routes are the kernel's to make.
 * Invariant: only what came with hop limit 255 from a link-local address is heard (6.1.2), so that
 * nobody off the link can speak for a router.
 */

import { Driver, type LinkEnv } from '../dhcp/driver.ts';
import { Emitter, type Observable } from '../shared/emitter.ts';
import { DecodeError, SystemError } from '../shared/errors.ts';
import { IpAddress } from '../shared/ipaddress.ts';
import { logger } from '../shared/log.ts';
import type { Scope } from '../shared/scope.ts';
import type { MessageSocket, System, UdpSender } from '../system/system.ts';
import { type Event, firstState, type Input, nextTickAt, type Packet, type State, step } from './discovery-machine.ts';
import { informationOf, type RouterInformation } from './knowledge.ts';
import {
  decodeRouterAdvertisement,
  encodeRouterSolicitation,
  ROUTER_ADVERTISEMENT,
  type RouterAdvertisement,
} from './router-advertisement.ts';

export type { DefaultRouter, PrefixInformation, RouteInformation, RouterInformation } from './knowledge.ts';
export type { Preference } from './router-advertisement.ts';

const log = logger('src/ndp/router-discovery.ts');

/** Where routers are looked for. */
export interface RouterDiscoveryOptions {
  /** A link that is up, or will be: what cannot be sent is tried again soon. */
  readonly ifindex: number;
  readonly name: string;
  readonly hardwareAddress: Uint8Array;
}

/** A running search; it ends with its scope, silently. */
export interface RouterDiscovery {
  /**
   * Anything but times is new, what ended included: `current` as it is then. At most four times a
   * second, whatever the routers do. Never emits during `startRouterDiscovery`.
   */
  readonly changed: Observable<RouterInformation>;
  /** What holds now, with the times as last advertised; undefined until a router has spoken. */
  readonly current: RouterInformation | undefined;
  /** No router answered four solicitations in 16 s; it goes on asking, ever more seldom. */
  readonly silent: Observable<void>;
  /** Asks at once: the link has a link-local address now, or may lead to other routers. */
  solicit(): void;
}

/** Starts to ask and to listen. Throws nothing. */
export function startRouterDiscovery(options: RouterDiscoveryOptions, env: LinkEnv, scope: Scope): RouterDiscovery {
  const { clock, random, system } = env;
  const changed = new Emitter<RouterInformation>();
  const silent = new Emitter<void>();
  const socket = new RouterSocket(system, options, scope, (router, advertisement) => {
    driver.feed({ kind: 'advertisement', router, advertisement });
  });
  const driver: Driver<State, Input, Packet, Event> = new Driver({
    name: `router discovery index ${options.ifindex}`,
    step: (state, input) => step(state, input, { now: clock.now(), random }),
    nextTickAt,
    send: () => socket.solicit(),
    isListening: () => true,
    open: () => void socket.open(),
    close: () => socket.close(),
  }, firstState(clock.now()), { clock, log }, scope);
  driver.events.observe(scope, (event) => {
    if (event.kind === 'changed') changed.emit(event.information);
    else silent.emit();
  });
  return {
    changed,
    silent,
    get current() {
      return informationOf(driver.state.knowledge);
    },
    solicit: () => driver.feed({ kind: 'solicit' }),
  };
}

const IPPROTO_ICMPV6 = 58;
const HOP_LIMIT = 255;
const HEADER_BYTES = 16;
/** ff02::2, all routers of the link. */
const ALL_ROUTERS = new IpAddress(Uint8Array.of(0xff, 2, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 2));

type OnAdvertisement = (router: IpAddress, advertisement: RouterAdvertisement) => void;

/** The ICMPv6 socket of one link. */
class RouterSocket {
  readonly #system: System;
  readonly #options: RouterDiscoveryOptions;
  readonly #scope: Scope;
  readonly #onAdvertisement: OnAdvertisement;
  #opened: { readonly scope: Scope; readonly socket: MessageSocket<UdpSender> } | undefined;
  #isKept = false;

  constructor(system: System, options: RouterDiscoveryOptions, scope: Scope, onAdvertisement: OnAdvertisement) {
    this.#system = system;
    this.#options = options;
    this.#scope = scope;
    this.#onAdvertisement = onAdvertisement;
  }

  solicit(): void {
    const { hardwareAddress, ifindex, name } = this.#options;
    const socket = this.open();
    try {
      socket.send(encodeRouterSolicitation(hardwareAddress), { address: ALL_ROUTERS, port: 0, ifindex });
      log.debug('%s: asked the routers', name);
    } catch (error) {
      // Without an address to send from, one may listen all the same.
      this.#isKept = error instanceof SystemError && error.code === 'EADDRNOTAVAIL';
      throw error;
    }
  }

  open(): MessageSocket<UdpSender> {
    if (this.#opened !== undefined) return this.#opened.socket;
    const { name } = this.#options;
    const scope = this.#scope.child();
    const socket = this.#system.raw({
      family: 6,
      protocol: IPPROTO_ICMPV6,
      device: name,
      icmpv6Types: [ROUTER_ADVERTISEMENT],
      hopLimit: HOP_LIMIT,
    }, scope);
    socket.onMessage = (bytes, sender) => this.#receive(bytes, sender);
    socket.onError = (error) => log.debug('%s: %s', name, error.message);
    this.#opened = { scope, socket };
    return socket;
  }

  close(): void {
    if (this.#isKept) {
      this.#isKept = false;
      return;
    }
    void this.#opened?.scope.close();
    this.#opened = undefined;
  }

  #receive(bytes: Uint8Array, { address, hopLimit }: UdpSender): void {
    const { name } = this.#options;
    if (hopLimit !== HOP_LIMIT || !address.isLinkLocal || bytes.length < HEADER_BYTES) {
      log.debug('%s: dropped an advertisement of %s with hop limit %d', name, address, hopLimit);
      return;
    }
    try {
      this.#onAdvertisement(address, decodeRouterAdvertisement(bytes));
    } catch (error) {
      if (!(error instanceof DecodeError)) throw error;
      log.debug('%s: dropped an advertisement of %s: %s', name, address, error.message);
    }
  }
}
