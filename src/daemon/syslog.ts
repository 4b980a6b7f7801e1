/**
 * The log of a daemon: lines of RFC 3164 as syslog(3) writes them to /dev/log, facility `daemon`,
 * with name and process id; in the foreground to standard error as well.
 * Invariant: logging never throws and never waits. A syslog daemon that is gone is looked for again
 * with the lines that follow, at most once a second; lines lost meanwhile are counted and reported.
 */

import type { Clock } from '../shared/clock.ts';
import { SystemError } from '../shared/errors.ts';
import type { LogLevel, LogSink } from '../shared/log.ts';
import type { Scope } from '../shared/scope.ts';
import type { MessageSocket, System } from '../system/system.ts';

/** RFC 3164, 4.1.1: facility 3, system daemons. */
const DAEMON = 3;

/** RFC 3164, 4.1.1. */
const SEVERITIES = { error: 3, warn: 4, info: 6, debug: 7 } as const satisfies Record<LogLevel, number>;

const MONTHS = ['Jan', 'Feb', 'Mar', 'Apr', 'May', 'Jun', 'Jul', 'Aug', 'Sep', 'Oct', 'Nov', 'Dec'] as const;

/** What syslog daemons take in one datagram without cutting it. */
const MAX_BYTES = 8000;

const RETRY_MS = 1000;

/** What stands in front of a line, and where lines go. */
export interface SyslogOptions {
  readonly ident: string;
  readonly pid: number;
  /** /dev/log, unless a test has its own. */
  readonly path?: string;
  /** Takes the lines that go to standard error, newline included. */
  readonly echo?: (text: string) => void;
}

/** A sink for `setLogSink`; its socket is closed with `scope`. */
export function syslogSink(
  { ident, pid, path = '/dev/log', echo }: SyslogOptions,
  env: { readonly system: Pick<System, 'unixDatagram'>; readonly clock: Clock },
  scope: Scope,
): LogSink {
  const tag = `${ident}[${pid}]`;
  const socket = new LogSocket(path, env, scope);
  return (level, text) => {
    for (const line of printable(text)) {
      echo?.(`${tag}: ${line}\n`);
      socket.send(`${header(level, env.clock.wallTime())}${tag}: `, line);
    }
  };
}

/** One socket to the syslog daemon, opened when needed. */
class LogSocket {
  readonly #path: string;
  readonly #system: Pick<System, 'unixDatagram'>;
  readonly #clock: Clock;
  readonly #scope: Scope;
  #socket: MessageSocket<undefined> | undefined;
  #connection: Scope | undefined;
  #retryAt = Number.NEGATIVE_INFINITY;
  #lost = 0;

  constructor(path: string, env: { system: Pick<System, 'unixDatagram'>; clock: Clock }, scope: Scope) {
    this.#path = path;
    this.#system = env.system;
    this.#clock = env.clock;
    this.#scope = scope;
  }

  send(head: string, text: string): void {
    if (this.#lost > 0 && this.#transmit(`${head}${this.#lost} lines were lost`)) this.#lost = 0;
    if (this.#lost > 0 || !this.#transmit(head + text)) this.#lost++;
  }

  // A socket that fails may be connected to a daemon that was restarted: a new one is tried at once.
  #transmit(line: string): boolean {
    const bytes = new TextEncoder().encode(line).subarray(0, MAX_BYTES);
    const outcome = attempt(this.#socket, bytes);
    return outcome === 'broken' ? attempt(this.#connect(), bytes) === 'sent' : outcome === 'sent';
  }

  #connect(): MessageSocket<undefined> | undefined {
    this.#socket = undefined;
    void this.#connection?.close();
    if (this.#scope.isClosed || this.#clock.now() < this.#retryAt) return undefined;
    this.#retryAt = this.#clock.now() + RETRY_MS;
    this.#connection = this.#scope.child();
    try {
      this.#socket = this.#system.unixDatagram(this.#path, this.#connection);
    } catch {
      // Nobody listens: the next line tries again.
    }
    return this.#socket;
  }
}

function attempt(socket: MessageSocket<undefined> | undefined, bytes: Uint8Array): 'sent' | 'full' | 'broken' {
  try {
    socket?.send(bytes);
    return socket === undefined ? 'broken' : 'sent';
  } catch (error) {
    return error instanceof SystemError && error.code === 'EAGAIN' ? 'full' : 'broken';
  }
}

/** `<30>Nov 21 09:05:03 `: local time, days below ten with a blank (RFC 3164, 4.1.2). */
function header(level: LogLevel, time: Date): string {
  const two = (number: number): string => String(number).padStart(2, '0');
  const day = String(time.getDate()).padStart(2, ' ');
  const clock = [time.getHours(), time.getMinutes(), time.getSeconds()].map(two).join(':');
  return `<${DAEMON * 8 + SEVERITIES[level]}>${MONTHS[time.getMonth()] ?? ''} ${day} ${clock} `;
}

// Text may come from the network: a line break cannot begin what looks like a line of its own, and
// no control character reaches a terminal.
function printable(text: string): string[] {
  const lines = text.split('\n').filter((line) => line !== '');
  return lines.map((line, index) => (index === 0 ? '' : '  ') + line.replace(CONTROL_CHARACTERS, escaped));
}

const CONTROL_CHARACTERS = /[\x00-\x08\x0a-\x1f\x7f-\x9f]/g;

function escaped(character: string): string {
  return `\\x${character.charCodeAt(0).toString(16).padStart(2, '0')}`;
}
