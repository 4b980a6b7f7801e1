/**
 * The order of services: the first, if connected, is the default. Pure; ConnMan's criteria, the
 * first difference wins. A stable sort keeps the order a user made with MoveBefore and MoveAfter
 * wherever the criteria tie.
 */

import type { ServiceType } from '../types.ts';
import type { ServiceError } from './service-env.ts';
import { isConnected, isConnecting, type ServiceState } from './state.ts';

/** What the order looks at. */
export interface Ranked {
  readonly type: ServiceType;
  /** While connected, before all others: 10 for a VPN that takes all traffic, else 0 (ConnMan's numbers). */
  readonly order: number;
  readonly state: ServiceState;
  /** What clients see in its place; the same unless said. */
  readonly shownState?: ServiceState;
  readonly isFavorite: boolean;
  /** One that is known not to be online comes later. */
  readonly error: ServiceError | undefined;
  readonly strength: number;
  readonly name: string | undefined;
}

/** What decides, first to last; those of CONNECTED only between two that are connected. */
export type Criterion = 'vpn' | 'onlineCheck' | 'preferred' | 'state' | 'favorite' | 'type' | 'strength' | 'name';

/** Compares two services for `Array.sort`; `preferred` is PreferredTechnologies. */
export function compareServices(one: Ranked, other: Ranked, preferred: readonly ServiceType[]): number {
  return difference(one, other, preferred)?.order ?? 0;
}

/** Why `behind` comes after `first`: `order` where nothing decides but who was there, or was moved there. */
export function whyBehind(behind: Ranked, first: Ranked, preferred: readonly ServiceType[]): Criterion | 'order' {
  return difference(first, behind, preferred)?.criterion ?? 'order';
}

type Compare = (one: Ranked, other: Ranked, preferred: readonly ServiceType[]) => number;

const byPreference: Compare = (one, other, preferred) => rankIn(preferred, one.type) - rankIn(preferred, other.type);

const CONNECTED: readonly (readonly [Criterion, Compare])[] = [
  ['vpn', (one, other) => other.order - one.order],
  ['onlineCheck', (one, other) => Number(isOffline(one)) - Number(isOffline(other))],
  ['preferred', byPreference],
];

const ALL: readonly (readonly [Criterion, Compare])[] = [
  ['state', (one, other) => stateRank(one) - stateRank(other)],
  ['favorite', (one, other) => Number(other.isFavorite) - Number(one.isFavorite)],
  ['preferred', byPreference],
  ['type', (one, other) => rankIn(TYPE_ORDER, one.type) - rankIn(TYPE_ORDER, other.type)],
  ['strength', (one, other) => other.strength - one.strength],
  ['name', (one, other) => compareNames(one.name, other.name)],
];

const CONNECTED_FIRST = [...CONNECTED, ...ALL];

function difference(
  one: Ranked, other: Ranked, preferred: readonly ServiceType[],
): { readonly criterion: Criterion; readonly order: number } | undefined {
  const criteria = isConnected(one.state) && isConnected(other.state) ? CONNECTED_FIRST : ALL;
  for (const [criterion, compare] of criteria) {
    const order = compare(one, other, preferred);
    if (order !== 0) return { criterion, order };
  }
  return undefined;
}

const TYPE_ORDER: readonly ServiceType[] = ['ethernet', 'wifi', 'cellular', 'bluetooth', 'vpn', 'gadget'];

function stateRank({ state: own, shownState: state = own }: Ranked): number {
  if (state === 'online') return 0;
  if (isConnected(state)) return 1;
  return isConnecting(state) ? 2 : 3;
}

function isOffline({ error }: Ranked): boolean {
  return error === 'online-check-failed';
}

function rankIn(list: readonly ServiceType[], type: ServiceType): number {
  const at = list.indexOf(type);
  return at < 0 ? list.length : at;
}

// Code units, so the same on every machine whatever its locale.
function compareNames(one = '', other = ''): number {
  return one === other ? 0 : one < other ? -1 : 1;
}
