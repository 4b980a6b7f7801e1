/**
 * Networks that are known though they may not be in the air: favourites as stored, and what a
 * provisioning file says is hidden. What scans look for (scan-plan.ts).
 */

import type { Core, Device } from '../../../src/api.ts';
import type { KnownNetwork } from './scan-plan.ts';

/** Of one radio. */
export function knownNetworks({ services, provisioning }: Core, device: Device): readonly KnownNetwork[] {
  const stored = services.stored(device).filter(({ isFavorite }) => isFavorite).flatMap((each) => {
    const ssid = Buffer.from(each.get('SSID') ?? '', 'hex');
    if (ssid.length === 0) return [];
    const frequencyMhz = Number(each.get('Frequency') ?? 0);
    return [{
      ssid,
      frequencyMhz: Number.isInteger(frequencyMhz) && frequencyMhz > 0 ? frequencyMhz : 0,
      isHidden: each.get('Hidden') === 'true',
      isAutoconnect: each.isAutoconnect,
      modified: each.modified,
    }];
  });
  const isStored = (ssid: string): boolean => stored.some((each) => each.ssid.toString('hex') === ssid);
  const provisioned = provisioning.entries.flatMap(({ entry: { wifi, keys } }) => {
    if (wifi === undefined || keys.Hidden !== true || isStored(wifi.ssid)) return [];
    const facts = { frequencyMhz: 0, isHidden: true, isAutoconnect: true, modified: new Date(0) };
    return [{ ssid: Buffer.from(wifi.ssid, 'hex'), ...facts }];
  });
  return [...stored, ...provisioned];
}
