/**
 * One line per service, peer and VPN connection, as connmanctl lists them. Names are padded by
 * bytes, as ConnMan does; identifiers are the last part of an object path.
 */

import { padBytes, type Show } from './text.ts';
import { isSet, type Properties, textOf } from './values.ts';

/** An object and its properties, as GetServices and its like answer. */
export type Listed = readonly [path: string, properties: Properties];

/** The last part of an object path. */
export function identifierOf(path: string): string {
  return path.slice(path.lastIndexOf('/') + 1);
}

/** `*AO Name                 identifier`. */
export function serviceLine([path, properties]: Listed, show: Show): string {
  const name = show(textOf(properties, 'Name') ?? '');
  return `${serviceFlags(properties)} ${padBytes(name, NAME_BYTES)} ${identifierOf(path)}`;
}

/** Favourite, connects by itself, state. */
export function serviceFlags(properties: Properties): string {
  const favorite = isSet(properties, 'Favorite') ? '*' : ' ';
  const autoconnect = isSet(properties, 'AutoConnect') ? 'A' : ' ';
  return `${favorite}${autoconnect}${SERVICE_STATES[textOf(properties, 'State') ?? ''] ?? ' '}`;
}

/** `Name state identifier`. */
export function peerLine([path, properties]: Listed, show: Show): string {
  const [name, state] = [textOf(properties, 'Name') ?? '', textOf(properties, 'State') ?? ''];
  return `${show(name)} ${show(state)} ${identifierOf(path)}`;
}

/** `  R Name                 vpn_identifier`. */
export function vpnLine([path, properties]: Listed, show: Show): string {
  const state = VPN_STATES[textOf(properties, 'State') ?? ''] ?? ' ';
  return `  ${state} ${padBytes(show(textOf(properties, 'Name') ?? ''), NAME_BYTES)} vpn_${identifierOf(path)}`;
}

/** In signals: an object whose properties have not changed. */
export const unchangedService = (path: string): string => `${'unchanged'.padEnd(24)} ${identifierOf(path)}`;
export const removedService = (path: string): string => `${'removed'.padEnd(24)} ${path}`;
export const unchangedPeer = (path: string): string => `unchanged ${identifierOf(path)}`;
export const removedPeer = (path: string): string => `removed ${path}`;

const NAME_BYTES = 20;

const SERVICE_STATES: Readonly<Record<string, string>> = {
  online: 'O',
  ready: 'R',
  association: 'a',
  configuration: 'c',
  disconnect: 'd',
};

const VPN_STATES: Readonly<Record<string, string>> = { ready: 'R', configuration: 'C', failure: 'F' };
