/**
 * Drives a pure protocol machine: one alarm for its next tick, its packets out, its events told.
 * Invariant: the state moves only after the packet that belongs to the step was sent. When sending
 * fails the state stays as it was and is asked again, after 0.1 s, 0.2 s and so on up to 10 s.
 */

import type { Alarm, Clock } from '../shared/clock.ts';
import { Emitter } from '../shared/emitter.ts';
import { SystemError } from '../shared/errors.ts';
import type { Logger } from '../shared/log.ts';
import type { Random } from '../shared/random.ts';
import type { Scope } from '../shared/scope.ts';
import type { System } from '../system/system.ts';

/** What a machine wants done: sends first (at most one a step), then what is to be told. */
export type Action<Packet, Event> =
  | { readonly kind: 'send'; readonly packet: Packet }
  | { readonly kind: 'event'; readonly event: Event };

/** What a step leads to. */
export interface Stepped<State, Packet, Event> {
  readonly state: State;
  readonly actions: readonly Action<Packet, Event>[];
}

/** A pure machine with its surroundings. */
export interface Machine<State, Input, Packet, Event> {
  /** In logs and in the clock's list of timers, such as `DHCP index 3`. */
  readonly name: string;
  step(state: State, input: Input | Tick): Stepped<State, Packet, Event>;
  /** In clock milliseconds; undefined while only an input can help. */
  nextTickAt(state: State): number | undefined;
  /** Opens what is needed; throws SystemError when the packet did not leave. */
  send(packet: Packet): void;
  /** Whether a packet may come in this state: only then is a socket open. */
  isListening(state: State): boolean;
  /** Idempotent; throws SystemError. */
  open(): void;
  close(): void;
}

/** A deadline has passed. */
export interface Tick {
  readonly kind: 'tick';
}

const FIRST_RETRY_MS = 100;
const LONGEST_RETRY_MS = 10_000;

/** A machine at work, until `scope` closes. */
export class Driver<State extends { readonly name: string }, Input, Packet, Event> {
  readonly events = new Emitter<Event>();
  readonly #machine: Machine<State, Input, Packet, Event>;
  readonly #clock: Clock;
  readonly #scope: Scope;
  readonly #log: Logger;
  readonly #alarm: Alarm;
  #state: State;
  #failures = 0;

  constructor(machine: Machine<State, Input, Packet, Event>, start: State, env: DriverEnv, scope: Scope) {
    this.#machine = machine;
    this.#clock = env.clock;
    this.#log = env.log;
    this.#scope = scope;
    this.#state = start;
    this.#alarm = env.clock.alarm(machine.name, scope, () => this.feed({ kind: 'tick' }));
    this.#enter(start);
  }

  get state(): State {
    return this.#state;
  }

  /** Takes one step; where its packet cannot be sent it is taken back, and a tick is tried later. */
  feed(input: Input | Tick): void {
    if (this.#scope.isClosed) return;
    const { state, actions } = this.#machine.step(this.#state, input);
    if (this.#send(actions)) this.#move(state, actions);
    else this.#retryLater();
  }

  /** Takes one step, whether its packet can be sent or not. */
  force(input: Input): void {
    if (this.#scope.isClosed) return;
    const { state, actions } = this.#machine.step(this.#state, input);
    this.#send(actions);
    this.#move(state, actions);
  }

  /** Takes at once a tick that would come in the clock's next turn. */
  tickIfDue(): void {
    const at = this.#machine.nextTickAt(this.#state);
    if (at !== undefined && at <= this.#clock.now()) this.feed({ kind: 'tick' });
  }

  #move(state: State, actions: readonly Action<Packet, Event>[]): void {
    this.#enter(state);
    for (const action of actions) {
      if (action.kind === 'event') this.events.emit(action.event);
    }
  }

  #enter(state: State): void {
    const old = this.#state;
    this.#state = state;
    if (old.name !== state.name) this.#log.debug('%s: %s -> %s', this.#machine.name, old.name, state.name);
    const isListening = this.#machine.isListening(state);
    if (!isListening) this.#machine.close();
    if (isListening && !this.#attempt(() => this.#machine.open())) this.#retryLater();
    else this.#alarm.set(this.#machine.nextTickAt(state));
  }

  #send(actions: readonly Action<Packet, Event>[]): boolean {
    for (const action of actions) {
      if (action.kind !== 'send') continue;
      if (!this.#attempt(() => this.#machine.send(action.packet))) return false;
      this.#failures = 0;
    }
    return true;
  }

  #attempt(work: () => void): boolean {
    try {
      work();
      return true;
    } catch (error) {
      if (!(error instanceof SystemError)) throw error;
      this.#log.debug('%s: %s', this.#machine.name, error.message);
      return false;
    }
  }

  /** A tick that comes too early for the machine only opens its sockets again. */
  #retryLater(): void {
    const delayMs = Math.min(LONGEST_RETRY_MS, FIRST_RETRY_MS * 2 ** Math.min(this.#failures, 16));
    this.#failures++;
    this.#machine.close();
    this.#alarm.set(this.#clock.now() + delayMs);
  }
}

/** What a driver with its sockets needs of the world. */
export interface LinkEnv {
  readonly system: System;
  readonly clock: Clock;
  readonly random: Random;
}

/** The clock, and the logger of the file that the machine's driver is in. */
export interface DriverEnv {
  readonly clock: Clock;
  readonly log: Logger;
}
