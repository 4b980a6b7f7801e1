/**
 * The connections of a service, one at a time, and what outlives them: whether the service carries
 * the default route, and the last conflict of its address. What its state follows from is passed on.
 * Invariant: of a connection that was stopped nothing more is heard.
 */

import type { AddressConflict } from '../ipconfig/configuration.ts';
import type { StopMode } from '../ipconfig/session.ts';
import { logger } from '../shared/log.ts';
import type { Scope } from '../shared/scope.ts';
import { Connection, type ConnectionEvent } from './connection.ts';
import type { Service } from './service.ts';
import type { ServiceEnv } from './service-env.ts';
import { targetOf } from './views.ts';

const log = logger('src/service/uplink.ts');

/** What the state of a service follows from. */
export type UplinkEvent = Extract<ConnectionEvent, { kind: 'configuration' | 'ready' | 'checked' | 'failed' }>;

/** The connections of a service. */
export class Uplink {
  readonly #service: Service;
  readonly #env: ServiceEnv;
  readonly #scope: Scope;
  readonly #onEvent: (event: UplinkEvent) => void;
  #connection: Connection | undefined;
  #isDefault = false;
  #conflict: AddressConflict | undefined;

  /** `onEvent` hears of every connection until it is stopped. */
  constructor(service: Service, env: ServiceEnv, scope: Scope, onEvent: (event: UplinkEvent) => void) {
    this.#service = service;
    this.#env = env;
    this.#scope = scope;
    this.#onEvent = onEvent;
  }

  /** The connection of the moment. */
  get connection(): Connection | undefined {
    return this.#connection;
  }

  /** Whether the service carries the default route. */
  get isDefault(): boolean {
    return this.#isDefault;
  }

  setDefault(isDefault: boolean): void {
    this.#isDefault = isDefault;
    this.#connection?.setDefault(isDefault);
  }

  /** The last conflict of the address. */
  get conflict(): AddressConflict | undefined {
    return this.#conflict;
  }

  /** Makes a connection, for the caller to start. */
  make(): Connection {
    const connection = new Connection(targetOf(this.#service, this.#service.record, this.#env), this.#env, this.#scope);
    this.#connection = connection;
    connection.events.observe(this.#scope, (event) => {
      if (this.#connection === connection) this.#take(event);
    });
    if (this.#isDefault) connection.setDefault(true);
    return connection;
  }

  /** Stops the connection, if there is one; the lease is forgotten when it is given back. */
  stop(mode: StopMode): void {
    const { identifier, checked, leased, record } = this.#service;
    const connection = this.#connection;
    this.#connection = undefined;
    if (connection?.lastCheck !== undefined) checked.emit();
    leased.emit();
    if (mode === 'release') record.lease = undefined;
    connection?.stop(mode).catch((error: unknown) => log.error('%s: stopping failed: %s', identifier, error));
  }

  /** Keeps what was lent, or is lent for longer. */
  noteLease(): void {
    const { inUse, leased, record } = this.#service;
    if (this.#connection?.ipv4 !== undefined) record.noteLease(inUse.lease);
    leased.emit();
  }

  /** The conflict is over once there is an address again that is no link-local one in its place. */
  resolveConflict(): void {
    const { changed, inUse } = this.#service;
    if (this.#conflict?.isResolved !== false || inUse.ipv4?.method === 'auto') return;
    this.#conflict = { ...this.#conflict, isResolved: true };
    changed.emit(['conflict']);
  }

  #take(event: ConnectionEvent): void {
    switch (event.kind) {
      case 'prolonged':
        return this.noteLease();
      case 'proxy':
        return this.#service.changed.emit(['proxy']);
      case 'conflict':
        this.#conflict = event.conflict;
        return this.#service.changed.emit(['conflict']);
      case 'configuration':
      case 'ready':
      case 'checked':
      case 'failed':
        return this.#onEvent(event);
    }
  }
}
