/**
 * A terminal with a person at it: tmux(1) in a cell's device, where keys are typed and the screen is
 * read as it is shown. It is a real emulator: what would corrupt a terminal corrupts this one.
 */

import type { Namespace } from './namespace.ts';
import { patience } from './patience.ts';

const COLUMNS = 120;
const ROWS = 40;

/** One pane with one program in it. */
export class Terminal {
  readonly #device: Namespace;
  readonly #socket: string;
  /** Where the shell writes how the program ended; tmux itself loses it now and then. */
  readonly #status: string;

  private constructor(device: Namespace, socket: string) {
    this.#device = device;
    this.#socket = socket;
    this.#status = `${socket}.status`;
  }

  /** Starts a program; `name` tells terminals of one device apart. */
  static async start(device: Namespace, name: string, command: string, columns = COLUMNS): Promise<Terminal> {
    const terminal = new Terminal(device, `/run/tmux-${name}`);
    await device.script("echo 'set -g remain-on-exit on' >/run/tmux.conf");
    const size = ['-x', String(columns), '-y', String(ROWS)];
    const line = `${command}; echo $? >${terminal.#status}`;
    await terminal.#tmux('-f', '/run/tmux.conf', 'new-session', '-d', ...size, line);
    return terminal;
  }

  /** Presses keys: text as it is, then keys by tmux's names (`Enter`, `Tab`, `C-c`, `Up`). */
  async type(text: string, ...keys: string[]): Promise<void> {
    if (text !== '') await this.#tmux('send-keys', '-l', text);
    if (keys.length > 0) await this.#tmux('send-keys', ...keys);
  }

  /** The screen, without empty lines at its end; `withStyles` keeps colours. */
  async screen(withStyles = false): Promise<string> {
    return (await this.#tmux('capture-pane', '-p', ...(withStyles ? ['-e'] : []))).trimEnd();
  }

  /** The screen once it satisfies `isDone`; rejects with the screen as it is after some seconds. */
  async waitFor(what: string, isDone: (screen: string) => boolean): Promise<string> {
    let screen = '';
    for (const end = performance.now() + patience(15_000); performance.now() < end; ) {
      screen = await this.screen();
      if (isDone(screen)) return screen;
      await new Promise((resolve) => setTimeout(resolve, 50));
    }
    throw new Error(`the screen never showed ${what}:\n${screen}`);
  }

  /** A format of tmux, such as `#{pane_title}`. */
  async ask(format: string): Promise<string> {
    return (await this.#tmux('display-message', '-p', format)).trimEnd();
  }

  /** Resolves with the program's exit status when it has ended. */
  async ended(): Promise<number> {
    for (const end = performance.now() + patience(15_000); performance.now() < end; ) {
      const status = await this.#device.output(['sh', '-c', 'cat "$0" 2>/dev/null || true', this.#status]);
      if (status !== '') return Number(status);
      await new Promise((resolve) => setTimeout(resolve, 50));
    }
    throw new Error(`the program did not end:\n${await this.screen()}`);
  }

  #tmux(...words: string[]): Promise<string> {
    return this.#device.output(['tmux', '-u', '-S', this.#socket, ...words]);
  }
}
