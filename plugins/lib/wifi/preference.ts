/**
 * Which access points of a network are liked: one of them, or those of a band. Only ever a liking: what
 * is not heard does not keep anybody from joining what is.
 */

import { formatHex } from '../../../src/shared/bytes.ts';

/** What was chosen, in the words of net.causeway.Service1. */
export interface Preference {
  readonly band: string | undefined;
  readonly bssid: string | undefined;
}

/** An access point, as far as it matters. */
export interface Candidate {
  readonly address: Uint8Array;
  readonly frequencyMhz: number;
}

/** What a supplicant is to keep to. */
export interface Restriction {
  readonly bssid?: string;
  readonly frequenciesMhz?: readonly number[];
}

/** The access point that was chosen, else the band, as far as either is heard; else nothing. */
export function restrictionOf({ band, bssid }: Preference, heard: readonly Candidate[]): Restriction {
  const wanted = bssid?.toLowerCase();
  if (heard.some(({ address }) => formatHex(address, ':') === wanted)) return { bssid: wanted ?? '' };
  const frequenciesMhz = band === undefined ? [] : frequenciesOf(band);
  return heard.some(({ frequencyMhz }) => frequenciesMhz.includes(frequencyMhz)) ? { frequenciesMhz } : {};
}

/** Whether an access point is within a restriction. */
export function isWithin({ bssid, frequenciesMhz }: Restriction, { address, frequencyMhz }: Candidate): boolean {
  if (bssid !== undefined) return formatHex(address, ':') === bssid;
  return frequenciesMhz?.includes(frequencyMhz) ?? true;
}

/** IEEE 802.11-2020, annex E: first and last channel of each part of a band and the distance between two, in MHz. */
const BANDS: Readonly<Record<string, readonly (readonly [first: number, last: number, step: number])[]>> = {
  '2.4': [[2412, 2472, 5], [2484, 2484, 1]],
  5: [[5180, 5340, 20], [5480, 5720, 20], [5745, 5885, 20]],
  6: [[5935, 5935, 1], [5955, 7115, 20]],
};

function frequenciesOf(band: string): readonly number[] {
  return (BANDS[band] ?? []).flatMap(([first, last, step]) =>
    Array.from({ length: (last - first) / step + 1 }, (_, index) => first + index * step));
}
