/**
 * A service: what a user connects to. It joins its network (attempt.ts), keeps one connection while
 * it is up (uplink.ts), and is the only one that changes its state (`#enter`, status.ts). What was
 * decided for it is in `configuration`, what it has of its connection in `inUse`.
 */

import type { InputAnswer } from '../daemon/agent-input.ts';
import type { AddressConflict } from '../ipconfig/configuration.ts';
import type { StopMode } from '../ipconfig/session.ts';
import { JoinError, type Network } from '../network.ts';
import type { Standing } from '../online-check/machine.ts';
import type { Caller } from '../shared/caller.ts';
import { Emitter } from '../shared/emitter.ts';
import { ConnmanError } from '../shared/errors.ts';
import { logger } from '../shared/log.ts';
import type { Scope } from '../shared/scope.ts';
import type { Tunnel } from '../tunnel.ts';
import { isWired, type ServiceType } from '../types.ts';
import { aspectsOf, concernedBy, IN_USE, type ServiceAspect } from './aspects.ts';
import { changesBetween, DEFAULT_CONFIGURATION, type Provisioned, type ServiceConfiguration } from './configuration.ts';
import { Attempt, type ConnectReason } from './attempt.ts';
import type { Upkeep } from './connection.ts';
import { InUse } from './in-use.ts';
import { PrefixWish } from './prefix-wish.ts';
import { ServiceRecord } from './record.ts';
import type { ServiceEnv, ServiceError, ServiceProgress } from './service-env.ts';
import { failureHooksOf, joinContextOf, leaveNetwork } from './views.ts';
import {
  isActive, isConnected, isConnecting, isNewConnection, type ServiceState, type StateChange,
} from './state.ts';
import { Statistics } from './statistics.ts';
import { ServiceStatus } from './status.ts';
import { Uplink, type UplinkEvent } from './uplink.ts';

const log = logger('src/service/service.ts');

/** Something to connect to. */
export class Service {
  /** Its name on the bus and on disk: `wifi_<device>_<network>_managed_psk`. */
  readonly identifier: string;
  readonly type: ServiceType;
  /** What it joins; the service is there as long as this is. */
  readonly network: Network;
  /** How much it has carried; src/counter keeps it. */
  readonly statistics = new Statistics();
  /** Emits when there may be another `inUse.lastCheck`, or none any more. */
  readonly checked = new Emitter<void>();
  /** Emits when a lease is there, holds for longer, or is gone. */
  readonly leased = new Emitter<void>();
  /** Emits what may have changed; look at the values to know. */
  readonly changed = new Emitter<readonly ServiceAspect[]>();
  /** Emits after every change of state, before what follows from it. */
  readonly stateChanged = new Emitter<StateChange>();
  /** What it has of its connection. */
  readonly inUse: InUse;
  /** Who wants prefixes delegated through it. */
  readonly prefixWish = new PrefixWish();
  /** For src/service alone. */
  readonly record: ServiceRecord;
  readonly #env: ServiceEnv;
  readonly #scope: Scope;
  readonly #status: ServiceStatus;
  readonly #uplink: Uplink;
  #isIgnored = false;
  /** What the online checks of the connection amount to. */
  #standing: Standing = 'unknown';
  /** The last. */
  #attempt: Attempt | undefined;

  /** Reads what is stored of it; closed with `scope`. */
  constructor(type: ServiceType, network: Network, env: ServiceEnv, scope: Scope) {
    this.type = type;
    this.network = network;
    this.identifier = [type, network.device.ident, network.group].filter((part) => part !== '').join('_');
    this.#env = env;
    this.#scope = scope;
    this.#status = new ServiceStatus(this);
    this.record = new ServiceRecord(this, env, scope);
    this.#uplink = new Uplink(this, env, scope, (event) => this.#onUplink(event));
    this.inUse = new InUse(this, env, this.#uplink);
    network.strengthChanged.observe(scope, () => this.changed.emit(['strength']));
    network.securityChanged.observe(scope, () => this.changed.emit(['security']));
    network.lost.observe(scope, () => this.leave('withdraw'));
    network.device.linkChanged.observe(scope, () => this.changed.emit(['ethernet']));
    this.tunnel?.changed.observe(scope, () => this.changed.emit(['provider']));
  }

  get name(): string | undefined {
    return this.network.name;
  }

  /** Of a VPN. */
  get tunnel(): Tunnel | undefined {
    return this.network.device.tunnel;
  }

  /** Among those connected, the higher comes first: a VPN that all traffic is to take. */
  get order(): number {
    return this.tunnel === undefined || this.tunnel.isSplitRouting ? 0 : 10;
  }

  get state(): ServiceState {
    return this.#status.state;
  }

  /** For clients. */
  get shownState(): ServiceState {
    return this.#status.shown;
  }

  /** Why it is not connected or not online, until it connects anew. */
  get error(): ServiceError | undefined {
    return this.#status.error;
  }

  get strength(): number {
    return this.network.strength;
  }

  get isFavorite(): boolean {
    return this.record.isFavorite;
  }

  /** Shown as false while not a favorite. */
  get isAutoconnect(): boolean {
    return this.record.isFavorite && this.record.isAutoconnect;
  }

  /** Whether a user has disconnected it: it is connected by nobody else then. */
  get isIgnored(): boolean {
    return this.#isIgnored;
  }

  /** Whether one of the two families is on. */
  get isConfigurable(): boolean {
    const { ipv4, ipv6 } = this.configuration;
    return ipv4.method !== 'off' || ipv6.method !== 'off';
  }

  get isReachable(): boolean {
    return this.network.device.isUsable;
  }

  get configuration(): ServiceConfiguration {
    return this.record.configuration;
  }

  /** What decided its configuration, if a file did. */
  get provisioned(): Provisioned | undefined {
    return this.record.provisioned;
  }

  /** Whether its configuration is a file's business and no client's. */
  get isImmutable(): boolean {
    return this.record.provisioned !== undefined;
  }

  /** Whether conflicts of the address are looked for, and the last one found. */
  get conflictDetection(): { readonly last: AddressConflict | undefined } | undefined {
    return this.#env.options.AddressConflictDetection ? { last: this.#uplink.conflict } : undefined;
  }

  /** What may be asked of its connection, while there is one. */
  get upkeep(): Upkeep | undefined {
    return this.#uplink.connection;
  }

  /** How its connection comes about, for whoever asks why there is none. */
  get progress(): ServiceProgress {
    return { attempt: this.#attempt, address: this.#uplink.connection?.progress };
  }

  /**
   * Connects. Resolves when the driver is done (at once for a cable), for drivers that take time
   * when the service is ready. Throws InProgress, AlreadyConnected, NoCarrier, OperationAborted,
   * OperationTimeout, Failed. When it fails, the agent of `caller` or another may have it retried.
   */
  async connect(reason: ConnectReason, caller?: Caller, answered?: InputAnswer): Promise<void> {
    if (this.#attempt?.isPending === true || isConnecting(this.state)) throw new ConnmanError('InProgress');
    if (isConnected(this.state)) throw new ConnmanError('AlreadyConnected');
    if (!this.isConfigurable) throw new ConnmanError('NoCarrier');
    this.#env.others.makeRoom(this);
    if (reason === 'user') this.#isIgnored = false;
    const attempt = new Attempt({ reason, caller, answered }, this.#env.clock, this.#scope);
    this.#attempt = attempt;
    const joining = this.network.control.connect(attempt.signal, joinContextOf(this, this.record, this.#env, attempt));
    if (joining === undefined) return this.#configure();
    if (reason === 'user' && this.network.control.asksFirst === true) this.#status.hold();
    this.#enter('association');
    await attempt.join(joining, () => this.#configure(), (cause) => {
      if (attempt.isUnanswered || (this.#status.isHeld && !(cause instanceof JoinError))) this.leave('withdraw', cause);
      else this.#fail(cause instanceof JoinError ? cause.reason : 'connect-failed', cause);
    });
  }

  /** Disconnects for a user: stays so until the user connects. Throws NotConnected. */
  disconnect(): void {
    if (!isActive(this.state)) {
      this.network.control.giveUp?.();
      throw new ConnmanError('NotConnected');
    }
    this.#isIgnored = true;
    this.leave('release');
  }

  /**
   * Forgets it for a user: disconnected, no favorite, its secrets gone. Throws NotSupported for what
   * is there or not (cables), what a file decides, what has no name, and what is just being tried.
   */
  remove(): void {
    const isPassing = isWired(this.type) || this.name === undefined;
    const isTried = isActive(this.state) && !this.isFavorite;
    if (isPassing || isTried || this.isImmutable) throw new ConnmanError('NotSupported');
    if (isActive(this.state)) this.disconnect();
    this.record.forget(this.network);
    this.clearError();
    this.changed.emit(['favorite', 'autoconnect', 'ipv6Configuration']);
  }

  /** Goes down without a user's wish: the device is powered off, the network is gone, the daemon stops. */
  leave(mode: StopMode, reason?: unknown): void {
    if (!isActive(this.state)) return;
    this.#attempt?.abort(reason);
    this.#enter('disconnect');
    this.#uplink.stop(mode);
    leaveNetwork(this, mode)?.catch((error: unknown) => log.warn('%s: not left: %s', this.identifier, error));
    this.#enter('idle');
    this.changed.emit(IN_USE);
  }

  /** Sets some of the configuration; it takes effect at once. */
  configure(change: Partial<ServiceConfiguration>): void {
    const families = this.#uplink.connection === undefined ? [] : concernedBy(change);
    for (const family of families) this.#uplink.connection?.withdraw(family);
    if (families.length > 0) this.#matchState();
    this.record.configuration = { ...this.configuration, ...change };
    this.record.save();
    if ((change.nameservers ?? change.domains ?? change.mdns) !== undefined) this.upkeep?.updateServers();
    if ('proxy' in change) this.upkeep?.recheck();
    this.changed.emit(aspectsOf(change));
    if (families.length === 0) return;
    if (this.isConfigurable) return families.forEach((family) => this.#uplink.connection?.begin(family));
    this.#uplink.stop('withdraw');
    this.#enter('idle');
  }

  /**
   * For provisioning: a file decides the configuration, whole, from now on, or no longer any, so that
   * what users had decided is back. A service that a file speaks for is a favorite.
   */
  provision(provisioned: Provisioned | undefined, configuration?: ServiceConfiguration): void {
    const own = this.record.provision(provisioned);
    if (provisioned !== undefined) this.#becomeFavorite();
    this.#isIgnored = false;
    // ConnMan's rule: a network that only a file knew is forgotten with it.
    const isForgotten = provisioned === undefined && own === undefined && this.name !== undefined;
    if (isForgotten && !isWired(this.type)) this.remove();
    this.configure(changesBetween(this.configuration, configuration ?? own ?? DEFAULT_CONFIGURATION));
    this.upkeep?.updateServers();
    this.changed.emit(['immutable', 'autoconnect', 'nameservers', 'timeservers', 'domains']);
  }

  /** Throws InvalidService unless it is a favorite. */
  setAutoconnect(isAutoconnect: boolean): void {
    if (!this.isFavorite) throw new ConnmanError('InvalidService');
    if (isAutoconnect === this.record.isAutoconnect) return;
    this.record.isAutoconnect = isAutoconnect;
    this.record.save();
    this.changed.emit(['autoconnect']);
  }

  /** Forgets the last error: a failed service becomes idle, and no agent is asked about it any more. */
  clearError(): void {
    this.#attempt?.withdraw();
    this.forgetError();
    this.settleFailure();
  }

  /** Forgets the last error; a failed service stays so. */
  forgetError(): void {
    this.#status.setError(undefined);
  }

  /** A failed service becomes idle; the error stays, for the next attempt to know. */
  settleFailure(): void {
    if (this.state === 'failure') this.#enter('idle');
  }

  /** For its attempt: users are asked nothing any more. */
  showAttempt(): void {
    if (this.#status.release()) this.#env.others.reorder(this);
  }

  /** For the registry: whether this service carries the default route. */
  setDefault(isDefault: boolean): void {
    if (isDefault === this.#uplink.isDefault) return;
    if (isDefault) log.info('Interface %s [ %s ] is the default', this.network.device.interfaceName, this.type);
    this.#uplink.setDefault(isDefault);
    if (isDefault) this.#applyStanding();
    else if (this.state === 'online') this.#enter('ready');
  }

  /** What is kept for the driver of its network. */
  get storedKeys(): ReadonlyMap<string, string> {
    return this.record.driverKeys;
  }

  /** For drivers: has keys kept, or forgotten where undefined. */
  store(keys: Readonly<Record<string, string | undefined>>): void {
    this.record.keep(keys);
  }

  #configure(): void {
    this.#standing = 'unknown';
    const connection = this.#uplink.make();
    this.#enter('configuration');
    connection.start();
  }

  #onUplink(event: UplinkEvent): void {
    switch (event.kind) {
      case 'configuration':
        return this.#matchState();
      case 'ready':
        return this.#becomeReady();
      case 'checked':
        this.#standing = event.standing;
        this.#applyStanding();
        return this.checked.emit();
      case 'failed':
        log.error('%s: %s', this.network.device.interfaceName, event.error.message);
        return this.#fail('connect-failed', event.error);
    }
  }

  // Only the default service is online, whatever is known of the others.
  #applyStanding(): void {
    if (!isConnected(this.state)) return;
    const isUnchecked = this.inUse.lastCheck === undefined;
    if (this.#standing === 'failed') {
      this.#status.setError('online-check-failed');
      this.#enter('ready');
    } else if (this.#standing === 'online' || isUnchecked) {
      if (this.error === 'online-check-failed') this.#status.setError(undefined);
      if (isUnchecked) this.#enter('ready');
      else if (this.#uplink.isDefault) this.#enter('online');
    }
  }

  /** The state is what the families amount to, once one of them is gone. */
  #matchState(): void {
    const connection = this.#uplink.connection;
    this.leased.emit();
    this.#standing = connection?.standing ?? 'unknown';
    if (connection?.isReady !== true) this.#enter('configuration');
    else if (this.state === 'online' && this.#standing !== 'online') this.#enter('ready');
    this.changed.emit(IN_USE);
  }

  #becomeReady(): void {
    this.#uplink.noteLease();
    if (!isConnected(this.state)) this.#enter('ready');
    else {
      this.#matchState();
      this.changed.emit(['timeservers', 'domains', 'proxy']);
    }
    this.#uplink.resolveConflict();
    this.record.saveSoon();
  }

  #fail(error: ServiceError, cause: unknown): void {
    this.#uplink.stop('withdraw');
    if (this.tunnel === undefined) this.#status.setError(error);
    this.#enter('failure');
    this.changed.emit(IN_USE);
    void this.#attempt?.fail(cause, failureHooksOf(this, this.#env.agent));
  }

  /** Enters a state, and does what follows from that. */
  #enter(after: ServiceState): void {
    const before = this.state;
    if (after === before) return;
    const isNew = isNewConnection(before, after);
    if (isNew) this.record.noteSuccess();
    this.#status.enter(after);
    if (isNew) this.#becomeFavorite();
    if (!isConnected(after)) return;
    if (!isConnected(before)) this.changed.emit(IN_USE);
    this.#attempt?.succeed();
  }

  #becomeFavorite(): void {
    if (this.isFavorite) return;
    this.record.isFavorite = true;
    this.changed.emit(['favorite', 'autoconnect']);
  }
}
