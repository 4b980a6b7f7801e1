/**
 * On which frequency an access point of ours is: where the user wants it, if the rules of the country
 * let it begin there; beside a station on a radio with one channel, where the station is.
 */

import { ConnmanError } from '../../../src/shared/errors.ts';
import type { Frequency } from '../../../src/netlink/genl/nl80211.ts';

/** Channel 1, ConnMan's default. */
const DEFAULT_MHZ = 2412;

/** What decides. */
export interface ChannelWish {
  /** 0 for any. */
  readonly wantedMhz: number;
  /** What the kernel knows; nothing where it could not be asked. */
  readonly frequencies: readonly Frequency[];
  /** Where it must be, because the radio is there. */
  readonly boundMhz: number | undefined;
}

/** In MHz. Throws Failed, with a text for users, where nobody may begin to send there. */
export function chooseFrequency({ wantedMhz, frequencies, boundMhz }: ChannelWish): number {
  const isFree = (mhz: number): boolean =>
    frequencies.length === 0 || frequencies.some((each) => each.mhz === mhz && each.isFree);
  if (boundMhz !== undefined) {
    if (isFree(boundMhz)) return boundMhz;
    throw new ConnmanError('Failed', `the radio is on ${boundMhz} MHz, where no access point may be`);
  }
  if (wantedMhz !== 0) {
    if (isFree(wantedMhz)) return wantedMhz;
    throw new ConnmanError('Failed', `no access point may be on ${wantedMhz} MHz here`);
  }
  const mhz = isFree(DEFAULT_MHZ) ? DEFAULT_MHZ : freeFrequencies(frequencies)[0];
  if (mhz === undefined) throw new ConnmanError('Failed', 'no access point may be on any frequency here');
  return mhz;
}

/** Those on which an access point may be, in MHz. */
export function freeFrequencies(frequencies: readonly Frequency[]): readonly number[] {
  return frequencies.filter(({ isFree }) => isFree).map(({ mhz }) => mhz);
}
