/**
 * What was seen of a test cell from outside, in the order of arrival, stamped with the monotonic
 * clock of this process (`performance.now()`), and the only way to wait for something: a wait looks
 * at what has been seen since a time and then at what comes, so nothing is missed or slept for.
 */

import { patience } from './patience.ts';

/** One observation. `at` is in milliseconds of `performance.now()`. */
export type CellEvent = { readonly at: number } & Observation;

/** What can be observed. */
export type Observation =
  | { readonly kind: 'carrier'; readonly link: string; readonly isOn: boolean }
  | { readonly kind: 'address'; readonly link: string; readonly address: string; readonly isAdded: boolean }
  | { readonly kind: 'route'; readonly link: string; readonly route: string; readonly isAdded: boolean }
  | { readonly kind: 'dhcp'; readonly message: string; readonly text: string }
  | { readonly kind: 'dns'; readonly query: string }
  | { readonly kind: 'http'; readonly path: string; readonly client: string }
  | { readonly kind: 'file'; readonly path: string; readonly text: string }
  | { readonly kind: 'owner'; readonly name: string; readonly owner: string | undefined }
  | { readonly kind: 'signal'; readonly path: string; readonly name: string; readonly body: readonly unknown[] }
  /** A method call to this program. */
  | { readonly kind: 'call'; readonly path: string; readonly name: string; readonly body: readonly unknown[] };

/** A condition for `EventLog.wait`. */
export interface WaitOptions {
  /** Only what was seen at or after this time counts; default: everything. */
  readonly since?: number;
  /** Default 15 s, far beyond any time a test expects. */
  readonly timeoutMs?: number;
}

/** Gathers observations and answers waits. */
export class EventLog {
  readonly #events: CellEvent[] = [];
  readonly #waiting = new Set<(event: CellEvent) => void>();

  /** Everything seen since `since`, oldest first. */
  since(since: number): readonly CellEvent[] {
    return this.#events.filter((event) => event.at >= since);
  }

  /** Calls `observer` with everything to come. */
  observe(observer: (event: CellEvent) => void): void {
    this.#waiting.add(observer);
  }

  /** Notes an observation, stamped now or with `at`. */
  add(observation: Observation, at: number = performance.now()): void {
    const event = { at, ...observation };
    this.#events.push(event);
    for (const observer of [...this.#waiting]) observer(event);
  }

  /** The first event that matches. Rejects after the time limit with what was seen instead. */
  wait(what: string, matches: (event: CellEvent) => boolean, options: WaitOptions = {}): Promise<CellEvent> {
    const { since = 0 } = options;
    const timeoutMs = patience(options.timeoutMs ?? 15_000);
    const seen = this.#events.find((event) => event.at >= since && matches(event));
    if (seen !== undefined) return Promise.resolve(seen);
    return new Promise((resolve, reject) => {
      const observer = (event: CellEvent): void => {
        if (event.at < since || !matches(event)) return;
        clearTimeout(timer);
        this.#waiting.delete(observer);
        resolve(event);
      };
      const timer = setTimeout(() => {
        this.#waiting.delete(observer);
        reject(new Error(`waited ${timeoutMs} ms in vain for ${what}; seen:\n${this.#format(since)}`));
      }, timeoutMs);
      this.#waiting.add(observer);
    });
  }

  #format(since: number): string {
    return this.since(since)
      .slice(-25)
      .map(({ at, ...event }) => `  ${(at - since).toFixed(1)} ${formatEvent({ at, ...event })}`)
      .join('\n');
  }
}

/** One line for people, without the time. */
export function formatEvent(event: CellEvent): string {
  switch (event.kind) {
    case 'carrier':
      return `carrier ${event.link} ${event.isOn ? 'on' : 'off'}`;
    case 'address':
      return `address ${event.isAdded ? 'added' : 'removed'} ${event.address} on ${event.link}`;
    case 'route':
      return `route ${event.isAdded ? 'added' : 'removed'} ${event.route}`;
    case 'dhcp':
      return `dhcp ${event.text}`;
    case 'dns':
      return `dns ${event.query}`;
    case 'http':
      return `http ${event.path} from ${event.client}`;
    case 'file':
      return `file ${event.path}: ${JSON.stringify(event.text)}`;
    case 'owner':
      return `bus name ${event.name} ${event.owner === undefined ? 'released' : `owned by ${event.owner}`}`;
    case 'signal':
    case 'call':
      return `${event.kind} ${event.path} ${event.name} ${formatBody(event.body)}`.slice(0, 400);
  }
}

function formatBody(body: readonly unknown[]): string {
  return JSON.stringify(body, (_, value: unknown) => (typeof value === 'bigint' ? String(value) : value));
}
