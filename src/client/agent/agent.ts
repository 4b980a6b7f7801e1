/**
 * The agents of the console: net.connman.Agent and net.connman.vpn.Agent at one path of ours. What
 * was said on the command line answers first, then the user is asked, one request at a time.
 * Invariant: a request the user cannot answer is refused at once; the daemon never waits in vain.
 */

import { DBusError } from '../../dbus/errors.ts';
import type { Call } from '../../dbus/interface.ts';
import { agentInterface } from '../../dbus/interfaces/agent.ts';
import { managerInterface } from '../../dbus/interfaces/manager.ts';
import { vpnAgentInterface } from '../../dbus/interfaces/vpn-agent.ts';
import { vpnManagerInterface } from '../../dbus/interfaces/vpn-manager.ts';
import type { Variant } from '../../dbus/signature.ts';
import { shared } from './turn.ts';
import type { Scope } from '../../shared/scope.ts';
import { CONNMAN_VPN, type Context, PATIENCE } from '../context.ts';
import { identifierOf } from '../listings.ts';
import { formatProperties, type Properties } from '../values.ts';
import { parseBoolean } from '../words.ts';
import { AGENT_QUESTIONS, answerFields, hasQuestion, isSecret, VPN_QUESTIONS } from './questions.ts';

/** Where both agents are, as ConnMan's console has them. */
export const AGENT_PATH = `/net/connman/connmanctl${process.pid}`;

/** One of the two agents of this program. */
export class Agent {
  readonly #context: Context;
  readonly #kind: 'core' | 'vpn';
  #registration: Scope | undefined;
  #answers: ReadonlyMap<string, string> = new Map();
  readonly #answered = new Set<string>();
  /** The field or page for which nobody could be asked. */
  unanswered: string | undefined;
  /** Print what is asked for in full, as the interactive console does. */
  isVerbose = true;

  constructor(context: Context, kind: 'core' | 'vpn') {
    this.#context = context;
    this.#kind = kind;
  }

  /** Answers by field, given on the command line; each is given once, so that a wrong one ends. */
  get answers(): ReadonlyMap<string, string> {
    return this.#answers;
  }

  /** Sets them, for one connection; empty afterwards. */
  expect(answers: ReadonlyMap<string, string>): void {
    this.#answers = answers;
    this.#answered.clear();
    this.unanswered = undefined;
  }

  /** Whether it is registered. */
  get isRegistered(): boolean {
    return this.#registration !== undefined;
  }

  /** Registers with the daemon; rejects as the daemon answers. */
  async register(): Promise<void> {
    const bus = await this.#context.bus();
    const registration = this.#context.scope.child();
    try {
      if (this.#kind === 'core') bus.export(AGENT_PATH, agentInterface, { methods: this.#coreMethods() }, registration);
      else bus.export(AGENT_PATH, vpnAgentInterface, { methods: this.#vpnMethods() }, registration);
      const manager = await this.#manager();
      await manager.RegisterAgent({ path: AGENT_PATH }, PATIENCE);
    } catch (error) {
      await registration.close();
      throw error;
    }
    this.#registration = registration;
  }

  /** Takes it back; rejects as the daemon answers, and is unregistered all the same. */
  async unregister(): Promise<void> {
    this.#forget();
    const manager = await this.#manager();
    await manager.UnregisterAgent({ path: AGENT_PATH }, PATIENCE);
  }

  #manager() {
    return this.#kind === 'core'
      ? this.#context.proxy(managerInterface, '/')
      : this.#context.proxy(vpnManagerInterface, '/', CONNMAN_VPN);
  }

  #forget(): void {
    void this.#registration?.close();
    this.#registration = undefined;
  }

  #coreMethods() {
    type Fields = { readonly fields: Properties };
    return {
      Release: () => this.#released(),
      Cancel: () => this.#cancel(),
      ReportError: ({ service, error }: { service: string; error: string }, call: Call) =>
        this.#retry(call, `ReportError ${identifierOf(service)}`, error),
      ReportPeerError: ({ peer, error }: { peer: string; error: string }, call: Call) =>
        this.#retry(call, `ReportPeerError ${identifierOf(peer)}`, error),
      RequestBrowser: ({ service, url }: { service: string; url: string }, call: Call) =>
        this.#browse(call, service, url),
      RequestInput: ({ service, fields }: { service: string } & Fields, call: Call) =>
        this.#input(call, service, fields),
      RequestPeerAuthorization: ({ peer, fields }: { peer: string } & Fields, call: Call) =>
        this.#authorise(call, peer, fields),
    };
  }

  #vpnMethods() {
    return {
      Release: () => this.#released(),
      Cancel: () => this.#cancel(),
      ReportError: ({ service, error }: { service: string; error: string }, call: Call) =>
        this.#retry(call, `ReportError ${identifierOf(service)}`, error),
      RequestInput: ({ service, fields }: { service: string; fields: Properties }, call: Call) =>
        this.#input(call, service, fields),
    };
  }

  #released(): void {
    this.#forget();
    this.#context.output.print(`${this.#title} unregistered by ${this.#daemon}\n`);
  }

  #cancel(): void {
    this.#context.part(shared).cancel();
    if (this.isVerbose) this.#context.output.print(`${this.#title} request cancelled by ${this.#daemon}\n`);
  }

  #input(call: Call, path: string, fields: Properties): Promise<Map<string, Variant>> {
    return this.#turn(call, async (signal) => {
      this.#announce(`RequestInput ${identifierOf(path)}`, fields);
      const questions = this.#kind === 'core' ? AGENT_QUESTIONS : VPN_QUESTIONS;
      return answerFields(questions, this.#worthAsking(fields), (field, prompt) => this.#ask(field, prompt, signal));
    });
  }

  // Whoever gave a passphrase does not mean the WPS button.
  #worthAsking(fields: Properties): Properties {
    if (!this.#answers.has('Passphrase')) return fields;
    return new Map([...fields].filter(([name]) => name !== 'WPS'));
  }

  #browse(call: Call, path: string, url: string): Promise<void> {
    return this.#turn(call, async (signal) => {
      this.#announce(`RequestBrowser ${identifierOf(path)}`, `  ${this.#context.output.show(url)}\n`);
      if (!(await this.#confirm(`Connected (yes/no)? `, signal, url))) throw this.#refusal('Canceled');
    });
  }

  #retry(call: Call, what: string, error: string): Promise<void> {
    return this.#turn(call, async (signal) => {
      this.#announce(what, `  ${this.#context.output.show(error)}\n`);
      if (!this.isVerbose) return;
      if (await this.#confirm('Retry (yes/no)? ', signal, error)) throw this.#refusal('Retry');
    });
  }

  #authorise(call: Call, path: string, fields: Properties): Promise<Map<string, Variant>> {
    return this.#turn(call, async (signal) => {
      this.#announce(`RequestPeerAuthorization ${identifierOf(path)}`, fields);
      const questions = AGENT_QUESTIONS.filter(({ field }) => field === 'WPS');
      if (hasQuestion(questions, fields)) {
        return answerFields(questions, fields, (field, prompt) => this.#ask(field, prompt, signal));
      }
      const isAccepted = await this.#confirm('Accept connection (yes/no)? ', signal, 'an incoming connection');
      if (!isAccepted) throw this.#refusal('Rejected');
      return new Map();
    });
  }

  async #ask(field: string, prompt: string, signal: AbortSignal): Promise<string> {
    const known = this.#answered.has(field) ? undefined : this.#answers.get(field);
    this.#answered.add(field);
    if (known !== undefined) return known;
    if (this.#context.ask !== undefined) return this.#context.ask(prompt, signal, isSecret(field));
    this.unanswered = field;
    throw this.#refusal('Canceled');
  }

  async #confirm(prompt: string, signal: AbortSignal, what: string): Promise<boolean> {
    if (this.#context.ask === undefined) {
      this.unanswered = what;
      throw this.#refusal('Canceled');
    }
    for (;;) {
      const word = (await this.#context.ask(prompt, signal)).trimStart().toLowerCase();
      const answer = ['y', 'yes', 'n', 'no'].includes(word) ? parseBoolean(word) : undefined;
      if (answer !== undefined) return answer;
    }
  }

  // One request at a time, so that questions do not mix; Cancel and a leaving daemon end it.
  async #turn<T>(call: Call, serve: (signal: AbortSignal) => Promise<T>): Promise<T> {
    const turn = this.#context.part(shared);
    try {
      return await turn.take(call.signal, serve);
    } catch (error) {
      if (error instanceof DBusError) throw error;
      throw this.#refusal('Canceled');
    }
  }

  #announce(what: string, details: Properties | string): void {
    if (!this.isVerbose) return;
    const { output } = this.#context;
    const text = typeof details === 'string' ? details : formatProperties(details, output.show);
    output.print(`${this.#title} ${what}\n${text}`);
  }

  #refusal(reason: 'Canceled' | 'Retry' | 'Rejected'): DBusError {
    return new DBusError(`net.connman.${this.#kind === 'core' ? '' : 'vpn.'}Agent.Error.${reason}`, '');
  }

  get #title(): string {
    return this.#kind === 'core' ? 'Agent' : 'VPN Agent';
  }

  get #daemon(): string {
    return this.#kind === 'core' ? 'ConnMan' : 'ConnMan VPNd';
  }
}

/** The one of net.connman. */
export const coreAgent = (context: Context): Agent => new Agent(context, 'core');

/** The one of net.connman.vpn. */
export const vpnAgent = (context: Context): Agent => new Agent(context, 'vpn');
