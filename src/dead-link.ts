/**
 * Links that are up and lead nowhere: no gateway answers ARP or neighbour discovery any more, though
 * the driver says that it is joined. Those whose driver can join anew are watched while they are
 * connected (dead-link/machine.ts judges); how often it has been tried outlives the connection, so that
 * a network without a gateway is not joined over and over.
 */

import { type Health, type HealthAction, nextTickAt, stepStates, stepTime, WELL } from './dead-link/machine.ts';
import type { NeighbourState } from './netlink/neighbour/neighbour.ts';
import type { Rtnetlink } from './netlink/rtnetlink.ts';
import type { Service } from './service/service.ts';
import type { Services } from './service/services.ts';
import { isConnected } from './service/state.ts';
import type { Clock } from './shared/clock.ts';
import { messageOf } from './shared/errors.ts';
import type { IpAddress } from './shared/ipaddress.ts';
import { logger } from './shared/log.ts';
import type { Scope } from './shared/scope.ts';

const log = logger('src/dead-link.ts');

/** A driver that has not joined anew by then is left to itself. */
const REVIVAL_LIMIT_MS = 60_000;

/** What it takes. */
export interface DeadLinkEnv {
  readonly kernel: Pick<Rtnetlink, 'neighbour'>;
  readonly clock: Clock;
  readonly services: Services;
}

/** Watches the services until `scope` closes. */
export function reviveDeadLinks(env: DeadLinkEnv, scope: Scope): void {
  env.services.added.observe(scope, ({ service, scope: itsScope }) => {
    if (service.network.control.reassociate === undefined) return;
    const link = new WatchedLink(service, env, itsScope);
    service.stateChanged.observe(itsScope, ({ before, after }) => {
      if (isConnected(before) !== isConnected(after)) link.follow(isConnected(after));
    });
  });
}

class WatchedLink {
  readonly #service: Service;
  readonly #env: DeadLinkEnv;
  readonly #scope: Scope;
  #health: Health = WELL;
  /** While it is connected. */
  #life: Scope | undefined;
  #alarm: { set(atMs: number | undefined): void } | undefined;
  /** What the kernel has said of gateways, by address. */
  readonly #states = new Map<string, NeighbourState>();

  constructor(service: Service, env: DeadLinkEnv, scope: Scope) {
    this.#service = service;
    this.#env = env;
    this.#scope = scope;
  }

  follow(isUp: boolean): void {
    void this.#life?.close();
    this.#life = undefined;
    this.#states.clear();
    if (!isUp) return;
    const life = this.#scope.child();
    const { kernel, clock } = this.#env;
    const { ifindex } = this.#service.network.device;
    this.#life = life;
    this.#alarm = clock.alarm('dead link', life, () => this.#take(stepTime(this.#health, clock.now())));
    this.#alarm.set(nextTickAt(this.#health));
    try {
      kernel.neighbour.watch(ifindex, life, ({ address, state }) => {
        if (!this.#gateways.some((gateway) => gateway.equals(address))) return;
        this.#states.set(String(address), state);
        this.#judge();
      });
    } catch (error) {
      log.warn('%s: its gateways are not watched: %s', this.#service.identifier, error);
    }
  }

  get #gateways(): readonly IpAddress[] {
    const { ipv4, ipv6 } = this.#service.inUse;
    return [ipv4?.gateway, ipv6?.gateway].filter((gateway) => gateway !== undefined);
  }

  // One gateway that has not been spoken to may be there yet.
  #judge(): void {
    const states = this.#gateways.map((gateway) => this.#states.get(String(gateway)) ?? 'none');
    this.#take(stepStates(this.#health, states, this.#env.clock.now()));
  }

  #take({ health, action }: { readonly health: Health; readonly action: HealthAction }): void {
    this.#health = health;
    this.#alarm?.set(nextTickAt(health));
    if (action === 'ask') this.#ask();
    if (action === 'revive') void this.#revive();
  }

  #ask(): void {
    const { ifindex } = this.#service.network.device;
    for (const gateway of this.#gateways) {
      this.#env.kernel.neighbour.ask(ifindex, gateway).catch((error: unknown) => {
        log.debug('%s cannot be asked: %s', gateway, messageOf(error));
      });
    }
  }

  async #revive(): Promise<void> {
    const { identifier, network } = this.#service;
    const life = this.#life;
    if (life === undefined) return;
    log.warn('%s: no gateway answers; joining anew', identifier);
    const limits = life.child();
    const limit = this.#env.clock.deadline('join anew', REVIVAL_LIMIT_MS, life.signal, limits);
    try {
      await network.control.reassociate?.(limit);
      if (!life.isClosed) this.#service.upkeep?.wake();
    } catch (error) {
      log.debug('%s: not joined anew: %s', identifier, messageOf(error));
    } finally {
      await limits.close();
    }
  }
}
