/**
 * What peers ask of users, through the agents of their programs; src/peer/dbus.ts asks.
 */

import type { ErrorAnswer } from '../agent/agent.ts';
import type { Caller } from '../shared/caller.ts';
import type { Peer } from './peer.ts';

/** Whose agent is asked about what: that of `caller`, or any. `signal` withdraws the question. */
export interface PeerAgent {
  /** Whether there is anybody to ask. */
  readonly hasAgent: boolean;
  /**
   * Asks whether to go together with `peer`, and with `needsProof` for what proves it: what is
   * answered is empty for a push button, else a PIN. Rejects with the reason of `signal`, or
   * ConnmanError: NotRegistered, OperationTimeout, Failed (refused).
   */
  authorize(peer: Peer, needsProof: boolean, caller: Caller | undefined, signal: AbortSignal): Promise<string>;
  /** Tells that connecting to `peer` failed. */
  reportError(peer: Peer, caller: Caller | undefined, signal: AbortSignal): Promise<ErrorAnswer>;
}
