/**
 * Helper programs of drivers and how they report (net.connman.Task at `/task/N`): each is a process
 * group of its own with the rights connman-vpn.conf leaves it, ended by TERM, INT, KILL.
 * Invariant: only root and the helper's own user are heard; what they say is bounded by the bus,
 * parsed as untrusted text, and nothing waits for them for ever.
 */

import { startChild, type ChildExit } from '../src/daemon/children.ts';
import type { Bus } from '../src/dbus/bus.ts';
import { taskInterface } from '../src/dbus/interfaces/task.ts';
import type { Clock } from '../src/shared/clock.ts';
import { messageOf } from '../src/shared/errors.ts';
import { logger } from '../src/shared/log.ts';
import type { Scope } from '../src/shared/scope.ts';
import { withPrivileges, type Privileges } from './privileges.ts';

const log = logger('vpn/task.ts');

/** What a helper reports: a reason and its environment. */
export interface Notice {
  readonly reason: string;
  readonly environment: ReadonlyMap<string, string>;
}

/** What to start. */
export interface TaskOptions {
  readonly file: string;
  /** May need to know where the task is, for programs that pass their environment on to nobody. */
  readonly args: readonly string[] | ((address: TaskAddress) => readonly string[]);
  /** Beside PATH and the address of the task. */
  readonly environment?: Readonly<Record<string, string>>;
  /** Written to its standard input, which is then closed. */
  readonly input?: string;
  /** Heard for every notice, while the helper lives. */
  onNotice(notice: Notice): void;
  /** A line of its standard error, without the end. */
  onLine?(line: string): void;
}

/** A running helper. */
export interface Task {
  /** Never rejects; resolves when it and its children are gone. */
  readonly exited: Promise<ChildExit>;
  /** Begins the ladder. */
  stop(): Promise<ChildExit>;
}

/** What tasks take from the daemon. */
export interface TaskEnv {
  readonly bus: Bus;
  readonly clock: Clock;
  /** PATH of helpers. */
  readonly path: string;
  /** Writes down a process group that a later daemon ends, if this one cannot; until `scope` closes. */
  noteProcess(pid: number, scope: Scope): void;
}

/** Where helpers find their task: what goes to them as CONNMAN_BUSNAME, _INTERFACE and _PATH. */
export interface TaskAddress {
  readonly CONNMAN_BUSNAME: string;
  readonly CONNMAN_INTERFACE: string;
  readonly CONNMAN_PATH: string;
}

/** Numbers the tasks of one daemon. */
export class Tasks {
  readonly #env: TaskEnv;
  #count = 0;

  constructor(env: TaskEnv) {
    this.#env = env;
  }

  /** Starts a helper with these rights, the daemon's own when undefined; stopped when `scope` closes. */
  start(options: TaskOptions, privileges: Privileges | undefined, scope: Scope): Task {
    const { bus, clock, path, noteProcess } = this.#env;
    const address: TaskAddress = {
      CONNMAN_BUSNAME: bus.uniqueName,
      CONNMAN_INTERFACE: taskInterface.name,
      CONNMAN_PATH: `/task/${this.#count++}`,
    };
    const own = scope.child();
    this.#listen(address.CONNMAN_PATH, options, privileges, own);
    const lines = new Lines((line) => {
      log.debug('%s: %s', options.file, line);
      options.onLine?.(line);
    });
    const args = typeof options.args === 'function' ? options.args(address) : options.args;
    const child = startChild({
      ...withPrivileges(options.file, args, privileges),
      environment: { PATH: path, ...busEnvironment(), ...options.environment, ...address },
      ...(options.input !== undefined && { input: options.input }),
      onOutput: (stream, bytes) => {
        if (stream === 'stderr') lines.push(bytes);
      },
    }, clock, own);
    if (child.pid !== undefined) noteProcess(child.pid, own);
    log.debug('%s is task %s of %s', options.file, address.CONNMAN_PATH, bus.uniqueName);
    const exited = child.exited.then((exit) => {
      void own.close();
      if (exit.error !== undefined) log.error('%s cannot be started: %s', options.file, exit.error.message);
      return exit;
    });
    return { exited, stop: () => child.stop() };
  }

  #listen(path: string, options: TaskOptions, privileges: Privileges | undefined, scope: Scope): void {
    const { bus } = this.#env;
    const allowed = new Set([0, process.geteuid?.() ?? 0, privileges?.uid ?? 0]);
    bus.export(path, taskInterface, {
      methods: {
        notify: async ({ reason, environment }, { caller }) => {
          const uid = await userOf(bus, caller.id);
          if (uid === undefined || !allowed.has(uid)) {
            log.warn('%s: user %s may not report', path, uid ?? '?');
            return;
          }
          if (!scope.signal.aborted) options.onNotice({ reason, environment });
        },
        // Passwords go to helpers by descriptors and files, never over the bus.
        getsec: () => ({ username: '', password: '' }),
      },
    }, scope);
  }
}

async function userOf(bus: Bus, name: string): Promise<number | undefined> {
  try {
    const reply = await bus.call({
      destination: 'org.freedesktop.DBus',
      path: '/org/freedesktop/DBus',
      interface: 'org.freedesktop.DBus',
      member: 'GetConnectionUnixUser',
      signature: 's',
      body: [name],
    });
    const [uid] = reply.body;
    return typeof uid === 'number' ? uid : undefined;
  } catch (error) {
    log.debug('the user of %s is unknown: %s', name, messageOf(error));
    return undefined;
  }
}

// A helper must find the bus that we are on.
function busEnvironment(): Record<string, string> {
  const address = process.env['DBUS_SYSTEM_BUS_ADDRESS'];
  return address === undefined ? {} : { DBUS_SYSTEM_BUS_ADDRESS: address };
}

/** Lines of a stream of bytes; one past 4 KiB is cut there. */
export class Lines {
  readonly #onLine: (line: string) => void;
  #rest = '';

  constructor(onLine: (line: string) => void) {
    this.#onLine = onLine;
  }

  push(bytes: Uint8Array): void {
    const parts = (this.#rest + Buffer.from(bytes).toString('latin1')).split('\n');
    this.#rest = (parts.pop() ?? '').slice(0, MAX_LINE);
    for (const line of parts) this.#onLine(line.slice(0, MAX_LINE).replace(/\r$/, ''));
  }
}

const MAX_LINE = 4096;
