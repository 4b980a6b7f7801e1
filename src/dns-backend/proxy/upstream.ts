/**
 * One name server as the proxy asks it: over UDP, over TCP where a reply was truncated or where
 * something looks forged (RFC 7766, 5; RFC 5452), over TLS alone where it has a name (RFC 7858).
 * Its health is remembered, and so are the habits of servers that know no EDNS or do not keep the
 * case of letters. Invariant: every question asked is told its end exactly once, unless cancelled.
 */

import type { Clock } from '../../shared/clock.ts';
import type { IpAddress } from '../../shared/ipaddress.ts';
import { logger } from '../../shared/log.ts';
import type { Random } from '../../shared/random.ts';
import type { Scope } from '../../shared/scope.ts';
import type { System } from '../../system/system.ts';
import type { Scan } from '../../dns/reply-scan.ts';
import { Health } from './health.ts';
import { StreamTransport } from './stream-transport.ts';
import { UdpTransport } from './udp-transport.ts';

const log = logger('src/dns-backend/proxy/upstream.ts');

/** Where a server is. */
export interface ServerAddress {
  readonly address: IpAddress;
  readonly port: number;
  /** The link to reach it by. */
  readonly device?: string;
  /** The name its certificate must bear: it is asked over TLS alone. */
  readonly tlsName?: string;
}

/** What asking takes. */
export interface UpstreamEnv {
  readonly system: Pick<System, 'udpServer' | 'tcp' | 'closeFd'>;
  readonly clock: Clock;
  readonly random: Random;
}

/** A question as it goes out. */
export interface Asked {
  /** Name in lower case, type and class, as on the wire, in Latin-1. */
  readonly question: string;
  /** DNSSEC_OK and CHECKING_DISABLED of query-reader.ts. */
  readonly flavour: number;
}

/** How a question to one server ended. */
export type Outcome = Exclude<Scan, { readonly kind: 'unsorted' | 'truncated' }> | { readonly kind: 'unreachable' };

/** What a transport found: an end, or why another transport has to be asked. */
export type TransportOutcome = Outcome
  | { readonly kind: 'truncated' }
  /** Letters came back in another case: perhaps forged, perhaps a careless server. */
  | { readonly kind: 'mangled' }
  /** So much came that was not asked for that a forgery may be among it. */
  | { readonly kind: 'flooded' };

/** What can be called off. */
export interface Cancellable {
  /** Nothing is told any more. */
  cancel(): void;
}

/** Who asks a transport. */
export interface Listener {
  heard(outcome: TransportOutcome, nowMs: number): void;
}

/** A way to ask one server. */
export interface Transport {
  /** `listener` hears once, later, unless cancelled. */
  ask(asked: Asked, habits: Habits, listener: Listener): Cancellable;
}

/** What a server was found not to bear. */
export interface Habits {
  readonly knowsEdns: boolean;
  readonly keepsCase: boolean;
}

/** Who asks a server. */
export interface Asker {
  ended(attempt: Attempt, outcome: Outcome, nowMs: number): void;
}

/** So many replies in a row with letters in another case, right over TCP, are carelessness. */
const MANGLED_TO_BELIEVE = 3;
/** What takes longer counts against the server. */
const LATE_MS = 1000;

/** A question to one server, under way until it is over. */
export class Attempt implements Listener, Cancellable {
  readonly upstream: Upstream;
  readonly asked: Asked;
  readonly asker: Asker;
  readonly askedAtMs: number;
  isOver = false;
  isOnStream = false;
  underWay: Cancellable | undefined;
  #isLate = false;

  constructor(upstream: Upstream, asked: Asked, asker: Asker, nowMs: number) {
    this.upstream = upstream;
    this.asked = asked;
    this.asker = asker;
    this.askedAtMs = nowMs;
  }

  heard(outcome: TransportOutcome, nowMs: number): void {
    if (!this.isOver) this.upstream.heard(this, outcome, nowMs);
  }

  cancel(): void {
    if (this.isOver) return;
    this.isOver = true;
    this.underWay?.cancel();
  }

  /** Notes against the server that it takes too long, once. */
  markLate(nowMs: number): void {
    if (this.#isLate || nowMs < this.askedAtMs + LATE_MS) return;
    this.#isLate = true;
    this.upstream.health.late(nowMs);
  }
}

/** One server. */
export class Upstream {
  readonly server: ServerAddress;
  readonly name: string;
  readonly health: Health;
  readonly #udp: Transport | undefined;
  readonly #stream: Transport;
  #habits: Habits = { knowsEdns: true, keepsCase: true };
  /** How often letters came back in another case while TCP gave a good answer. */
  #mangled = 0;
  #isSuspected = false;

  constructor(server: ServerAddress, env: UpstreamEnv, scope: Scope) {
    this.server = server;
    this.name = nameOf(server);
    this.health = new Health();
    this.#udp = server.tlsName === undefined ? new UdpTransport(server, env, scope) : undefined;
    this.#stream = new StreamTransport(server, env, scope);
  }

  /** Asks; `asker` is told the end, later. */
  ask(asked: Asked, asker: Asker, nowMs: number): Attempt {
    this.health.asking(nowMs);
    const attempt = new Attempt(this, asked, asker, nowMs);
    attempt.isOnStream = this.#udp === undefined;
    this.#send(attempt);
    return attempt;
  }

  /** What a transport tells of an attempt that is not over. */
  heard(attempt: Attempt, outcome: TransportOutcome, nowMs: number): void {
    if (attempt.isOnStream) {
      if (outcome.kind === 'answer') this.#believe();
      this.#end(attempt, isOutcome(outcome) ? outcome : { kind: 'broken' }, nowMs);
    } else if (!isOutcome(outcome)) {
      if (outcome.kind === 'mangled') this.#isSuspected = true;
      log.debug('%s: %s over UDP, asking over TCP', this.name, outcome.kind);
      attempt.isOnStream = true;
      this.#send(attempt);
    } else if (this.#isForWantOfEdns(outcome)) {
      this.#send(attempt);
    } else {
      this.#end(attempt, outcome, nowMs);
    }
  }

  #send(attempt: Attempt): void {
    const transport = attempt.isOnStream ? this.#stream : (this.#udp ?? this.#stream);
    attempt.underWay = transport.ask(attempt.asked, this.#habits, attempt);
  }

  #end(attempt: Attempt, outcome: Outcome, nowMs: number): void {
    attempt.isOver = true;
    if (outcome.kind === 'answer') this.health.answered(nowMs - attempt.askedAtMs);
    else this.health.failed(nowMs, outcome.kind !== 'failure');
    attempt.asker.ended(attempt, outcome, nowMs);
  }

  // RFC 6891, 7: FORMERR, or NOTIMP, from a server that knows no EDNS.
  #isForWantOfEdns(outcome: Outcome): boolean {
    if (outcome.kind !== 'failure' || !this.#habits.knowsEdns) return false;
    if (outcome.rcode !== 1 && outcome.rcode !== 4) return false;
    this.#habits = { ...this.#habits, knowsEdns: false };
    return true;
  }

  #believe(): void {
    if (!this.#isSuspected) return;
    this.#isSuspected = false;
    if (++this.#mangled !== MANGLED_TO_BELIEVE) return;
    this.#habits = { ...this.#habits, keepsCase: false };
    log.info('%s does not keep the case of letters', this.name);
  }
}

function isOutcome(outcome: TransportOutcome): outcome is Outcome {
  return outcome.kind !== 'truncated' && outcome.kind !== 'mangled' && outcome.kind !== 'flooded';
}

/** `address:port`, with brackets, `%device` and `#name` where there are such. */
export function nameOf({ address, port, device, tlsName }: ServerAddress): string {
  const host = address.family === 6 ? `[${address}]` : address.toString();
  const link = device === undefined ? '' : `%${device}`;
  return `${host}:${port}${link}${tlsName === undefined ? '' : `#${tlsName}`}`;
}
