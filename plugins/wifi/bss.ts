/**
 * One access point as wpa_supplicant tells of it (its D-Bus API, fi.w1.wpa_supplicant1.BSS). Total:
 * a property of another type than documented counts as absent.
 */

import type { Variant } from '../../src/dbus/signature.ts';
import { type BeaconElements, parseElements } from '../lib/wifi/elements.ts';
import { securityOf, type Security } from '../lib/wifi/security.ts';
import { isHiddenSsid, MAX_SSID_BYTES, ssidGroup } from '../lib/wifi/ssid.ts';

/** Properties as they come, whole or what changed of them. */
export type Properties = ReadonlyMap<string, Variant>;

/** An access point. */
export interface Bss {
  readonly path: string;
  readonly address: Uint8Array;
  readonly ssid: Uint8Array;
  readonly frequencyMhz: number;
  readonly signalDbm: number;
  readonly security: Security;
  /** wpa_supplicant's words. */
  readonly keyManagements: readonly string[];
  readonly elements: BeaconElements;
  /** The network it belongs to: `<ssid hex>_managed_psk`. */
  readonly group: string;
}

/** What wpa_supplicant says while it has not heard it: far away. */
const UNHEARD_DBM = -90;

const SUITE_NAMES: Readonly<Record<number, string>> = { 8: 'sae', 9: 'ft-sae', 18: 'owe', 24: 'sae-ext-key' };

/**
 * Reads an access point; undefined for what never is a network: another's ad-hoc cell, a name that
 * is too long, the encrypted twin of an open network (OWE transition), which joins through that one.
 */
export function parseBss(path: string, properties: Properties): Bss | undefined {
  const ssid = properties.get('SSID')?.as('ay') ?? new Uint8Array();
  const mode = properties.get('Mode')?.as('s') ?? 'infrastructure';
  if (mode !== 'infrastructure' || ssid.length > MAX_SSID_BYTES) return undefined;
  const elements = parseElements(properties.get('IEs')?.as('ay') ?? new Uint8Array());
  const keyManagements = keyManagementsOf(properties, elements);
  if (isHiddenSsid(ssid) && elements.isOweTransition) return undefined;
  const security = securityOf({ keyManagements, isPrivate: properties.get('Privacy')?.as('b') ?? false });
  return {
    path,
    address: properties.get('BSSID')?.as('ay') ?? new Uint8Array(),
    ssid,
    frequencyMhz: properties.get('Frequency')?.as('q') ?? 0,
    signalDbm: properties.get('Signal')?.as('n') || UNHEARD_DBM,
    security,
    keyManagements,
    elements,
    group: `${ssidGroup(ssid)}_managed_${security}`,
  };
}

// Older supplicants name only the key managements they were built with; the element has them all.
function keyManagementsOf(properties: Properties, elements: BeaconElements): string[] {
  const named = ['RSN', 'WPA'].flatMap((key) => properties.get(key)?.as('a{sv}')?.get('KeyMgmt')?.as('as') ?? []);
  const read = elements.keyManagementSuites.flatMap((suite) => SUITE_NAMES[suite] ?? []);
  return [...new Set([...named, ...read])];
}
