/**
 * Runs the administrator's scripts when something has changed: one event after the other, for each
 * all scripts by name. An event is JSON on standard input and a few variables. A script has a time
 * limit and a process group of its own, and what it started ends with it.
 * Invariant: the daemon never waits for a script, and the queue is bounded.
 */

import type { Change, ChangeKind, Changes } from './changes/changes.ts';
import type { ChildExit } from './daemon/children.ts';
import type { HookScripts } from './daemon/hook-scripts.ts';
import type { Clock } from './shared/clock.ts';
import { logger } from './shared/log.ts';
import type { Scope } from './shared/scope.ts';

const log = logger('src/dispatcher.ts');

/** How long a script may run. */
const TIME_LIMIT_MS = 30_000;

/** With more waiting than this, an event takes the place of an older one about the same thing. */
const LONG_QUEUE = 16;

/** With as many waiting, the oldest is dropped. */
const FULL_QUEUE = 128;

/** What a script is told of; the rest is for the log. */
const TOLD: ReadonlySet<ChangeKind> = new Set([
  'state', 'vpn', 'default', 'connectivity', 'lease', 'technology', 'hostname', 'error',
]);

/** What the dispatcher needs. */
export interface DispatcherEnv {
  readonly changes: Pick<Changes, 'happened'>;
  readonly clock: Clock;
  /** How long a script may run; 30 s unless said. */
  readonly timeLimitMs?: number;
  /** Whether the daemon stops and leaves everything as it is: there is no news then. */
  isLeaving(): boolean;
}

/** Runs `scripts` until `scope` closes; one that runs then is ended, and what waits is forgotten. */
export function dispatchChanges(scripts: HookScripts, env: DispatcherEnv, scope: Scope): void {
  const dispatcher = new Dispatcher(scripts, env, scope);
  env.changes.happened.observe(scope, (change) => {
    if (TOLD.has(change.kind) && !env.isLeaving()) dispatcher.add(change);
  });
}

class Dispatcher {
  readonly #scripts: HookScripts;
  readonly #clock: Clock;
  readonly #timeLimitMs: number;
  readonly #scope: Scope;
  readonly #waiting: Change[] = [];
  #isRunning = false;

  constructor(scripts: HookScripts, { clock, timeLimitMs = TIME_LIMIT_MS }: DispatcherEnv, scope: Scope) {
    this.#scripts = scripts;
    this.#clock = clock;
    this.#timeLimitMs = timeLimitMs;
    this.#scope = scope;
  }

  add(change: Change): void {
    const key = keyOf(change);
    const older = this.#waiting.length < LONG_QUEUE ? -1 : this.#waiting.findIndex((each) => keyOf(each) === key);
    if (older >= 0) this.#waiting.splice(older, 1);
    if (this.#waiting.length >= FULL_QUEUE) {
      const dropped = this.#waiting.shift();
      log.warn('the scripts are too slow: %s is not told', dropped && keyOf(dropped));
    }
    this.#waiting.push(change);
    if (this.#isRunning) return;
    this.#isRunning = true;
    // Not now: what has changed is still being dealt with.
    this.#clock.after('scripts', 0, this.#scope, () => void this.#run());
  }

  async #run(): Promise<void> {
    for (let next = this.#waiting.shift(); next !== undefined; next = this.#waiting.shift()) {
      for (const path of this.#scripts.list()) {
        if (this.#scope.isClosed) return;
        await this.#start(path, next);
      }
    }
    this.#isRunning = false;
  }

  async #start(file: string, change: Change): Promise<void> {
    const { startChild } = await import('./daemon/children.ts');
    const input = `${JSON.stringify(toJson(change))}\n`;
    const environment = environmentOf(change);
    const options = { file, input, environment, timeLimitMs: this.#timeLimitMs, maxOutputBytes: 4096 };
    report(file, keyOf(change), await startChild(options, this.#clock, this.#scope).exited);
  }
}

function toJson({ kind, at, values }: Change): Readonly<Record<string, unknown>> {
  return { Time: at.toISOString(), Kind: kind, ...values };
}

function environmentOf({ kind, values }: Change): Record<string, string> {
  const environment: Record<string, string> = { PATH: '/usr/sbin:/usr/bin:/sbin:/bin', CONNMAN_EVENT: kind };
  for (const [key, name] of Object.entries(VARIABLES)) {
    const value = values[key];
    if (value !== undefined) environment[name] = String(value);
  }
  return environment;
}

/** The values that are variables too. */
const VARIABLES = {
  Service: 'CONNMAN_SERVICE', Type: 'CONNMAN_TYPE', Interface: 'CONNMAN_INTERFACE', State: 'CONNMAN_STATE',
  Event: 'CONNMAN_LEASE', Technology: 'CONNMAN_TECHNOLOGY', Hostname: 'CONNMAN_HOSTNAME',
} as const;

/** What an event is about, so that a newer one can stand for it. */
function keyOf({ kind, values }: Change): string {
  const parts = [kind, values['Service'] ?? values['Technology'], values['Family']];
  return parts.filter((part) => part !== undefined).join(' ');
}

function report(file: string, about: string, exit: ChildExit): void {
  const { status, signal, error, isTimedOut, stderr } = exit;
  if (status === 0) return log.debug('%s has run for %s', file, about);
  const last = Buffer.from(stderr).toString('utf8').trim().split('\n').at(-1)?.replaceAll(/[^\x20-\x7e]/g, '?');
  const said = last === undefined || last === '' ? '' : `: ${last.slice(0, 200)}`;
  if (isTimedOut) log.warn('%s took too long for %s and was ended%s', file, about, said);
  else if (error !== undefined) log.warn('%s cannot be run: %s', file, error.message);
  else log.warn('%s failed for %s with %s%s', file, about, signal ?? `status ${status}`, said);
}
