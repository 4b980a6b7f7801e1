/**
 * What happens when the default service's link leads to a captive portal: somebody who can log in by
 * himself (WISPr) is let try, then a user is asked to open a browser; after either the link is asked
 * again. It stays ready meanwhile, and the checks go on.
 * Invariant: one visit a service at a time, which ends with its connection or when it is online.
 */

import type { LoginAnswer, PortalAgent } from './portal/agent.ts';
import type { Service } from './service/service.ts';
import type { Services } from './service/services.ts';
import type { ServiceWeb } from './service/link-proxy.ts';
import type { Clock } from './shared/clock.ts';
import { stackOf } from './shared/errors.ts';
import { logger } from './shared/log.ts';
import type { Scope } from './shared/scope.ts';
import type { System, TcpOptions } from './system/system.ts';

const log = logger('src/portal.ts');

/** Somebody who may log in without a browser. */
export interface PortalLogin {
  /** Throws only the signal's reason. */
  login(visit: PortalVisit, signal: AbortSignal): Promise<LoginResult>;
}

/** What came of it: the way may be open, a browser is needed, or the user does not want to. */
export type LoginResult =
  | { readonly kind: 'open' }
  | { readonly kind: 'browser'; readonly url: string }
  | { readonly kind: 'given up'; readonly reason: string };

/** A portal to log in at, and the means. */
export interface PortalVisit {
  /** Of the service. */
  readonly identifier: string;
  /** What was asked for when the portal answered. */
  readonly statusUrl: string;
  readonly web: ServiceWeb;
  /** Unconnected sockets, bound to the link; the caller's to close by `closeSocket`. Throws SystemError. */
  openSockets(family: 4 | 6, count: number): number[];
  closeSocket(fd: number): void;
  /** Asks a user; may take minutes. */
  askLogin(signal: AbortSignal): Promise<LoginAnswer>;
}

/** What portals take from the core. */
export interface PortalEnv {
  readonly clock: Clock;
  readonly system: System;
  readonly portalAgent: PortalAgent;
}

/** Agents that answer at once, while the portal is still there, are not asked without end. */
const ASK_AGAIN_AFTER_MS = 10_000;

interface Visit {
  readonly scope: Scope;
  /** Nobody is asked before that; Infinity: the user does not want to. */
  quietUntilMs: number;
  isBusy: boolean;
}

/** Follows all services. */
export class Portals {
  readonly #env: PortalEnv;
  readonly #services: Services;
  readonly #scope: Scope;
  readonly #logins = new Set<PortalLogin>();
  readonly #visits = new Map<Service, Visit>();

  constructor(env: PortalEnv, services: Services, scope: Scope) {
    this.#env = env;
    this.#services = services;
    this.#scope = scope;
    services.added.observe(scope, ({ service, scope: its }) => {
      service.checked.observe(its, () => this.#consider(service));
      its.defer(() => this.#leave(service));
    });
    services.defaultChanged.observe(scope, (service) => {
      for (const other of [...this.#visits.keys()]) if (other !== service) this.#leave(other);
      if (service !== undefined) this.#consider(service);
    });
  }

  /** Lets `login` try before a browser is asked for, until `scope` closes. */
  register(login: PortalLogin, scope: Scope): void {
    this.#logins.add(login);
    scope.defer(() => void this.#logins.delete(login));
  }

  #consider(service: Service): void {
    const outcome = service.inUse.lastCheck?.outcome;
    if (outcome === undefined || outcome.kind === 'online') return this.#leave(service);
    if (outcome.kind !== 'portal' || service !== this.#services.default) return;
    const visit = this.#visits.get(service) ?? { scope: this.#scope.child(), quietUntilMs: 0, isBusy: false };
    this.#visits.set(service, visit);
    if (visit.isBusy || visit.quietUntilMs > this.#env.clock.now()) return;
    visit.isBusy = true;
    void this.#visit(service, visit, outcome.url, outcome.isTold === true);
  }

  #leave(service: Service): void {
    void this.#visits.get(service)?.scope.close();
    this.#visits.delete(service);
  }

  async #visit(service: Service, visit: Visit, url: string, isTold: boolean): Promise<void> {
    const { signal } = visit.scope;
    try {
      const [login] = this.#logins;
      // What tells of itself by RFC 8908 wants a browser.
      const result = isTold || login === undefined
        ? { kind: 'browser', url } as const
        : await login.login(this.#describe(service), signal);
      const isDone = result.kind === 'open' ||
        (result.kind === 'browser' && await this.#browse(service, result.url, visit));
      if (result.kind === 'given up') {
        log.warn('%s: login at the portal: %s', service.identifier, result.reason);
        visit.quietUntilMs = Infinity;
      }
      if (isDone) visit.quietUntilMs = this.#env.clock.now() + ASK_AGAIN_AFTER_MS;
      visit.isBusy = false;
      if (isDone) service.upkeep?.recheck();
    } catch (error) {
      if (signal.aborted) return;
      // Such as a link that goes while sockets are made for it.
      log.error('%s: login at the portal: %s', service.identifier, stackOf(error));
      visit.quietUntilMs = this.#env.clock.now() + ASK_AGAIN_AFTER_MS;
      visit.isBusy = false;
    }
  }

  /** Whether a user says that the way is open now. */
  async #browse(service: Service, url: string, visit: Visit): Promise<boolean> {
    switch (await this.#env.portalAgent.requestBrowser(service, url, visit.scope.signal)) {
      case 'done':
        return true;
      case 'dismissed':
        visit.quietUntilMs = Infinity;
        return false;
      case 'nobody':
        return false;
    }
  }

  #describe(service: Service): PortalVisit {
    const { system, portalAgent } = this.#env;
    const { network, inUse: { web, lastCheck } } = service;
    if (web === undefined || lastCheck === undefined) throw new Error(`${service.identifier} is not connected`);
    return {
      identifier: service.identifier,
      statusUrl: lastCheck.url,
      web,
      openSockets: (family, count) => openSockets(system, { family, device: network.device.interfaceName }, count),
      closeSocket: (fd) => system.closeFd(fd),
      askLogin: (signal) => portalAgent.requestLogin(service, signal),
    };
  }
}

/** All, or none and a SystemError. */
function openSockets(system: System, options: TcpOptions, count: number): number[] {
  const sockets: number[] = [];
  try {
    while (sockets.length < count) sockets.push(system.tcp(options));
    return sockets;
  } catch (error) {
    for (const fd of sockets) system.closeFd(fd);
    throw error;
  }
}
