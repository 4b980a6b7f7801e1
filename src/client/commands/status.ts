/**
 * status and top: the whole picture, once or as it changes.
 */

import type { Call } from '../command.ts';
import { type Context, PATIENCE } from '../context.ts';
import { readDefaultRoutes, readLinks, readNameservers } from '../terminal/links.ts';
import { needTerminal, showLive, type View } from '../terminal/live.ts';
import { formatOverview, type Overview } from '../terminal/overview.ts';
import { isSet, textOf } from '../values.ts';
import { rethrow } from './read.ts';

/** `status`. */
export async function status(context: Context): Promise<void> {
  const overview = await look(context, new Map()).catch(rethrow('Error'));
  context.output.print(formatOverview(overview, context.output));
}

/** `top`: until q, Ctrl-C or the loss of the bus. */
export async function top(context: Context, { command }: Call): Promise<void> {
  const advice = 'It needs a terminal of its own: run `connmanctl top` there, or use `connmanctl status`.';
  needTerminal(context, command.name, advice);
  await look(context, new Map()).catch(rethrow('Error'));
  await showLive(context, () => new TopView(context));
}

type Rates = Map<string, { received: number[]; sent: number[] }>;

const KEPT_RATES = 16;

class TopView implements View {
  readonly #context: Context;
  readonly #rates: Rates = new Map();
  #last: { readonly at: number; readonly bytes: ReadonlyMap<string, readonly [number, number]> } | undefined;

  constructor(context: Context) {
    this.#context = context;
  }

  async draw(): Promise<string> {
    return formatOverview(await look(this.#context, this.#rates).catch(absent), this.#context.output);
  }

  tick(): void {
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
