/**
 * Which scans are made when (facts of ConnMan's behaviour): active ones for users, fast ones on the
 * frequencies of known networks after power on, passive ones in the background, and hidden names
 * asked for in turn. The result is what wpa_supplicant's Scan takes, one dictionary a scan.
 */

import { variant, type Variant } from '../../../src/dbus/signature.ts';

/** A network the user has used: where it was heard and whether it must be called by name. */
export interface KnownNetwork {
  readonly ssid: Uint8Array;
  readonly frequencyMhz: number;
  readonly isHidden: boolean;
  readonly isAutoconnect: boolean;
  readonly modified: Date;
}

/** Why the air is searched. */
export type ScanReason =
  | { readonly kind: 'user' }
  /** Power on, or resume: known networks first. */
  | { readonly kind: 'start' }
  | { readonly kind: 'background' }
  /** Known networks that are gone. */
  | { readonly kind: 'search'; readonly missing: readonly KnownNetwork[] }
  | { readonly kind: 'hidden'; readonly ssid: Uint8Array }
  /** A network is about to be joined, and was not heard lately. */
  | { readonly kind: 'join'; readonly ssid: Uint8Array; readonly frequenciesMhz: readonly number[] }
  /** A group of Wi-Fi Direct is about to be joined. */
  | { readonly kind: 'group'; readonly frequencyMhz: number };

/** What decides the kind of scan. */
export interface ScanCircumstances {
  readonly isConnected: boolean;
  /** Names per scan; 0 where the driver takes none. */
  readonly maxScanSsids: number;
  readonly known: readonly KnownNetwork[];
}

/**
 * wpa_supplicant joins what it has heard last under the owner's address, which may be a group of the past where
 * its own look misses the new one; an entry that two looks have missed it forgets (wpa_supplicant.conf,
 * bss_expiration_scan_count).
 */
const GROUP_LOOKS = 2;

type Scan = ReadonlyMap<string, Variant>;

/** The scans to make, in order. */
export function planScans(reason: ScanReason, circumstances: ScanCircumstances): readonly Scan[] {
  const { isConnected, maxScanSsids, known } = circumstances;
  switch (reason.kind) {
    case 'hidden':
      return [active([['SSIDs', variant('aay', [reason.ssid])]])];
    case 'join':
      return [activeOn([reason.ssid], reason.frequenciesMhz)];
    case 'group':
      return Array.from({ length: GROUP_LOOKS }, () => active([channels([reason.frequencyMhz])]));
    case 'user':
      return isConnected || maxScanSsids === 0 ? passiveScans(circumstances) : [active([])];
    case 'background':
      return passiveScans(circumstances);
    case 'search': {
      const recent = recentNetworks(reason.missing, maxScanSsids);
      return recent.length === 0 ? [] : [fastScan(recent)];
    }
    case 'start': {
      const recent = recentNetworks(known, maxScanSsids);
      return recent.length === 0 || isConnected ? passiveScans(circumstances) : [fastScan(recent)];
    }
  }
}

function passiveScans({ known, maxScanSsids }: ScanCircumstances): Scan[] {
  const hidden = known.filter(({ isHidden }) => isHidden).map(({ ssid }) => ssid);
  const size = Math.max(1, maxScanSsids);
  const scans: Scan[] = [new Map([['Type', variant('s', 'passive')]])];
  for (let at = 0; at < hidden.length; at += size) {
    scans.push(active([['SSIDs', variant('aay', hidden.slice(at, at + size))]]));
  }
  return scans;
}

function recentNetworks(known: readonly KnownNetwork[], limit: number): readonly KnownNetwork[] {
  return known
    .filter(({ isAutoconnect, frequencyMhz }) => isAutoconnect && frequencyMhz !== 0)
    .toSorted((one, other) => other.modified.getTime() - one.modified.getTime())
    .slice(0, limit);
}

function fastScan(networks: readonly KnownNetwork[]): Scan {
  return activeOn(networks.map(({ ssid }) => ssid), networks.map(({ frequencyMhz }) => frequencyMhz));
}

function activeOn(ssids: readonly Uint8Array[], frequenciesMhz: readonly number[]): Scan {
  return active([['SSIDs', variant('aay', [...ssids])], channels(frequenciesMhz)]);
}

function channels(frequenciesMhz: readonly number[]): readonly [string, Variant] {
  const pairs = [...new Set(frequenciesMhz)].map((frequency): [number, number] => [frequency, 0]);
  return ['Channels', variant('a(uu)', pairs)];
}

function active(more: readonly (readonly [string, Variant])[]): Scan {
  return new Map([['Type', variant('s', 'active')], ...more]);
}
