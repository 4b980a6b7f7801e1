/**
 * Gives a radio the hardware address that a network is to know it by, between two networks: a driver
 * takes one only while its interface is down. The supplicant sees the interface go and come.
 */

import type { Core, Device } from '../../src/api.ts';
import { equalBytes, formatHex, parseHex } from '../../src/shared/bytes.ts';
import { ConnmanError } from '../../src/shared/errors.ts';
import { logger } from '../../src/shared/log.ts';
import type { Scope } from '../../src/shared/scope.ts';
import { addressFor, newAddressKey } from '../lib/wifi/own-address.ts';
import type { SupplicantLink } from './supplicant-link.ts';

const log = logger('plugins/wifi/link-address.ts');

/** Who has not seen the interface go by then will not; nor come. */
const GONE_LIMIT_MS = 5_000;
const RETURN_LIMIT_MS = 10_000;

/** Where all that addresses are made from is kept. */
const GROUP = 'host';
const KEY = 'AddressKey';

/** What it takes. */
export interface LinkAddressEnv {
  readonly core: Pick<Core, 'kernel' | 'clock' | 'ownSettings' | 'addresses'>;
  readonly device: Device;
  readonly link: SupplicantLink;
}

/** Our own address, or one for this network alone. */
export interface AddressWish {
  readonly policy: 'permanent' | 'random';
  readonly ssid: Uint8Array;
}

/**
 * Has the radio go by the address that is wanted; nothing happens where it does.
 * Rejects with Failed where the kernel or the driver does not take it.
 */
export async function useAddress(env: LinkAddressEnv, { policy, ssid }: AddressWish, scope: Scope): Promise<void> {
  const { core: { kernel, addresses }, device, link } = env;
  const { ifindex, hardwareAddress, permanentAddress } = device.link;
  const isOurs = permanentAddress !== undefined && equalBytes(addresses.identityOf(device.link), permanentAddress);
  // One that somebody else gave it is none of our business, unless we are to give it another.
  if (policy === 'permanent' && !isOurs) return;
  const permanent = permanentAddress ?? hardwareAddress;
  const wanted = policy === 'permanent' ? permanent : addressFor({ key: keyOf(env), ssid, permanent });
  if (equalBytes(hardwareAddress, wanted)) return;
  log.debug('%s: known as %s to %s', device.interfaceName, formatHex(wanted, ':'), formatHex(ssid));
  addresses.note(device.link, wanted);
  // What a daemon before this one joined would be joined again by itself.
  if (link.currentNetwork !== undefined) await link.leave(link.currentNetwork);
  try {
    await kernel.link.setDown(ifindex);
    // Up again before it has seen it down, the supplicant would go on as if nothing had been.
    await whenDisabled(env, true, GONE_LIMIT_MS, scope);
    try {
      await kernel.link.setHardwareAddress(ifindex, wanted);
    } finally {
      await kernel.link.setUp(ifindex);
    }
  } catch (error) {
    throw new ConnmanError('Failed', 'the hardware address cannot be set', { cause: error });
  }
  if (!(await whenDisabled(env, false, RETURN_LIMIT_MS, scope))) throw new ConnmanError('NoCarrier');
}

function keyOf({ core: { ownSettings } }: LinkAddressEnv): Uint8Array {
  const known = parseHex(ownSettings.get(GROUP, KEY) ?? '');
  if (known !== undefined && known.length >= 16) return known;
  const key = newAddressKey();
  ownSettings.set(GROUP, KEY, key);
  return Buffer.from(key, 'hex');
}

/** Resolves once the supplicant says so; true where it did before the limit. */
// oxlint-disable-next-line max-params -- whom, what, for how long
async function whenDisabled(
  { core: { clock }, link }: LinkAddressEnv, isDisabled: boolean, limitMs: number, scope: Scope,
): Promise<boolean> {
  const isSo = (): boolean => (link.state === 'interface_disabled') === isDisabled;
  if (isSo()) return true;
  const limits = scope.child();
  try {
    await new Promise<void>((resolve) => {
      limits.signal.addEventListener('abort', () => resolve(), { once: true });
      clock.after('new hardware address', limitMs, limits, resolve);
      link.events.observe(limits, () => {
        if (isSo()) resolve();
      });
    });
    return isSo();
  } finally {
    await limits.close();
  }
}
