/**
 * peer_service: announces a service to Wi-Fi Direct peers, for as long as this program runs.
 */

import { variant, type Variant } from '../../dbus/signature.ts';
import type { Call } from '../command.ts';
import { type Context, PATIENCE } from '../context.ts';
import { failed, invalid } from '../errors.ts';
import { usage } from '../run-command.ts';
import { parseBoolean } from '../words.ts';

/** `peer_service register|unregister SPECIFICATION [MASTER]`. */
export async function peerService(context: Context, { words: [verb, ...words], command }: Call): Promise<void> {
  const request = parsePeerService(words);
  if (request === undefined || (verb !== 'register' && verb !== 'unregister')) {
    throw invalid(command.name, usage(command));
  }
  const { specification, isMaster } = request;
  const manager = await context.manager();
  try {
    if (verb === 'register') await manager.RegisterPeerService({ specification, master: isMaster }, PATIENCE);
    else await manager.UnregisterPeerService({ specification }, PATIENCE);
  } catch (error) {
    throw failed(`Error ${verb}ing peer service`, error);
  }
  context.output.print(`Peer service ${verb}ed\n`);
}

/** Reads a specification and whether we are the group's owner; undefined when it is none. */
export function parsePeerService(words: readonly string[]) {
  const [kind, first, second, third] = words;
  switch (kind) {
    case 'bjr_query': {
      const [query, response] = [parseHex(first), second === 'bjr_response' ? parseHex(third) : undefined];
      if (query === undefined || response === undefined) return undefined;
      const bonjour = { BonjourQuery: variant('ay', query), BonjourResponse: variant('ay', response) };
      return withMaster(bonjour, words.slice(4));
    }
    case 'upnp_service': {
      const isNumber = second === 'upnp_version' && /^\d{1,9}$/.test(third ?? '');
      if (first === undefined || !isNumber) return undefined;
      const version = variant('i', Number(third));
      return withMaster({ UpnpVersion: version, UpnpService: variant('s', first) }, words.slice(4));
    }
    case 'wfd_ies': {
      const elements = parseHex(first);
      return elements && withMaster({ WiFiDisplayIEs: variant('ay', elements) }, words.slice(2));
    }
    default:
      return undefined;
  }
}

function withMaster(specification: Record<string, Variant>, [master, ...more]: readonly string[]) {
  const isMaster = master === undefined ? false : parseBoolean(master);
  if (isMaster === undefined || more.length > 0) return undefined;
  return { specification: new Map(Object.entries(specification)), isMaster };
}

function parseHex(text: string | undefined): Uint8Array | undefined {
  if (text === undefined || !/^([0-9a-fA-F]{2}){1,1024}$/.test(text)) return undefined;
  return Uint8Array.from(Buffer.from(text, 'hex'));
}
