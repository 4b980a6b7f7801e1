/**
 * Whether somebody wants prefixes delegated through a service (RFC 8415, IA_PD), as tethering does for
 * the network behind this machine. What is delegated stands in the service's DHCPv6 lease.
 */

import { Emitter } from '../shared/emitter.ts';
import type { Scope } from '../shared/scope.ts';

/** The wish of all who have it. */
export class PrefixWish {
  /** Emits when `isWanted` is another. */
  readonly changed = new Emitter<void>();
  readonly #scopes = new Set<Scope>();

  get isWanted(): boolean {
    return this.#scopes.size > 0;
  }

  /** Has prefixes asked for, now and at every connection, until `scope` closes. */
  add(scope: Scope): void {
    this.#scopes.add(scope);
    if (this.#scopes.size === 1) this.changed.emit();
    scope.defer(() => {
      if (this.#scopes.delete(scope) && !this.isWanted) this.changed.emit();
    });
  }
}
