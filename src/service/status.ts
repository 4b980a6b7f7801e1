/**
 * How a service stands: its state, the error it ended with, and what clients see of both. Invariant:
 * `enter` is the only place where the state is assigned; who is told of it finds all of it in place.
 */

import type { Emitter } from '../shared/emitter.ts';
import { logger } from '../shared/log.ts';
import type { Network } from '../network.ts';
import type { ServiceType } from '../types.ts';
import type { ServiceAspect } from './aspects.ts';
import type { ServiceError } from './service-env.ts';
import { isConnected, isNewConnection, type ServiceState, type StateChange } from './state.ts';

const log = logger('src/service/status.ts');

/** The service it is about. */
export interface StatusOwner {
  readonly type: ServiceType;
  readonly network: Network;
  readonly changed: Emitter<readonly ServiceAspect[]>;
  readonly stateChanged: Emitter<StateChange>;
}

/** How a service stands. */
export class ServiceStatus {
  readonly #owner: StatusOwner;
  #state: ServiceState = 'idle';
  /** What clients see in its place. */
  #held: ServiceState | undefined;
  #error: ServiceError | undefined;

  constructor(owner: StatusOwner) {
    this.#owner = owner;
  }

  get state(): ServiceState {
    return this.#state;
  }

  /** For clients. */
  get shown(): ServiceState {
    return this.#held ?? this.#state;
  }

  get error(): ServiceError | undefined {
    return this.#error;
  }

  /** Whether clients see another state than the one it has. */
  get isHeld(): boolean {
    return this.#held !== undefined;
  }

  /** Clients see the state of now until `release`, or until something has come of the attempt. */
  hold(): void {
    this.#held = this.#state;
  }

  /** Clients see the state as it is. False where they did. */
  release(): boolean {
    if (this.#held === undefined) return false;
    this.#held = undefined;
    this.#owner.changed.emit(['state']);
    return true;
  }

  /** Becomes `after`, another state than it has; with a new connection the error is forgotten. */
  enter(after: ServiceState): void {
    const { type, network: { device }, changed, stateChanged } = this.#owner;
    const before = this.#state;
    const { shown } = this;
    if (isNewConnection(before, after)) this.setError(undefined);
    if (after !== 'association' && after !== 'disconnect') this.#held = undefined;
    this.#state = after;
    log.info('Interface %s [ %s ] state is %s', device.interfaceName, type, after);
    changed.emit(['state']);
    if (isConnected(after) !== isConnected(before)) changed.emit(['timeservers', 'domains', 'proxy', 'mdns']);
    stateChanged.emit({ before, after, isShown: this.shown !== shown });
  }

  /** What went wrong; undefined where it is forgotten. */
  setError(error: ServiceError | undefined): void {
    if (error === this.#error) return;
    this.#error = error;
    const { type, network: { device }, changed } = this.#owner;
    if (error !== undefined) log.warn('Interface %s [ %s ] error "%s"', device.interfaceName, type, error);
    changed.emit(['error']);
  }
}
