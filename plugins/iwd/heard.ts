/**
 * What the kernel heard of the networks that iwd shows: whether they offer WPS, and where the best
 * access point of each is. By name alone, as WPS is told of a name.
 */

import type { HeardAccessPoint } from '../../src/netlink/genl/nl80211-air.ts';
import { formatHex } from '../../src/shared/bytes.ts';
import { parseElements, ssidOf } from '../lib/wifi/elements.ts';

/** Of one name. */
export interface HeardNetwork {
  readonly hasWps: boolean;
  /** Somebody has just pushed a button. */
  readonly isAdvertising: boolean;
  /** Whether that is enough to join. */
  readonly isWpsOpen: boolean;
  readonly best: { readonly bssid: string; readonly frequencyMhz: number };
}

/** By name, in lower-case hexadecimal digits. */
export function networksOf(heard: readonly HeardAccessPoint[]): ReadonlyMap<string, HeardNetwork> {
  const networks = new Map<string, HeardNetwork>();
  const ordered = heard.toSorted((one, other) => signalOf(other) - signalOf(one));
  for (const { bssid, frequencyMhz, elements } of ordered) {
    const ssid = ssidOf(elements);
    if (ssid === undefined) continue;
    const { wps } = parseElements(elements);
    const isWpsOpen = wps !== undefined && wps.isConfigured && wps.hasPushButton && wps.isAdvertising;
    const before = networks.get(formatHex(ssid));
    networks.set(formatHex(ssid), {
      hasWps: before?.hasWps === true || wps !== undefined,
      isAdvertising: before?.isAdvertising === true || wps?.isAdvertising === true,
      isWpsOpen: before?.isWpsOpen === true || isWpsOpen,
      best: before?.best ?? { bssid: formatHex(bssid, ':'), frequencyMhz },
    });
  }
  return networks;
}

/** The addresses of those whose network has an open or an encrypted twin: a nameless one is no hidden network. */
export function oweTwinsOf(heard: readonly HeardAccessPoint[]): ReadonlySet<string> {
  const twins = heard.filter(({ elements }) => parseElements(elements).isOweTransition);
  return new Set(twins.map(({ bssid }) => formatHex(bssid, ':')));
}

function signalOf({ signalDbm = -Infinity }: HeardAccessPoint): number {
  return signalDbm;
}
