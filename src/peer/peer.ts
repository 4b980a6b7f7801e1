/**
 * A Wi-Fi Direct peer: another device in the air that this machine can be in a group with. It is
 * connected for a user, or because it asked and a user agreed.
 * Invariant: `state` is assigned by `#enter` alone; one attempt at a time; a link while it is ready.
 */

import type { Caller } from '../shared/caller.ts';
import { Emitter, type Observable } from '../shared/emitter.ts';
import { equalBytes } from '../shared/bytes.ts';
import { ConnmanError, messageOf } from '../shared/errors.ts';
import { logger } from '../shared/log.ts';
import type { Scope } from '../shared/scope.ts';
import type { PeerAgent } from './agent.ts';
import type { PeerDescription, PeerMethod } from './driver.ts';
import { type GroupAddresses, type GroupEnv, GroupLink } from './group-link.ts';

const log = logger('src/peer/peer.ts');

/** `State` of a peer. */
export type PeerState = 'idle' | 'association' | 'configuration' | 'ready' | 'disconnect' | 'failure';

/** What of a peer can change. */
export type PeerAspect = 'state' | 'addresses' | 'displayElements';

/** What peers take from outside. */
export interface PeerEnv extends GroupEnv {
  readonly agent: PeerAgent;
  /** Whether this machine offers what only the owner of a group can. */
  isOwnerWanted(): boolean;
  /** Makes way for `peer`; rejects with Failed while another device of this machine connects. */
  makeWay(peer: Peer): Promise<void>;
}

/** Nobody takes longer to find the other's button, or to type eight digits. */
const JOIN_LIMIT_MS = 100_000;

/** How an attempt ended that was given up by us. */
const ABORTED = new ConnmanError('OperationAborted');

interface Attempt {
  readonly isAsked: boolean;
  readonly controller: AbortController;
}

/** One peer; it ends with its scope (Peers.add). */
export class Peer {
  readonly identifier: string;
  readonly deviceIdent: string;
  readonly name: string;
  readonly #control: PeerDescription['control'];
  readonly #env: PeerEnv;
  readonly #scope: Scope;
  readonly #changed = new Emitter<PeerAspect>();
  #state: PeerState = 'idle';
  #displayElements: Uint8Array;
  #attempt: Attempt | undefined;
  /** Of the group this machine is in with it. */
  #link: { readonly link: GroupLink; readonly scope: Scope } | undefined;

  constructor(description: PeerDescription, env: PeerEnv, scope: Scope) {
    this.identifier = description.identifier;
    this.deviceIdent = description.deviceIdent;
    this.name = description.name;
    this.#control = description.control;
    this.#displayElements = description.displayElements;
    this.#env = env;
    this.#scope = scope;
    // Before what belongs to it closes: who waits for a connection has to hear of it.
    scope.signal.addEventListener('abort', () => this.#close(), { once: true });
  }

  get state(): PeerState {
    return this.#state;
  }

  get changed(): Observable<PeerAspect> {
    return this.#changed;
  }

  /** While it is ready. */
  get addresses(): GroupAddresses | undefined {
    return this.#state === 'ready' ? this.#link?.link.addresses : undefined;
  }

  /** Its Wi-Fi Display elements; empty where it has none. */
  get displayElements(): Uint8Array {
    return this.#displayElements;
  }

  /** Whether a group with it is there or being made. */
  get isInUse(): boolean {
    return this.#attempt !== undefined || this.#link !== undefined;
  }

  /** Whether a group is being made, so that no other can be. */
  get isConnecting(): boolean {
    return this.#state === 'association';
  }

  /**
   * Connects for a user. Rejects with InProgress, AlreadyConnected, NotRegistered (a PIN is needed
   * and nobody to ask), Failed (refused, or another connection is being made), NotConnected (it did
   * not work), OperationAborted (`disconnect` meanwhile).
   */
  async connect(caller: Caller): Promise<void> {
    if (this.#attempt !== undefined) throw new ConnmanError('InProgress');
    if (this.#link !== undefined) throw new ConnmanError('AlreadyConnected');
    const attempt: Attempt = { isAsked: false, controller: new AbortController() };
    const { signal } = attempt.controller;
    await this.#try(attempt, async () => {
      for (;;) {
        const method = await this.#method(caller, signal);
        await this.#env.makeWay(this);
        signal.throwIfAborted();
        if (await this.#join(method, signal)) return;
        const answer = await this.#env.agent.reportError(this, caller, signal);
        this.#enter('idle');
        if (answer !== 'retry') throw new ConnmanError('NotConnected');
      }
    });
  }

  /** Leaves the group, or gives up. Throws NotConnected where there is neither. */
  async disconnect(): Promise<void> {
    if (!this.isInUse) throw new ConnmanError('NotConnected');
    await this.#end(ABORTED);
  }

  /** For drivers: the peer wants a group; a user is asked, and with `needsProof` for the PIN. */
  takeRequest(needsProof: boolean): void {
    if (this.isInUse) return;
    if (!this.#env.agent.hasAgent) {
      log.info('%s (%s) wants to connect, and there is nobody to ask', this.name, this.identifier);
      return;
    }
    const attempt: Attempt = { isAsked: true, controller: new AbortController() };
    this.#try(attempt, () => this.#answer(needsProof, attempt.controller.signal)).catch((error: unknown) => {
      log.debug('%s: not connected: %s', this.identifier, messageOf(error));
    });
  }

  /** For drivers: the group is no more, or the peer has left it. */
  reportEnded(): void {
    void this.#dropLink();
    if (this.#attempt !== undefined) return;
    this.#enter('idle');
    this.#release();
  }

  /** For drivers. */
  setDisplayElements(elements: Uint8Array): void {
    if (equalBytes(elements, this.#displayElements)) return;
    this.#displayElements = elements;
    this.#changed.emit('displayElements');
  }

  async #try(attempt: Attempt, work: () => Promise<void>): Promise<void> {
    this.#attempt = attempt;
    try {
      await work();
    } finally {
      if (this.#attempt === attempt) this.#attempt = undefined;
      this.#release();
    }
  }

  async #answer(needsProof: boolean, signal: AbortSignal): Promise<void> {
    const said = await this.#env.agent.authorize(this, needsProof, undefined, signal);
    const method = needsProof ? methodOf(said) : { kind: 'push-button' as const };
    await this.#env.makeWay(this);
    signal.throwIfAborted();
    if (!(await this.#join(method, signal))) throw new ConnmanError('NotConnected');
  }

  /** What proves that we belong together: a push of the button unless the user has to say. */
  async #method(caller: Caller, signal: AbortSignal): Promise<PeerMethod> {
    const { hasPin, hasPushButton } = this.#control.methods;
    if (!hasPin) return { kind: 'push-button' };
    const method = methodOf(await this.#env.agent.authorize(this, true, caller, signal));
    if (method.kind === 'push-button' && !hasPushButton) throw new ConnmanError('Failed');
    return method;
  }

  // Whether it is ready; throws only when given up.
  async #join(method: PeerMethod, signal: AbortSignal): Promise<boolean> {
    const scope = this.#scope.child();
    this.#enter('association');
    try {
      const limits = scope.child();
      const limit = this.#env.clock.deadline(`connect ${this.identifier}`, JOIN_LIMIT_MS, signal, limits);
      const group = await this.#control.connect({ method, isOwnerWanted: this.#env.isOwnerWanted() }, limit);
      signal.throwIfAborted();
      await limits.close();
      const link = new GroupLink(group, this.#env, scope);
      this.#link = { link, scope };
      this.#enter('configuration');
      await link.start(AbortSignal.any([signal, scope.signal]));
      signal.throwIfAborted();
      link.changed.observe(scope, (addresses) => this.#follow(addresses));
      this.#enter('ready');
      return true;
    } catch (error) {
      log.debug('%s: %s', this.identifier, messageOf(error));
      await scope.close();
      if (this.#link?.scope === scope) this.#link = undefined;
      if (signal.aborted) throw signal.reason;
      await this.#control.disconnect();
      if (signal.aborted) throw signal.reason;
      // One that had asked has given up as well.
      this.#enter(this.#attempt?.isAsked === true ? 'idle' : 'failure');
      return false;
    }
  }

  #follow(addresses: GroupAddresses | undefined): void {
    if (addresses !== undefined) return this.#changed.emit('addresses');
    this.#end(ABORTED).catch((error: unknown) => log.warn('%s: %s', this.identifier, error));
  }

  async #end(reason: ConnmanError): Promise<void> {
    const isThere = this.#leave(reason);
    await Promise.all([this.#dropLink(), isThere ? this.#control.disconnect() : undefined]);
    this.#enter('idle');
    this.#release();
  }

  #release(): void {
    if (!this.isInUse) this.#control.released();
  }

  // It is gone from the air, or we from it.
  #close(): void {
    const isThere = this.#leave(new ConnmanError('Failed', 'No such file or directory'));
    void this.#dropLink();
    if (isThere) void this.#control.disconnect();
    this.#enter('idle');
  }

  /** Gives up what is being attempted; whether there is a group to leave. */
  #leave(reason: ConnmanError): boolean {
    const attempt = this.#attempt;
    this.#attempt = undefined;
    attempt?.controller.abort(reason);
    if (this.#state === 'idle' || this.#state === 'failure') return false;
    this.#enter('disconnect');
    return true;
  }

  async #dropLink(): Promise<void> {
    const scope = this.#link?.scope;
    this.#link = undefined;
    await scope?.close();
  }

  #enter(state: PeerState): void {
    const before = this.#state;
    if (state === before) return;
    log.debug('%s: %s → %s', this.identifier, before, state);
    this.#state = state;
    this.#changed.emit('state');
    if ((state === 'ready') !== (before === 'ready')) this.#changed.emit('addresses');
  }
}

/** What a user said: nothing for the button, else eight digits. Throws Failed for anything else. */
function methodOf(said: string): PeerMethod {
  if (said === '') return { kind: 'push-button' };
  if (!/^\d{8}$/.test(said)) throw new ConnmanError('Failed');
  return { kind: 'pin', pin: said };
}
