/**
 * One address family of a connection: its address session, the routes that follow from it, and its
 * online check. Invariant: `setup` is what stands in the kernel, addresses and routes.
 */

import type { Device } from '../device.ts';
import type { AddressConflict } from '../ipconfig/configuration.ts';
import type { NetworkOffer } from '../ipconfig/offer.ts';
import type { AddressProgress, AddressSession, SessionEvent, Setup, StopMode } from '../ipconfig/session.ts';
import { startOnlineCheck, type CheckRecord, type CheckTarget, type OnlineCheck } from '../online-check/check.ts';
import type { FailureReason, Standing } from '../online-check/machine.ts';
import { Emitter, type Observable } from '../shared/emitter.ts';
import { ConnmanError, messageOf } from '../shared/errors.ts';
import type { IpAddress } from '../shared/ipaddress.ts';
import { logger } from '../shared/log.ts';
import type { Scope } from '../shared/scope.ts';
import { checkOptions } from './check-options.ts';
import type { ConnectionEnv } from './connection.ts';

const log = logger('src/service/family-connection.ts');

/** What a family sees of its connection. */
export interface FamilyTarget {
  readonly identifier: string;
  readonly device: Device;
  readonly family: 4 | 6;
  /** Servers to be reached through this link, whichever is the default, given what the network offers. */
  hosts(offer: NetworkOffer): readonly IpAddress[];
  /** Whether no default route may lead through it. */
  isNeverDefault(this: void): boolean;
  /** Whether it is asked whether it is online. */
  isChecked(this: void): boolean;
  /** How the online check finds its way. */
  readonly web: Pick<CheckTarget, 'proxyFor' | 'captivePortal'>;
}

/** What a connection is told of a family. */
export type FamilyEvent =
  /** `setup` is in the kernel, or is another one. */
  | { readonly kind: 'ready' }
  /** `setup` has a lease that holds for longer. */
  | { readonly kind: 'prolonged' }
  /** `setup` is gone. */
  | { readonly kind: 'lost' }
  | { readonly kind: 'conflict'; readonly conflict: AddressConflict }
  /** The online check has an answer. */
  | { readonly kind: 'checked' }
  | { readonly kind: 'failed'; readonly error: ConnmanError };

/** A finished check, and what it and those before it amount to. */
export interface LastCheck extends Omit<CheckRecord, 'nextAtMs'> {
  readonly family: 4 | 6;
  readonly standing: Standing;
  /** From its end to the next check; undefined where none follows. */
  readonly nextInMs: number | undefined;
}

/** One address family of a link in use. */
export class FamilyConnection<S extends Setup> {
  readonly #target: FamilyTarget;
  readonly #session: AddressSession<S>;
  readonly #env: ConnectionEnv;
  readonly #scope: Scope;
  readonly #events = new Emitter<FamilyEvent>();
  #setup: S | undefined;
  /** What is being put into the kernel, or is there. */
  #wanted: S | undefined;
  #isDefault = false;
  #check: { run: OnlineCheck; scope: Scope } | undefined;
  #lastCheck: LastCheck | undefined;

  constructor(target: FamilyTarget, session: AddressSession<S>, env: ConnectionEnv, scope: Scope) {
    this.#target = target;
    this.#session = session;
    this.#env = env;
    this.#scope = scope.child();
  }

  get events(): Observable<FamilyEvent> {
    return this.#events;
  }

  /** What is in use once its routes are in place. */
  get setup(): S | undefined {
    return this.#setup;
  }

  /** Whether it is set up, or is being set up. */
  get isWanted(): boolean {
    return this.#wanted !== undefined;
  }

  /** The last finished online check, for whoever asks why. */
  get lastCheck(): LastCheck | undefined {
    return this.#lastCheck;
  }

  /** How far its addresses are. */
  get progress(): AddressProgress | undefined {
    return this.#session.progress;
  }

  start(): void {
    this.#session.events.observe(this.#scope, (event) => this.#onSession(event));
    this.#session.start();
  }

  /** The hosts are others, or whether a default route may lead through it is. */
  updateHosts(): void {
    this.#session.updateDefault?.();
    if (this.#setup !== undefined) void this.#route(this.#setup);
  }

  /** Asks anew whether the link is online, if that is asked at all. */
  recheck(): void {
    this.#check?.run.restart();
  }

  /** The machine slept: the addresses and the way out are looked at again. */
  wake(): void {
    this.#session.wake();
    this.recheck();
  }

  /** See Connection. */
  setDefault(isDefault: boolean): void {
    this.#isDefault = isDefault;
    if (isDefault && this.#setup !== undefined && this.#check === undefined) this.#startCheck();
  }

  /** What is set up is put into the kernel again. */
  reapply(): void {
    this.#session.reapply();
    this.updateHosts();
  }

  /** Ends; nothing is emitted any more. */
  async stop(mode: StopMode): Promise<void> {
    const { identifier, family } = this.#target;
    const stopped = this.#session.stop(mode); // first: a release takes the routes that are there
    const routes = mode === 'keep' ? undefined : this.#env.gateways.remove({ identifier, family });
    if (mode === 'keep') this.#env.gateways.abandon({ identifier, family });
    await Promise.all([stopped, routes, this.#scope.close()]);
  }

  #onSession(event: SessionEvent<S>): void {
    const { identifier, family } = this.#target;
    switch (event.kind) {
      case 'configured':
        void this.#route(event.setup);
        return;
      case 'prolonged':
        if (this.#setup === undefined || this.#wanted !== this.#setup) return;
        this.#setup = event.setup;
        this.#wanted = event.setup;
        this.#events.emit({ kind: 'prolonged' });
        return;
      case 'lost':
        this.#setup = undefined;
        this.#wanted = undefined;
        this.#stopCheck();
        void this.#env.gateways.remove({ identifier, family });
        this.#events.emit({ kind: 'lost' });
        return;
      case 'conflict': {
        const { address, hardwareAddress, isResolved } = event;
        const at = this.#env.clock.wallTime();
        this.#events.emit({ kind: 'conflict', conflict: { address, hardwareAddress, at, isResolved } });
        return;
      }
      case 'failed':
        this.#events.emit(event);
        return;
    }
  }

  async #route(setup: S): Promise<void> {
    const { identifier, family, device } = this.#target;
    const { inUse, subnets, routes, tunnel } = setup;
    this.#wanted = setup;
    try {
      await this.#env.gateways.set({ identifier, family }, {
        ifindex: setup.link?.ifindex ?? device.ifindex,
        family,
        subnets,
        hosts: this.#target.hosts(setup.offer),
        routes,
        ...(this.#target.isNeverDefault() && { isNeverDefault: true }),
        ...(tunnel === undefined && inUse.gateway !== undefined && { gateway: inUse.gateway }),
        ...(tunnel !== undefined && { tunnel, isOtherFamilyBlocked: tunnel === 'full' && !device.hasBothFamilies }),
      });
    } catch (error) {
      if (this.#scope.isClosed || this.#wanted !== setup) return;
      const failure = error instanceof ConnmanError ? error : new ConnmanError('Failed', undefined, { cause: error });
      log.error('%s: %s: %s', device.interfaceName, failure.message, messageOf(failure.cause));
      this.#events.emit({ kind: 'failed', error: failure });
      return;
    }
    if (this.#scope.isClosed || this.#wanted !== setup) return;
    this.#setup = setup;
    this.#events.emit({ kind: 'ready' });
    if (!this.#target.isChecked()) this.#endChecks();
    else if (this.#check !== undefined) this.#check.run.restart();
    else this.#startCheck();
  }

  // One-shot, others than the default are asked only once; continuous, all are asked all the time.
  #startCheck(): void {
    const { device, family } = this.#target;
    const options = checkOptions(this.#env.options, family, this.#env.version);
    if (options === undefined || device.tunnel !== undefined || !this.#target.isChecked()) return;
    const scope = this.#scope.child();
    const target = {
      ...this.#target.web,
      device: this.#setup?.link?.name ?? device.interfaceName,
      type: device.type,
      family,
      nameservers: () => this.#env.resolver.nameserversOf(device.ifindex),
    };
    const run = startOnlineCheck(target, options, this.#env, scope);
    this.#check = { run, scope };
    run.result.observe(scope, () => {
      const { standing, last } = run;
      const isLast = standing !== 'online' && !this.#isDefault && options.mode === 'one-shot';
      if (isLast) this.#stopCheck();
      const nextAtMs = isLast ? undefined : last?.nextAtMs;
      const nextInMs = nextAtMs === undefined ? undefined : nextAtMs - this.#env.clock.now();
      if (last !== undefined) this.#lastCheck = { ...last, family, standing, nextInMs };
      if (isAgainstTheWay(last)) this.#session.noteFailedCheck?.();
      this.#events.emit({ kind: 'checked' });
    });
  }

  // What was found out before is no longer so.
  #endChecks(): void {
    this.#stopCheck();
    if (this.#lastCheck === undefined) return;
    this.#lastCheck = undefined;
    this.#events.emit({ kind: 'checked' });
  }

  #stopCheck(): void {
    void this.#check?.scope.close();
    this.#check = undefined;
  }
}

/** Failures that say nothing of the way. */
const NOT_OF_THE_WAY: readonly FailureReason[] = ['url', 'dns', 'route'];

/** Whether a check says that this way leads nowhere: refused (4xx), or not answered at all. */
function isAgainstTheWay(check: CheckRecord | undefined): boolean {
  if (check?.outcome.kind !== 'failed') return false;
  const { status, outcome: { reason } } = check;
  return status === undefined ? !NOT_OF_THE_WAY.includes(reason) : status >= 400 && status < 500;
}
