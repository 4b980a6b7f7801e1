/**
 * A VPN connection: what was configured, one attempt or tunnel at a time, and the only place where
 * its state changes (`#enter`). Invariant: a Connect that was accepted is answered exactly once, and
 * `idle` or `failure` is entered only when the driver has ended and its interface is gone.
 */

import { Emitter, type Observable } from '../src/shared/emitter.ts';
import { ConnmanError, messageOf, stackOf } from '../src/shared/errors.ts';
import { logger } from '../src/shared/log.ts';
import { createScope, type Scope } from '../src/shared/scope.ts';
import type { VpnRoute } from '../src/provision/vpn-values.ts';
import type { Field } from './agent.ts';
import { VpnFailure, type Driver, type DriverEnv, type Session, type Tunnel } from './driver.ts';
import { Settings } from './settings.ts';
import type { Task, TaskOptions } from './task.ts';
import { TunnelInterface } from './tunnel.ts';

const log = logger('vpn/provider.ts');

/** `State` of a connection. */
export type ProviderState = 'idle' | 'configuration' | 'ready' | 'disconnect' | 'failure';

/** What may have changed; look at the values to know. In the order in which they are told. */
export type ProviderAspect =
  | 'type' | 'name' | 'host' | 'index' | 'ipv4' | 'ipv6' | 'nameservers' | 'domain' | 'splitRouting'
  | 'userRoutes' | 'serverRoutes' | 'state';

/** What a connection is called and where it leads. */
export interface ProviderIdentity {
  readonly type: string;
  readonly name: string;
  readonly host: string;
  readonly domain?: string | undefined;
}

/** Where a provisioned connection comes from. */
export interface ProvisionSource {
  readonly file: string;
  readonly ident: string;
}

/** A connection to be made. */
export interface ProviderDescription {
  readonly ident: string;
  readonly identity: ProviderIdentity;
  readonly source?: ProvisionSource | undefined;
}

/** What connections take from the daemon. */
export interface ProviderEnv extends DriverEnv {
  driver(type: string): Driver | undefined;
  makeDevice(kind: 'tun' | 'tap', type: string): string;
  /** Keeps a file of mode 0600 in a directory of the storage, for as long as that; returns its path. */
  keepFile(directory: string, name: string, content: string): string;
  startTask(type: string, options: TaskOptions, scope: Scope): Task;
  ask(provider: Provider, preferred: string | undefined, fields: readonly Field[], signal: AbortSignal):
    Promise<ReadonlyMap<string, string>>;
}

/** How long after the last route the server's routes are told. */
const ROUTES_QUIET_MS = 100;

/** How long an attempt may take without a word to the user; a helper that says nothing is ended. */
const ATTEMPT_MS = 120_000;

/** How long a working connection excuses refused logins: a server that hiccups. */
const GOOD_FOR_MS = 3_600_000;

/** One connection. */
export class Provider {
  readonly ident: string;
  readonly settings = new Settings();
  readonly source: ProvisionSource | undefined;
  readonly #env: ProviderEnv;
  readonly #scope: Scope;
  readonly #changed = new Emitter<readonly ProviderAspect[]>();
  #identity: ProviderIdentity;
  #state: ProviderState = 'idle';
  #index: number | undefined = 0;
  #isSplitRouting = false;
  #userRoutes: readonly VpnRoute[] = [];
  #serverRoutes: readonly VpnRoute[] = [];
  #tunnel: Tunnel | undefined;
  #run: Run | undefined;
  #errors = { auth: 0, connect: 0 };
  #lastGoodMs: number | undefined;

  /** `source` makes it immutable. Closed with `scope`, which ends its tunnel. */
  constructor({ ident, identity, source }: ProviderDescription, env: ProviderEnv, scope: Scope) {
    this.ident = ident;
    this.#identity = identity;
    this.source = source;
    this.#env = env;
    this.#scope = scope;
    scope.defer(async () => {
      this.disconnect();
      await this.#run?.ended;
    });
  }

  get changed(): Observable<readonly ProviderAspect[]> {
    return this.#changed;
  }

  get identity(): ProviderIdentity {
    return this.#identity;
  }

  get state(): ProviderState {
    return this.#state;
  }

  get isImmutable(): boolean {
    return this.source !== undefined;
  }

  /** Of the tunnel's interface; 0 before the first, undefined after one. */
  get index(): number | undefined {
    return this.#index;
  }

  get isSplitRouting(): boolean {
    return this.#isSplitRouting;
  }

  get userRoutes(): readonly VpnRoute[] {
    return this.#userRoutes;
  }

  get serverRoutes(): readonly VpnRoute[] {
    return this.#serverRoutes;
  }

  /** The last tunnel, kept when it is gone. */
  get tunnel(): Tunnel | undefined {
    return this.#tunnel;
  }

  /** The domain in use: the configured one, or else the server's. */
  get domain(): string | undefined {
    return this.#identity.domain ?? this.#tunnel?.domain;
  }

  /** Changes type, name, host or domain; true if something is different. */
  identify(change: Partial<ProviderIdentity>): boolean {
    const before = this.#identity;
    this.#identity = { ...before, ...change };
    const keys = ['type', 'name', 'host', 'domain'] as const;
    const changed = keys.filter((key) => before[key] !== this.#identity[key]);
    if (changed.length > 0) this.#changed.emit(changed);
    return changed.length > 0;
  }

  /** Announced even if it is the same, as ConnMan does. */
  setSplitRouting(isSplitRouting: boolean): void {
    this.#isSplitRouting = isSplitRouting;
    this.#changed.emit(['splitRouting']);
  }

  setUserRoutes(routes: readonly VpnRoute[]): void {
    this.#userRoutes = routes;
    this.#changed.emit(['userRoutes']);
  }

  /** Saving a connection gives it a fresh start. */
  resetFailure(): void {
    this.#errors = { auth: 0, connect: 0 };
    if (this.#state === 'failure') this.#enter('idle');
  }

  /**
   * Connects; resolves when the tunnel is there, before its interface is up. `preferred` is the bus
   * name whose agent is asked. Throws InProgress, AlreadyConnected, InvalidArguments, or what failed.
   */
  async connect(preferred: string | undefined): Promise<void> {
    if (this.#state === 'failure') {
      this.#enter('idle');
      throw new ConnmanError('InProgress');
    }
    if (this.#state === 'ready') throw new ConnmanError('AlreadyConnected');
    if (this.#run !== undefined) throw new ConnmanError('InProgress');
    const driver = this.#env.driver(this.#identity.type);
    if (driver === undefined) throw new ConnmanError('InvalidArguments');
    const run = new Run();
    this.#run = run;
    this.#enter('configuration');
    run.ended = this.#live(driver, run, preferred);
    return run.answer;
  }

  /** Ends the tunnel or the attempt at one; nothing to do while idle. */
  disconnect(): void {
    if (this.#run === undefined || this.#run.abort.signal.aborted) return;
    this.#run.reject(new ConnmanError('Failed', 'No such file or directory'));
    this.#enter('disconnect');
    this.#run.abort.abort(new ConnmanError('OperationAborted'));
  }

  async #live(driver: Driver, run: Run, preferred: string | undefined): Promise<void> {
    const scope = createScope();
    let failure: unknown;
    try {
      const session = this.#session(driver, run, preferred, scope);
      this.#limit(run);
      await driver.run(session);
    } catch (error) {
      failure = error;
    }
    void run.patience?.close();
    const isWished = run.abort.signal.aborted && run.expired === undefined;
    if (!isWished && this.#state === 'ready') this.#enter('disconnect');
    await scope.close();
    this.#index = undefined;
    this.#serverRoutes = [];
    this.#run = undefined;
    if (!isWished) this.#conclude(run, run.expired ?? failure);
    if (this.#state === 'disconnect') this.#enter('idle');
  }

  // Anew with every answer of the user's; the driver is ended before anybody hears of it.
  #limit(run: Run): void {
    void run.patience?.close();
    run.patience = this.#scope.child();
    this.#env.clock.after(`attempt of ${this.ident}`, ATTEMPT_MS, run.patience, () => {
      if (run.abort.signal.aborted) return;
      run.expired = new VpnFailure('connect', new ConnmanError('OperationTimeout'));
      run.abort.abort(run.expired);
    });
  }

  async #ask(run: Run, preferred: string | undefined, fields: readonly Field[]): Promise<ReadonlyMap<string, string>> {
    void run.patience?.close();
    const answer = await this.#env.ask(this, preferred, [...fields, ...this.#tail()], run.abort.signal);
    if (this.#state === 'configuration') this.#limit(run);
    return answer;
  }

  // Nothing of the attempt is left, so whoever hears of its end may begin another at once. The caller is told
  // first; `failure` stays until it is seen, everything else ends in `idle`.
  #conclude(run: Run, error: unknown): void {
    const failure = error === undefined || error instanceof VpnFailure ? error : unexpected(this.ident, error);
    run.reject(failure?.reply ?? new ConnmanError('Failed'));
    if (failure !== undefined) this.#count(failure);
    this.#enter(this.#state === 'configuration' && failure?.state !== 'idle' ? 'failure' : 'disconnect');
  }

  #count({ kind, message }: VpnFailure): void {
    log.info('%s: %s', this.ident, message);
    if (kind === 'auth' || kind === 'login') this.#errors.auth++;
    else if (kind === 'connect') this.#errors.connect++;
    if (kind === 'connect' || kind === 'unknown') this.#lastGoodMs = undefined;
  }

  #session(driver: Driver, run: Run, preferred: string | undefined, scope: Scope): Session {
    const kind = driver.device?.(this.settings);
    const interfaceName = kind === undefined ? '' : this.#makeDevice(kind, driver.type, scope);
    const { host, name } = this.#identity;
    const { signal } = run.abort;
    const tunnel = new TunnelInterface(this.#env, scope);
    const authFailure = (): string | undefined => this.#authFailure(driver);
    return {
      ident: this.ident, host, name, settings: this.settings, interfaceName, signal, scope, env: this.#env,
      get authFailure() {
        return authFailure();
      },
      ask: (fields) => this.#ask(run, preferred, fields),
      up: (next) => {
        void run.patience?.close();
        run.resolve();
        this.#errors = { auth: 0, connect: 0 };
        void this.#establish(tunnel, next.interfaceName ?? interfaceName, next, run);
      },
      countAuthError: () => void this.#errors.auth++,
      startTask: (options) => this.#env.startTask(driver.type, options, scope),
    };
  }

  #tail(): Field[] {
    const { host, name } = this.#identity;
    return [
      { key: 'Host', type: 'string', requirement: 'informational', value: host },
      { key: 'Name', type: 'string', requirement: 'informational', value: name },
    ];
  }

  #makeDevice(kind: 'tun' | 'tap', type: string, scope: Scope): string {
    const name = this.#env.makeDevice(kind, type);
    this.#env.ownDevice(name, scope);
    return name;
  }

  // A server that hiccups while a good connection is fresh is no wrong password.
  #authFailure(driver: Driver): string | undefined {
    const limit = Number(this.settings.get('AuthErrorLimit') ?? driver.authErrorLimit ?? 1);
    const { auth } = this.#errors;
    const age = this.#lastGoodMs === undefined ? Infinity : this.#env.clock.now() - this.#lastGoodMs;
    return auth === 0 || (limit !== 0 && age <= GOOD_FOR_MS && auth <= limit) ? undefined : 'Authentication failed';
  }

  async #establish(device: TunnelInterface, name: string, tunnel: Tunnel, run: Run): Promise<void> {
    if (this.#state === 'ready') this.#enter('configuration');
    try {
      const ifindex = await device.configure(name, tunnel, run.abort.signal);
      if (run.abort.signal.aborted || this.#run !== run) return;
      this.#index = ifindex;
      this.#tunnel = tunnel;
      this.#lastGoodMs = this.#env.clock.now();
      this.#enter('ready');
      this.#tellRoutes(tunnel.routes);
    } catch (error) {
      if (run.abort.signal.aborted) return;
      log.error('%s: %s cannot be set up: %s', this.ident, name, messageOf(error));
      this.disconnect();
    }
  }

  #tellRoutes(routes: readonly VpnRoute[]): void {
    if (routes.length === 0 && this.#serverRoutes.length === 0) return;
    this.#env.clock.after(`routes of ${this.ident}`, ROUTES_QUIET_MS, this.#scope, () => {
      if (this.#state !== 'ready') return;
      this.#serverRoutes = routes;
      this.#changed.emit(['serverRoutes']);
    });
  }

  #enter(state: ProviderState): void {
    if (state === this.#state) return;
    log.info('%s: %s -> %s', this.ident, this.#state, state);
    this.#state = state;
    this.#changed.emit(state === 'ready' ? READY : ['state']);
  }
}

const READY: readonly ProviderAspect[] = ['index', 'ipv4', 'ipv6', 'nameservers', 'domain', 'state'];

/** The pending Connect and the way to end what it began. */
class Run {
  readonly abort = new AbortController();
  readonly answer: Promise<void>;
  /** Runs out when the attempt takes too long. */
  patience: Scope | undefined;
  /** That it did. */
  expired: VpnFailure | undefined;
  /** Set at once: resolves when driver, helpers and interface are gone. */
  ended: Promise<void> = Promise.resolve();
  resolve: () => void = () => undefined;
  reject: (error: ConnmanError) => void = () => undefined;

  constructor() {
    this.answer = new Promise((resolve, reject) => {
      this.resolve = resolve;
      this.reject = reject;
    });
    // The caller may be gone.
    this.answer.catch(() => undefined);
  }
}

function unexpected(ident: string, error: unknown): VpnFailure {
  if (error instanceof ConnmanError) return new VpnFailure('unknown', error);
  log.error('%s: %s', ident, stackOf(error));
  return new VpnFailure('unknown', new ConnmanError('Failed'));
}
