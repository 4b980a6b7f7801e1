/**
 * Linux namespaces held by processes: `holdNamespace` starts a process that lives in new network,
 * mount, host name and process namespaces (unshare(1), nsenter(1)) and reads its standard input.
 * Invariant: when this program ends, however it ends, that pipe closes, the first process of the
 * process namespace ends, and the kernel kills all in it and takes down what was mounted and linked.
 */

import { readFileSync } from 'node:fs';
import { Child, output, run, type Finished, type RunOptions } from './child.ts';

/** A place to run commands in, beside the machine's own network, mounts and host name. */
export class Namespace {
  readonly #holder: Child;
  readonly #pid: number;

  /** Made by `holdNamespace` and `nest`. */
  constructor(holder: Child) {
    this.#holder = holder;
    this.#pid = holder.pid;
  }

  /** The holder's process id as seen inside: what `ip link … netns` takes there. */
  get innerPid(): number {
    const ids = /^NSpid:\s+(.*)$/m.exec(readFileSync(`/proc/${this.#pid}/status`, 'utf8'))?.[1];
    return Number(ids?.split(/\s+/).at(-1));
  }

  /** The holder's process id as this program sees it. */
  get pid(): number {
    return this.#pid;
  }

  /** Where this program finds a file of the namespace's own mounts. */
  path(absolute: string): string {
    return `/proc/${this.#pid}/root${absolute}`;
  }

  /** Reads a file of the namespace. */
  read(absolute: string): string {
    return readFileSync(this.path(absolute), 'utf8');
  }

  /** Runs a command inside to its end, whatever its status. */
  run(argv: readonly string[], options: RunOptions = {}): Promise<Finished> {
    return run(this.#enter(argv), { ...options, env: { ...inherited(), ...options.env } });
  }

  /** What a command inside wrote; rejects with its complaint unless it ends with 0. */
  output(argv: readonly string[], options: RunOptions = {}): Promise<string> {
    return output(this.#enter(argv), { ...options, env: { ...inherited(), ...options.env } });
  }

  /** Runs a shell script inside; its first failing command rejects. */
  script(text: string): Promise<string> {
    return this.output(['sh', '-e', '-s'], { input: text });
  }

  /** Starts a command that stays until it is stopped or the namespace goes. */
  spawn(argv: readonly string[], env: NodeJS.ProcessEnv = {}): Child {
    return new Child(this.#enter(argv), { ...inherited(), ...env }, true);
  }

  /** New network, mount and host name namespaces inside this one's process namespace. */
  async nest(): Promise<Namespace> {
    const words = ['unshare', '--net', '--mount', '--uts', '--propagation', 'private', ...HOLD];
    return new Namespace(await held(this.spawn(words)));
  }

  /** Ends everything inside; resolves when all of it is gone. */
  async close(): Promise<void> {
    this.#holder.closeInput();
    await this.#holder.exited;
  }

  #enter(argv: readonly string[]): string[] {
    return ['nsenter', `--target=${this.#pid}`, '--net', '--mount', '--uts', '--pid', '--', ...argv];
  }
}

/** New network, mount, host name and process namespaces. Needs root, if only that of `unshare -r`. */
export async function holdNamespace(): Promise<Namespace> {
  requireRoot();
  const unshare = ['unshare', '--fork', '--pid', '--kill-child', '--net', '--mount', '--uts'];
  const holder = new Child([...unshare, '--propagation', 'private', ...HOLD], inherited(), true);
  return new Namespace(await held(holder));
}

/** Throws an explanation unless this program may make namespaces. */
export function requireRoot(): void {
  if (process.geteuid?.() === 0) return;
  throw new Error('network namespaces need root: run this as root, or under `unshare -r`');
}

// The first process of a process namespace adopts orphans: with SIGCHLD ignored they are reaped.
const HOLD = ['sh', '-c', "trap '' CHLD; exec cat"];

async function held(holder: Child): Promise<Child> {
  holder.write('held\n');
  await holder.waitForLine((line) => line === 'held');
  return holder;
}

// What a service manager or a session told this program is not for those inside.
function inherited(): NodeJS.ProcessEnv {
  const path = `${process.env['PATH'] ?? '/usr/bin:/bin'}:/usr/local/sbin:/usr/sbin:/sbin`;
  const env: NodeJS.ProcessEnv = { ...process.env, PATH: path, LC_ALL: 'C.UTF-8' };
  for (const name of Object.keys(env)) {
    if (/^(DBUS_|NOTIFY_|LISTEN_|JOURNAL_|INVOCATION_|XDG_|NODE_OPTIONS$)/.test(name)) delete env[name];
  }
  return env;
}
