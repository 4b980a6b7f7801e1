/**
 * A stub resolver for the daemon itself (RFC 1035, 7): asks the name servers of one link, all at
 * once and through that link. Nothing is cached and nothing is taken from /etc/resolv.conf.
 * Invariant: when the promise settles, every socket and timer of the lookup is gone.
 */

import type { Clock } from '../shared/clock.ts';
import { DecodeError } from '../shared/errors.ts';
import { parseIpAddress, type IpAddress } from '../shared/ipaddress.ts';
import type { Random } from '../shared/random.ts';
import { createScope, type Scope } from '../shared/scope.ts';
import type { System } from '../system/system.ts';
import { Lookup, type Answer } from './lookup.ts';
import { parseName } from './name.ts';

/** A server: in the clear where it is but an address; with a name over TLS alone, which must prove it (RFC 7858). */
export type ServerToAsk = IpAddress | {
  readonly address: IpAddress;
  /** 53 when absent, with a name 853. */
  readonly port?: number;
  readonly tlsName?: string;
};

/** Whom to ask and through which link. */
export interface NameQuery {
  readonly servers: readonly ServerToAsk[];
  /** Interface name for SO_BINDTODEVICE; the routing table decides when absent. */
  readonly device?: string;
  /** Which kinds of address to ask for; all questions are sent at once. */
  readonly families: readonly (4 | 6)[];
  /** All of it must be done within; 5000 when absent. */
  readonly timeoutMs?: number;
  /** Of servers that have none; 53 when absent. */
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

const DEFAULT_TIMEOUT_MS = 5000;
/** How long the other family is waited for once one has addresses. */
const OTHER_FAMILY_GRACE_MS = 250;
/** A DHCP option can name hundreds of servers; asking more of them helps nobody. */
const MAX_SERVERS = 8;

/**
 * The addresses of `name`, in the order of `families`, at least one. A numeric address is answered
 * at once, without a server. Throws ResolveError, or `signal.reason` when aborted.
 */
export async function resolveName(
  name: string, query: NameQuery, env: ResolveEnv, signal: AbortSignal,
): Promise<IpAddress[]> {
  signal.throwIfAborted();
  const literal = parseIpAddress(name);
  if (literal !== undefined) {
    if (query.families.includes(literal.family)) return [literal];
    throw new ResolveError('noAddress', name);
  }
  if (!isName(name)) throw new ResolveError('invalidName', name);
  if (query.servers.length === 0) throw new ResolveError('noServers', name);
  const scope = createScope();
  try {
    const answers = await Promise.race([ask(name, query, env, scope), whenAborted(signal, scope)]);
    const addresses = answers.flatMap((answer) => (answer.kind === 'addresses' ? answer.addresses : []));
    if (addresses.length === 0) throw new ResolveError(worst(answers), name);
    return addresses;
  } finally {
    await scope.close();
  }
}

async function ask(name: string, query: NameQuery, env: ResolveEnv, scope: Scope): Promise<Answer[]> {
  const deadlineMs = env.clock.now() + (query.timeoutMs ?? DEFAULT_TIMEOUT_MS);
  const lookups = query.families.map((family) => new Lookup({
    name,
    family,
    servers: query.servers.slice(0, MAX_SERVERS),
    port: query.port ?? 53,
    deadlineMs,
    ...(query.device === undefined ? {} : { device: query.device }),
  }, env, scope));
  return await Promise.all(lookups.map(async (lookup) => {
    const answer = await lookup.answer;
    if (answer.kind === 'addresses') {
      for (const other of lookups) other.giveUpWithin(OTHER_FAMILY_GRACE_MS);
    }
    return answer;
  }));
}

// With two families the failure that says most is told: that the name exists outweighs all else.
function worst(answers: readonly Answer[]): ResolveFailure {
  const failures = answers.flatMap((answer) => (answer.kind === 'failure' ? [answer.failure] : []));
  const telling: readonly ResolveFailure[] = ['noAddress', 'noSuchName', 'refused', 'timeout'];
  return telling.find((failure) => failures.includes(failure)) ?? 'unreachable';
}

function isName(name: string): boolean {
  try {
    return parseName(name).length > 0;
  } catch (error) {
    if (error instanceof DecodeError) return false;
    throw error;
  }
}

function whenAborted(signal: AbortSignal, scope: Scope): Promise<never> {
  return new Promise((_, reject) => {
    const onAbort = (): void => reject(signal.reason);
    signal.addEventListener('abort', onAbort);
    scope.defer(() => signal.removeEventListener('abort', onAbort));
  });
}
