/**
 * The dictionary that AddNetwork takes for an access point of ours (wpa_supplicant.conf(5), mode 2).
 * Keys stand in the order ConnMan sends them.
 */

import type { AccessPointSettings } from '../../src/api.ts';
import { ConnmanError } from '../../src/shared/errors.ts';
import { variant, type Variant } from '../../src/dbus/signature.ts';
import { isRawKey } from '../lib/wifi/secrets.ts';

const MODE_ACCESS_POINT = 2;
const PMF_OPTIONAL = 1;
const PMF_REQUIRED = 2;

/**
 * The block; the secret is in it, so that it is never logged. Throws NotSupported where WPA3 is wanted
 * and the radio or the key cannot do it.
 */
export function accessPointBlock(
  settings: AccessPointSettings, frequencyMhz: number, hasSae: boolean,
): ReadonlyMap<string, Variant> {
  return new Map([
    ['mode', variant('u', MODE_ACCESS_POINT)],
    ['ssid', variant('ay', settings.ssid)],
    ['frequency', variant('u', frequencyMhz)],
    ...protection(settings, hasSae),
  ]);
}

function protection({ passphrase, security }: AccessPointSettings, hasSae: boolean): (readonly [string, Variant])[] {
  if (passphrase === undefined) return [['auth_alg', variant('s', 'OPEN')], ['key_mgmt', variant('s', 'NONE')]];
  const isRaw = isRawKey(passphrase);
  const canSae = hasSae && !isRaw; // SAE wants the password, not a key
  if (security === 'sae' && !canSae) throw new ConnmanError('NotSupported');
  const managements = [...(security === 'sae' ? [] : ['WPA-PSK']), ...(canSae && security !== 'psk' ? ['SAE'] : [])];
  const pmf = security === 'sae' ? PMF_REQUIRED : PMF_OPTIONAL;
  return [
    ['psk', isRaw ? variant('ay', Buffer.from(passphrase, 'hex')) : variant('s', passphrase)],
    ['pairwise', variant('s', 'CCMP')],
    ['group', variant('s', 'CCMP')],
    ['proto', variant('s', 'RSN')],
    ...(managements.includes('SAE') ? [['ieee80211w', variant('u', pmf)] as const] : []),
    ['key_mgmt', variant('s', managements.join(' '))],
  ];
}
