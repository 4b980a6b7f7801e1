/**
 * Joins one network at a time on one radio: adds its block, follows the supplicant's states
 * (join-outcome.ts) until it is joined or failed, and tells when the link is lost later.
 */

import type { Scope } from '../../src/api.ts';
import { JoinError } from '../../src/api.ts';
import type { Alarm, Clock } from '../../src/shared/clock.ts';
import { logger } from '../../src/shared/log.ts';
import type { Properties } from './bss.ts';
import { type Joining, type JoinOutcome, NOT_JOINED, step, stepEap, stepScan } from './join-outcome.ts';
import type { Refresh } from './scanner.ts';
import type { SupplicantLink } from './supplicant-link.ts';

const log = logger('plugins/wifi/joiner.ts');

/**
 * So long keys may be made anew. An access point that has forgotten us begins the handshake again without
 * end where management frames are protected, and nothing gets through.
 */
const HANDSHAKE_LIMIT_MS = 10_000;

/** What is joined, or being joined. */
interface Current {
  readonly request: JoinRequest;
  joining: Joining;
  block: string | undefined;
  /** Settles when all is asked of the supplicant that joining begins with; `block` is known then. */
  begun: Promise<void>;
  /** Settles when it is joined, failed or given up. */
  over: Promise<unknown>;
  /** Joined, and being joined anew. */
  isRenewing: boolean;
  settle: { resolve(credentials: WpsCredentials | undefined): void; reject(error: unknown): void } | undefined;
  credentials: WpsCredentials | undefined;
}

/** What WPS gave us. */
export interface WpsCredentials {
  readonly ssid: Uint8Array;
  /** The passphrase, or the key in 64 hex digits. */
  readonly key: string;
}

/** How a network is joined: with a block of the supplicant's, or by WPS. */
export type JoinMethod =
  | { readonly kind: 'block'; readonly block: Properties }
  | { readonly kind: 'wps'; readonly pin: string | undefined; readonly address: Uint8Array };

/** A wish to join. */
export interface JoinRequest {
  /** Whose it is; `leave` takes the same. */
  readonly owner: object;
  readonly method: JoinMethod;
  /** Whether an access point, by its object path, is one of the network's. */
  isMember?(path: string): boolean;
  /** What comes between leaving another network and joining this one; what it rejects with is the outcome. */
  prepare?(): Promise<void>;
  /** What comes right before the supplicant looks for the network, where it is not in it already. */
  refresh?(): Promise<Refresh>;
  /** How many failures in a row prove the secret wrong. */
  readonly maxKeyFailures: number;
  /** The same of handshakes, which fail where the access point is slow, too; two unless said. */
  readonly maxHandshakes?: number | undefined;
  /** Whether 802.1X that is refused proves a secret wrong that a user could say; true unless said. */
  readonly isSecretProven?: boolean;
  /** The link is gone though nobody left it. */
  onLost(): void;
}

/** The joins of one radio, until `scope` closes. */
export class Joiner {
  readonly #link: SupplicantLink;
  readonly #clock: Clock;
  readonly #scope: Scope;
  /** Set while keys are made anew for what is joined. */
  readonly #handshakeLimit: Alarm;
  #current: Current | undefined;
  /** Nothing has been joined yet: what the supplicant is in, a daemon before this one joined. */
  #isFresh = true;
  /** Leaving is under way; a join waits for it. */
  #leaving: Promise<void> = Promise.resolve();
  /** Of those that wait, only this one goes on. */
  #newest: JoinRequest | undefined;

  constructor(link: SupplicantLink, clock: Clock, scope: Scope) {
    this.#link = link;
    this.#clock = clock;
    this.#scope = scope;
    this.#handshakeLimit = clock.alarm('Wi-Fi handshake', scope, () => {
      this.#renew().catch((error: unknown) => log.debug('%s: %s', link.path, error));
    });
    link.events.observe(scope, (event) => {
      if (event.kind === 'state') this.#follow();
      if (event.kind === 'scanDone' && event.isSuccess) this.#followScan();
      if (event.kind === 'eap') this.#followEap(event.status, event.parameter);
      if (event.kind === 'wpsCredentials') this.#keep(event.credentials);
      if (event.kind === 'wpsEvent' && event.name === 'fail') this.#failWps();
    });
  }

  /** Whose network is joined. */
  get connectedOwner(): object | undefined {
    return this.#current?.joining.isConnected === true ? this.#current.request.owner : undefined;
  }

  /** Whether a join is under way. */
  get isJoining(): boolean {
    return this.#current?.settle !== undefined;
  }

  /** Whether one is that an access point, by its object path, belongs to. */
  isJoiningBy(path: string): boolean {
    return this.isJoining && this.#current?.request.isMember?.(path) === true;
  }

  /** Resolves when joined, with what WPS gave. Rejects with JoinError, or the reason of `signal`, which ends it. */
  async join(request: JoinRequest, signal: AbortSignal): Promise<WpsCredentials | undefined> {
    this.#newest = request;
    if (this.#current !== undefined) this.#end(new JoinError('connect-failed'));
    await this.#leaving;
    signal.throwIfAborted();
    if (this.#newest !== request) throw new JoinError('connect-failed');
    const current: Current = {
      request, joining: NOT_JOINED, block: undefined, begun: Promise.resolve(),
      over: Promise.resolve(), isRenewing: false, settle: undefined, credentials: undefined,
    };
    this.#current = current;
    const joined = new Promise<WpsCredentials | undefined>((resolve, reject) => {
      current.settle = { resolve, reject };
      signal.addEventListener('abort', () => {
        if (this.#current === current && current.settle !== undefined) this.#end(signal.reason);
      }, { once: true });
    });
    current.over = joined.catch(() => undefined);
    const kept = this.#isFresh ? this.#link.currentNetwork : undefined;
    this.#isFresh = false;
    current.begun = this.#begin(current, kept).then(
      (path) => {
        if (this.#current === current && path !== undefined) this.#adopt(current, path);
      },
      (error: unknown) => {
        if (this.#current === current) this.#end(refusal(error));
      },
    );
    return joined;
  }

  /** Joins anew what `owner` has joined; nothing where it is not the one. Resolves when it has. */
  async reassociate(owner: object, signal: AbortSignal): Promise<void> {
    if (this.connectedOwner !== owner) return;
    const limits = this.#scope.child();
    try {
      const joined = new Promise<void>((resolve, reject) => {
        signal.addEventListener('abort', () => reject(signal.reason), { once: true });
        this.#link.events.observe(limits, (event) => {
          if (event.kind === 'state' && event.state === 'completed') resolve();
        });
      });
      joined.catch(() => undefined);
      await this.#link.reassociate();
      await joined;
    } finally {
      await limits.close();
    }
  }

  /** Leaves what `owner` joined; nothing where it is not the one. */
  async leave(owner: object): Promise<void> {
    if (this.#current?.request.owner !== owner) return;
    this.#end(new JoinError('connect-failed'));
    await this.#leaving;
  }

  #follow(): void {
    const current = this.#current;
    if (current === undefined) return;
    if (current.isRenewing) return this.#followRenewal(current);
    const { state, disconnectReason, associationStatus, authenticationStatus } = this.#link;
    const { method, maxKeyFailures, maxHandshakes = 2 } = current.request;
    const { joining, outcome } = step(current.joining, {
      state, disconnectReason, statusCode: associationStatus, authStatusCode: authenticationStatus,
      maxKeyFailures, maxHandshakes, isFetching: method.kind === 'wps',
    });
    log.debug('%s: %s → %s: %s', this.#link.path, current.joining.state, state, outcome.kind);
    const isMakingKeys = joining.isConnected && (state === '4way_handshake' || state === 'group_handshake');
    this.#handshakeLimit.set(isMakingKeys ? this.#clock.now() + HANDSHAKE_LIMIT_MS : undefined);
    this.#conclude(current, joining, outcome);
  }

  // Left and joined again, of which nobody learns but where that fails as well: to ask the supplicant to
  // associate again is of no use while it believes that it has to do with keys.
  async #renew(): Promise<void> {
    const current = this.#current;
    if (current?.joining.isConnected !== true) return;
    if (current.isRenewing || current.block === undefined) return current.request.onLost();
    log.warn('%s: the handshake does not end: joining anew', this.#link.path);
    current.isRenewing = true;
    this.#handshakeLimit.set(this.#clock.now() + 2 * HANDSHAKE_LIMIT_MS);
    await this.#link.leave(undefined);
    await (await current.request.refresh?.())?.heard;
    if (this.#current === current) await this.#link.select(current.block);
  }

  #followRenewal(current: Current): void {
    if (this.#link.state !== 'completed') return;
    current.isRenewing = false;
    current.joining = { ...NOT_JOINED, state: 'completed', isConnected: true };
    this.#handshakeLimit.set(undefined);
  }

  #followScan(): void {
    const current = this.#current;
    if (current === undefined || current.block === undefined) return;
    const { joining, outcome } = stepScan(current.joining);
    this.#conclude(current, joining, outcome);
  }

  // What WPS does in EAP ends with a failure always.
  #followEap(status: string, parameter: string): void {
    const current = this.#current;
    if (current?.settle === undefined || current.request.method.kind === 'wps') return;
    const { maxKeyFailures, isSecretProven = true } = current.request;
    const { joining, outcome, complaint } = stepEap(current.joining, { status, parameter, maxKeyFailures });
    if (complaint !== undefined) log.warn('%s: %s', this.#link.path, complaint);
    const isOther = outcome.kind === 'failed' && outcome.error === 'invalid-key' && !isSecretProven;
    this.#conclude(current, joining, isOther ? { kind: 'failed', error: 'connect-failed' } : outcome, complaint);
  }

  #keep(given: Properties): void {
    const [ssid, key] = [given.get('SSID')?.as('ay'), given.get('Key')?.as('ay')];
    if (this.#current === undefined || ssid === undefined || key === undefined) return;
    this.#current.credentials = { ssid, key: Buffer.from(key).toString() };
  }

  #failWps(): void {
    if (this.#current?.request.method.kind === 'wps') this.#end(new JoinError('connect-failed'));
  }

  #adopt(current: Current, network: string): void {
    current.block = network;
    log.debug('%s: joined already', this.#link.path);
    this.#conclude(current, { ...NOT_JOINED, state: 'completed', isConnected: true }, { kind: 'joined' });
  }

  // Joined by a daemon before this one, it is taken over as it is: `kept` is its network block, and returned.
  async #begin(current: Current, kept: string | undefined): Promise<string | undefined> {
    const { method, prepare, isMember } = current.request;
    await prepare?.();
    if (this.#current !== current) return undefined;
    const isJoined = kept !== undefined && this.#link.state === 'completed' && method.kind === 'block' &&
      isMember?.(this.#link.currentBss ?? '') === true;
    if (isJoined) return kept;
    if (method.kind === 'block') await this.#joinBlock(current, method.block);
    else await this.#link.startWps(method.pin, method.address);
    return undefined;
  }

  // The supplicant makes a key of the passphrase while the radio listens. Who leaves while the block is being
  // selected leaves after it, as messages keep their order.
  async #joinBlock(current: Current, block: Properties): Promise<void> {
    const listening = current.request.refresh?.();
    await Promise.race([listening, current.over]);
    if (this.#current !== current) return;
    const path = await this.#link.add(block);
    await this.#heard(current, listening);
    if (this.#current !== current) return this.#link.remove(path);
    current.block = path;
    await this.#link.select(path);
  }

  // Or nobody wants it any more.
  async #heard(current: Current, listening = current.request.refresh?.()): Promise<void> {
    await Promise.race([listening?.then(({ heard }) => heard), current.over]);
  }

  // The supplicant by itself would wait for ten seconds.
  async #retry(current: Current): Promise<void> {
    await this.#heard(current);
    if (this.#current === current && current.block !== undefined) await this.#link.select(current.block);
  }

  // oxlint-disable-next-line max-params -- the last where there is more to say
  #conclude(current: Current, joining: Joining, outcome: JoinOutcome, complaint?: string): void {
    current.joining = joining;
    switch (outcome.kind) {
      case 'nothing':
        return;
      case 'joined':
        current.settle?.resolve(current.credentials);
        current.settle = undefined;
        return;
      case 'again':
        return void this.#retry(current).catch((error: unknown) => this.#end(refusal(error)));
      case 'failed':
        return this.#end(new JoinError(outcome.error, { cause: complaint && new Error(complaint) }));
      case 'lost':
        current.request.onLost();
        return;
    }
  }

  #end(reason: unknown): void {
    const current = this.#current;
    this.#current = undefined;
    this.#handshakeLimit.set(undefined);
    current?.settle?.reject(reason);
    if (current !== undefined) this.#leaving = this.#leave(current);
  }

  // What it has begun comes to its end first: nothing of it may happen to the next one.
  async #leave(current: Current): Promise<void> {
    if (current.block === undefined) await current.begun;
    await this.#link.leave(current.block);
  }
}

// The supplicant names the property that it does not take.
function refusal(error: unknown): JoinError {
  const text = error instanceof Error ? error.message : '';
  const isKey = /\b(psk|wep_key)|invalid message format/.test(text);
  return new JoinError(isKey ? 'invalid-key' : 'connect-failed', { cause: error });
}
