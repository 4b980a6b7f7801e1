/**
 * Who asked: core objects that answer a particular client (agents, sessions, connect) take a
 * `Caller`, so that they need not know the bus it came by.
 */

/** A client of the daemon. */
export interface Caller {
  /** Its unique bus name, or another id no one else has. */
  readonly id: string;
  /** Aborted when the client goes. */
  readonly signal: AbortSignal;
}
