/**
 * wifi: the networks in the air, live. On a terminal a table with the strength of the last moments,
 * elsewhere a line for each network and each change, until it is ended; with --once as it is now. The
 * air is searched meanwhile, as otherwise nothing would be heard of networks that are not in use.
 */

import type { Call } from '../command.ts';
import { CONNMAN, type Context, PATIENCE } from '../context.ts';
import { invalid } from '../errors.ts';
import { showLive, type View } from '../terminal/live.ts';
import {
  formatWifiLine, formatWifiTable, KEPT_STRENGTHS, type WifiNetwork, wifiNetworks,
} from '../terminal/wifi-view.ts';
import { rethrow } from './read.ts';

/** `wifi [--once] [--scan SECONDS] [--json]`. */
export async function wifi(context: Context, { command, given }: Call): Promise<void> {
  const word = given.value('scan') ?? '20';
  if (!/^\d{1,6}$/.test(word)) throw invalid(command.name, '--scan takes seconds, 0 for never.');
  const everyMs = Number(word) * 1000;
  const isJson = given.has('json');
  const { output } = context;
  const networks = await look(context).catch(rethrow('Error'));
  if (given.has('once')) {
    if (isJson) return output.print(`${JSON.stringify(networks)}\n`);
    const lines = networks.map((network) => formatWifiLine(network, output.show)).join('');
    return output.print(output.isTerminal ? formatWifiTable(networks, new Map(), output) : lines);
  }
  if (output.isTerminal && !isJson && !context.isInteractive) {
    return showLive(context, (scope) => {
      const view = new WifiView(context);
      keepScanning(context, everyMs, scope);
      return view;
    });
  }
  keepScanning(context, everyMs, context.scope);
  await tellChanges(context, isJson);
}

class WifiView implements View {
  readonly #context: Context;
  readonly #past = new Map<string, number[]>();
  #networks: readonly WifiNetwork[] = [];

  constructor(context: Context) {
    this.#context = context;
  }

  tick(): void {
    const there = new Set(this.#networks.map(({ identifier }) => identifier));
    for (const identifier of [...this.#past.keys()]) if (!there.has(identifier)) this.#past.delete(identifier);
    for (const { identifier, strength } of this.#networks) {
      const past = this.#past.get(identifier) ?? [];
      past.push(strength);
      if (past.length > KEPT_STRENGTHS) past.shift();
      this.#past.set(identifier, past);
    }
  }

  async draw(): Promise<string> {
    this.#networks = await look(this.#context).catch(() => []);
    return formatWifiTable(this.#networks, this.#past, this.#context.output);
  }
}

async function look(context: Context): Promise<readonly WifiNetwork[]> {
  const manager = await context.manager();
  return wifiNetworks(await manager.GetServices({}, PATIENCE));
}

/** A scan that cannot be made is of no interest: the next may, and what is heard anyway is shown. */
function keepScanning(context: Context, everyMs: number, scope: Context['scope']): void {
  if (everyMs === 0) return;
  const scan = async (): Promise<void> => {
    const technology = await context.technology('wifi');
    await technology.Scan({}, PATIENCE);
  };
  const next = (): void => {
    void scan().catch(() => undefined).finally(() => {
      if (!scope.isClosed) context.clock.after('scan', everyMs, scope, next);
    });
  };
  next();
}

/** A line for what is there, and one for each change after it. */
async function tellChanges(context: Context, isJson: boolean): Promise<void> {
  const teller = new Teller(context, isJson);
  const bus = await context.bus();
  await bus.onSignal({ sender: CONNMAN, pathNamespace: '/' }, context.scope, teller.update);
  teller.update();
  context.stay();
}

/** Reads one at a time: what changes meanwhile is in the next. */
class Teller {
  readonly #context: Context;
  readonly #isJson: boolean;
  #known: ReadonlyMap<string, WifiNetwork> = new Map();
  #isReading = false;
  #isStale = false;

  constructor(context: Context, isJson: boolean) {
    this.#context = context;
    this.#isJson = isJson;
  }

  readonly update = (): void => {
    this.#isStale = true;
    if (!this.#isReading) void this.#readUntilFresh();
  };

  async #readUntilFresh(): Promise<void> {
    this.#isReading = true;
    while (this.#isStale) {
      this.#isStale = false;
      // A daemon that goes takes its networks along.
      this.#compare(await look(this.#context).catch(() => []));
    }
    this.#isReading = false;
  }

  #compare(networks: readonly WifiNetwork[]): void {
    const now = new Map(networks.map((network) => [network.identifier, network]));
    for (const [identifier, network] of now) {
      if (JSON.stringify(network) !== JSON.stringify(this.#known.get(identifier))) this.#print(network);
    }
    for (const [identifier, network] of this.#known) {
      if (!now.has(identifier)) this.#print({ ...network, strength: 0, state: 'gone' });
    }
    this.#known = now;
  }

  #print(network: WifiNetwork): void {
    const { clock, output } = this.#context;
    const time = clock.wallTime().toISOString();
    if (this.#isJson) output.print(`${JSON.stringify({ time, ...network })}\n`);
    else output.print(`${time} ${formatWifiLine(network, output.show)}`);
  }
}
