/**
 * The agents of users: programs that registered to answer questions (net.connman.Agent, and the
 * same for VPNs). One agent a bus name; the one registered longest is the default. An agent is
 * asked one thing at a time, others wait in order.
 * Invariant: every request ends, by an answer, a refusal, its time limit, its signal or the agent's
 * going; an agent that is still there is told `Cancel` when nobody waits for its answer any more.
 */

import type { Bus } from '../dbus/bus.ts';
import { DBusError } from '../dbus/errors.ts';
import type { CallOptions, InterfaceShape, Proxy } from '../dbus/interface.ts';
import type { Caller } from '../shared/caller.ts';
import type { Clock } from '../shared/clock.ts';
import { ConnmanError } from '../shared/errors.ts';
import { logger } from '../shared/log.ts';
import { createScope, type Scope } from '../shared/scope.ts';

const log = logger('src/daemon/agents.ts');

/** How often an agent is asked again that answers without what was asked for. */
const MAX_ATTEMPTS = 3;

/** What an agent may say instead of an answer; `Other` is any error of another name. */
export type Refusal = 'Canceled' | 'Retry' | 'LaunchBrowser' | 'Rejected' | 'Other';

/** An agent's refusal. `toConnmanError` says what the client waiting for it is told. */
export class AgentError extends Error {
  readonly reason: Refusal;

  constructor(reason: Refusal, cause: Error) {
    super(`the agent refused: ${cause.message}`, { cause });
    this.name = 'AgentError';
    this.reason = reason;
  }
}

/** What the client is told whose request an agent did not answer, as ConnMan tells it. */
export function toConnmanError(error: unknown): ConnmanError {
  if (error instanceof ConnmanError) return error;
  const isCanceled = error instanceof AgentError && error.reason === 'Canceled';
  return new ConnmanError(isCanceled ? 'OperationAborted' : 'OperationTimeout', undefined, { cause: error });
}

/** The agents of one daemon. `D` describes their interface. */
export interface AgentRegistry<D extends InterfaceShape> {
  /** Whether there is anybody to ask. */
  readonly hasAgent: boolean;

  /** Adds the caller's agent until the caller leaves the bus; throws ConnmanError AlreadyExists. */
  register(caller: Caller, path: string): void;

  /** Removes the caller's agent, whatever its path; throws ConnmanError NotRegistered. */
  unregister(caller: Caller): void;

  /**
   * Asks the agent of the bus name `preferred`, or else the default one, when its turn comes.
   * Rejects with AgentError, with the reason of `options.signal`, or with ConnmanError:
   * NotRegistered (no agent), OperationTimeout (none in time, or the agent is gone), InvalidArguments
   * (an answer of another type, or without what was asked for, three times).
   */
  request<R>(preferred: string | undefined, ask: Question<D, R>, options: RequestOptions<R>): Promise<R>;

  /** Tells every agent that the daemon goes, and forgets them. */
  releaseAll(): void;
}

/** Calls one method of the agent, passing `options` on. */
export type Question<D extends InterfaceShape, R> = (agent: Proxy<D>, options: CallOptions) => Promise<R>;

/** How a question is asked. */
export interface RequestOptions<R> {
  /** Counted from when the agent is asked, not while the question waits in line. */
  readonly timeoutMs: number;
  /** Withdraws the question. */
  readonly signal: AbortSignal;
  /** False for an answer that lacks what was asked for: the agent is asked again. */
  readonly isComplete?: (answer: R) => boolean;
}

/** The registry closes with `scope`: what is open ends as if the agents had unregistered. */
export function createAgentRegistry<D extends InterfaceShape>(
  description: D,
  env: { readonly bus: Pick<Bus, 'proxy' | 'call'>; readonly clock: Clock },
  scope: Scope,
): AgentRegistry<D> {
  const agents = new Map<string, Agent<D>>();
  const remove = (agent: Agent<D>): void => {
    agents.delete(agent.caller.id);
    agent.forget(new ConnmanError('OperationTimeout'));
  };
  scope.defer(() => agents.forEach(remove));
  return {
    get hasAgent() {
      return agents.size > 0;
    },
    register(caller, path) {
      if (agents.has(caller.id)) throw new ConnmanError('AlreadyExists');
      const agent = new Agent(description, env, caller, path);
      agents.set(caller.id, agent);
      agent.onGone = () => remove(agent);
      log.debug('agent %s %s registered', caller.id, path);
    },
    unregister(caller) {
      const agent = agents.get(caller.id);
      if (agent === undefined) throw new ConnmanError('NotRegistered');
      remove(agent);
    },
    async request(preferred, ask, options) {
      const [first] = agents.values();
      const agent = agents.get(preferred ?? '') ?? first;
      if (agent === undefined) throw new ConnmanError('NotRegistered');
      return agent.request(ask, options);
    },
    releaseAll() {
      for (const agent of agents.values()) {
        agent.release();
        remove(agent);
      }
    },
  };
}

class Agent<D extends InterfaceShape> {
  readonly caller: Caller;
  readonly #path: string;
  readonly #description: D;
  readonly #bus: Pick<Bus, 'proxy' | 'call'>;
  readonly #clock: Clock;
  readonly #forgotten = new AbortController();
  /** Those who wait for their turn, in order. */
  readonly #line: (() => void)[] = [];
  #isAsked = false;
  #isReleased = false;
  /** Called when the agent leaves the bus. */
  onGone: () => void = () => undefined;

  constructor(
    description: D,
    { bus, clock }: { readonly bus: Pick<Bus, 'proxy' | 'call'>; readonly clock: Clock },
    caller: Caller,
    path: string,
  ) {
    this.#description = description;
    this.#bus = bus;
    this.#clock = clock;
    this.caller = caller;
    this.#path = path;
    caller.signal.addEventListener('abort', () => this.onGone(), { once: true, signal: this.#forgotten.signal });
  }

  /** Rejects all that is asked and waits. */
  forget(reason: ConnmanError): void {
    log.debug('agent %s %s forgotten', this.caller.id, this.#path);
    this.#forgotten.abort(reason);
  }

  async request<R>(ask: Question<D, R>, { timeoutMs, signal, isComplete }: RequestOptions<R>): Promise<R> {
    const wanted = AbortSignal.any([signal, this.#forgotten.signal]);
    await this.#turn(wanted);
    try {
      for (let attempt = 0; attempt < MAX_ATTEMPTS; attempt++) {
        const answer = await this.#ask(ask, timeoutMs, wanted);
        if (isComplete === undefined || isComplete(answer)) return answer;
      }
      throw new ConnmanError('InvalidArguments');
    } finally {
      this.#isAsked = false;
      this.#line.shift()?.();
    }
  }

  /** Tells the agent that it is no longer one; the last it hears. */
  release(): void {
    this.#send('Release');
    this.#isReleased = true;
  }

  #send(member: 'Cancel' | 'Release'): void {
    if (this.caller.signal.aborted || this.#isReleased) return;
    const call = { destination: this.caller.id, path: this.#path, interface: this.#description.name, member };
    this.#bus.call({ ...call, noReply: true }).catch((error: unknown) => log.debug('%s failed: %s', member, error));
  }

  async #ask<R>(ask: Question<D, R>, timeoutMs: number, wanted: AbortSignal): Promise<R> {
    const scope = createScope();
    const limit = this.#clock.deadline(`answer of agent ${this.caller.id}`, timeoutMs, wanted, scope);
    try {
      const agent = this.#bus.proxy(this.#description, this.caller.id, this.#path);
      return await ask(agent, { signal: limit, timeoutMs: Number.POSITIVE_INFINITY });
    } catch (error) {
      if (!limit.aborted) throw this.#meaningOf(error);
      this.#send('Cancel');
      throw limit.reason;
    } finally {
      await scope.close();
    }
  }

  // Resolves when the agent is free; rejects, and leaves the line, when no longer wanted.
  #turn(wanted: AbortSignal): Promise<void> {
    return new Promise((resolve, reject) => {
      const leave = (): void => {
        const place = this.#line.indexOf(enter);
        if (place >= 0) this.#line.splice(place, 1);
        reject(wanted.reason);
      };
      const enter = (): void => {
        wanted.removeEventListener('abort', leave);
        this.#isAsked = true;
        resolve();
      };
      if (wanted.aborted) leave();
      else if (!this.#isAsked) enter();
      else {
        this.#line.push(enter);
        wanted.addEventListener('abort', leave, { once: true });
      }
    });
  }

  #meaningOf(error: unknown): unknown {
    if (!(error instanceof DBusError)) return error;
    if (error.name === WRONG_TYPE) return new ConnmanError('InvalidArguments', undefined, { cause: error });
    const prefix = `${this.#description.name}.Error.`;
    const word = error.name.startsWith(prefix) ? error.name.slice(prefix.length) : undefined;
    return new AgentError(REFUSALS.find((refusal) => refusal === word) ?? 'Other', error);
  }
}

/** What the bus connection makes of a reply of another signature than the method's. */
const WRONG_TYPE = 'org.freedesktop.DBus.Error.InvalidSignature';

const REFUSALS: readonly Refusal[] = ['Canceled', 'Retry', 'LaunchBrowser', 'Rejected'];
