/**
 * status and top: the whole picture, once or as it changes. `top` takes the terminal's other screen
 * and gives everything back when it is left, however that happens.
 */

import { isatty } from 'node:tty';
import type { Call } from '../command.ts';
import { CONNMAN, type Context, PATIENCE } from '../context.ts';
import { CommandError, STATUS } from '../errors.ts';
import type { Scope } from '../../shared/scope.ts';
import { readDefaultRoutes, readLinks, readNameservers } from '../terminal/links.ts';
import { formatOverview, type Overview } from '../terminal/overview.ts';
import { isSet, textOf } from '../values.ts';
import { busLost } from '../wait.ts';
import { rethrow } from './read.ts';

/** `status`. */
export async function status(context: Context): Promise<void> {
  const overview = await look(context, new Map()).catch(rethrow('Error'));
  context.output.print(formatOverview(overview, context.output));
}

/** `top`: until q, Ctrl-C or the loss of the bus. */
export async function top(context: Context, { command }: Call): Promise<void> {
  const { stdout } = process;
  if (!context.output.isTerminal || !isatty(0) || context.isInteractive) {
    const advice = 'It needs a terminal of its own: run `connmanctl top` there, or use `connmanctl status`.';
    throw new CommandError(STATUS.cannotAsk, [`Error '${command.name}': Not a terminal`, advice], 'NotSupported');
  }
  const bus = await context.bus();
  await look(context, new Map()).catch(rethrow('Error'));
  const scope = context.scope.child();
  const restore = takeScreen(scope);
  try {
    await new Promise<void>((resolve, reject) => {
      const view = new LiveView(context, scope, reject);
      bus.lost.observe(scope, () => reject(busLost()));
      onKeys(scope, (key) => (key === 'q' || key === '\x03' || key === '\x04' ? resolve() : view.draw()));
      stdout.on('resize', view.draw);
      scope.defer(() => void stdout.off('resize', view.draw));
      void bus.onSignal({ sender: CONNMAN, pathNamespace: '/' }, scope, view.draw).catch(reject);
      view.tick();
    });
  } finally {
    await scope.close();
    restore();
  }
}

type Rates = Map<string, { received: number[]; sent: number[] }>;

const KEPT_RATES = 16;
const TICK_MS = 1000;

/** Draws when something changed, and once a second for the figures; never twice at a time. */
class LiveView {
  readonly #context: Context;
  readonly #scope: Scope;
  readonly #fail: (error: unknown) => void;
  readonly #rates: Rates = new Map();
  #last: { readonly at: number; readonly bytes: ReadonlyMap<string, readonly [number, number]> } | undefined;
  #isDrawing = false;
  #isStale = false;

  constructor(context: Context, scope: Scope, fail: (error: unknown) => void) {
    this.#context = context;
    this.#scope = scope;
    this.#fail = fail;
  }

  readonly tick = (): void => {
    this.#measure();
    this.draw();
    this.#context.clock.after('top', TICK_MS, this.#scope, this.tick);
  };

  readonly draw = (): void => {
    this.#isStale = true;
    if (!this.#isDrawing) void this.#drawUntilFresh().catch(this.#fail);
  };

  async #drawUntilFresh(): Promise<void> {
    this.#isDrawing = true;
    while (this.#isStale && !this.#scope.signal.aborted) {
      this.#isStale = false;
      const overview = await look(this.#context, this.#rates).catch(absent);
      if (this.#scope.signal.aborted) return;
      const { output } = this.#context;
      const rows = formatOverview(overview, output).split('\n').slice(0, process.stdout.rows - 1);
      // Home, every line to its end, what is below.
      process.stdout.write(`\x1b[H${rows.map((row) => `${row}\x1b[K`).join('\r\n')}\x1b[J`);
    }
    this.#isDrawing = false;
  }

  #measure(): void {
    const at = this.#context.clock.now();
    const links = readLinks();
    const bytes = new Map(links.map((link) => [link.name, [link.receivedBytes, link.sentBytes] as const]));
    const last = this.#last;
    this.#last = { at, bytes };
    if (last === undefined || at <= last.at) return;
    const perSecond = 1000 / (at - last.at);
    for (const [name, [received, sent]] of bytes) {
      const [receivedBefore, sentBefore] = last.bytes.get(name) ?? [received, sent];
      const rate = this.#rates.get(name) ?? { received: [], sent: [] };
      this.#rates.set(name, rate);
      push(rate.received, Math.max(0, received - receivedBefore) * perSecond);
      push(rate.sent, Math.max(0, sent - sentBefore) * perSecond);
    }
  }
}

function push(values: number[], value: number): void {
  values.push(value);
  if (values.length > KEPT_RATES) values.shift();
}

async function look(context: Context, rates: Overview['rates']): Promise<Overview> {
  const manager = await context.manager();
  const [properties, services] = await Promise.all([
    manager.GetProperties({}, PATIENCE),
    manager.GetServices({}, PATIENCE),
  ]);
  const state = textOf(properties, 'State') ?? 'unknown';
  return { ...kernelSide(rates), state, isOffline: isSet(properties, 'OfflineMode'), services };
}

/** While the daemon is away, the kernel still has something to show. */
function absent(): Overview {
  return { ...kernelSide(new Map()), state: 'no daemon', isOffline: false, services: [] };
}

function kernelSide(rates: Overview['rates']) {
  return { links: readLinks(), routes: readDefaultRoutes(), nameservers: readNameservers(), rates };
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
