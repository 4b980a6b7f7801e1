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
  readonly system: Pick<System, 'udp' | 'tcp' | 'closeFd'>;
  readonly clock: Clock;
  readonly random: Random;
}

/** A question as it goes out. */
export interface Asked {
  /** Name in lower case, type and class, as on the wire. */
  readonly question: Uint8Array;
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

/** A question under way. */
export interface Attempt {
  /** Nothing is told any more. */
  cancel(): void;
}

/** A way to ask one server. */
export interface Transport {
  /** `done` is called once, later or at once, unless cancelled. */
  ask(asked: Asked, habits: Habits, done: (outcome: TransportOutcome) => void): Attempt;
}

/** What a server was found not to bear. */
export interface Habits {
  readonly knowsEdns: boolean;
  readonly keepsCase: boolean;
}

/** So many replies in a row with letters in another case, right over TCP, are carelessness. */
const MANGLED_TO_BELIEVE = 3;

/** One server. */
export class Upstream {
  readonly server: ServerAddress;
  readonly name: string;
  readonly health: Health;
  readonly #clock: Clock;
  readonly #udp: Transport | undefined;
  readonly #stream: Transport;
  #knowsEdns = true;
  /** How often letters came back in another case while TCP gave a good answer. */
  #mangled = 0;
  #isSuspected = false;

  constructor(server: ServerAddress, env: UpstreamEnv, scope: Scope) {
    this.server = server;
    this.name = nameOf(server);
    this.health = new Health();
    this.#clock = env.clock;
    this.#udp = server.tlsName === undefined ? new UdpTransport(server, env, scope) : undefined;
    this.#stream = new StreamTransport(server, env, scope);
  }

  ask(asked: Asked, done: (outcome: Outcome) => void): Attempt {
    const startedAtMs = this.#clock.now();
    this.health.asked++;
    let current: Attempt | undefined;
    let isOver = false;
    const finish = (outcome: Outcome): void => {
      isOver = true;
      this.#judge(outcome, startedAtMs);
      done(outcome);
    };
    const start = (transport: Transport, next: (outcome: TransportOutcome) => void): void => {
      const attempt = transport.ask(asked, this.#habits, next);
      if (!isOver) current = attempt;
    };
    const fromStream = (outcome: TransportOutcome): void => {
      if (outcome.kind === 'answer') this.#believe();
      finish(isOutcome(outcome) ? outcome : { kind: 'broken' });
    };
    const fromUdp = (outcome: TransportOutcome): void => {
      if (isOutcome(outcome)) {
        if (!this.#isForWantOfEdns(outcome)) finish(outcome);
        else start(this.#udp ?? this.#stream, fromUdp);
        return;
      }
      if (outcome.kind === 'mangled') this.#isSuspected = true;
      log.debug('%s: %s over UDP, asking over TCP', this.name, outcome.kind);
      start(this.#stream, fromStream);
    };
    start(this.#udp ?? this.#stream, this.#udp === undefined ? fromStream : fromUdp);
    return {
      cancel: () => {
        if (isOver) return;
        isOver = true;
        current?.cancel();
      },
    };
  }

  get #habits(): Habits {
    return { knowsEdns: this.#knowsEdns, keepsCase: this.#mangled < MANGLED_TO_BELIEVE };
  }

  // RFC 6891, 7: FORMERR, or NOTIMP, from a server that knows no EDNS.
  #isForWantOfEdns(outcome: Outcome): boolean {
    if (outcome.kind !== 'failure' || !this.#knowsEdns) return false;
    if (outcome.rcode !== 1 && outcome.rcode !== 4) return false;
    this.#knowsEdns = false;
    return true;
  }

  #believe(): void {
    if (!this.#isSuspected) return;
    this.#isSuspected = false;
    this.#mangled++;
    if (this.#mangled === MANGLED_TO_BELIEVE) log.info('%s does not keep the case of letters', this.name);
  }

  #judge(outcome: Outcome, startedAtMs: number): void {
    if (outcome.kind === 'answer') this.health.answered(this.#clock.now() - startedAtMs);
    else this.health.failed(this.#clock.now(), outcome.kind !== 'failure');
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
