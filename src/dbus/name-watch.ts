/**
 * Who owns a bus name, and when that changes (D-Bus specification, "NameOwnerChanged"). However
 * many watch a name, the bus is asked once. Past RULES_BY_NAME names one rule for all names takes
 * over, since a bus limits rules per connection.
 */

import { stackOf } from '../shared/errors.ts';
import { logger } from '../shared/log.ts';
import type { Scope } from '../shared/scope.ts';
import { isStandardError } from './errors.ts';
import type { Proxy } from './interface.ts';
import { BUS_NAME, BUS_PATH, type busInterface } from './interfaces/freedesktop.ts';
import type { MatchRules } from './match-rules.ts';
import type { Message } from './message.ts';

const log = logger('src/dbus/name-watch.ts');

const RULES_BY_NAME = 128;

/** Told of an owner's unique name, or that there is none. */
export type OwnerObserver = (owner: string | undefined) => void;

interface WatchedName {
  readonly name: string;
  readonly scope: Scope;
  readonly observers: Set<OwnerObserver>;
  owner: string | undefined;
  isKnown: boolean;
}

/** All names being watched on one connection. */
export class NameWatch {
  readonly #bus: Proxy<typeof busInterface>;
  readonly #rules: MatchRules;
  readonly #scope: Scope;
  readonly #names = new Map<string, WatchedName>();

  constructor(bus: Proxy<typeof busInterface>, rules: MatchRules, scope: Scope) {
    this.#bus = bus;
    this.#rules = rules;
    this.#scope = scope;
  }

  /** Tells the owner once known and at every change, until `scope` closes. */
  watch(name: string, scope: Scope, observer: OwnerObserver): void {
    if (scope.isClosed) return;
    const watched = this.#names.get(name) ?? this.#begin(name);
    const entry: OwnerObserver = (owner) => observer(owner);
    watched.observers.add(entry);
    scope.defer(() => {
      watched.observers.delete(entry);
      if (watched.observers.size === 0) this.#end(watched);
    });
    if (watched.isKnown) queueMicrotask(() => void (watched.observers.has(entry) && tell(entry, watched)));
  }

  /** The bus is lost: as far as we can know nobody owns anything any more. */
  loseAll(): void {
    for (const watched of [...this.#names.values()]) this.#set(watched, undefined);
  }

  #begin(name: string): WatchedName {
    const watched: WatchedName = {
      name, scope: this.#scope.child(), observers: new Set(), owner: undefined, isKnown: false,
    };
    const isCrowded = this.#names.size >= RULES_BY_NAME;
    this.#names.set(name, watched);
    const match = { sender: BUS_NAME, path: BUS_PATH, interface: BUS_NAME, member: 'NameOwnerChanged' };
    const rule = isCrowded ? match : { ...match, arg0: name };
    const added = this.#rules.add(rule, watched.scope, (message) => this.#onChange(watched, message));
    // The bus takes calls in their order: what changes after it has said who is the owner, it tells.
    Promise.all([added, this.#ask(watched)]).catch((error: unknown) => {
      if (watched.scope.isClosed) return;
      if (!isStandardError(error, 'Disconnected')) log.error('cannot watch bus name %s: %s', name, error);
      this.#set(watched, undefined);
    });
    return watched;
  }

  #end(watched: WatchedName): void {
    if (this.#names.get(watched.name) === watched) this.#names.delete(watched.name);
    void watched.scope.close();
  }

  async #ask(watched: WatchedName): Promise<void> {
    if (watched.scope.isClosed) return;
    try {
      this.#set(watched, await this.#bus.GetNameOwner({ name: watched.name }));
    } catch (error) {
      if (!isStandardError(error, 'NameHasNoOwner')) throw error;
      this.#set(watched, undefined);
    }
  }

  #onChange(watched: WatchedName, message: Message): void {
    const [name, , owner] = message.body;
    if (name === watched.name && typeof owner === 'string') this.#set(watched, owner === '' ? undefined : owner);
  }

  #set(watched: WatchedName, owner: string | undefined): void {
    if (watched.isKnown && watched.owner === owner) return;
    watched.owner = owner;
    watched.isKnown = true;
    for (const observer of [...watched.observers]) tell(observer, watched);
  }
}

function tell(observer: OwnerObserver, { name, owner }: WatchedName): void {
  try {
    observer(owner);
  } catch (error) {
    log.error('an observer of bus name %s failed: %s', name, stackOf(error));
  }
}
