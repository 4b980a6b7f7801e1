/**
 * The order of services: the first, if connected, is the default. Pure; ConnMan's criteria, the
 * first difference wins. A stable sort keeps the order a user made with MoveBefore and MoveAfter
 * wherever the criteria tie.
 */

import type { ServiceType } from '../types.ts';
import { isConnected, isConnecting, type ServiceState } from './state.ts';

/** What the order looks at. */
export interface Ranked {
  readonly type: ServiceType;
  /** While connected, before all others: 10 for a VPN that takes all traffic, else 0 (ConnMan's numbers). */
  readonly order: number;
  readonly state: ServiceState;
  readonly isFavorite: boolean;
  readonly hasFailedOnlineChecks: boolean;
  readonly strength: number;
  readonly name: string | undefined;
}

/** Compares two services for `Array.sort`; `preferred` is PreferredTechnologies. */
export function compareServices(one: Ranked, other: Ranked, preferred: readonly ServiceType[]): number {
  const typeRank = (service: Ranked): number => rankIn(preferred, service.type);
  if (isConnected(one.state) && isConnected(other.state)) {
    const connected =
      other.order - one.order ||
      Number(one.hasFailedOnlineChecks) - Number(other.hasFailedOnlineChecks) || typeRank(one) - typeRank(other);
    if (connected !== 0) return connected;
  }
  return (
    stateRank(one.state) - stateRank(other.state) ||
    Number(other.isFavorite) - Number(one.isFavorite) ||
    typeRank(one) - typeRank(other) ||
    rankIn(TYPE_ORDER, one.type) - rankIn(TYPE_ORDER, other.type) ||
    other.strength - one.strength ||
    compareNames(one.name, other.name)
  );
}

const TYPE_ORDER: readonly ServiceType[] = ['ethernet', 'wifi', 'cellular', 'bluetooth', 'vpn', 'gadget'];

function stateRank(state: ServiceState): number {
  if (state === 'online') return 0;
  if (isConnected(state)) return 1;
  return isConnecting(state) ? 2 : 3;
}

function rankIn(list: readonly ServiceType[], type: ServiceType): number {
  const at = list.indexOf(type);
  return at < 0 ? list.length : at;
}

// Code units, so the same on every machine whatever its locale.
function compareNames(one = '', other = ''): number {
  return one === other ? 0 : one < other ? -1 : 1;
}
