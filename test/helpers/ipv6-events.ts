/** What an IPv6 test waits for in a cell's log, and asks of the service. */

import type { Cell } from './cell.ts';
import type { CellEvent } from './event-log.ts';
import { callConnman, SERVICE_PATH } from './wired.ts';

/** Whether an event tells of an IPv6 in use with these values; strings, numbers, or patterns. */
export function isIpv6(wanted: Readonly<Record<string, unknown>>): (event: CellEvent) => boolean {
  return (event) => {
    if (event.kind !== 'signal' || !isServiceProperty(event, 'IPv6')) return false;
    const told = new Map<string, unknown>(Object.entries(event.body[1] ?? {}));
    const fits = ([key, value]: [string, unknown]): boolean =>
      value instanceof RegExp ? value.test(String(told.get(key))) : told.get(key) === value;
    return told.size > 0 && Object.entries(wanted).every(fits);
  };
}

/** Whether an event tells that a dictionary of the service is empty now. */
export function isEmpty(name: string): (event: CellEvent) => boolean {
  return (event) => event.kind === 'signal' && isServiceProperty(event, name)
    && Object.keys(event.body[1] ?? {}).length === 0;
}

/** Whether an event tells of a property of a service. */
export function isServiceProperty(event: CellEvent, name: string): boolean {
  return event.kind === 'signal' && event.name === 'net.connman.Service.PropertyChanged' && event.body[0] === name;
}

/** Whether an event is an address of the device that came or went. */
export function isAddress(address: string | RegExp, isAdded: boolean): (event: CellEvent) => boolean {
  return (event) => event.kind === 'address' && event.isAdded === isAdded
    && (typeof address === 'string' ? event.address === address : address.test(event.address));
}

/** Whether an event is an online check from this address. */
export function isCheck(client: string): (event: CellEvent) => boolean {
  return (event) => event.kind === 'http' && event.client === client;
}

/** The properties of a service, without variants. */
export async function propertiesOf(cell: Cell, path = SERVICE_PATH): Promise<Record<string, unknown>> {
  const [properties] = await callConnman(cell, 'Service', 'GetProperties', path);
  return Object.fromEntries(Object.entries(properties ?? {}));
}

/** Its IPv6 in use. */
export async function ipv6Of(cell: Cell): Promise<Record<string, unknown>> {
  return Object.fromEntries(Object.entries((await propertiesOf(cell))['IPv6'] ?? {}));
}
