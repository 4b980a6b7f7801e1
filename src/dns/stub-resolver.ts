/**
 * A stub resolver for the daemon itself (RFC 1035, 7): asks the name servers of one link, through
 * that link, with random ids and source ports. Nothing is cached and nothing is taken from
 * /etc/resolv.conf. Invariant: an answer counts only if id, question and source are those asked.
 */

import type { Clock } from '../shared/clock.ts';
import type { IpAddress } from '../shared/ipaddress.ts';
import type { Random } from '../shared/random.ts';
import type { System } from '../system/system.ts';

/** Whom to ask and through which link. */
export interface NameQuery {
  readonly servers: readonly IpAddress[];
  /** Interface name for SO_BINDTODEVICE; the routing table decides when absent. */
  readonly device?: string;
  /** Which kinds of address to ask for; all questions are sent at once. */
  readonly families: readonly (4 | 6)[];
  /** All of it must be done within; 5000 when absent. */
  readonly timeoutMs?: number;
  /** 53 when absent. */
  readonly port?: number;
}

/** What the resolver takes from outside. */
export interface ResolveEnv {
  readonly system: Pick<System, 'udp' | 'tcp' | 'closeFd'>;
  readonly clock: Clock;
  readonly random: Random;
}

/**
 * Why a name has no address: `noServers` none were given, `invalidName` it cannot be asked for,
 * `noSuchName` it does not exist, `noAddress` it has none of the families wanted, `refused` every
 * server answered with an error, `unreachable` no server could be sent to, `timeout` no answer.
 */
export type ResolveFailure =
  | 'noServers' | 'invalidName' | 'noSuchName' | 'noAddress' | 'refused' | 'unreachable' | 'timeout';

/** A name that could not be resolved. */
export class ResolveError extends Error {
  readonly failure: ResolveFailure;

  constructor(failure: ResolveFailure, name: string) {
    super(`resolving ${name}: ${failure}`);
    this.name = 'ResolveError';
    this.failure = failure;
  }
}

/**
 * The addresses of `name`, in the order of `families`, at least one. A numeric address is answered
 * at once, without a server. Throws ResolveError, or `signal.reason` when aborted.
 */
export declare function resolveName(
  name: string, query: NameQuery, env: ResolveEnv, signal: AbortSignal,
): Promise<IpAddress[]>;
