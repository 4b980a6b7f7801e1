/**
 * A view that stays on the terminal's other screen: drawn when something changed and once a second,
 * left with q or Ctrl-C. Whatever ends it, everything is given back.
 */

import { isatty } from 'node:tty';
import type { Scope } from '../../shared/scope.ts';
import { CONNMAN, type Context } from '../context.ts';
import { CommandError, STATUS } from '../errors.ts';
import { busLost } from '../wait.ts';

/** What is shown. */
export interface View {
  /** Called once a second, before it is drawn. */
  tick(): void;
  /** All lines. */
  draw(): Promise<string>;
}

const TICK_MS = 1000;

/** Throws CommandError where there is no terminal; `advice` says what to do instead. */
export function needTerminal(context: Context, command: string, advice: string): void {
  if (context.output.isTerminal && isatty(0) && !context.isInteractive) return;
  throw new CommandError(STATUS.cannotAsk, [`Error '${command}': Not a terminal`, advice], 'NotSupported');
}

/** Shows what `makeView` makes until it is left. Rejects with CommandError when the bus is lost. */
export async function showLive(context: Context, makeView: (scope: Scope) => View): Promise<void> {
  const bus = await context.bus();
  const scope = context.scope.child();
  const restore = takeScreen(scope);
  const { stdout } = process;
  try {
    await new Promise<void>((resolve, reject) => {
      const drawing = new Drawing(makeView(scope), scope, reject);
      const tick = (): void => {
        drawing.tick();
        context.clock.after('live view', TICK_MS, scope, tick);
      };
      bus.lost.observe(scope, () => reject(busLost()));
      onKeys(scope, (key) => (key === 'q' || key === '\x03' || key === '\x04' ? resolve() : drawing.draw()));
      stdout.on('resize', drawing.draw);
      scope.defer(() => void stdout.off('resize', drawing.draw));
      void bus.onSignal({ sender: CONNMAN, pathNamespace: '/' }, scope, drawing.draw).catch(reject);
      tick();
    });
  } finally {
    await scope.close();
    restore();
  }
}

/** Never two at a time. */
class Drawing {
  readonly #view: View;
  readonly #scope: Scope;
  readonly #fail: (error: unknown) => void;
  #isDrawing = false;
  #isStale = false;

  constructor(view: View, scope: Scope, fail: (error: unknown) => void) {
    this.#view = view;
    this.#scope = scope;
    this.#fail = fail;
  }

  tick(): void {
    this.#view.tick();
    this.draw();
  }

  readonly draw = (): void => {
    this.#isStale = true;
    if (!this.#isDrawing) void this.#drawUntilFresh().catch(this.#fail);
  };

  async #drawUntilFresh(): Promise<void> {
    this.#isDrawing = true;
    while (this.#isStale && !this.#scope.isClosed) {
      this.#isStale = false;
      const text = await this.#view.draw();
      if (this.#scope.isClosed) return;
      const rows = text.split('\n').slice(0, process.stdout.rows - 1);
      // Home, every line to its end, what is below.
      process.stdout.write(`\x1b[H${rows.map((row) => `${row}\x1b[K`).join('\r\n')}\x1b[J`);
    }
    this.#isDrawing = false;
  }
}

/** The other screen without a cursor; what is returned gives the first one back. Also on signals. */
function takeScreen(scope: Scope): () => void {
  const { stdin, stdout } = process;
  stdout.write('\x1b[?1049h\x1b[?25l');
  stdin.setRawMode(true);
  stdin.resume();
  const restore = (): void => {
    stdin.setRawMode(false);
    stdin.pause();
    stdout.write('\x1b[?25h\x1b[?1049l');
  };
  const end = (): void => {
    restore();
    process.exit(0);
  };
  for (const signal of ['SIGINT', 'SIGTERM', 'SIGHUP'] as const) {
    process.once(signal, end);
    scope.defer(() => void process.off(signal, end));
  }
  return restore;
}

function onKeys(scope: Scope, onKey: (key: string) => void): void {
  const onData = (bytes: Buffer): void => onKey(bytes.toString('latin1').charAt(0));
  process.stdin.on('data', onData);
  scope.defer(() => void process.stdin.off('data', onData));
}
