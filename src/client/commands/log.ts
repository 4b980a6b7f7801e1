/**
 * log: what has happened, a line each, and with -f what happens from now on.
 */

import { causewayManagerInterface } from '../../dbus/interfaces/causeway-manager.ts';
import type { Variant } from '../../dbus/signature.ts';
import type { Call } from '../command.ts';
import { CONNMAN, type Context, PATIENCE } from '../context.ts';
import { invalid } from '../errors.ts';
import { usage } from '../run-command.ts';
import { type Show, wrap } from '../text.ts';
import { formatVariant, type Properties, propertiesToJson } from '../values.ts';
import { rethrowOurs } from './host.ts';

/** `log [-f]`. */
export async function log(context: Context, { command, words: [word], given }: Call): Promise<void> {
  const lines = given.value('lines') ?? '0';
  if ((word !== undefined && word !== '-f') || !/^[0-9]{1,6}$/.test(lines)) throw invalid(command.name, usage(command));
  const isFollowing = word === '-f' || given.has('follow');
  const manager = await context.proxy(causewayManagerInterface, '/');
  const { output } = context;
  const shown = (change: Properties): string => {
    const line = formatChange(change, output.show);
    return output.isTerminal ? wrap(line, output.columns, 2) : line;
  };
  const format = given.has('json') ? changeAsJson : shown;
  const rethrow = rethrowOurs('Error');
  let isCaughtUp = false;
  if (isFollowing) {
    const bus = await context.bus();
    await bus.subscribe(causewayManagerInterface, 'Logged', { sender: CONNMAN, path: '/' }, context.scope, (args) => {
      if (isCaughtUp) output.print(format(args.change));
    });
    await manager.FollowLog({}, PATIENCE).catch(rethrow);
  }
  const known = await manager.GetLog({ count: Number(lines) }, PATIENCE).catch(rethrow);
  for (const change of known) output.print(format(change));
  // What was signalled before the list came is in it: the daemon's messages keep their order.
  isCaughtUp = true;
  if (isFollowing) context.stay();
}

/** `2026-03-01T12:00:00.000Z state    ethernet_… State=ready Before=configuration`. */
function formatChange(change: Properties, show: Show): string {
  const { Time, Kind, Service, Technology, ...rest } = Object.fromEntries(change);
  const text = (value: Variant | undefined): string => (value === undefined ? '' : formatVariant(value, show));
  const about = text(Service ?? Technology);
  const values = Object.entries(rest).map(([key, value]) => `${show(key)}=${quoted(plain(value, show))}`);
  return `${[timeOf(Time), text(Kind).padEnd(13), about, ...values].filter((part) => part !== '').join(' ')}\n`;
}

function changeAsJson(change: Properties): string {
  const { Time } = Object.fromEntries(change);
  const rest = propertiesToJson(new Map([...change].filter(([key]) => key !== 'Time')));
  return `${JSON.stringify({ Time: timeOf(Time), ...Object(rest) })}\n`;
}

function timeOf(time: Variant | undefined): string {
  const micros = time?.as('x');
  return micros === undefined ? '' : new Date(Number(micros / 1000n)).toISOString();
}

/** Numbers without the console's six digits. */
function plain(value: Variant, show: Show): string {
  const number = value.as('d');
  return number === undefined ? formatVariant(value, show) : String(number);
}

function quoted(text: string): string {
  return /^[\x21-\x7e]+$/.test(text) ? text : JSON.stringify(text);
}
