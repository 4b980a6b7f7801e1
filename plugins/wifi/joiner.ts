/**
 * Joins one network at a time on one radio: adds its block, follows the supplicant's states
 * (join-outcome.ts) until it is joined or failed, and tells when the link is lost later.
 */

import type { Scope } from '../../src/api.ts';
import { JoinError } from '../../src/api.ts';
import { logger } from '../../src/shared/log.ts';
import type { Properties } from './bss.ts';
import { type Joining, NOT_JOINED, step } from './join-outcome.ts';
import type { SupplicantLink } from './supplicant-link.ts';

const log = logger('plugins/wifi/joiner.ts');

/** What is joined, or being joined. */
interface Current {
  readonly owner: object;
  /** Whether its secret has worked before. */
  readonly isProven: boolean;
  readonly onLost: () => void;
  joining: Joining;
  block: string | undefined;
  settle: { resolve(): void; reject(error: unknown): void } | undefined;
}

/** A wish to join. */
export interface JoinRequest {
  /** Whose it is; `leave` takes the same. */
  readonly owner: object;
  readonly block: Properties;
  readonly isProven: boolean;
  /** The link is gone though nobody left it. */
  onLost(): void;
}

/** The joins of one radio, until `scope` closes. */
export class Joiner {
  readonly #link: SupplicantLink;
  #current: Current | undefined;
  /** Leaving is under way; a join waits for it. */
  #leaving: Promise<void> = Promise.resolve();

  constructor(link: SupplicantLink, scope: Scope) {
    this.#link = link;
    link.events.observe(scope, (event) => {
      if (event.kind === 'state') this.#follow();
    });
  }

  /** Whose network is joined. */
  get connectedOwner(): object | undefined {
    return this.#current?.joining.isConnected === true ? this.#current.owner : undefined;
  }

  /** Whether a join is under way. */
  get isJoining(): boolean {
    return this.#current?.settle !== undefined;
  }

  /** Resolves when joined. Rejects with JoinError, or the reason of `signal`, which ends the attempt. */
  async join(request: JoinRequest, signal: AbortSignal): Promise<void> {
    if (this.#current !== undefined) this.#end(new JoinError('connect-failed'));
    await this.#leaving;
    signal.throwIfAborted();
    const { owner, isProven, onLost } = request;
    const current: Current = {
      owner, isProven, onLost, joining: NOT_JOINED, block: undefined, settle: undefined,
    };
    this.#current = current;
    const joined = new Promise<void>((resolve, reject) => {
      current.settle = { resolve, reject };
      signal.addEventListener('abort', () => {
        if (this.#current === current && current.settle !== undefined) this.#end(signal.reason);
      }, { once: true });
    });
    this.#link.join(request.block).then(
      (path) => {
        current.block = path;
        if (this.#current !== current) void this.#link.leave(path);
      },
      (error: unknown) => {
        if (this.#current === current) this.#end(refusal(error));
      },
    );
    return joined;
  }

  /** Leaves what `owner` joined; nothing where it is not the one. */
  async leave(owner: object): Promise<void> {
    if (this.#current?.owner !== owner) return;
    this.#end(new JoinError('connect-failed'));
    await this.#leaving;
  }

  #follow(): void {
    const current = this.#current;
    if (current === undefined) return;
    const { state, disconnectReason, associationStatus, authenticationStatus } = this.#link;
    const { joining, outcome } = step(current.joining, {
      state, disconnectReason, statusCode: associationStatus, authStatusCode: authenticationStatus,
      isProven: current.isProven,
    });
    log.debug('%s: %s → %s: %s', this.#link.path, current.joining.state, state, outcome.kind);
    current.joining = joining;
    switch (outcome.kind) {
      case 'nothing':
        return;
      case 'joined':
        current.settle?.resolve();
        current.settle = undefined;
        return;
      case 'failed':
        return this.#end(new JoinError(outcome.error));
      case 'lost':
        current.onLost();
        return;
    }
  }

  #end(reason: unknown): void {
    const current = this.#current;
    this.#current = undefined;
    current?.settle?.reject(reason);
    if (current !== undefined) this.#leaving = this.#link.leave(current.block);
  }
}

// The supplicant names the property that it does not take.
function refusal(error: unknown): JoinError {
  const text = error instanceof Error ? error.message : '';
  const isKey = /\b(psk|wep_key)|invalid message format/.test(text);
  return new JoinError(isKey ? 'invalid-key' : 'connect-failed', { cause: error });
}
