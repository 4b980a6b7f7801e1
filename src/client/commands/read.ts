/**
 * The commands that only show: state, technologies, services, peers, tethering clients and VPN
 * connections, as ConnMan's console prints them, or as JSON.
 */

import { peerInterface } from '../../dbus/interfaces/peer.ts';
import { vpnConnectionInterface } from '../../dbus/interfaces/vpn-connection.ts';
import { vpnManagerInterface } from '../../dbus/interfaces/vpn-manager.ts';
import type { Call } from '../command.ts';
import { CONNMAN_VPN, type Context, PATIENCE } from '../context.ts';
import { failed, invalid, isUnknownObject, tooMany } from '../errors.ts';
import { NO_SUCH_SERVICE, withService } from '../find-service.ts';
import { type Listed, peerLine, serviceLine, vpnLine } from '../listings.ts';
import { formatLines, formatProperties, type Properties, propertiesToJson, toJson } from '../values.ts';
import { waitForState } from '../wait.ts';
import { isIdentifier, optionName } from '../words.ts';

/** `state`, with `--wait` once it is reached. */
export async function state(context: Context, { given }: Call): Promise<void> {
  await waitForState(context, given);
  const manager = await context.manager();
  const properties = await manager.GetProperties({}, PATIENCE).catch(rethrow('Error'));
  printProperties(context, properties, given.has('json'));
}

/** `technologies`. */
export async function technologies(context: Context, { given }: Call): Promise<void> {
  const manager = await context.manager();
  const list = await manager.GetTechnologies({}, PATIENCE).catch(rethrow('Error'));
  if (given.has('json')) return printJson(context, list);
  context.output.print(list.map((one) => formatObject(context, one)).join(''));
}

/** `services`: all of them, or one in full. */
export async function services(context: Context, { words: [first, second], given, command }: Call): Promise<void> {
  if (first === undefined) return listServices(context, given.has('json'));
  const isOption = first.startsWith('--');
  if (isOption && optionName(first) !== 'properties') throw invalid(command.name, `${first} is not an option of it.`);
  const word = isOption ? second : first;
  if (word === undefined) throw invalid(command.name, 'Name a service.');
  if (!isOption && second !== undefined) throw tooMany(command.name);
  await withService(context, command.name, word, async (path) => {
    const service = await context.service(path);
    printObject(context, [path, await service.GetProperties({}, PATIENCE)], given.has('json'));
  }).catch(rethrow(`Error ${word}`, NO_SUCH_SERVICE));
}

/** `peers`: all of them, or one in full. */
export async function peers(context: Context, { words: [word], given, command }: Call): Promise<void> {
  if (word === undefined) {
    const manager = await context.manager();
    const list = await manager.GetPeers({}, PATIENCE).catch(rethrow('Error'));
    return printList(context, list, given.has('json'), peerLine);
  }
  if (!isIdentifier(word)) throw invalid(command.name, 'A peer is named by its identifier.');
  const path = `/net/connman/peer/${word}`;
  const peer = await context.proxy(peerInterface, path);
  const properties = await peer.GetProperties({}, PATIENCE).catch(rethrow(`Error ${word}`, NO_SUCH_PEER));
  printObject(context, [path, properties], given.has('json'));
}

/** `tethering_clients`. */
export async function tetheringClients(context: Context, { given }: Call): Promise<void> {
  const manager = await context.manager();
  const clients = await manager.GetTetheringClients({}, PATIENCE).catch(rethrow('Error'));
  if (given.has('json')) return context.output.print(`${JSON.stringify(clients)}\n`);
  context.output.print(formatLines(clients.map(context.output.show)));
}

/** `vpnconnections`: all of them, or one in full. */
export async function vpnConnections(context: Context, { words: [word], given, command }: Call): Promise<void> {
  if (word === undefined) {
    const manager = await context.proxy(vpnManagerInterface, '/', CONNMAN_VPN);
    const list = await manager.GetConnections({}, PATIENCE).catch(rethrow('Error'));
    return printList(context, list, given.has('json'), vpnLine);
  }
  if (!isIdentifier(word)) throw invalid(command.name, 'A connection is named by its identifier, without vpn_.');
  const path = `/net/connman/vpn/connection/${word}`;
  const connection = await context.proxy(vpnConnectionInterface, path, CONNMAN_VPN);
  const properties = await connection.GetProperties({}, PATIENCE).catch(rethrow(`Error ${word}`, NO_SUCH_VPN));
  printObject(context, [path, properties], given.has('json'));
}

/** Prints a dictionary as property lines or one JSON object. */
export function printProperties(context: Context, properties: Properties, isJson: boolean): void {
  const { output } = context;
  if (isJson) output.print(`${JSON.stringify(propertiesToJson(properties))}\n`);
  else output.print(formatProperties(properties, output.show));
}

/** Makes a catch handler that throws CommandError; `unknown` is the advice for an object that is not there. */
export function rethrow(prefix: string, unknown?: string) {
  return (error: unknown): never => {
    throw failed(prefix, error, (answer) => (isUnknownObject(answer) ? unknown : undefined));
  };
}

/** Advice where our daemon is asked about something that it does not have, or another daemon is. */
export const NO_SUCH_SUBJECT =
  'Nothing is called that, or the daemon is not Causeway: `connmanctl services` lists services.';

const NO_SUCH_PEER = 'There is no such peer: `connmanctl peers` lists them.';
const NO_SUCH_VPN = 'There is no such connection: `connmanctl vpnconnections` lists them.';

async function listServices(context: Context, isJson: boolean): Promise<void> {
  const manager = await context.manager();
  const list = await manager.GetServices({}, PATIENCE).catch(rethrow('Error'));
  if (!isJson && context.output.isTerminal) {
    const { formatServiceTable } = await import('../terminal/service-table.ts');
    return context.output.print(formatServiceTable(list, context.output));
  }
  printList(context, list, isJson, serviceLine);
}

function printList(context: Context, list: readonly Listed[], isJson: boolean, line: typeof serviceLine): void {
  if (isJson) printJson(context, list);
  else context.output.print(formatLines(list.map((one) => line(one, context.output.show))));
}

function printObject(context: Context, object: Listed, isJson: boolean): void {
  const [path, properties] = object;
  if (!isJson) return context.output.print(formatObject(context, object));
  context.output.print(`${JSON.stringify({ path, properties: propertiesToJson(properties) })}\n`);
}

function formatObject({ output }: Context, [path, properties]: Listed): string {
  return `${path}\n${formatProperties(properties, output.show)}`;
}

function printJson({ output }: Context, list: readonly Listed[]): void {
  output.print(`${JSON.stringify(list.map(([path, properties]) => ({ path, properties: toJson(properties) })))}\n`);
}
