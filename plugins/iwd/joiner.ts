/**
 * Joins one network at a time through one station of iwd. What iwd keeps of a network counts once it
 * has worked; before that, and after a refusal, iwd has to ask its agent. Why it failed is judged from
 * what the kernel told (join-report.ts).
 */

import type { Core, Device, JoinContext, Scope } from '../../src/api.ts';
import { JoinError } from '../../src/api.ts';
import { DBusError } from '../../src/dbus/errors.ts';
import { iwdSimpleConfigurationInterface, iwdStationInterface } from '../../src/dbus/interfaces/iwd.ts';
import { Emitter, type Observable } from '../../src/shared/emitter.ts';
import { messageOf } from '../../src/shared/errors.ts';
import { logger } from '../../src/shared/log.ts';
import { escapeText } from '../../src/shared/stored-text.ts';
import { findSecrets } from '../lib/wifi/find-secrets.ts';
import type { Secrets } from '../lib/wifi/secrets.ts';
import type { Security } from '../lib/wifi/security.ts';
import type { IwdAgent } from './agent.ts';
import { isUnanswered, judge } from './join-report.ts';
import type { KernelAir } from './kernel-air.ts';
import type { IwdObjects } from './objects.ts';
import type { IwdProfiles, ProfileKey } from './profiles.ts';
import type { SignalMeter } from './signal-meter.ts';
import { isTimeout, type IwdStation } from './station.ts';

const log = logger('plugins/iwd/joiner.ts');

/** What joining takes from the plugin. */
export interface IwdEnv {
  readonly core: Core;
  readonly objects: IwdObjects;
  readonly profiles: IwdProfiles;
  readonly agent: IwdAgent;
  readonly air: KernelAir;
}

/** And from the radio. */
export interface IwdJoinerEnv extends IwdEnv {
  readonly meter: Pick<SignalMeter, 'ended'>;
  readonly station: IwdStation;
}

/** A network that may be joined. */
export interface IwdTarget extends ProfileKey {
  /** Of iwd's object. */
  readonly path: string;
  readonly security: Security;
  readonly hasWps: boolean;
  /** Somebody has just pushed the access point's button. */
  readonly isWpsOpen: boolean;
}

/** How it is to be joined: with secrets, with what iwd keeps, or by WPS. */
type Way =
  | { readonly kind: 'secrets'; readonly secrets: Secrets }
  | { readonly kind: 'kept' }
  | { readonly kind: 'wps'; readonly pin: string | undefined };

/** The joins of one station, until `scope` closes. */
export class IwdJoiner {
  readonly #env: IwdJoinerEnv;
  readonly #device: Device;
  readonly #path: string;
  readonly #scope: Scope;
  readonly #lost = new Emitter<string>();
  readonly #foreign = new Emitter<string>();
  #joined: string | undefined;
  /** The attempt that is under way: what it is for, and when it has ended. */
  #joining: { readonly path: string; readonly over: Promise<void> } | undefined;
  /** Leaving is under way; a join waits for it. */
  #leaving: Promise<void> | undefined;
  /** When the last join ended well, and whether it has been repeated since. */
  #settled = { atMs: -Infinity, isRepeated: false };

  // oxlint-disable-next-line max-params -- with what, whose, where, how long
  constructor(env: IwdJoinerEnv, device: Device, path: string, scope: Scope) {
    this.#env = env;
    this.#device = device;
    this.#path = path;
    this.#scope = scope;
    scope.defer(() => this.left());
    env.objects.changed.observe(scope, (change) => {
      if (change.path === path && change.interface === iwdStationInterface.name) this.#follow();
    });
  }

  /** The path of the network that is joined. */
  get joined(): string | undefined {
    return this.#joined;
  }

  /** The path of the network that is being joined. */
  get joining(): string | undefined {
    return this.#joining?.path;
  }

  /** Emits the path of the network whose link is gone though nobody left it. */
  get lost(): Observable<string> {
    return this.#lost;
  }

  /** Emits the path of a network that somebody else has had iwd join. */
  get foreign(): Observable<string> {
    return this.#foreign;
  }

  /** Tells what iwd has joined already; for the start. */
  look(): void {
    this.#follow();
  }

  /** Resolves when joined, with what is to be kept. Rejects with ConnmanError, JoinError or the reason of `signal`. */
  async join(
    target: IwdTarget, context: JoinContext, signal: AbortSignal,
  ): Promise<Readonly<Record<string, string | undefined>>> {
    await this.left();
    signal.throwIfAborted();
    const isThere = this.#env.station.connected === target.path && !isAsked(context);
    const way = isThere ? KEPT : await this.#wayTo(target, context, signal);
    await this.#env.meter.ended;
    signal.throwIfAborted();
    if (!isThere) {
      await this.#during(target.path, signal, (limits) => this.#attempt({ target, way, context, limits }, signal));
    }
    this.#settle(target.path, false);
    return { SSID: Buffer.from(target.ssid).toString('hex'), ...(await this.#secretToKeep(target, way, context)) };
  }

  /** Leaves a network; nothing where it is not joined. */
  async leave(path: string): Promise<void> {
    if (this.#joined !== path) return;
    this.#joined = undefined;
    this.#disconnect();
    await this.#leaving;
  }

  /**
   * Resolves when nothing is being joined or left any more; what was given up may not have heard of it yet. iwd 2.3
   * joins nothing any more whose device goes before it has left.
   */
  async left(): Promise<void> {
    for (;;) {
      const underWay = this.#joining?.over ?? this.#leaving;
      if (underWay === undefined) return;
      await underWay;
    }
  }

  /** Joins anew what is joined. Rejects where that fails, and it is lost then, or with the reason of `signal`. */
  async rejoin(path: string, signal: AbortSignal): Promise<void> {
    if (this.#joined !== path || this.#joining !== undefined) return;
    try {
      await this.#during(path, signal, async () => {
        await this.#env.station.disconnect();
        await this.#env.station.connect(path, JOIN_LIMIT_MS, signal);
      });
    } catch (error) {
      if (this.#joined === path) this.#lose();
      throw error;
    }
  }

  /** Joins while `signal` holds, which ends it at once. */
  async #during(path: string, signal: AbortSignal, body: (limits: Scope) => Promise<void>): Promise<void> {
    let end = (): void => undefined;
    const own = { path, over: new Promise<void>((resolve) => (end = resolve)) };
    const limits = this.#scope.child();
    this.#joining = own;
    signal.addEventListener('abort', () => {
      if (this.#joining === own) this.#disconnect(); // before whoever wants to be next
    }, { once: true });
    try {
      await body(limits);
      signal.throwIfAborted();
    } finally {
      if (this.#joining === own) this.#joining = undefined;
      end();
      await limits.close();
    }
  }

  #settle(path: string, isRepeated: boolean): void {
    this.#joined = path;
    this.#settled = { atMs: this.#env.core.clock.now(), isRepeated };
  }

  #follow(): void {
    if (this.#joining !== undefined || this.#leaving !== undefined) return;
    const { station: { state, connected } } = this.#env;
    const joined = this.#joined;
    const isOther = connected !== undefined && connected !== joined;
    if (joined !== undefined && (isOther || state === 'disconnected' || state === undefined)) {
      const { atMs, isRepeated } = this.#settled;
      const isSentAway = state === 'disconnected' && this.#env.core.clock.now() - atMs < SETTLE_MS;
      if (isSentAway && !isRepeated) return void this.#repeat(joined);
      this.#lose();
    }
    if (isOther) this.#foreign.emit(connected);
  }

  // An access point that is busy may send us away just after it has let us in.
  async #repeat(path: string): Promise<void> {
    try {
      const { signal } = this.#scope;
      await this.#during(path, signal, () => this.#env.station.connect(path, JOIN_LIMIT_MS, signal));
      if (this.#joined === path) this.#settle(path, true);
    } catch (error) {
      this.#note(error);
      if (this.#joined === path) this.#lose();
    }
  }

  #lose(): void {
    const path = this.#joined;
    this.#joined = undefined;
    if (path !== undefined) this.#lost.emit(path);
  }

  async #wayTo(target: IwdTarget, context: JoinContext, signal: AbortSignal): Promise<Way> {
    const { security, hasWps, isWpsOpen } = target;
    if (this.#isKept(target, context)) return KEPT;
    return findSecrets({ security, hasWps, isWpsOpen }, { context, env: this.#env.core }, signal);
  }

  // iwd has a secret that we have not: from before us, from WPS, or from a profile somebody wrote.
  #isKept(target: IwdTarget, { answered, lastFailure, provisioned, stored }: JoinContext): boolean {
    if (this.#env.profiles.known(target) === undefined || answered !== undefined) return false;
    if (target.security === 'ieee8021x') return provisioned?.EAP === undefined;
    const isOurs = provisioned?.Passphrase !== undefined || stored.has('Passphrase');
    return target.security === 'psk' && !isOurs && lastFailure !== 'invalid-key';
  }

  async #attempt(attempt: Attempt, signal: AbortSignal): Promise<void> {
    const { FavoriteMaxRetries: retries, IgnoreInvalidKey: isIgnored } = this.#env.core.options;
    const { target, way, context, limits } = attempt;
    const most = isProven(context) ? (retries < 0 ? Number.POSITIVE_INFINITY : Math.max(1, retries)) : 1;
    let isAgain = false;
    for (let count = 1; ; count++) {
      const own = limits.child();
      const events = await this.#env.air.record(this.#device.ifindex, own);
      try {
        return await this.#joinBy(attempt, signal);
      } catch (error) {
        signal.throwIfAborted();
        // Where nobody answers, a supplicant asks again.
        const isMute = error instanceof DBusError && isUnanswered({ errorName: error.name, events });
        if (!isAgain && (isTimeout(error) || isMute)) {
          isAgain = true;
          continue;
        }
        if (isTimeout(error)) throw new JoinError('connect-failed', { cause: error });
        if (!(error instanceof DBusError)) throw error;
        const reason = judge({ errorName: error.name, events, isUnproven: !isProven(context) });
        log.debug('%s: %s %s: %s %j', target.path, error.name, error.message, reason, events);
        // Who has no key (OWE) cannot have a wrong one.
        const isOther = target.security === 'none' || context.provisioned?.EAP !== undefined;
        if (reason !== 'invalid-key' || isOther || isIgnored) {
          throw new JoinError(reason === 'blocked' ? 'blocked' : 'connect-failed', { cause: error });
        }
        if (count >= most) throw new JoinError('invalid-key', { cause: error });
        // What iwd keeps may be another secret than ours.
        if (way.kind === 'secrets') await this.#env.profiles.forget(target);
      } finally {
        await own.close();
      }
    }
  }

  async #joinBy({ target, way, context, limits }: Attempt, signal: AbortSignal): Promise<void> {
    const { profiles, agent, station } = this.#env;
    if (way.kind === 'wps') return this.#joinByWps(target, way.pin, signal);
    if (way.kind === 'secrets') {
      const { passphrase, eap } = way.secrets;
      const isKnown = profiles.known(target) !== undefined;
      const isHidden = isHiddenFor(context);
      if (eap !== undefined || (isHidden && !(isKnown && isProven(context)))) {
        await profiles.write(target, { isHidden, eap });
      } else if (isKnown && !isProven(context)) {
        await profiles.forget(target);
      }
      const keyPassphrase = eap?.privateKeyPassphrase ?? passphrase;
      agent.answer(target.path, { passphrase, identity: eap?.identity, keyPassphrase }, limits);
    }
    await station.connect(target.path, target.security === 'ieee8021x' ? EAP_LIMIT_MS : JOIN_LIMIT_MS, signal);
  }

  // iwd joins whichever access point answers.
  async #joinByWps({ path }: IwdTarget, pin: string | undefined, signal: AbortSignal): Promise<void> {
    const wps = this.#env.objects.proxy(iwdSimpleConfigurationInterface, this.#path);
    const limits = { signal, timeoutMs: NO_LIMIT };
    try {
      await (pin === undefined ? wps.PushButton({}, limits) : wps.StartPin({ pin }, limits));
    } catch (error) {
      if (signal.aborted) await wps.Cancel().catch(() => undefined);
      throw error;
    }
    if (this.#env.station.network === path) return;
    this.#disconnect();
    throw new JoinError('connect-failed', { cause: new Error('WPS led to another network') });
  }

  async #secretToKeep(
    target: IwdTarget, way: Way, context: JoinContext,
  ): Promise<Readonly<Record<string, string | undefined>>> {
    const hidden = isHiddenFor(context) && { Hidden: 'true' };
    if (context.provisioned?.Passphrase !== undefined) return { ...hidden };
    const secret = way.kind === 'secrets' ? way.secrets.passphrase : await this.#keptSecret(target);
    const isNews = secret !== undefined || way.kind === 'secrets';
    return { ...(isNews && { Passphrase: secret === undefined ? undefined : escapeText(secret) }), ...hidden };
  }

  async #keptSecret(target: IwdTarget): Promise<string | undefined> {
    return target.security === 'psk' ? this.#env.profiles.secret(target).catch(() => undefined) : undefined;
  }

  /** Leaves whatever is there; joins wait for it. */
  #disconnect(): void {
    const leaving = this.#env.station.disconnect().then(() => {
      if (this.#leaving === leaving) this.#leaving = undefined;
    });
    this.#leaving = leaving;
  }

  #note(error: unknown): void {
    log.debug('%s: %s', this.#path, messageOf(error));
  }
}

interface Attempt {
  readonly target: IwdTarget;
  readonly way: Way;
  readonly context: JoinContext;
  readonly limits: Scope;
}

const KEPT: Way = { kind: 'kept' };
const NO_LIMIT = Number.POSITIVE_INFINITY;
/** What iwd has not come to an end of by then, it will not. */
const JOIN_LIMIT_MS = 30_000;
const EAP_LIMIT_MS = 60_000;
/** For so long a join that ended well may yet be undone: protected frames make it ten seconds (802.11w). */
const SETTLE_MS = 15_000;

/** Whether it has worked with what is kept. */
function isProven({ isFavorite, lastFailure, answered, provisioned }: JoinContext): boolean {
  return isFavorite && provisioned?.Passphrase === undefined && !isAsked({ lastFailure, answered });
}

/** Whether the user has said, or is to say, what was not right before. */
function isAsked({ lastFailure, answered }: Pick<JoinContext, 'lastFailure' | 'answered'>): boolean {
  return lastFailure === 'invalid-key' || answered !== undefined;
}

function isHiddenFor({ answered, provisioned, stored }: JoinContext): boolean {
  return answered?.has('SSID') === true || provisioned?.Hidden === true || stored.get('Hidden') === 'true';
}
