/**
 * The life of a daemon: command line, detaching, log, signals, start, end. The programs differ only
 * in what their `start` does. First line of the log: greeting and version; last: `Exit`.
 * Invariant: an error nobody caught is logged with its stack after `Aborting`, and the exit is 1.
 */

import { mkdirSync, statSync } from 'node:fs';
import { UsageError } from '../shared/command-line.ts';
import { DeadlineClock, type Clock } from '../shared/clock.ts';
import { debugPatterns, debugPatternsOfEnvironment } from '../shared/debug-names.ts';
import { Emitter, type Observable } from '../shared/emitter.ts';
import { messageOf, stackOf } from '../shared/errors.ts';
import { debugFiles, logger, setLogSink } from '../shared/log.ts';
import { randomFrom, type Random } from '../shared/random.ts';
import { createScope, type Scope } from '../shared/scope.ts';
import type { System } from '../system/system.ts';
import type { DaemonOptions } from './command-line.ts';
import { daemonise, isDaemonised, openStartReport, type StartReport } from './daemonise.ts';
import { notifyServiceManager } from './notify.ts';
import { echoToStderr } from './echo.ts';
import { handleSignals } from './signals.ts';
import { syslogSink } from './syslog.ts';

const log = logger('src/daemon/run.ts');

/** How long the end may take before the daemon just goes. */
const MAX_CLOSING_MS = 15_000;

/** What makes one daemon different from another. */
export interface Program<O extends DaemonOptions> {
  /** Of the process, and in the log. */
  readonly name: string;
  /** Printed by `-v`. */
  readonly version: string;
  /** Begins the first line of the log, `Connection Manager version` for instance. */
  readonly greeting: string;
  /** Directories to make with mode 0755 if they are missing. */
  readonly directories: readonly string[];
  /** Printed by `-h`. */
  readonly help: string;
  /** Reads the words of the command line; throws UsageError. */
  parse(argv: readonly string[]): O;
  openSystem(): System;
  /**
   * Builds the daemon; everything belongs to `daemon.scope`. Calls `daemon.started` once the bus
   * name is owned. Throws StartError for what the user can put right.
   */
  start(daemon: Daemon<O>): Promise<void>;
}

/** What a program has while it runs. */
export interface Daemon<O extends DaemonOptions> {
  readonly options: O;
  readonly system: System;
  readonly clock: Clock;
  /** The kernel's. */
  readonly random: Random;
  /** Closed at the end of the daemon. */
  readonly scope: Scope;
  /** Emits at SIGHUP. */
  readonly reloadWanted: Observable<void>;
  /** Tells whoever started the daemon that it is up. */
  started(): void;
  /** Ends the daemon as SIGTERM does, or as failed with this exit status. */
  quit(status?: number): void;
}

/** The daemon cannot start, and the message says why to the user. */
export class StartError extends Error {}

/** Runs a daemon from its command line to the end of the process; never resolves. */
export async function run<O extends DaemonOptions>(program: Program<O>): Promise<void> {
  const options = readCommandLine(program);
  if (!options.isForeground && !isDaemonised()) process.exit(await daemonise());
  const report = openStartReport();
  process.title = program.name;
  process.on('uncaughtException', (error) => abort(error, report));
  process.on('unhandledRejection', (error) => abort(error, report));
  try {
    process.exit(await live(program, options, report));
  } catch (error) {
    abort(error, report);
  }
}

function readCommandLine<O extends DaemonOptions>(program: Program<O>): O {
  try {
    const options = program.parse(process.argv.slice(2));
    if (options.action === 'run') return options;
    process.stdout.write(options.action === 'help' ? program.help : `${program.version}\n`);
    process.exit(0);
  } catch (error) {
    if (!(error instanceof UsageError)) throw error;
    process.stderr.write(`${error.message}\n`);
    process.exit(1);
  }
}

async function live<O extends DaemonOptions>(program: Program<O>, options: O, report: StartReport): Promise<number> {
  // Closing a packet socket waits for the kernel in a thread of libuv's: one will do where it would start four.
  process.env['UV_THREADPOOL_SIZE'] ??= '1';
  const system = program.openSystem();
  system.compileSparingly();
  system.unmapProgram();
  const scope = createScope();
  const clock = new DeadlineClock(system.bootTimeSource(scope));
  startLog(program.name, options, { system, clock }, scope);
  log.info('%s %s', program.greeting, program.version);
  prepareFiles(program.directories);
  const serviceManager = process.env['NOTIFY_SOCKET'];
  delete process.env['NOTIFY_SOCKET'];
  const started = (): void => {
    report.started();
    notifyServiceManager('READY=1', serviceManager, system);
  };
  const own = scope.child();
  const reloadWanted = new Emitter<void>();
  const quitting = new AbortController();
  let exitStatus = 0;
  const quit = (status = 0): void => {
    if (!quitting.signal.aborted) exitStatus = status;
    quitting.abort();
  };
  handleSignals({ terminate: () => quit(), reload: () => reloadWanted.emit() }, scope);
  const random = randomFrom((bytes) => system.fillRandom(bytes));
  const daemon = { options, system, clock, random, scope: own, reloadWanted, started, quit };
  const isStarted = await start(program, daemon, quitting.signal, report);
  log.info('Terminating');
  notifyServiceManager('STOPPING=1', serviceManager, system);
  await closeInTime(own, clock, scope);
  log.info('Exit');
  await scope.close();
  return isStarted ? exitStatus : 1;
}

/** Resolves when the daemon is to end; false when it could not start. */
async function start<O extends DaemonOptions>(
  program: Program<O>,
  daemon: Daemon<O>,
  quitting: AbortSignal,
  report: StartReport,
): Promise<boolean> {
  const end = new Promise<void>((resolve) => quitting.addEventListener('abort', () => resolve()));
  try {
    await Promise.race([end, program.start(daemon).then(() => end)]);
    return true;
  } catch (error) {
    if (!(error instanceof StartError)) throw error;
    log.error('%s', error.message);
    report.failed(error.message);
    return false;
  }
}

async function closeInTime(own: Scope, clock: Clock, scope: Scope): Promise<void> {
  const tooLong = new Promise<void>((resolve) => {
    clock.after('end of the daemon', MAX_CLOSING_MS, scope, () => {
      log.error('the end takes longer than %d s: leaving as it is', MAX_CLOSING_MS / 1000);
      resolve();
    });
  });
  await Promise.race([own.close(), tooLong]);
}

function startLog(ident: string, options: DaemonOptions, env: { system: System; clock: Clock }, scope: Scope): void {
  const echo = options.isForeground ? { echo: echoToStderr() } : {};
  setLogSink(syslogSink({ ident, pid: process.pid, ...echo }, env, scope));
  debugFiles([...debugPatterns(options.debug ?? ''), ...debugPatternsOfEnvironment(process.env)]);
}

// What the daemon creates later is its own business alone; only these directories are for all to see.
function prepareFiles(directories: readonly string[]): void {
  process.umask(0o022);
  for (const directory of directories) {
    try {
      mkdirSync(directory, { recursive: true, mode: 0o755 });
      const { uid, mode } = statSync(directory);
      const isOpen = (mode & 0o022) !== 0 || (uid !== 0 && uid !== process.geteuid?.());
      if (isOpen) log.warn('others than root may write to %s: what they put there counts', directory);
    } catch (error) {
      log.error('cannot make %s: %s', directory, messageOf(error));
    }
  }
  process.umask(0o077);
}

function abort(error: unknown, report: StartReport): never {
  log.error('Aborting');
  log.error('%s', stackOf(error));
  report.failed(`Aborting: ${messageOf(error)}`);
  process.exit(1);
}
