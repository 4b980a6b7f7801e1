/**
 * session: an application's session with the daemon, held by this program: it ends with it. What
 * the daemon tells of it is printed as ConnMan's console prints it.
 */

import { notificationInterface } from '../../dbus/interfaces/notification.ts';
import { sessionInterface } from '../../dbus/interfaces/session.ts';
import { variant, type Variant } from '../../dbus/signature.ts';
import type { Scope } from '../../shared/scope.ts';
import { AGENT_PATH } from '../agent/agent.ts';
import type { Call } from '../command.ts';
import { type Context, PATIENCE } from '../context.ts';
import { CommandError, failed, invalid, STATUS } from '../errors.ts';
import { usage } from '../run-command.ts';
import { formatVariant, type Properties, textOf } from '../values.ts';
import { optionName, parseBoolean } from '../words.ts';

/** `session on|off|connect|disconnect|config [OPTION...]`. */
export async function session(context: Context, { words: [verb, ...words], command }: Call): Promise<void> {
  const held = context.part(theSession);
  switch (verb) {
    case 'on':
      if (held.path !== undefined) throw already();
      return held.create(parseSession(context, words));
    case 'connect':
      if (held.path === undefined) await held.create(parseSession(context, words));
      return held.connect();
    case 'off':
      if (held.path === undefined) throw already();
      return held.destroy();
    case 'disconnect':
      return held.path === undefined ? missing(context) : held.disconnect();
    case 'config':
      return held.path === undefined ? missing(context) : held.change(parseSession(context, words));
    default:
      throw invalid(command.name, usage(command));
  }
}

/** One setting; `word` is how the user called it. */
interface SessionSetting {
  readonly word: string;
  readonly name: string;
  readonly value: Variant;
}

class Session {
  readonly #context: Context;
  #notification: Scope | undefined;
  #isConnected = false;
  path: string | undefined;

  constructor(context: Context) {
    this.#context = context;
  }

  async create(settings: readonly SessionSetting[]): Promise<void> {
    const bus = await this.#context.bus();
    const manager = await this.#context.manager();
    const scope = this.#context.scope.child();
    this.#notification = scope;
    let isCreated = (): void => undefined;
    const created = new Promise<void>((resolve) => (isCreated = resolve));
    const methods = {
      Release: () => this.#end('released'),
      // The first update comes right behind the reply that names the session.
      Update: async ({ settings: news }: { settings: Properties }) => {
        await created;
        this.#update(news);
      },
    };
    bus.export(AGENT_PATH, notificationInterface, { methods }, scope);
    const values = new Map(settings.map(({ name, value }) => [name, value]));
    try {
      this.path = await manager.CreateSession({ settings: values, notifier: AGENT_PATH }, PATIENCE);
    } catch (error) {
      await scope.close();
      throw failed('Error creating session', error);
    }
    this.#context.output.print(`Session ${this.path} created\n`);
    isCreated();
    this.#context.stay();
  }

  async connect(): Promise<void> {
    await this.#call('connecting', (proxy) => proxy.Connect({}, PATIENCE));
  }

  async disconnect(): Promise<void> {
    await this.#call('disconnecting', (proxy) => proxy.Disconnect({}, PATIENCE));
  }

  async change(settings: readonly SessionSetting[]): Promise<void> {
    for (const { word, name, value } of settings) {
      await this.#call(`setting session ${word}`, (proxy) => proxy.Change({ name, value }, PATIENCE));
    }
  }

  async destroy(): Promise<void> {
    const manager = await this.#context.manager();
    await manager.DestroySession({ session: this.path ?? '/' }, PATIENCE).catch((error: unknown) => {
      throw failed('Error destroying session', error);
    });
    this.#end('ended');
  }

  async #call(what: string, use: (proxy: Awaited<ReturnType<Session['proxy']>>) => Promise<void>): Promise<void> {
    const proxy = await this.proxy();
    await use(proxy).catch((error: unknown) => {
      throw failed(`Error ${what}`, error);
    });
  }

  proxy() {
    return this.#context.proxy(sessionInterface, this.path ?? '/');
  }

  #update(news: Properties): void {
    const { output } = this.#context;
    const lines = [...news].map(([key, value]) => `${output.show(key)} = ${formatVariant(value, output.show)}\n`);
    output.print(`Session      Update               = {\n${lines.join('')}}\n`);
    const state = textOf(news, 'State');
    if (state === undefined) return;
    const isConnected = state !== 'disconnected';
    if (isConnected !== this.#isConnected) this.#say(isConnected ? 'connected' : 'disconnected');
    this.#isConnected = isConnected;
  }

  #end(how: 'released' | 'ended'): void {
    this.#say(how);
    void this.#notification?.close();
    this.#notification = undefined;
    this.#isConnected = false;
    this.path = undefined;
    if (!this.#context.isInteractive) this.#context.leave();
  }

  #say(what: string): void {
    this.#context.output.print(`Session ${this.path ?? ''} ${what}\n`);
  }
}

const theSession = (context: Context): Session => new Session(context);

/** Reads options; throws CommandError after ConnMan's complaint on standard output. */
function parseSession(context: Context, words: readonly string[]): SessionSetting[] {
  const settings: SessionSetting[] = [];
  const queue = [...words];
  for (let word = queue.shift(); word !== undefined; word = queue.shift()) {
    const setting = readSetting(optionName(word), queue);
    if (setting === undefined) {
      context.output.print(`Error '${context.output.show(word)}': Invalid argument\n`);
      throw new CommandError(STATUS.invalid, ['See: connmanctl help session'], 'InvalidArgument');
    }
    settings.push(setting);
  }
  return settings;
}

function readSetting(word: string, queue: string[]): SessionSetting | undefined {
  if (word === 'bearers') {
    const end = queue.findIndex((next) => next.startsWith('--'));
    const bearers = queue.splice(0, end < 0 ? queue.length : end);
    return { word, name: 'AllowedBearers', value: variant('as', bearers) };
  }
  if (word === 'ifname') {
    const value = queue[0]?.startsWith('--') === false ? (queue.shift() ?? '') : '';
    return { word, name: 'AllowedInterface', value: variant('s', value) };
  }
  const value = queue.shift();
  if (value === undefined) return undefined;
  if (word === 'type') return { word, name: 'ConnectionType', value: variant('s', value) };
  if (word === 'ctxid') return { word, name: 'ContextIdentifier', value: variant('s', value) };
  const isOn = parseBoolean(value);
  if (word !== 'srciprule' || isOn === undefined) return undefined;
  return { word, name: 'SourceIPRule', value: variant('b', isOn) };
}

function already(): CommandError {
  return new CommandError(STATUS.already, ["Error 'session': Operation already in progress"], 'AlreadyDone');
}

function missing(context: Context): never {
  context.output.print('Session does not exist\n');
  throw new CommandError(STATUS.invalid, ['Create one first: session on'], 'NoSession');
}
