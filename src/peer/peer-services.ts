/**
 * What this machine announces to Wi-Fi Direct peers: Bonjour and UPnP services, and its Wi-Fi Display
 * elements. Each belongs to the client that registered it and goes with it; drivers that come later
 * are told of all.
 */

import type { Caller } from '../shared/caller.ts';
import { ConnmanError } from '../shared/errors.ts';
import { formatHex } from '../shared/bytes.ts';
import { logger } from '../shared/log.ts';
import type { Scope } from '../shared/scope.ts';

const log = logger('src/peer/peer-services.ts');

/** One thing to announce. */
export type PeerService =
  | { readonly kind: 'bonjour'; readonly query: Uint8Array; readonly response: Uint8Array }
  | { readonly kind: 'upnp'; readonly service: string; readonly version: number }
  | { readonly kind: 'display'; readonly elements: Uint8Array };

/** A driver's side. */
export interface PeerServiceDriver {
  /** Announces it. Rejects with ConnmanError. */
  add(service: PeerService): Promise<void>;
  /** Announces it no more. Never rejects. */
  remove(service: PeerService): Promise<void>;
}

interface Registration {
  readonly service: PeerService;
  readonly owner: Caller;
  readonly isMaster: boolean;
  isPending: boolean;
}

/** So many are announced at most: every frame of discovery carries a hash of each. */
const MAX_SERVICES = 256;

/** All registrations. */
export class PeerServices {
  readonly #registrations = new Map<string, Registration>();
  /** Bus names whose going is waited for. */
  readonly #owners = new Set<string>();
  #driver: PeerServiceDriver | undefined;

  /** Whether one of them is for the owner of a group alone. */
  get hasMaster(): boolean {
    return [...this.#registrations.values()].some(({ isMaster }) => isMaster);
  }

  /** Has `driver` announce all that is and will be registered, until `scope` closes. */
  attach(driver: PeerServiceDriver, scope: Scope): void {
    this.#driver = driver;
    scope.defer(() => {
      if (this.#driver === driver) this.#driver = undefined;
    });
    for (const { service } of this.#registrations.values()) {
      driver.add(service).catch((error: unknown) => log.warn('a service is not announced: %s', error));
    }
  }

  /**
   * Announces a service until `owner` goes; at once where there is no driver yet. Rejects with
   * AlreadyExists, InProgress (the same is being registered), Failed (other display elements are
   * announced, too many, or what the driver says).
   */
  async register(service: PeerService, isMaster: boolean, owner: Caller): Promise<void> {
    const key = keyOf(service);
    const known = this.#registrations.get(key);
    if (known !== undefined) throw new ConnmanError(known.isPending ? 'InProgress' : 'AlreadyExists');
    const isTaken = service.kind === 'display'
      && [...this.#registrations.values()].some((each) => each.service.kind === 'display');
    if (isTaken || this.#registrations.size >= MAX_SERVICES) {
      throw new ConnmanError('Failed', 'Device or resource busy');
    }
    const registration: Registration = { service, owner, isMaster, isPending: true };
    this.#registrations.set(key, registration);
    this.#watch(owner);
    try {
      await this.#driver?.add(service);
      registration.isPending = false;
    } catch (error) {
      if (this.#registrations.get(key) === registration) this.#registrations.delete(key);
      throw error;
    }
  }

  /** Takes back what the caller registered. Throws NotRegistered. */
  unregister(service: PeerService, { id }: Caller): void {
    const key = keyOf(service);
    const registration = this.#registrations.get(key);
    if (registration?.owner.id !== id) throw new ConnmanError('NotRegistered');
    this.#remove(key, registration);
  }

  #watch(owner: Caller): void {
    if (this.#owners.has(owner.id)) return;
    this.#owners.add(owner.id);
    owner.signal.addEventListener('abort', () => {
      this.#owners.delete(owner.id);
      for (const [key, registration] of this.#registrations) {
        if (registration.owner.id === owner.id) this.#remove(key, registration);
      }
    }, { once: true });
  }

  #remove(key: string, registration: Registration): void {
    if (this.#registrations.get(key) !== registration) return;
    this.#registrations.delete(key);
    void this.#driver?.remove(registration.service);
  }
}

function keyOf(service: PeerService): string {
  switch (service.kind) {
    case 'bonjour':
      return `bonjour ${formatHex(service.query)} ${formatHex(service.response)}`;
    case 'upnp':
      return `upnp ${service.version} ${service.service}`;
    case 'display':
      return `display ${formatHex(service.elements)}`;
  }
}
