/**
 * Which time servers a service uses and in which order: its own, those of its network, the global
 * and the fallback ones (facts: ConnMan's list, duplicates dropped).
 */

import type { TimePolicy } from './settings.ts';

/** Where time servers come from; names or addresses. */
export interface TimeserverSources {
  /** Service Timeservers.Configuration. */
  readonly configured: readonly string[];
  /** DHCP options 42 and 56. */
  readonly offered: readonly string[];
  /** The gateway, if main.conf UseGatewaysAsTimeservers. */
  readonly gateway?: string;
  /** Clock.Timeservers. */
  readonly global: readonly string[];
  /** main.conf FallbackTimeservers. */
  readonly fallback: readonly string[];
}

/** The list to ask in order; empty while the user keeps the time. Another program may want it. */
export function timeserversOf(policy: TimePolicy, sources: TimeserverSources): string[] {
  if (policy === 'manual') return [];
  const { configured, offered, gateway, global, fallback } = sources;
  return [...new Set([...configured, ...offered, ...(gateway === undefined ? [] : [gateway]), ...global, ...fallback])];
}
