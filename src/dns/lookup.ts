/**
 * One question (a name and an address family) to several servers at once over UDP, over TCP where
 * an answer was truncated (RFC 1035, 4.2; RFC 7766, 5). The first good answer wins; what speaks
 * against the name waits a moment for another server to know better. Each server is asked from a
 * socket connected to it, with a random id and a port of the kernel's choice (RFC 5452), so that
 * an answer counts only if source, id and question are those asked.
 */

import type { Alarm } from '../shared/clock.ts';
import { DecodeError } from '../shared/errors.ts';
import type { IpAddress } from '../shared/ipaddress.ts';
import { logger } from '../shared/log.ts';
import type { Scope } from '../shared/scope.ts';
import type { MessageSocket, UdpSender } from '../system/system.ts';
import { readAnswer, type Verdict } from './answer.ts';
import { decodeMessage, encodeMessage, makeQuery, type DnsMessage, type DnsQuestion } from './message.ts';
import { CLASS_IN, RECORD_TYPE } from './records.ts';
import type { ResolveEnv, ResolveFailure } from './stub-resolver.ts';
import { askByTcp } from './tcp-query.ts';

const log = logger('src/dns/lookup.ts');

/** What to ask, whom, and until when. */
export interface LookupOptions {
  readonly name: string;
  readonly family: 4 | 6;
  readonly servers: readonly IpAddress[];
  readonly port: number;
  readonly device?: string;
  /** Clock time by which there is an answer of some kind. */
  readonly deadlineMs: number;
}

/** How a lookup ended. */
export type Answer =
  | { readonly kind: 'addresses'; readonly addresses: readonly IpAddress[] }
  | { readonly kind: 'failure'; readonly failure: ResolveFailure };

/** A server that has not given its last word. */
interface Asked {
  readonly server: IpAddress;
  readonly id: number;
  readonly socket: MessageSocket<UdpSender>;
  readonly scope: Scope;
  /** Its answer was truncated; it is being asked again over TCP. */
  isOnTcp: boolean;
}

/** The first repetition comes after this, each further one after twice the time. */
const FIRST_RETRY_MS = 400;
/** How long a negative answer waits for another server's addresses. */
const NEGATIVE_GRACE_MS = 250;
const RANK = { noAddress: 0, noSuchName: 1, refused: 2 } as const;

/** Runs one question to its end; `scope` ends it early, without an answer. */
export class Lookup {
  /** Never rejects; never settles once the scope closed. */
  readonly answer: Promise<Answer>;
  readonly #options: LookupOptions;
  readonly #env: ResolveEnv;
  readonly #scope: Scope;
  readonly #question: DnsQuestion;
  readonly #alarm: Alarm;
  readonly #open = new Set<Asked>();
  #settle: (answer: Answer) => void = () => undefined;
  /** What a server said that had no addresses; the most telling. */
  #failure: 'noAddress' | 'noSuchName' | 'refused' | undefined;
  #giveUpAtMs: number;
  #retryAtMs: number;
  #retryDelayMs = FIRST_RETRY_MS;

  constructor(options: LookupOptions, env: ResolveEnv, scope: Scope) {
    this.#options = options;
    this.#env = env;
    this.#scope = scope.child();
    this.#question = {
      name: options.name,
      type: options.family === 4 ? RECORD_TYPE.A : RECORD_TYPE.AAAA,
      class: CLASS_IN,
    };
    this.#giveUpAtMs = options.deadlineMs;
    this.#retryAtMs = env.clock.now() + FIRST_RETRY_MS;
    this.#alarm = env.clock.alarm(`dns ${options.name}`, this.#scope, () => this.#onAlarm());
    this.answer = new Promise((resolve) => {
      this.#settle = resolve;
    });
    for (const server of options.servers) this.#openSocket(server);
    if (this.#open.size === 0) this.#fail();
    this.#sendAll();
    this.#arm();
  }

  /** Takes what there is after `delayMs`, if that is earlier than planned. */
  giveUpWithin(delayMs: number): void {
    this.#giveUpAtMs = Math.min(this.#giveUpAtMs, this.#env.clock.now() + delayMs);
    this.#arm();
  }

  #openSocket(server: IpAddress): void {
    const { port, device } = this.#options;
    const scope = this.#scope.child();
    try {
      const socket = this.#env.system.udp({
        family: server.family,
        peer: { address: server, port },
        ...(device === undefined ? {} : { device }),
      }, scope);
      const asked: Asked = { server, id: this.#env.random.u32() >>> 16, socket, scope, isOnTcp: false };
      socket.onMessage = (bytes) => this.#onReply(asked, bytes);
      socket.onError = (error) => this.#drop(asked, error.message);
      this.#open.add(asked);
    } catch (error) {
      log.debug('%s: no socket to %s: %s', this.#options.name, server, error);
      void scope.close();
    }
  }

  #sendAll(): void {
    for (const asked of [...this.#open]) {
      if (asked.isOnTcp) continue;
      try {
        asked.socket.send(encodeMessage(makeQuery(asked.id, this.#question)));
      } catch (error) {
        this.#drop(asked, text(error));
      }
    }
  }

  #onReply(asked: Asked, bytes: Uint8Array): void {
    let message: DnsMessage;
    try {
      message = decodeMessage(bytes);
    } catch (error) {
      if (!(error instanceof DecodeError)) throw error;
      // Not the server's last word: whoever sent this may not have seen the question.
      log.debug('%s: %s sent no DNS message: %s', this.#options.name, asked.server, error.message);
      return;
    }
    this.#take(asked, readAnswer(message, asked.id, this.#question));
  }

  async #askByTcp(asked: Asked): Promise<void> {
    asked.isOnTcp = true;
    const { port, device } = this.#options;
    const peer = { address: asked.server, port, ...(device === undefined ? {} : { device }) };
    try {
      const query = encodeMessage(makeQuery(asked.id, this.#question));
      const reply = await askByTcp(this.#env.system, peer, query, asked.scope.signal);
      const verdict = readAnswer(decodeMessage(reply), asked.id, this.#question);
      // Truncated or not an answer at all: over TCP that is the last word.
      const isLast = verdict.kind === 'addresses' || verdict.kind === 'failure';
      this.#take(asked, isLast ? verdict : { kind: 'failure', failure: 'refused' });
    } catch (error) {
      this.#failure = moreTelling(this.#failure, 'refused');
      this.#drop(asked, text(error));
    }
  }

  #take(asked: Asked, verdict: Verdict): void {
    switch (verdict.kind) {
      case 'addresses':
        this.#end({ kind: 'addresses', addresses: verdict.addresses });
        return;
      case 'failure':
        this.#failure = moreTelling(this.#failure, verdict.failure);
        if (verdict.failure !== 'refused') this.giveUpWithin(NEGATIVE_GRACE_MS);
        this.#drop(asked, verdict.failure);
        return;
      case 'truncated':
        if (!asked.isOnTcp) void this.#askByTcp(asked);
        return;
      case 'foreign':
        log.debug('%s: %s answered something else', this.#options.name, asked.server);
        return;
    }
  }

  #drop(asked: Asked, why: string): void {
    if (!this.#open.delete(asked)) return;
    log.debug('%s: %s is done: %s', this.#options.name, asked.server, why);
    void asked.scope.close();
    if (this.#open.size === 0) this.#fail();
  }

  #fail(): void {
    const silence = this.#open.size > 0 ? 'timeout' : 'unreachable';
    this.#end({ kind: 'failure', failure: this.#failure ?? silence });
  }

  #onAlarm(): void {
    const now = this.#env.clock.now();
    if (now >= this.#giveUpAtMs) {
      this.#fail();
      return;
    }
    this.#retryDelayMs *= 2;
    this.#retryAtMs = now + this.#retryDelayMs;
    this.#sendAll();
    this.#arm();
  }

  #arm(): void {
    this.#alarm.set(Math.min(this.#giveUpAtMs, this.#retryAtMs));
  }

  #end(answer: Answer): void {
    this.#settle(answer);
    void this.#scope.close();
  }
}

// That a name exists says more than that it does not, and any answer more than an error.
function moreTelling<T extends 'noAddress' | 'noSuchName' | 'refused'>(one: T | undefined, other: T): T {
  if (one === undefined) return other;
  return RANK[one] <= RANK[other] ? one : other;
}

function text(error: unknown): string {
  return error instanceof Error ? error.message : String(error);
}
