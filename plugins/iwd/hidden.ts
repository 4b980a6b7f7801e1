/**
 * Hidden networks that are known: iwd calls those of its own profiles in each scan, and shows who
 * answers as any other. So it is given a profile of each that we know and it does not.
 */

import type { Device } from '../../src/api.ts';
import { messageOf } from '../../src/shared/errors.ts';
import { logger } from '../../src/shared/log.ts';
import { eapOf } from '../lib/wifi/find-secrets.ts';
import type { Security } from '../lib/wifi/security.ts';
import type { IwdEnv } from './joiner.ts';
import type { ProfileType } from './profile.ts';

const log = logger('plugins/iwd/hidden.ts');

/** iwd's word for a protection; WEP is none of its. */
export function typeOf(security: Security): ProfileType {
  return security === 'psk' ? 'psk' : security === 'ieee8021x' ? '8021x' : 'open';
}

/** Has iwd call what a device is to find. Never rejects: what cannot be called is not found. */
export async function introduceHidden({ core, profiles }: IwdEnv, device: Device): Promise<void> {
  const stored = core.services.stored(device).flatMap((each) => {
    const security = SECURITIES.find((word) => each.group.endsWith(`_managed_${word}`));
    const isOfUse = each.isFavorite && each.get('Hidden') === 'true' && security !== undefined;
    return isOfUse ? [{ ssid: each.get('SSID') ?? '', security, eap: undefined }] : [];
  });
  const provisioned = core.provisioning.entries.flatMap(({ entry: { wifi, keys } }) => {
    if (wifi === undefined || keys.Hidden !== true) return [];
    return [{ ssid: wifi.ssid, security: wifi.security, eap: eapOf(keys, core) }];
  });
  for (const { ssid, security, eap } of [...stored, ...provisioned]) {
    const key = { ssid: Buffer.from(ssid, 'hex'), type: typeOf(security) };
    if (key.ssid.length === 0 || profiles.known(key) !== undefined) continue;
    await profiles.write(key, { isHidden: true, eap }).catch((error: unknown) => {
      log.warn('hidden network %s: %s', ssid, messageOf(error));
    });
  }
}

const SECURITIES: readonly Security[] = ['none', 'psk', 'ieee8021x'];
