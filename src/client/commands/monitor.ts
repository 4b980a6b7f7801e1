/**
 * monitor: prints signals as they come, one kind of interface or all, in ConnMan's layout or as one
 * JSON object a line. Interfaces can be switched on and off again in the interactive console.
 */

import type { Message } from '../../dbus/message.ts';
import { Variant } from '../../dbus/signature.ts';
import type { Scope } from '../../shared/scope.ts';
import type { Call } from '../command.ts';
import { CONNMAN, CONNMAN_VPN, type Context } from '../context.ts';
import { failed, invalid } from '../errors.ts';
import { peerLine, removedPeer, removedService, serviceLine, unchangedPeer, unchangedService } from '../listings.ts';
import { identifierOf, type Listed } from '../listings.ts';
import { usage } from '../run-command.ts';
import type { Show } from '../text.ts';
import { formatDictionary, formatLines, formatVariant, toJson } from '../values.ts';
import { busLost } from '../wait.ts';
import { optionName } from '../words.ts';

/** `monitor [WHAT] [off]`. */
export async function monitor(context: Context, { words: [first, second], given, command }: Call): Promise<void> {
  const name = first === undefined || first === 'off' ? undefined : optionName(first);
  const kinds = name === undefined ? KINDS : KINDS.filter((kind) => kind.name === name);
  const last = name === undefined ? first : second;
  const isTooMuch = name === undefined && second !== undefined;
  if (kinds.length === 0 || isTooMuch || (last !== undefined && last !== 'off')) {
    throw invalid(command.name, usage(command));
  }
  const monitors = context.part(theMonitors);
  monitors.isJson = given.has('json');
  if (last !== 'off') context.stay();
  for (const kind of kinds) {
    if (last === 'off') monitors.stop(kind);
    else await monitors.start(kind);
  }
}

interface Kind {
  readonly name: string;
  readonly owner: string;
  readonly interface: string;
}

const KINDS: readonly Kind[] = [
  { name: 'services', owner: CONNMAN, interface: 'net.connman.Service' },
  { name: 'tech', owner: CONNMAN, interface: 'net.connman.Technology' },
  { name: 'manager', owner: CONNMAN, interface: 'net.connman.Manager' },
  { name: 'vpnmanager', owner: CONNMAN_VPN, interface: 'net.connman.vpn.Manager' },
  { name: 'vpnconnection', owner: CONNMAN_VPN, interface: 'net.connman.vpn.Connection' },
];

/** Which kinds are on. */
class Monitors {
  readonly #context: Context;
  readonly #running = new Map<Kind, Scope>();
  isJson = false;

  constructor(context: Context) {
    this.#context = context;
  }

  async start(kind: Kind): Promise<void> {
    if (this.#running.has(kind)) return;
    const bus = await this.#context.bus();
    const scope = this.#context.scope.child();
    this.#running.set(kind, scope);
    const { output, clock } = this.#context;
    const match = { sender: kind.owner, interface: kind.interface };
    const heard = bus.onSignal(match, scope, (message) => {
      output.print(this.isJson ? signalAsJson(message, clock.wallTime()) : formatSignal(message, output.show));
    });
    await heard.catch((error: unknown) => {
      throw this.#context.lost.aborted ? busLost() : failed('Error', error);
    });
  }

  stop(kind: Kind): void {
    void this.#running.get(kind)?.close();
    this.#running.delete(kind);
  }
}

const theMonitors = (context: Context): Monitors => new Monitors(context);

/** A signal as ConnMan's console prints it. */
function formatSignal(message: Message, show: Show): string {
  const { interface: name = '', path = '', member = '', signature, body } = message;
  const last = name.slice(name.lastIndexOf('.') + 1);
  // ConnMan tells its two managers apart, and nothing else.
  const noun = `${(name === 'net.connman.vpn.Manager' ? 'vpn.Manager' : last).padEnd(12)} `;
  const [first, second] = body;
  if (signature === 'a(oa{sv})ao') {
    const [changed, removed] = [formatChanged(member, listedOf(first), show), formatRemoved(member, second)];
    return `${noun}${member.padEnd(20)} = {\n${changed}}, {\n${removed}}\n`;
  }
  if (signature === 'oa{sv}') {
    return `${noun}${member.padEnd(20)} ${String(first)} = ${formatDictionary(dictionaryOf(second), show)}\n`;
  }
  if (signature === 'o') return `${noun}${member.padEnd(20)} ${String(first)}\n`;
  const values = body.map((value) => formatArgument(value, show));
  return `${noun}${identifierOf(path).padEnd(20)} ${values.join(' = ')}\n`;
}

/** `{time,path,interface,signal,args}`. */
function signalAsJson(message: Message, time: Date): string {
  const { path = '', interface: name = '', member = '', body } = message;
  const line = { time: time.toISOString(), path, interface: name, signal: member, args: toJson([...body]) };
  return `${JSON.stringify(line)}\n`;
}

function formatChanged(member: string, list: readonly Listed[], show: Show): string {
  const isPeers = member === 'PeersChanged';
  const lines = list.map((one) => {
    if (one[1].size === 0) return (isPeers ? unchangedPeer : unchangedService)(one[0]);
    return (isPeers ? peerLine : serviceLine)(one, show);
  });
  return formatLines(lines);
}

function formatRemoved(member: string, paths: unknown): string {
  const line = member === 'PeersChanged' ? removedPeer : removedService;
  return Array.isArray(paths) ? paths.map((path) => `${line(String(path))}\n`).join('') : '';
}

function formatArgument(value: unknown, show: Show): string {
  if (value instanceof Variant) return formatVariant(value, show);
  // The only other arguments that such signals have are strings and lists of them.
  if (Array.isArray(value)) return `[ ${value.map((item) => show(String(item))).join(', ')} ]`;
  return show(String(value));
}

function listedOf(value: unknown): Listed[] {
  const list: readonly unknown[] = Array.isArray(value) ? value : [];
  return list.map((item) => {
    const [path, properties]: readonly unknown[] = Array.isArray(item) ? item : [];
    return [String(path), dictionaryOf(properties)];
  });
}

function dictionaryOf(value: unknown): Map<string, Variant> {
  const entries: readonly (readonly [unknown, unknown])[] = value instanceof Map ? [...value] : [];
  return new Map(entries.flatMap(([key, inner]) => (inner instanceof Variant ? [[String(key), inner] as const] : [])));
}
