/**
 * What is seen of a station on its way into a network: the words of a timeline, where it stumbled, and how long
 * nobody could use the link.
 * Reads the properties that wpa_supplicant says are others now (its D-Bus API, Interface).
 */

import { type CellEvent, formatEvent } from '../event-log.ts';

const SUPPLICANT = 'fi.w1.wpa_supplicant1.Interface.';

/** Between an access point found and one joined. */
const ON_THE_WAY: ReadonlySet<unknown> = new Set([
  'authenticating', 'associating', 'associated', '4way_handshake', 'group_handshake',
]);

/** A property that wpa_supplicant tells of, if the event is that. */
export function toldOf(event: CellEvent, property: 'State' | 'Scanning' | 'CurrentBSS'): unknown {
  if (event.kind !== 'signal' || event.name !== `${SUPPLICANT}PropertiesChanged`) return undefined;
  const [changed] = event.body;
  if (typeof changed !== 'object' || changed === null) return undefined;
  return Object.entries(changed).find(([name]) => name === property)?.[1];
}

/** Whether a scan has just ended. */
export function isScanDone(event: CellEvent): boolean {
  return event.kind === 'signal' && event.name === `${SUPPLICANT}ScanDone`;
}

/** Where it came to nothing on the way to an access point: `4way_handshake → disconnected`. */
export function stumblesOf(events: readonly CellEvent[]): string[] {
  const states = events.map((event) => toldOf(event, 'State')).filter((state) => state !== undefined);
  return states.flatMap((state, index) => {
    const before = states[index - 1];
    return ON_THE_WAY.has(before) && !ON_THE_WAY.has(state) && state !== 'completed' ? [`${before} → ${state}`] : [];
  });
}

/** One line: what happened, and how many milliseconds after `since`. */
export function timelineOf(events: readonly CellEvent[], since: number): string {
  return events.flatMap((event) => {
    const word = wordOf(event);
    return word === undefined ? [] : [`${(event.at - since).toFixed(0)} ${word}`];
  }).join(', ');
}

/**
 * How long after `since` a link that was usable was not, in milliseconds: it has a carrier, an IPv4 address and
 * a default route, or programs on this machine are cut off. `events` are all there were; 0 where it never went.
 */
export function outage(events: readonly CellEvent[], link: string, since: number): number {
  const [addresses, routes] = [new Set<string>(), new Set<string>()];
  let [hasCarrier, total, goneAt] = [false, 0, Number.NaN];
  for (const event of events) {
    if (!('link' in event) || event.link !== link) continue;
    if (event.kind === 'carrier') hasCarrier = event.isOn;
    else if (event.kind === 'address' && !event.address.includes(':')) note(addresses, event.address, event.isAdded);
    else if (event.kind === 'route' && event.route.startsWith('default via ')) note(routes, event.route, event.isAdded);
    // The kernel says nothing of the routes that go with the last address.
    if (addresses.size === 0) routes.clear();
    if (event.at < since) continue;
    if (!hasCarrier || routes.size === 0) goneAt = Number.isNaN(goneAt) ? event.at : goneAt;
    else if (!Number.isNaN(goneAt)) [total, goneAt] = [total + event.at - goneAt, Number.NaN];
  }
  return total;
}

function note(set: Set<string>, what: string, isThere: boolean): void {
  if (isThere) set.add(what);
  else set.delete(what);
}

type Signal = Extract<CellEvent, { kind: 'signal' }>;

function wordOf(event: CellEvent): string | undefined {
  if (event.kind === 'signal') return signalWord(event, event.body);
  if (event.kind === 'address' && event.address.includes(':')) return undefined;
  if (event.kind === 'dhcp') return event.message;
  if (event.kind === 'route' || event.kind === 'file' || event.kind === 'call') return undefined;
  return formatEvent(event);
}

function signalWord(event: Signal, [property, value]: readonly unknown[]): string | undefined {
  const state = toldOf(event, 'State');
  const scanning = toldOf(event, 'Scanning');
  const words = [...(state === undefined ? [] : [`w:${state}`]), ...(scanning === true ? ['w:scans'] : [])];
  if (words.length > 0) return words.join(' ');
  if (event.name.startsWith(SUPPLICANT)) {
    const name = event.name.slice(SUPPLICANT.length);
    return ['ScanDone', 'NetworkAdded', 'NetworkRemoved', 'NetworkSelected'].includes(name) ? `w:${name}` : undefined;
  }
  const isState = /^net\.connman\.(Service|Manager)\.PropertyChanged$/.test(event.name) && property === 'State';
  return isState ? `${event.path === '/' ? 'manager' : 'service'}:${value}` : undefined;
}
