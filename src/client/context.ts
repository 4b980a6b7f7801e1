/**
 * What a command has at hand: where to write, the bus (joined at the first need), the clock, and
 * parts that outlive a command, such as the signals being monitored. One context per program run.
 */

import { connectBus, type Bus } from '../dbus/bus.ts';
import { clockInterface } from '../dbus/interfaces/clock.ts';
import { managerInterface } from '../dbus/interfaces/manager.ts';
import { serviceInterface } from '../dbus/interfaces/service.ts';
import { technologyInterface } from '../dbus/interfaces/technology.ts';
import type { CallOptions, InterfaceShape, Proxy } from '../dbus/interface.ts';
import { parseBusAddress, systemBusAddress } from '../dbus/address.ts';
import { nodeTransport } from '../dbus/transport.ts';
import type { Clock } from '../shared/clock.ts';
import type { Scope } from '../shared/scope.ts';
import { busError } from './errors.ts';
import type { Output } from './output.ts';

/** ConnMan's names on the bus. */
export const CONNMAN = 'net.connman';
export const CONNMAN_VPN = 'net.connman.vpn';

/** As long as ConnMan's console waits for a reply. */
export const PATIENCE: CallOptions = { timeoutMs: 120_000 };

/**
 * Asks the user; resolves with the line, without its end. What is secret is not shown on a terminal.
 * Rejects with the signal's reason when aborted.
 */
export type Ask = (question: string, signal: AbortSignal, isSecret?: boolean) => Promise<string>;

/** What a context is made of. */
export interface ContextEnv {
  readonly output: Output;
  readonly clock: Clock;
  readonly scope: Scope;
  /** Finds out whether and how the user can be asked. */
  readonly findAsk: () => Ask | undefined;
  readonly isInteractive?: boolean;
}

/** One run of the program. */
export class Context {
  readonly output: Output;
  readonly clock: Clock;
  /** Closed at the end of the program. */
  readonly scope: Scope;
  /** Commands come from a person or a file line by line, and what goes on in the background stays. */
  readonly isInteractive: boolean;
  readonly #findAsk: () => Ask | undefined;
  readonly #parts = new Map<unknown, unknown>();
  #bus: Promise<Bus> | undefined;
  #isStaying = false;
  readonly #leaving = new AbortController();
  readonly #lost = new AbortController();

  constructor(env: ContextEnv) {
    this.output = env.output;
    this.clock = env.clock;
    this.scope = env.scope;
    this.#findAsk = env.findAsk;
    this.isInteractive = env.isInteractive === true;
  }

  /** How to ask the user; undefined where nobody can be asked. */
  get ask(): Ask | undefined {
    return this.#findAsk();
  }

  /** The system bus. Rejects with CommandError. */
  bus(): Promise<Bus> {
    this.#bus ??= this.#connect();
    return this.#bus;
  }

  /** The manager of net.connman. */
  manager(): Promise<Proxy<typeof managerInterface>> {
    return this.proxy(managerInterface, '/');
  }

  /** The clock of net.connman. */
  systemClock(): Promise<Proxy<typeof clockInterface>> {
    return this.proxy(clockInterface, '/');
  }

  /** A service by its path. */
  service(path: string): Promise<Proxy<typeof serviceInterface>> {
    return this.proxy(serviceInterface, path);
  }

  /** A technology by its type. */
  technology(type: string): Promise<Proxy<typeof technologyInterface>> {
    return this.proxy(technologyInterface, `/net/connman/technology/${type}`);
  }

  /** Any object of the daemon, or of the VPN daemon. */
  async proxy<D extends InterfaceShape>(description: D, path: string, owner = CONNMAN): Promise<Proxy<D>> {
    return (await this.bus()).proxy(description, owner, path);
  }

  /** What lives longer than a command: made at the first call, the same ever after. */
  part<T>(make: (context: Context) => T): T {
    if (!this.#parts.has(make)) this.#parts.set(make, make(this));
    // Stored under the very function that made it.
    return this.#parts.get(make) as T;
  }

  /** After this command the program goes on until it is told to end, by a signal as well, or the bus is lost. */
  stay(): void {
    if (this.#isStaying) return;
    this.#isStaying = true;
    if (this.isInteractive) return;
    for (const signal of ['SIGINT', 'SIGTERM', 'SIGHUP'] as const) process.once(signal, () => this.leave());
  }

  /** Whether a command asked for that. */
  get isStaying(): boolean {
    return this.#isStaying;
  }

  /** Ends the program: an interactive one, or one that stays. */
  leave(): void {
    this.#leaving.abort();
  }

  /** Aborted by `leave`. */
  get leaving(): AbortSignal {
    return this.#leaving.signal;
  }

  /** Aborted when the bus that was joined is lost. */
  get lost(): AbortSignal {
    return this.#lost.signal;
  }

  async #connect(): Promise<Bus> {
    const address = systemBusAddress(process.env);
    try {
      const bus = await connectBus(nodeTransport(address, this.scope), { clock: this.clock }, this.scope);
      bus.lost.observe(this.scope, () => this.#lost.abort());
      return bus;
    } catch (error) {
      throw busError(error, parseBusAddress(address)[0] ?? address);
    }
  }
}
