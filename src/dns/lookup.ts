/**
 * One question (a name and an address family) to several servers at once over UDP, over TCP where
 * an answer was truncated (RFC 1035, 4.2; RFC 7766, 5). The first good answer wins; what speaks
 * against the name waits a moment for another server to know better. Each server is asked from a
 * socket connected to it, with a random id and a port of the kernel's choice (RFC 5452), so that
 * an answer counts only if source, id and question are those asked.
 */

import type { Alarm } from '../shared/clock.ts';
import { DecodeError, messageOf } from '../shared/errors.ts';
import { IpAddress } from '../shared/ipaddress.ts';
import { logger } from '../shared/log.ts';
import type { Scope } from '../shared/scope.ts';
import type { MessageSocket, UdpSender } from '../system/system.ts';
import { readAnswer, type Verdict } from './answer.ts';
import { decodeMessage, encodeMessage, makeQuery, type DnsMessage, type DnsQuestion } from './message.ts';
import { CLASS_IN, RECORD_TYPE } from './records.ts';
import type { ResolveEnv, ResolveFailure, ServerToAsk } from './stub-resolver.ts';
import { askByTcp, type StreamPeer } from './tcp-query.ts';

const log = logger('src/dns/lookup.ts');

/** What to ask, whom, and until when. */
export interface LookupOptions {
  readonly name: string;
  readonly family: 4 | 6;
  readonly servers: readonly ServerToAsk[];
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
  readonly peer: StreamPeer;
  readonly id: number;
  readonly scope: Scope;
  /** None where it may be asked over TLS alone, or once its answer was truncated: then TCP is in use. */
  socket: MessageSocket<UdpSender> | undefined;
}

/** The first repetition comes after this, each further one after twice the time. */
const FIRST_RETRY_MS = 400;
/** RFC 7858, 3.1. */
const TLS_PORT = 853;
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
    for (const server of options.servers) this.#begin(server);
    if (this.#open.size === 0) this.#fail();
    this.#sendAll();
    this.#arm();
  }

  /** Takes what there is after `delayMs`, if that is earlier than planned. */
  giveUpWithin(delayMs: number): void {
    this.#giveUpAtMs = Math.min(this.#giveUpAtMs, this.#env.clock.now() + delayMs);
    this.#arm();
  }

  #begin(server: ServerToAsk): void {
    const { port, device } = this.#options;
    const { address, tlsName, port: own } = server instanceof IpAddress ? { address: server } : server;
    const place = { address, port: own ?? (tlsName === undefined ? port : TLS_PORT) };
    const link = device === undefined ? {} : { device };
    const scope = this.#scope.child();
    const asked: Asked = {
      peer: { ...place, ...link, ...(tlsName !== undefined && { tlsName }) },
      id: this.#env.random.u32() >>> 16,
      scope,
      socket: undefined,
    };
    this.#open.add(asked);
    if (tlsName !== undefined) return void this.#askByTcp(asked);
    try {
      const socket = this.#env.system.udp({ family: address.family, peer: place, ...link }, scope);
      socket.onMessage = (bytes) => this.#onReply(asked, bytes);
      socket.onError = (error) => this.#drop(asked, error.message);
      asked.socket = socket;
    } catch (error) {
      log.debug('%s: no socket to %s: %s', this.#options.name, address, error);
      this.#open.delete(asked);
      void scope.close();
    }
  }

  #sendAll(): void {
    for (const asked of [...this.#open]) {
      try {
        asked.socket?.send(encodeMessage(makeQuery(asked.id, this.#question)));
      } catch (error) {
        this.#drop(asked, messageOf(error));
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
      log.debug('%s: %s sent no DNS message: %s', this.#options.name, asked.peer.address, error.message);
      return;
    }
    this.#take(asked, readAnswer(message, asked.id, this.#question));
  }

  async #askByTcp(asked: Asked): Promise<void> {
    asked.socket = undefined;
    try {
      const query = encodeMessage(makeQuery(asked.id, this.#question));
      const reply = await askByTcp(this.#env.system, asked.peer, query, asked.scope.signal);
      const verdict = readAnswer(decodeMessage(reply), asked.id, this.#question);
      // Truncated or not an answer at all: over TCP that is the last word.
      const isLast = verdict.kind === 'addresses' || verdict.kind === 'failure';
      this.#take(asked, isLast ? verdict : { kind: 'failure', failure: 'refused' });
    } catch (error) {
      this.#failure = moreTelling(this.#failure, 'refused');
      this.#drop(asked, messageOf(error));
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
        if (asked.socket !== undefined) void this.#askByTcp(asked);
        return;
      case 'foreign':
        log.debug('%s: %s answered something else', this.#options.name, asked.peer.address);
        return;
    }
  }

  #drop(asked: Asked, why: string): void {
    if (!this.#open.delete(asked)) return;
    log.debug('%s: %s is done: %s', this.#options.name, asked.peer.address, why);
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
