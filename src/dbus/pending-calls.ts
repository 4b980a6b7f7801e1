/**
 * Calls that await their reply: each is settled once, by its reply, by its deadline, by its abort
 * signal or by the end of the connection. One timer serves all of them.
 */

import type { Alarm, Clock } from '../shared/clock.ts';
import { ConnmanError } from '../shared/errors.ts';
import type { Scope } from '../shared/scope.ts';
import type { CallOptions } from './interface.ts';
import type { Message } from './message.ts';

const DEFAULT_TIMEOUT_MS = 25_000;

/** How to wait for a reply and what it must be. */
export interface ReplyOptions extends CallOptions {
  /** A reply with another signature is refused unread: `InvalidSignature`. */
  readonly signature?: string;
}

/** One call; settling it again does nothing. */
export interface PendingCall {
  readonly signature: string | undefined;
  resolve(message: Message): void;
  reject(reason: unknown): void;
}

interface Entry extends PendingCall {
  /** In clock milliseconds. */
  readonly expiresAt: number;
}

/** The calls of one connection, by serial. */
export class PendingCalls {
  readonly #clock: Clock;
  readonly #alarm: Alarm;
  readonly #entries = new Map<number, Entry>();
  #alarmAt = Infinity;

  constructor(clock: Clock, scope: Scope) {
    this.#clock = clock;
    this.#alarm = clock.alarm('D-Bus replies', scope, () => this.#expire());
  }

  has(serial: number): boolean {
    return this.#entries.has(serial);
  }

  /** The promise of a reply to the call `serial`. Rejects at once when the signal is aborted. */
  add(serial: number, { signal, timeoutMs = DEFAULT_TIMEOUT_MS, signature }: ReplyOptions): Promise<Message> {
    return new Promise((resolve, reject) => {
      if (signal?.aborted === true) return reject(signal.reason);
      const expiresAt = this.#clock.now() + timeoutMs;
      const onAbort = (): void => {
        this.take(serial);
        reject(signal?.reason);
      };
      signal?.addEventListener('abort', onAbort);
      this.#entries.set(serial, {
        signature,
        expiresAt,
        resolve: (message) => {
          signal?.removeEventListener('abort', onAbort);
          resolve(message);
        },
        reject: (reason) => {
          signal?.removeEventListener('abort', onAbort);
          reject(reason);
        },
      });
      if (expiresAt < this.#alarmAt) this.#setAlarm(expiresAt);
    });
  }

  /** Removes a call, for the caller to settle. */
  take(serial: number): PendingCall | undefined {
    const entry = this.#entries.get(serial);
    this.#entries.delete(serial);
    if (this.#entries.size === 0) this.#setAlarm(Infinity);
    return entry;
  }

  rejectAll(reason: unknown): void {
    const entries = [...this.#entries.values()];
    this.#entries.clear();
    this.#setAlarm(Infinity);
    for (const entry of entries) entry.reject(reason);
  }

  #expire(): void {
    const now = this.#clock.now();
    let next = Infinity;
    for (const [serial, entry] of [...this.#entries]) {
      if (entry.expiresAt > now) {
        next = Math.min(next, entry.expiresAt);
        continue;
      }
      this.#entries.delete(serial);
      entry.reject(new ConnmanError('OperationTimeout'));
    }
    this.#setAlarm(next);
  }

  #setAlarm(at: number): void {
    if (at === Infinity && this.#alarmAt === Infinity) return;
    this.#alarmAt = at;
    this.#alarm.set(at === Infinity ? undefined : at);
  }
}
